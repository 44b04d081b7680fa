"""12345 热线平台 as a kind of source: its settings, its tasks (拉取, 回传, 来话, 对账), how to try it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from connectors.feeds.guard import Exempt
from connectors.hotline import client as clients
from connectors.hotline import mapping
from connectors.hotline import settings as hotline_settings
from connectors.hotline.client import HotlineClient, PlatformAway, PlatformDenied
from connectors.hotline.mapping import MapRefused, PlatformMap
from connectors.hotline.settings import HotlineSettings
from triage.errors import BadInput
from triage.services.hotline import daily, pulling, sending, words
from triage.services.sources.ports import FieldType, Outcome, SettingField, SourceFault, Task, Work

if TYPE_CHECKING:
    from triage.services.sources.ports import Puller

#: How far a platform's clock may be off before staff are told.
_CLOCKS_DIFFER: Final = timedelta(minutes=2)

FIELDS: Final = (
    SettingField("url", "接口地址", "如 https://12345.example.gov.cn/api", FieldType.URL, required=True),
    SettingField(
        "map_name",
        "平台对照表",
        "wide_table（随程序发布，按工单宽表），或服务器上一个 .yaml 文件的完整路径",
        default="wide_table",
    ),
    SettingField("page_size", "每页件数", "", FieldType.NUMBER, default="200", least=1, most=1000),
    SettingField(
        "most_pages",
        "一段最多页数",
        "一段时间里多于这么多页时，自动缩短时段",
        FieldType.NUMBER,
        default="50",
        least=1,
        most=1000,
    ),
    SettingField(
        "overlap",
        "重叠（秒）",
        "每次从上次的位置往前多看这么久，平台晚入库的也不漏",
        FieldType.NUMBER,
        default="600",
        most=86_400,
    ),
    SettingField("first_days", "首次往前（天）", "", FieldType.NUMBER, default="1", least=1, most=90),
    SettingField("timeout", "等待答复（秒）", "", FieldType.NUMBER, default="20", least=1, most=120),
    SettingField(
        "senders", "同时回传", "不同工单的动作同时发几个", FieldType.NUMBER, default="8", least=1, most=64
    ),
    SettingField(
        "hold_undo",
        "可撤销的动作",
        "",
        FieldType.CHOICE,
        default="yes",
        choices=(("yes", "过了撤销时间再回传"), ("no", "立即回传，撤销时再补报")),
    ),
    SettingField(
        "reconcile_hour",
        "对账时间（时）",
        "每天这个钟点以后对前一天的账",
        FieldType.NUMBER,
        default="1",
        most=23,
    ),
    SettingField(
        "replay",
        "推送时间差（秒）",
        "平台推送的时间戳与本机最多相差多少",
        FieldType.NUMBER,
        default="300",
        least=30,
        most=3600,
    ),
    SettingField("ca_file", "平台证书的签发者", "PEM 文件；不填用系统的", FieldType.FILE),
    SettingField("cert_file", "我方证书", "双向认证用，PEM 文件", FieldType.FILE),
    SettingField("key_file", "我方私钥", "PEM 文件；与证书同一文件时不填", FieldType.FILE),
    SettingField("token", "令牌", "放在 Authorization 请求头", FieldType.SECRET),
    SettingField("secret", "签名密钥（我方请求）", "HMAC-SHA256", FieldType.SECRET),
    SettingField("push_secret", "签名密钥（平台推送）", "不填则不接受推送", FieldType.SECRET),
    SettingField("key_password", "私钥口令", "", FieldType.SECRET),
)

Step = Callable[[Work, HotlineClient, HotlineSettings, PlatformMap], Awaitable[Outcome]]


@lru_cache(maxsize=16)
def shipped_map(name: str) -> PlatformMap:
    """A shipped platform map, read once. Raises MapRefused."""
    return mapping.load(name)


def platform_of(settings: HotlineSettings) -> PlatformMap:
    """The map of a source; a site's own file is read anew each time. Raises MapRefused."""
    name = settings.map_name
    return shipped_map(name) if name in mapping.available() else mapping.load(name)


def settings_of(work: Work) -> HotlineSettings:
    """A source's settings."""
    return hotline_settings.read(work.source.settings, work.source.credentials)


@asynccontextmanager
async def reached(work: Work) -> AsyncIterator[tuple[HotlineClient, HotlineSettings, PlatformMap]]:
    """The platform of a source. What it raises becomes SourceFault, in words for staff."""
    settings = settings_of(work)
    try:
        platform = platform_of(settings)
        exempt = Exempt.parse(work.deps.settings.hotline_private_hosts)
        async with clients.connected(settings, exempt) as client:
            yield client, settings, platform
    except (PlatformDenied, MapRefused) as error:
        raise SourceFault(str(error), hopeless=True) from None
    except PlatformAway as error:
        raise SourceFault(str(error)) from None


def _task(step: Step) -> Callable[[Work], Awaitable[Outcome]]:
    async def run(work: Work) -> Outcome:
        async with reached(work) as (client, settings, platform):
            return await step(work, client, settings, platform)

    return run


class HotlinePuller:
    """The kind of source."""

    fields = FIELDS
    tasks = (
        Task("pull", "拉取", _task(pulling.pull), limit_seconds=300),
        # A run, the longest answer that may be waited for (`timeout`), and time to write down what came.
        Task("send", "回传", _task(sending.send), limit_seconds=180, every_seconds=5),
        # Of what was stored: the platform is not asked, and may be away.
        Task("words", "来话", words.settle, limit_seconds=60, every_seconds=10),
        Task("reconcile", "对账", _task(daily.due), limit_seconds=600, every_seconds=600),
    )

    def check(self, settings: Mapping[str, str]) -> None:
        """The map must be sound. Raises BadInput naming file and line."""
        if settings.get("key_file") and not settings.get("cert_file"):
            raise BadInput("填了我方私钥，没有填我方证书")
        try:
            mapping.load(settings.get("map_name") or "wide_table")
        except MapRefused as error:
            raise BadInput(str(error)) from None

    async def trial(self, work: Work) -> str:
        """立即试一次: how many orders the platform has of the last day, and how its clock stands."""
        now = work.deps.clock.now()
        async with reached(work) as (client, _, platform):
            page = await client.orders(
                after=pulling.written(now - timedelta(days=1)), until=pulling.written(now), page=1, size=1
            )
            told = page.told(now=now)
        words = f"连接成功（{platform.title}）：平台上最近一天有 {page.total} 件工单。"
        if told is None:
            return f"{words}平台没有说它的时间。"
        ahead = told - now
        if abs(ahead) <= _CLOCKS_DIFFER:
            return f"{words}两边时钟相差 {abs(ahead.total_seconds()):.0f} 秒。"
        side = "快" if ahead > timedelta(0) else "慢"
        return f"{words}注意：平台的时钟比本机{side} {abs(ahead.total_seconds()) / 60:.0f} 分钟。"


def hotline_puller() -> Puller:
    """The one of the registry."""
    return HotlinePuller()
