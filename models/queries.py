"""Named reads for the desk: a page of the list, counts, the summary bar.

Every read takes the viewer and goes through `filters.may_see`. Pages are found by keyset, never by OFFSET,
and counts stop at a cap: what a page costs does not depend on how many tickets there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models import finding
from models.appeals import Appeal
from models.filters import Cursor, DueWindow, Segment, TicketFilter, View, conditions, may_see, segments
from models.tickets import Ticket
from models.units import Unit
from models.vocab import AppealState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Day, Viewer
    from models.finding import Search, WordStatistics

NO_STATISTICS: Final = finding.WordStatistics()
#: Counts stop here: "1000+" says enough.
COUNT_CAP: Final = 1_000
#: A frequent word is counted until about this many: "100+" says that it is no way to find anything.
COUNT_WALK: Final = 100
#: Today's arrivals are counted further: they are a day's work.
ARRIVALS_CAP: Final = 9_999
PAGE_LIMIT: Final = 50
#: Candidates re-checked per search page before it is given out short, with a cursor to go on from.
_MAX_ROUNDS: Final = 8
_UNCLOCKED_WINDOW: Final = 500


@dataclass(frozen=True, slots=True)
class TicketRow:
    """One line of the list. The masked text is read only for searches."""

    id: int
    no: str
    appeal_id: int
    title: str
    state: str
    level: str | None
    unit_code: str | None
    unit_name: str | None
    kind: str | None
    urgency: str
    district_code: str | None
    flagged: bool
    received_at: datetime
    due_at: datetime | None
    appeal_title: str | None = None
    text: str | None = None
    address: str | None = None

    def cursor(self, segment: int) -> Cursor:
        """Where this row stands in the list."""
        return Cursor(segment, self.due_at, self.id)


@dataclass(frozen=True, slots=True)
class TicketPage:
    """A page of the list and the cursors of its neighbours.

    `short`: a search gave up re-checking. `by_number`: the query was a number, so no filter was obeyed.
    """

    rows: tuple[TicketRow, ...]
    before: Cursor | None
    after: Cursor | None
    short: bool = False
    by_number: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """A count that stopped at a cap: `value`, or at least that many when `more`."""

    value: int
    more: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to the list: who asks, for what, when, and what is known of the words."""

    viewer: Viewer
    filters: TicketFilter
    day: Day
    statistics: WordStatistics = NO_STATISTICS


_ROW: Final = (
    Ticket.id,
    Ticket.no,
    Ticket.appeal_id,
    Ticket.title,
    Ticket.state,
    Ticket.level,
    Ticket.unit_code,
    Unit.name.label("unit_name"),
    Ticket.kind,
    Ticket.urgency,
    Ticket.district_code,
    Ticket.flagged,
    Ticket.received_at,
    Ticket.due_at,
)


async def ticket_page(
    session: AsyncSession,
    ask: Ask,
    *,
    after: Cursor | None = None,
    before: Cursor | None = None,
    limit: int = PAGE_LIMIT,
) -> TicketPage:
    """A page of the list: the first, or the one after or before a cursor.

    Raises ValueError when the cursor belongs to another kind of list.
    """
    ask, search = await _asked(session, ask)
    if search is None and ask.filters.query.strip():
        return TicketPage((), None, None)
    parts = segments(ask.filters)
    start = after or before
    if start is not None and not (start.segment < len(parts) and parts[start.segment].accepts(start)):
        raise ValueError("the cursor is of another list")
    backwards = before is not None and after is None
    frequent = search is not None and await finding.is_frequent(session, search, ask.statistics)
    indexes = range(start.segment if start else 0, len(parts))
    if backwards and start is not None:
        indexes = range(start.segment, -1, -1)
    found: list[tuple[int, TicketRow]] = []
    stopped: Cursor | None = None
    for index in indexes:
        here = start if start is not None and start.segment == index else None
        wanted = limit + 1 - len(found)
        stretch = _Stretch(parts[index], index, backwards=backwards)
        if search is None:
            rows = await _plain(session, ask, stretch, here, wanted)
        else:
            rows, stopped = await _searched(
                session, ask, stretch, here, wanted, search=search, frequent=frequent
            )
        found += [(index, row) for row in rows]
        if len(found) > limit or stopped:
            break
    more = len(found) > limit or stopped is not None
    by_number = bool(found and search and search.appeals)
    found = found[:limit]
    if backwards:
        found.reverse()
    first = found[0][1].cursor(found[0][0]) if found else None
    last = found[-1][1].cursor(found[-1][0]) if found else None
    if backwards:
        return TicketPage(
            rows=tuple(row for _, row in found),
            before=stopped or (first if more else None),
            after=last or start,
            short=stopped is not None,
            by_number=by_number,
        )
    return TicketPage(
        rows=tuple(row for _, row in found),
        before=first or after if after is not None else None,
        after=stopped or (last if more else None),
        short=stopped is not None,
        by_number=by_number,
    )


async def _asked(session: AsyncSession, ask: Ask) -> tuple[Ask, Search | None]:
    """The search, and what is asked: who names a ticket's number wants that ticket, whatever is filtered."""
    search = finding.Search.parse(ask.filters.query)
    if search is not None:
        search = await finding.by_number(session, search, ask.filters.query)
        if search.appeals:
            ask = replace(ask, filters=TicketFilter(view=View.ALL, query=ask.filters.query))
    return ask, search


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A segment with its number and the direction it is read in."""

    segment: Segment
    index: int
    backwards: bool

    def where(self, ask: Ask, here: Cursor | None) -> list[Any]:
        found = [*conditions(ask.filters, ask.viewer, ask.day), *self.segment.where()]
        if here is not None:
            found.append(self.segment.beyond(here, backwards=self.backwards))
        return found

    @property
    def window(self) -> int:
        """How many rows a walk looks at."""
        # Few where no clock runs: hardly any open ticket is there, and PostgreSQL, which expects many, would
        # sort the whole table for a long walk.
        return finding.WINDOW if self.segment.clocked or self.segment.newest_first else _UNCLOCKED_WINDOW

    def order(self, columns: Any = Ticket) -> list[Any]:  # noqa: ANN401  (Ticket, or a subquery's columns)
        return self.segment.order(columns, backwards=self.backwards)


async def _plain(
    session: AsyncSession, ask: Ask, stretch: _Stretch, here: Cursor | None, limit: int
) -> list[TicketRow]:
    rows = await session.execute(
        sa.select(*_ROW)
        .outerjoin(Unit, Unit.code == Ticket.unit_code)
        .where(*stretch.where(ask, here))
        .order_by(*stretch.order())
        .limit(limit)
    )
    return [TicketRow(**row) for row in rows.mappings()]


async def _searched(
    session: AsyncSession,
    ask: Ask,
    stretch: _Stretch,
    here: Cursor | None,
    limit: int,
    *,
    search: Search,
    frequent: bool,
) -> tuple[list[TicketRow], Cursor | None]:
    """Candidates in order, re-checked, until the page is full; and where it was given up before that."""
    dialect = session.get_bind().dialect.name
    found: list[TicketRow] = []
    walking = frequent
    batch = max(limit, PAGE_LIMIT)
    window = finding.walk_length(search, ask.statistics, wanted=batch, most=stretch.window)
    for _ in range(_MAX_ROUNDS):
        where = stretch.where(ask, here)
        if walking:
            hits = finding.by_walking(search, dialect, where, stretch.order(), window=window)
        else:
            hits = finding.by_index(search, dialect, where)
        candidates = [
            TicketRow(**row) for row in (await session.execute(_rows_of(hits, stretch, batch))).mappings()
        ]
        found += [row for row in candidates if search.confirms_row(row)]
        if len(found) >= limit:
            return found[:limit], None
        if len(candidates) < batch:
            if not walking or not await _goes_on(session, stretch, where, window):
                return found, None
            walking = False
        if candidates:
            here = candidates[-1].cursor(stretch.index)
    return found, here


async def _goes_on(session: AsyncSession, stretch: _Stretch, where: list[Any], window: int) -> bool:
    """Whether the stretch has more rows than a walk looked at. OFFSET is bounded here: it is no paging."""
    beyond = sa.select(Ticket.id).where(*where).order_by(*stretch.order()).offset(window).limit(1)
    return await session.scalar(beyond) is not None


def _rows_of(hits: Select[tuple[int, Any]], stretch: _Stretch, limit: int) -> sa.Select[*tuple[Any, ...]]:
    """The rows of the first `limit` hits, with their text: only those are read whole."""
    inner = hits.get_final_froms()[0]
    top = hits.order_by(*stretch.order(inner.c)).limit(limit).subquery("top")
    return (
        sa.select(*_ROW, Appeal.title.label("appeal_title"), Appeal.text, Appeal.address)
        .select_from(top)
        .join(Ticket, Ticket.id == top.c.id)
        .join(Appeal, Appeal.id == Ticket.appeal_id)
        .outerjoin(Unit, Unit.code == Ticket.unit_code)
        .order_by(*stretch.order(top.c))
    )


async def count_tickets(session: AsyncSession, ask: Ask, *, cap: int = COUNT_CAP) -> Count:
    """How many rows the list has, counted to a cap; for phrases this counts what the index matches."""
    ask, search = await _asked(session, ask)
    if search is None:
        if ask.filters.query.strip():
            return Count(0, more=False)
        return await _count_plain(session, ask, cap)
    dialect = session.get_bind().dialect.name
    total = 0
    frequent = await finding.is_frequent(session, search, ask.statistics)
    for index, segment in enumerate(segments(ask.filters)):
        stretch = _Stretch(segment, index, backwards=False)
        where = stretch.where(ask, None)
        window = finding.walk_length(search, ask.statistics, wanted=COUNT_WALK, most=stretch.window)
        if frequent:
            hits = finding.by_walking(search, dialect, where, stretch.order(), window=window)
        else:
            hits = finding.by_index(search, dialect, where)
        some = hits.limit(cap + 1 - total).subquery()
        total += await session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
        if total > cap:
            return Count(cap, more=True)
        if frequent and await _goes_on(session, stretch, where, window):
            # A walk saw only part of the list: what it counted is a lower bound.
            return Count(total, more=True)
    return Count(total, more=not search.exact)


async def _count_plain(session: AsyncSession, ask: Ask, cap: int) -> Count:
    total = 0
    for index, segment in enumerate(segments(ask.filters)):
        stretch = _Stretch(segment, index, backwards=False)
        # In list order, so that the plan is the page's own: rows are dense there.
        some = (
            sa.select(Ticket.id)
            .where(*stretch.where(ask, None))
            .order_by(*stretch.order())
            .limit(cap + 1 - total)
            .subquery()
        )
        total += await session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
        if total > cap:
            break
    return Count(min(total, cap), more=total > cap)


@dataclass(frozen=True, slots=True)
class Today:
    """The summary bar: to review, due today, overdue, received today; and appeals being read or given up."""

    review: Count
    due_today: Count
    overdue: Count
    received: Count
    waiting: Count
    dead: Count


async def today(session: AsyncSession, viewer: Viewer, day: Day) -> Today:
    """Count for the summary bar, each to a cap."""

    async def count(filters: TicketFilter) -> Count:
        return await count_tickets(session, Ask(viewer, filters, day))

    # Ids follow the order of arrival, so today's are at the end: no index on the time is needed.
    newest = (
        sa.select(Ticket.opened_at)
        .where(may_see(viewer))
        .order_by(Ticket.id.desc())
        .limit(ARRIVALS_CAP + 1)
        .subquery()
    )
    received = await session.scalar(
        sa.select(sa.func.count()).select_from(newest).where(newest.c.opened_at >= day.starts)
    )
    waiting, dead = (
        await session.execute(
            sa.select(_without_ticket(AppealState.WAITING), _without_ticket(AppealState.DEAD))
        )
    ).one()
    return Today(
        review=await count(TicketFilter(view=View.REVIEW)),
        due_today=await count(TicketFilter(due=DueWindow.TODAY)),
        overdue=await count(TicketFilter(due=DueWindow.OVERDUE)),
        received=_capped(received or 0),
        waiting=_capped(waiting),
        dead=_capped(dead),
    )


def _without_ticket(state: AppealState) -> sa.ScalarSelect[int]:
    """How many appeals have no ticket and stand so. The state is written out: its index is partial."""
    found = (
        sa.select(Appeal.id)
        .where(Appeal.state == sa.literal_column(f"'{state.value}'"))
        .limit(ARRIVALS_CAP + 1)
        .subquery()
    )
    return sa.select(sa.func.count()).select_from(found).scalar_subquery()


def _capped(value: int) -> Count:
    return Count(min(value, ARRIVALS_CAP), more=value > ARRIVALS_CAP)
