"""The list as both the desk and the API ask for it: page, count, word statistics, each with its cache."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from models import counting, finding, queries, waiting
from models.filters import TicketFilter, View
from models.lines import Count
from models.queries import Ask
from models.vocab_staff import Permission
from triage.clock import local
from triage.errors import BadInput
from triage.rules import wishes
from triage.rules.routing import district_having
from triage.services import call_after, keeping, shift_notes
from triage.services.citizen import unsolved
from triage.web.asking import Asked, day_of
from triage.web.keys import CACHES, DEPS, VIEWER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from aiohttp import web
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.counting import Today
    from models.filters import Day
    from models.finding import WordStatistics
    from models.lines import TicketRow
    from models.queries import TicketPage
    from models.viewing import Decides, Viewer
    from models.vocab import WishKind
    from models.waiting import Waiting
    from triage.rules.rows import Tables

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing:
    """A page with its count and the day it was asked on."""

    page: TicketPage
    total: Count
    day: Day
    waiting: Mapping[int, tuple[Waiting, ...]]
    """待审批: of each ticket, where the list is one of these."""


async def ask_of(request: web.Request, asked: Asked) -> Ask:
    """The question to the list behind an address."""
    day = day_of(request.app[DEPS].clock.now())
    words = await _words(request, asked)
    return Ask(request[VIEWER], asked.filters, day, words, decides_of(request))


async def _waits(
    session: AsyncSession, tables: Tables, ask: Ask, page: TicketPage
) -> list[tuple[int, tuple[WishKind, ...]]]:
    """The wishes that the list is about, by ticket; none where it is about something else."""
    if not ask.filters.waiting:
        return []
    if ask.filters.view is View.DECIDE:
        asks = any(one.blind for one in ask.decides)
        unseen = await waiting.blind_among(session, [row.id for row in page.rows if asks])
        return [(row.id, _mine(tables, ask, row, blind=row.id in unseen)) for row in page.rows]
    return [(row.id, waiting.waits_of(row.state, row.asked)) for row in page.rows]


def _mine(tables: Tables, ask: Ask, row: TicketRow, *, blind: bool) -> tuple[WishKind, ...]:
    district = district_having(tables, row.unit_code, row.district_code)
    return waiting.to_decide(ask.decides, row.state, row.asked, district, blind=blind)


def decides_of(request: web.Request) -> tuple[Decides, ...]:
    """The wishes that whoever asks may answer today (待我审批)."""
    deps = request.app[DEPS]
    return wishes.decides(deps.tables, request[VIEWER], local(deps.clock.now()).date())


async def load(request: web.Request, asked: Asked) -> Listing:
    """Read a page and how many there are. Raises BadInput when the cursor is of another list."""
    app = request.app
    deps = app[DEPS]
    ask = await ask_of(request, asked)
    day = ask.day
    async with deps.db.reads() as session:
        try:
            page = await queries.ticket_page(
                session, ask, after=asked.after, before=asked.before, limit=asked.limit
            )
        except ValueError:
            raise BadInput("翻页位置不属于这个列表，请从第一页开始") from None
        page = replace(page, rows=await unsolved.mark(session, page.rows))
        page = replace(page, rows=await call_after.mark(session, page.rows))
        kept = await keeping.mark(session, deps.tables, ask.viewer, page.rows, now=day.now)
        page = replace(page, rows=kept)
        raised = await waiting.raised(session, await _waits(session, deps.tables, ask, page))
    first = asked.after is None and asked.before is None
    if first and page.after is None:
        # The whole list is on the page: nothing to count.
        return Listing(page, Count(len(page.rows), more=False), day, raised)
    if page.total is not None:
        return Listing(page, page.total, day, raised)

    async def make() -> Count:
        async with deps.db.reads() as session:
            return await counting.count_tickets(session, ask)

    caches = app[CACHES]
    try:
        async with asyncio.timeout(caches.count_patience):
            total = await caches.counts.get((ask.viewer, ask.filters, ask.decides), make)
    except TimeoutError:
        # The list matters, its length can wait: at least what is shown.
        total = Count(len(page.rows), more=True)
    if total.more and total.value < len(page.rows):
        # A short walk counted what it saw, and the page went further.
        total = Count(len(page.rows), more=True)
    return Listing(page, total, day, raised)


def may_keep(viewer: Viewer) -> bool:
    """Whether somebody can be 经办人 of anything: they handle, for a unit."""
    return viewer.may(Permission.HANDLE) and bool(viewer.scope.own)


@dataclass(frozen=True, slots=True)
class Mine:
    """How many open ones the viewer deals with (我经办的); `new` of them a colleague gave them, unopened."""

    count: Count
    new: int


async def load_new(request: web.Request) -> int:
    """How many the viewer was given and has not opened, a moment old at most.

    0 where it takes too long: the lines tell it themselves.
    """
    viewer, caches = request[VIEWER], request.app[CACHES]
    if not may_keep(viewer):
        return 0

    async def make() -> int:
        async with request.app[DEPS].db.reads() as session:
            return await keeping.count_new(session, viewer)

    return await _in_time(caches.new.get(viewer, make), caches.count_patience) or 0


async def _in_time(count: Awaitable[T], patience: float) -> T | None:
    """A count out of its cache; None: it takes longer, goes on there, and the next page has it."""
    try:
        async with asyncio.timeout(patience):
            return await count
    except TimeoutError:
        return None


async def load_mine(request: web.Request) -> Mine | None:
    """我经办的, as old as a list's count at most. None: they act for no unit, or it takes too long."""
    deps, viewer = request.app[DEPS], request[VIEWER]
    if not may_keep(viewer):
        return None
    ask = Ask(viewer, TicketFilter(mine=True), day_of(deps.clock.now()))

    async def make() -> Count:
        async with deps.db.reads() as session:
            return await counting.count_tickets(session, ask)

    caches = request.app[CACHES]
    mine = caches.counts.get((viewer, ask.filters, ask.decides), make)
    count, new = await asyncio.gather(_in_time(mine, caches.count_patience), load_new(request))
    return Mine(count, new) if count else None


async def load_shift(request: web.Request) -> Count | None:
    """How many notes of the own desk nobody has relieved (交接班); None: they have no part in it."""
    if not request[VIEWER].may(Permission.INTAKE, Permission.FOLLOW_UP):
        return None
    async with request.app[DEPS].db.reads() as session:
        return Count(await shift_notes.waiting(session, request[VIEWER]), more=False)


async def load_today(request: web.Request) -> Today:
    """The summary bar, at most some seconds old."""
    deps, viewer, decides = request.app[DEPS], request[VIEWER], decides_of(request)

    async def make() -> Today:
        async with deps.db.reads() as session:
            return await counting.today(session, viewer, day_of(deps.clock.now()), decides)

    return await request.app[CACHES].summary(viewer, decides, make)


async def _words(request: web.Request, asked: Asked) -> WordStatistics:
    if not asked.filters.query:
        return queries.NO_STATISTICS
    db = request.app[DEPS].db

    async def make() -> WordStatistics:
        async with db.reads() as session:
            return await finding.word_statistics(session)

    return await request.app[CACHES].words.get("words", make)
