"""A page of the list: the first, or the neighbour of a cursor, with filters and search.

Every read takes the viewer and goes through `filters.may_see`. Pages are found by keyset, never by OFFSET:
what a page costs does not depend on how many tickets there are. How many a list has: `models.counting`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models import finding
from models.filters import TicketFilter, View, conditions, segments
from models.lines import COLUMNS, PAGE_LIMIT, TicketRow
from models.searching import Finder, Found
from models.tickets import Ticket
from models.units import Unit

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Cursor, Day, Segment, Viewer
    from models.finding import Search, WordStatistics
    from models.lines import Count
    from models.viewing import Decides

NO_STATISTICS: Final = finding.WordStatistics()
#: From here on the stretches of a list by the time of the appeal are numbered in its places. No other list
#: has so many, so neither takes a place of the other for one of its own.
_BY_RECEIVED: Final = 9


@dataclass(frozen=True, slots=True)
class TicketPage:
    """A page of the list and the cursors of its neighbours.

    `short`: a search gave up re-checking. `by_number`: the query was a number, so no filter was obeyed.
    `total`: how many the whole list has, when the page had to know it anyway.
    """

    rows: tuple[TicketRow, ...]
    before: Cursor | None
    after: Cursor | None
    short: bool = False
    by_number: bool = False
    total: Count | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to the list: who asks, for what, when, and what is known of the words."""

    viewer: Viewer
    filters: TicketFilter
    day: Day
    statistics: WordStatistics = NO_STATISTICS
    decides: tuple[Decides, ...] = ()
    """What the viewer may decide (`triage.rules.wishes`): without it 待我审批 shows nothing."""
    keeps: frozenset[str] | None = None
    """The units for which the viewer can be 经办人 (我经办的); None: those of their scope."""

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Those of the filter, without state, order and search."""
        keeps = self.viewer.scope.own if self.keeps is None else self.keeps
        return conditions(self.filters, self.viewer, self.day, self.decides, keeps)


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
    ask, search = await prepare(session, ask)
    if search is None and ask.filters.query.strip():
        return TicketPage((), None, None)
    parts = segments(ask.filters)
    first_number = _BY_RECEIVED if ask.filters.by_received else 0
    after, before = (_moved(place, -first_number) for place in (after, before))
    start = after or before
    if start is not None and not (0 <= start.segment < len(parts) and parts[start.segment].accepts(start)):
        raise ValueError("the cursor is of another list")
    backwards = before is not None and after is None
    if search is None:
        answer = Found(await _plain(session, ask, start, wanted=limit + 1, backwards=backwards))
    else:
        answer = await Finder(session, ask, search, backwards=backwards).find(start, wanted=limit + 1)
    found, stopped = answer.rows[:limit], answer.stopped
    more = len(answer.rows) > limit or stopped is not None
    if backwards:
        found.reverse()
    first = parts[found[0][0]].cursor(*found[0]) if found else None
    last = parts[found[-1][0]].cursor(*found[-1]) if found else None
    page = TicketPage(
        rows=tuple(row for _, row in found),
        before=first or after if after is not None else None,
        after=stopped or (last if more else None),
        short=stopped is not None,
        by_number=bool(found and search and search.appeals),
        total=answer.total,
    )
    if backwards:
        page = replace(page, before=stopped or (first if more else None), after=last or start)
    return replace(page, before=_moved(page.before, first_number), after=_moved(page.after, first_number))


def _moved(place: Cursor | None, by: int) -> Cursor | None:
    return None if place is None else replace(place, segment=place.segment + by)


async def prepare(session: AsyncSession, ask: Ask) -> tuple[Ask, Search | None]:
    """The search, and what is asked: who names a ticket's number wants that ticket, whatever is filtered."""
    search = finding.Search.parse(ask.filters.query)
    if search is not None:
        search = await finding.by_number(session, search, ask.filters.query)
        if search.appeals:
            ask = replace(ask, filters=TicketFilter(view=View.ALL, query=ask.filters.query))
    return ask, search


async def _plain(
    session: AsyncSession, ask: Ask, start: Cursor | None, *, wanted: int, backwards: bool
) -> list[tuple[int, TicketRow]]:
    """The next rows of a list without a search, segment by segment."""
    parts = list(enumerate(segments(ask.filters)))
    if backwards:
        parts.reverse()
    found: list[tuple[int, TicketRow]] = []
    for index, segment in parts:
        here = start if start is not None and start.segment == index else None
        if len(found) >= wanted or (start is not None and _behind(index, start, backwards=backwards)):
            continue
        where = segment_where(ask, segment)
        if here is not None:
            where.append(segment.beyond(here, Ticket, backwards=backwards))
        rows = await session.execute(
            sa.select(*COLUMNS)
            .outerjoin(Unit, Unit.code == Ticket.unit_code)
            .where(*where)
            .order_by(*segment.order(Ticket, backwards=backwards))
            .limit(wanted - len(found))
        )
        found += [(index, TicketRow(**row)) for row in rows.mappings()]
    return found


def _behind(index: int, start: Cursor, *, backwards: bool) -> bool:
    return index > start.segment if backwards else index < start.segment


def segment_where(ask: Ask, segment: Segment) -> list[sa.ColumnElement[bool]]:
    """The conditions of one stretch of a list without a search."""
    return [*ask.conditions(), *segment.where()]
