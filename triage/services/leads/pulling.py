"""媒体订阅 as a source that runs by itself: fetch what changed, read what is new, store it as leads.

Whatever a feed does, it holds up nobody else: its time is limited by the runner, its host has one request
at a time, and the politeness is shared by all pulls of a process.
"""

from __future__ import annotations

import asyncio
import weakref
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from connectors.feeds.errors import FeedError, FeedRefused
from connectors.feeds.fetching import Fetcher, Gate, Limits
from connectors.feeds.guard import Exempt
from connectors.feeds.json_feeds import FieldMap
from connectors.feeds.reading import article_text, items_of
from connectors.feeds.robots import Robots, Said
from triage import logs
from triage.errors import BadInput
from triage.services.leads import taking
from triage.services.sources.ports import FieldType, Outcome, SettingField, SourceFault, Task

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from connectors.feeds.fetching import Fetched
    from connectors.feeds.items import FeedItem
    from triage.services.deps import Deps
    from triage.services.sources.ports import Settled, Work

log = logs.get(__name__)

#: New items of one run: their pages are fetched one after the other; the rest is the next run's, at once.
AT_A_TIME: Final = 20
#: A text shorter than this is a teaser: the page is asked for.
_TEASER: Final = 300
_YES: Final = "yes"
_STORING: Final = 3


@dataclass(frozen=True, slots=True)
class _Manners:
    """What all pulls of one event loop share: whose turn it is, and what robots.txt said."""

    gate: Gate
    robots: dict[str, Said] = field(default_factory=dict)
    #: Pulls that are at the database at once: many more would wait for its connections in vain.
    storing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_STORING))


_MANNERS: Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Manners]] = weakref.WeakKeyDictionary()


def _manners(limits: Limits) -> _Manners:
    return _MANNERS.setdefault(asyncio.get_running_loop(), _Manners(Gate(limits.at_once)))


@dataclass(frozen=True, slots=True)
class Net:
    """A fetcher and what robots allow it."""

    fetcher: Fetcher
    robots: Robots

    async def get(self, url: str, *, etag: str | None = None, modified: str | None = None) -> Fetched:
        """Fetch what may be fetched. Raises FeedRefused, FeedAway."""
        pause = await self.robots.check(url)
        return await self.fetcher.get(url, etag=etag, modified=modified, pause=pause)


@asynccontextmanager
async def open_net(private_hosts: str, limits: Limits | None = None) -> AsyncIterator[Net]:
    """A way out for one pull, closed after it."""
    limits = limits or Limits()
    shared = _manners(limits)
    fetcher = Fetcher(limits=limits, exempt=Exempt.parse(private_hosts), gate=shared.gate)
    try:
        yield Net(fetcher, Robots(fetcher, said=shared.robots))
    finally:
        await fetcher.close()


async def pull_feed(
    deps: Deps,
    source: Settled,
    cursor: Mapping[str, Any] | None,
    *,
    now: datetime,
    limits: Limits | None = None,
) -> Outcome:
    """Fetch a feed once and store what is new. Raises SourceFault.

    The marks of the answer are kept only when everything in it was stored: killed halfway, it is read again.
    """
    url = source.settings["url"]
    # Where it moved to and what it said of its age is said of one address: another's starts afresh.
    marks = dict(cursor) if cursor and cursor.get("of") == url else {}
    mapping = _mapping(source.settings)
    try:
        async with open_net(deps.settings.feed_private_hosts, limits) as net:
            found = await net.get(
                marks.get("moved") or url,
                etag=marks.get("etag"),
                modified=marks.get("modified"),
            )
            if found.body is None:
                return Outcome(said="没有变化", cursor=marks)
            items = await items_of(found, mapping)
            async with _manners(net.fetcher.limits).storing, deps.db.reads() as session:
                new = await taking.unknown(session, source.key, items)
            batch = new[:AT_A_TIME]
            if source.settings.get("articles", _YES) == _YES:
                batch = [await _whole(net, item) for item in batch]
    except FeedError as error:
        raise SourceFault(error.said, hopeless=isinstance(error, FeedRefused)) from None
    async with _manners(limits or Limits()).storing, deps.db.writes.begin() as session:
        taken = await taking.take(session, deps.tables, source.key, batch, now=now)
    more = len(new) > len(batch)
    kept = marks if more else _marks(found, marks, url)
    newest = max((item.published for item in items if item.published), default=None)
    return Outcome(
        said=_said(len(items), taken),
        seen=len(items),
        stored=len(taken.leads) + taken.repeats,
        lag=max(now - newest, now - now) if newest else None,
        cursor=kept,
        more=more,
    )


def _marks(found: Fetched, before: Mapping[str, Any], url: str) -> dict[str, Any]:
    moved = found.moved or before.get("moved")
    marks = {"of": url, "etag": found.etag, "modified": found.modified, "moved": moved}
    return {name: value for name, value in marks.items() if value}


def _said(seen: int, taken: taking.Taken) -> str:
    parts = [f"新线索 {len(taken.leads)} 条"]
    parts += [f"又见报道 {taken.repeats} 条"] if taken.repeats else []
    parts += [f"没有内容 {taken.empty} 条"] if taken.empty else []
    return f"订阅里 {seen} 条，{'，'.join(parts)}"


async def _whole(net: Net, item: FeedItem) -> FeedItem:
    """The item with its page's text when it only brought a teaser, and the page says more."""
    if item.url is None or len(item.text) >= _TEASER:
        return item
    try:
        text = await article_text(await net.get(item.url))
    except FeedError as error:
        # The teaser is a lead too; the page stays where it is, one click away.
        log.info("article_not_read", code=error.code)
        return item
    text = text.removeprefix(item.title).lstrip()
    return replace(item, text=text) if len(text) > len(item.text) else item


def _mapping(settings: Mapping[str, str]) -> FieldMap | None:
    text = settings.get("map", "")
    try:
        return FieldMap.parse(text) if text.strip() else None
    except FeedRefused as error:
        raise SourceFault(error.said, hopeless=True) from None


class FeedPuller:
    """媒体订阅 for the registry of sources."""

    def __init__(self, limits: Limits | None = None) -> None:
        """Take how much one fetch may cost."""
        self._limits = limits

    @property
    def fields(self) -> tuple[SettingField, ...]:
        """Its settings."""
        return (
            SettingField(
                "url", "订阅地址", "RSS、Atom、JSON Feed，或返回 JSON 列表的接口", FieldType.URL,
                required=True,
            ),
            SettingField(
                "articles", "只有摘要时取正文页", type=FieldType.CHOICE, default=_YES,
                choices=((_YES, "取"), ("no", "不取")),
            ),
            SettingField(
                "map", "字段映射", "JSON 列表接口用，YAML，写法见 docs/feeds.md；其他留空", FieldType.LONG
            ),
        )  # fmt: skip

    @property
    def tasks(self) -> tuple[Task, ...]:
        """One: pull."""
        return (Task("pull", "取新闻", self._pull, limit_seconds=180.0),)

    def check(self, settings: Mapping[str, str]) -> None:
        """The map, strictly. Raises BadInput."""
        try:
            FieldMap.parse(settings["map"]) if settings.get("map", "").strip() else None
        except FeedRefused as error:
            raise BadInput(error.said) from None

    async def trial(self, work: Work) -> str:
        """立即试一次: fetch and read, store nothing. Raises SourceFault."""
        mapping = _mapping(work.source.settings)
        try:
            async with open_net(work.deps.settings.feed_private_hosts, self._limits) as net:
                items = await items_of(await net.get(work.source.settings["url"]), mapping)
        except FeedError as error:
            raise SourceFault(error.said, hopeless=isinstance(error, FeedRefused)) from None
        return f"取到 {len(items)} 条，{_dated(items)} 条有时间，{_linked(items)} 条有链接"

    async def _pull(self, work: Work) -> Outcome:
        now = work.deps.clock.now()
        return await pull_feed(work.deps, work.source, work.cursor, now=now, limits=self._limits)


def _dated(items: Sequence[FeedItem]) -> int:
    return sum(item.published is not None for item in items)


def _linked(items: Sequence[FeedItem]) -> int:
    return sum(item.url is not None for item in items)
