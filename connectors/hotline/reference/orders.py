"""Invented orders in the fields of the wide table (R7.2). No citizen ever said any of this."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

_BEIJING: Final = ZoneInfo("Asia/Shanghai")
_PLACES: Final = (
    "朝阳区望京街道", "朝阳区酒仙桥街道", "朝阳区三里屯街道", "海淀区学院路街道", "海淀区中关村街道",
    "海淀区清河街道", "丰台区方庄街道", "丰台区右安门街道", "西城区展览路街道", "西城区德胜街道",
    "东城区和平里街道", "东城区东直门街道", "石景山区鲁谷街道", "石景山区八角街道", "通州区梨园镇",
    "通州区永顺镇", "昌平区回龙观街道", "昌平区沙河镇", "大兴区黄村镇", "大兴区亦庄镇",
    "顺义区仁和镇", "房山区良乡镇", "门头沟区大峪街道", "怀柔区怀柔镇",
)  # fmt: skip
_MATTERS: Final = (
    ("夜间施工扰民", "{place}一处工地夜里十一点以后还在打桩、浇筑，噪声很大，附近居民没法休息，请尽快制止。"),
    ("餐馆油烟直排", "{place}一家餐馆没有装油烟净化设备，油烟直接排到居民楼窗下，味道刺鼻，请查处。"),
    ("工地扬尘", "{place}有块拆迁空地没有苫盖，渣土车进出带泥，风一吹尘土飞扬，请要求覆盖洒水。"),
    ("广场舞音响太响", "{place}小广场每晚有人放大音响跳舞，持续到九点半，音量很高，希望管一管。"),
    ("河道水体发黑", "{place}附近河道水面发黑有臭味，岸边有管口往外流脏水，请排查来源。"),
    ("露天焚烧垃圾", "{place}有人在空地上烧垃圾和落叶，黑烟飘进小区，已经好几天，请处理。"),
    ("空调外机噪声", "{place}一栋商业楼的空调外机夜里嗡嗡响，对着居民卧室，请监测并要求整改。"),
    ("餐馆排水流到路上", "{place}一家饭馆把洗菜水和油污倒进雨水篦子，路面又脏又滑，请查处。"),
)
_SOURCES: Final = ("电话", "微信", "网站", "电话", "12345")


def number_of(place: int) -> str:
    """The order number of the n-th order."""
    return f"BJ{place:010d}"


def make(place: int, *, created: float, updated: float) -> dict[str, Any]:
    """The n-th order as a row of the wide table; times in seconds since 1970."""
    where = _PLACES[place % len(_PLACES)]
    title, text = _MATTERS[place // len(_PLACES) % len(_MATTERS)]
    row: dict[str, Any] = {
        "orderId": place,
        "orderNum": number_of(place),
        "orderState": "待签收",
        "sourceType": _SOURCES[place % len(_SOURCES)],
        "callerType": "投诉",
        "isSecret": "是" if place % 97 == 0 else "否",
        "title": f"{where}{title}",
        "majorContent": f"{text.format(place=where)}（第{place}件）",
        "address": where,
        "callerName": f"测试{'甲乙丙丁戊己庚辛'[place % 8]}",
        "callerPhone": f"1990{place % 10_000_000:07d}",
        "callTime": written(created),
        "createdTime": written(created),
        "updatedTime": written(updated),
        "handleDays": 7,
    }
    if place % 10 == 0:
        row["attachments"] = [
            {
                "fileId": f"F{place}", "fileName": "现场.jpg", "fileType": "image/jpeg",
                "fileSize": 200_000 + place, "fileUrl": f"https://files.example/{place}.jpg",
            }
        ]  # fmt: skip
    return row


def written(seconds: float) -> str:
    """A moment as the platform writes it: Beijing time, to the millisecond, without a zone."""
    moment = datetime.fromtimestamp(round(seconds, 3), UTC).astimezone(_BEIJING)
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def day_of(seconds: float) -> str:
    """The day in Beijing."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(_BEIJING).date().isoformat()
