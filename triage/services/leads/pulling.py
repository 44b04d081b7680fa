"""媒体订阅 as a source that runs by itself: fetch what changed, read what is new, store it as leads.

Whatever a feed does, it holds up nobody else: its time is limited by the runner, its host has one request
at a time, and the politeness is shared by all pulls of a process.
"""

from __future__ import annotations

import asyncio
import re
import time
import weakref
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from yarl import URL

from connectors.feeds.errors import FeedError, FeedRefused
from connectors.feeds.fetching import Fetcher, Gate, Limits, OwnHeader
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
#: A run may take so long (seconds). After `PAGES_SECONDS` no further page is asked for, and one under way is
#: left after `PAGE_SECONDS` (the longest pause that robots.txt may ask for is 60) or at `LAST_SECONDS`: what
#: came is stored, the rest is the next run's. Else a slow site would be cut off each time, for ever.
RUN_SECONDS: Final = 180.0
PAGES_SECONDS: Final = 90.0
PAGE_SECONDS: Final = 70.0
LAST_SECONDS: Final = 160.0
#: A text shorter than this is a teaser: the page is asked for.
_TEASER: Final = 300
_YES: Final = "yes"
_STORING: Final = 3
_HEADER: Final = "Authorization"
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,60}")
#: What the connection itself needs, or tells the answer's form, is no place for a credential.
_NOT_OURS: Final = frozenset({
    "accept-encoding", "connection", "content-length", "content-type", "expect", "host", "if-modified-since",
    "if-none-match", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip


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
    """A fetcher, what robots allow it, and the source's credential."""

    fetcher: Fetcher
    robots: Robots
    own: OwnHeader | None = None

    async def get(self, url: str, *, etag: str | None = None, modified: str | None = None) -> Fetched:
        """Fetch what may be fetched. Raises FeedRefused, FeedAway."""
        ask = self.robots.check
        return await self.fetcher.get(url, etag=etag, modified=modified, own=self.own, ask=ask)


@asynccontextmanager
async def open_net(deps: Deps, source: Settled, limits: Limits | None = None) -> AsyncIterator[Net]:
    """A way out for one pull of a source, closed after it. Raises SourceFault for a credential like none."""
    limits = limits or Limits()
    shared = _manners(limits)
    own = _own(source)
    exempt = Exempt.parse(deps.settings.feed_private_hosts)
    fetcher = Fetcher(limits=limits, exempt=exempt, gate=shared.gate)
    try:
        yield Net(fetcher, Robots(fetcher, said=shared.robots), own)
    finally:
        await fetcher.close()


def _own(source: Settled) -> OwnHeader | None:
    value = source.credentials.get("secret")
    if not value:
        return None
    if not (value.isascii() and value.isprintable()):
        raise SourceFault("凭据里有请求头放不下的字（只能是字母、数字和英文符号）", hopeless=True)
    try:
        origin = URL(source.settings["url"]).origin()
    except ValueError:
        raise SourceFault("地址写得不对", hopeless=True) from None
    return OwnHeader(origin, source.settings.get("header") or _HEADER, value)


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
    began = time.monotonic()
    try:
        async with open_net(deps, source, limits) as net:
            read = await _read(net, url, marks, mapping)
            if read.answer.body is None:
                return Outcome(said="没有变化", cursor=read.marks)
            async with _manners(net.fetcher.limits).storing, deps.db.reads() as session:
                new = await taking.unknown(session, source.key, read.items)
            pages = source.settings.get("articles", _YES) == _YES
            batch = await _whole_ones(net, new, began) if pages else new[:AT_A_TIME]
    except FeedError as error:
        raise SourceFault(error.said, hopeless=isinstance(error, FeedRefused)) from None
    async with _manners(limits or Limits()).storing, deps.db.writes.begin() as session:
        taken = await taking.take(session, deps.tables, source.key, batch, now=now)
    # Items that say nothing are never stored: a feed of them alone would be asked again at once, for ever.
    more = len(new) > len(batch) and taken.empty < len(batch)
    newest = max((item.published for item in read.items if item.published), default=None)
    return Outcome(
        said=_said(read, taken),
        seen=len(read.items),
        stored=len(taken.leads) + taken.repeats,
        lag=max(now - newest, now - now) if newest else None,
        cursor=read.before if more else read.marks,
        more=more,
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """A feed's answer, its items and whether it has more of them; the marks it was asked with, and its own.

    Its own are kept when everything in it was stored.
    """

    answer: Fetched
    items: list[FeedItem]
    cut: bool
    before: Mapping[str, Any]
    marks: dict[str, Any]


async def _read(net: Net, url: str, marks: Mapping[str, Any], mapping: FieldMap | None) -> _Read:
    """Fetch and read a feed where it moved to; when that fails, once at its own address. Raises FeedError.

    A place that a feed moved to may die, or be somebody else's page by now: the move is forgotten then.
    """
    moved = marks.get("moved")
    if moved:
        try:
            return await _read_at(net, moved, url, marks, mapping)
        except FeedError as error:
            log.info("feed_moved_back", code=error.code)
    return await _read_at(net, url, url, {} if moved else marks, mapping)


async def _read_at(
    net: Net, where: str, url: str, marks: Mapping[str, Any], mapping: FieldMap | None
) -> _Read:
    found = await net.get(where, etag=marks.get("etag"), modified=marks.get("modified"))
    moved = found.moved or marks.get("moved")
    if found.body is None:
        # Nothing changed but, it may be, where it lives.
        return _Read(found, [], cut=False, before=marks, marks={**marks, **_kept(of=url, moved=moved)})
    items, cut = await items_of(found, mapping)
    kept = _kept(of=url, etag=found.etag, modified=found.modified, moved=moved)
    return _Read(found, items, cut, marks, kept)


def _kept(**marks: str | None) -> dict[str, Any]:
    return {name: value for name, value in marks.items() if value}


def _said(read: _Read, taken: taking.Taken) -> str:
    seen = f"订阅里 {len(read.items)} 条"
    seen += f"（只读前 {len(read.items)} 条，后面还有的没有读）" if read.cut else ""
    parts = [seen, f"新线索 {len(taken.leads)} 条"]
    parts += [f"又见报道 {taken.repeats} 条"] if taken.repeats else []
    parts += [f"没有内容 {taken.empty} 条"] if taken.empty else []
    return "，".join(parts)


async def _whole_ones(net: Net, new: Sequence[FeedItem], began: float) -> list[FeedItem]:
    """The first of the new items with their pages' texts: as many as there is time for, and one at least."""
    whole: list[FeedItem] = []
    for item in new[:AT_A_TIME]:
        now = time.monotonic()
        if whole and now - began >= PAGES_SECONDS:
            break
        whole.append(await _whole(net, item, min(PAGE_SECONDS, began + LAST_SECONDS - now)))
    return whole


async def _whole(net: Net, item: FeedItem, seconds: float) -> FeedItem:
    """The item with its page's text when it only brought a teaser, and the page says more in that time."""
    if item.url is None or len(item.text) >= _TEASER:
        return item
    # The teaser is a lead too; the page stays where it is, one click away.
    try:
        async with asyncio.timeout(seconds):
            text = await article_text(await net.get(item.url))
    except FeedError as error:
        log.info("article_not_read", code=error.code)
        return item
    except TimeoutError:
        log.info("article_not_read", code="no_time")
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
                "header", "凭据请求头", "凭据放在哪个请求头，如 Authorization、X-API-Key；没有凭据不用管",
                default=_HEADER,
            ),
            SettingField(
                "secret", "凭据", "请求头的整个值，如 Bearer …；只发给订阅地址的主机，转到别处不带",
                FieldType.SECRET,
            ),
            SettingField(
                "map", "字段映射", "JSON 列表接口用，YAML，写法见 docs/feeds.md；其他留空", FieldType.LONG
            ),
        )  # fmt: skip

    @property
    def tasks(self) -> tuple[Task, ...]:
        """One: pull."""
        return (Task("pull", "取新闻", self._pull, limit_seconds=RUN_SECONDS),)

    def check(self, settings: Mapping[str, str]) -> None:
        """The map, strictly, and the header's name. Raises BadInput."""
        header = settings.get("header") or _HEADER
        if not _HEADER_NAME.fullmatch(header) or header.lower() in _NOT_OURS:
            raise BadInput("凭据请求头应是请求头的名称，如 Authorization、X-API-Key")
        try:
            FieldMap.parse(settings["map"]) if settings.get("map", "").strip() else None
        except FeedRefused as error:
            raise BadInput(error.said) from None

    async def trial(self, work: Work) -> str:
        """立即试一次: fetch and read, store nothing. Raises SourceFault."""
        mapping = _mapping(work.source.settings)
        try:
            async with open_net(work.deps, work.source, self._limits) as net:
                items, cut = await items_of(await net.get(work.source.settings["url"]), mapping)
        except FeedError as error:
            raise SourceFault(error.said, hopeless=isinstance(error, FeedRefused)) from None
        first = f"（只读前 {len(items)} 条，后面还有的没有读）" if cut else ""
        return f"取到 {len(items)} 条{first}，{_dated(items)} 条有时间，{_linked(items)} 条有链接"

    async def _pull(self, work: Work) -> Outcome:
        now = work.deps.clock.now()
        return await pull_feed(work.deps, work.source, work.cursor, now=now, limits=self._limits)


def _dated(items: Sequence[FeedItem]) -> int:
    return sum(item.published is not None for item in items)


def _linked(items: Sequence[FeedItem]) -> int:
    return sum(item.url is not None for item in items)
