"""What a text complains of or asks for, in some fifty sorts: 停车 and 油烟 of one compound are two matters.

Words of two or three characters that any hotline knows, told by the same runs that texts are compared by: no
name, no city. They say less than the model of kinds where pollution is concerned, and something where it
is silent: most of what two texts of one place are about has nothing to do with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from nlp.repeat_grams import keys_of, tally_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlp.repeat_grams import Tally

#: Characters of a text, after its title, that say what it is about.
LEAD: Final = 100
_WORDS: Final = (
    "噪音 噪声 扰民 太吵 很吵 吵闹 喇叭 轰鸣 震动 鸣笛 音响",
    "施工 工地 动工 打桩 装修",
    "油烟 排烟 烧烤 餐馆 餐饮 饭店 烟道",
    "恶臭 臭味 臭气 很臭 太臭 异味 气味 刺鼻 难闻",
    "垃圾 废品 渣土 卫生 脏乱",
    "污水 黑臭 河水 内河 水质 下水 积水 堵塞 反水",
    "粉尘 扬尘 灰尘 尘土",
    "废气 排放 偷排 有毒 污染",
    "广场舞 唱歌 酒吧",
    "麻将 赌博 打牌 棋牌",
    "养狗 狗叫 犬吠 养猪 养殖 养鸡",
    "停车 车位 违停 乱停 抄牌 罚单",
    "拥堵 堵车 红绿灯 信号灯 单行 左转",
    "公交 线路 班车 车次 站台 首末站",
    "地铁 轨道 高铁 城铁 动车",
    "修路 道路 路面 断头路 泥泞 通车 硬化",
    "路灯 照明 不亮",
    "出租车 网约车 滴滴 黑车 拒载",
    "供热 供暖 暖气 取暖 室温 采暖",
    "燃气 天然气 煤气",
    "停水 自来水 供水 水压 水费",
    "停电 供电 电费 电压 断电 变电站 高压",
    "宽带 网络 信号 电信 移动 联通",
    "电梯",
    "漏水 漏雨 渗水 开裂 裂缝 质量",
    "保温 外墙 粉刷 起脊",
    "房产证 房照 产权 不动产 确权 办证",
    "交房 交楼 延期 逾期 烂尾 停工 复工",
    "欺诈 虚假 欺骗 诈骗 传销 集资 卷款 跑路",
    "退款 退费 赔偿 退还 押金 定金",
    "物业费 收费 涨价 收取",
    "物业 业委会 业主大 选聘",
    "违建 违章 违法建 私搭 乱建 加建 搭建 侵占 占用",
    "动迁 拆迁 征收 棚户 棚改 回迁 安置",
    "消防 隐患 火灾",
    "占道 摆摊 摊贩 乱摆 夜市 早市",
    "学区 入学 招生 学位 幼儿园 小学 中学 学校",
    "补课 放假 假期 作业",
    "教师 老师 职称 编制 招聘 考试",
    "工资 欠薪 加班 拖欠 劳动 仲裁 工伤",
    "社保 养老 医保 公积金 生育 失业 报销 退休 低保",
    "补贴 补助 优待金 津贴 奖励",
    "户口 户籍 入户 居住证 身份证 护照 准生 计生",
    "贷款 放款 银行 按揭",
    "驾校 驾照 驾驶证 科目 车管所",
    "过期 食品 三无 药店 添加",
    "医院 医生 患者",
    "不作为 举报 贪污 书记 村干部 腐败 包庇 官商",
    "派出所 公安 民警 立案",
    "规划 开工 开建",
    "绿化 树木 公园 绿地",
    "发射塔 基站 辐射",
    "电视 广播 节目",
)
#: What is found where a text names no trouble at all: neither alike nor apart.
_SILENT: Final = -0.1
_UNASKED: Final = 0.5
NAMES: Final = (
    *("title_trouble", "lead_trouble", "whole_trouble"),
    *("title_trouble_least", "title_trouble_most", "lead_trouble_least", "lead_trouble_most"),
)


class Troubles(NamedTuple):
    """How often each sort is named in the title, in the beginning and in the whole text."""

    title: NDArray[np.float64]
    lead: NDArray[np.float64]
    whole: NDArray[np.float64]


def troubles_of(title: str, lead: str, whole: Tally) -> Troubles:
    """The troubles of a cleaned title and beginning, and of the whole text, counted already."""
    return Troubles(_counted(tally_of(title)), _counted(tally_of(lead)), _counted(whole))


def held(a: Troubles, b: Troubles) -> tuple[float, ...]:
    """How far two texts name the same troubles, in the order of `NAMES`; the same whichever comes first."""
    return (
        *(_cosine(mine, theirs) for mine, theirs in zip(a, b, strict=True)),
        *sorted((_said(a.title, b.whole), _said(b.title, a.whole))),
        *sorted((_said(a.lead, b.whole), _said(b.lead, a.whole))),
    )


def _table() -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """The keys of the words in order, and the sort of each."""
    found = {int(keys_of(word)[-1]): sort for sort, words in enumerate(_WORDS) for word in words.split()}
    keys = np.array(sorted(found), dtype=np.uint64)
    return keys, np.array([found[key] for key in keys.tolist()], dtype=np.intp)


_KEYS, _SORTS = _table()


def _counted(tally: Tally) -> NDArray[np.float64]:
    if not len(tally.keys):
        return np.zeros(len(_WORDS))
    at = np.searchsorted(tally.keys, _KEYS)
    at[at == len(tally.keys)] = 0
    said = tally.keys[at] == _KEYS
    return np.bincount(_SORTS[said], tally.counts[at[said]], minlength=len(_WORDS)).astype(np.float64)


def _cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    length = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / length if length > 0 else _SILENT


def _said(some: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    """The share of the sorts named here that are named there too."""
    named = some > 0
    total = int(named.sum())
    return float((whole[named] > 0).sum()) / total if total else _UNASKED
