"""A page of a search: candidates in list order, from the index or by walking, each re-checked on its text.

`models.finding` says which way is taken when, and why. Both ways give places in the list, so a search that
changes its way in the middle of a page goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models import finding
from models.appeals import Appeal
from models.filters import Clock, segments
from models.lines import COLUMNS, COUNT_CAP, Count, TicketRow
from models.tickets import FLAGGED_CLOSED, Ticket
from models.units import Unit

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Subquery
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Cursor
    from models.finding import Search
    from models.queries import Ask

#: Questions to the database per page, before it is given out short with a cursor to go on from.
_MAX_ROUNDS: Final = 4
#: Rows a page walks by, at most, before it is given out short.
_MAX_WALKED: Final = 40_000
#: Candidates read at once: few at first, more when their re-checks keep failing.
_BATCH: Final = 50
_GREATEST_BATCH: Final = 100
_TEXTS: Final = (Appeal.title.label("appeal_title"), Appeal.text, Appeal.address)
#: The first stretch of the open list, nearly always empty: to ask for one row costs a tenth of a walk.
_FLAGGED: Final = sa.text(f"SELECT 1 FROM ticket WHERE {FLAGGED_CLOSED} LIMIT 1")  # noqa: S608  (our words)
#: A frequent word is counted until this many: "100+" says that it is no way to find anything.
COUNT_WALK: Final = 100


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list: a segment, and how far in it (None: its beginning)."""

    segment: int
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Rows with the segment they stand in; where the search gave up, if it did; how many there are."""

    rows: list[tuple[int, TicketRow]]
    stopped: Cursor | None = None
    total: Count | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """One answer of the database: candidates, and the place to go on from (None: the list has ended)."""

    rows: list[tuple[int, TicketRow]]
    onward: Place | None
    looked_at: int = 0
    listed: int | None = None
    crowded: bool = False


class Finder:
    """One search over one list, in one direction."""

    def __init__(self, session: AsyncSession, ask: Ask, search: Search, *, backwards: bool = False) -> None:
        """Take the question; nothing is asked yet."""
        self._session = session
        self._search = search
        self._statistics = ask.statistics
        self._backwards = backwards
        self._dialect = session.get_bind().dialect.name
        self._segments = segments(ask.filters)
        self._where = ask.conditions()

    async def find(self, here: Cursor | None, *, wanted: int) -> Found:
        """The next `wanted` hits after the cursor (before it, when backwards), and their number if known."""
        place: Place | None = self._first(here)
        walking = await finding.is_frequent(self._session, self._search, self._statistics)
        found: list[tuple[int, TicketRow]] = []
        # Candidates for a phrase fail their re-check now and then: asking again costs more than reading more.
        batch = max(_BATCH, wanted) if self._search.exact else 2 * max(_BATCH, wanted)
        walked = hits = rounds = 0
        crowded = False
        listed: int | None = None
        while place is not None and len(found) < wanted:
            if place.cursor and (rounds >= _MAX_ROUNDS or walked >= _MAX_WALKED):
                return Found(found, stopped=place.cursor, total=self._total(listed))
            if walking and place.cursor is None and await self._is_empty(place.segment):
                place = self._after(place.segment)
                continue
            rounds += 1
            if walking and walked and not crowded:
                walking = finding.dense(walked=walked, hits=hits)
            if walking:
                window = self._window(walked, hits, wanted=wanted - len(found))
                step = await self._walk(place, window=window, batch=batch)
            else:
                step = await self._look_up(place, batch=batch)
            crowded = crowded or step.crowded
            walking = walking or crowded
            walked += step.looked_at
            hits += len(step.rows) if step.looked_at else 0
            listed = step.listed if listed is None else listed
            new = [(segment, row) for segment, row in step.rows if self._search.confirms_row(row)]
            if len(new) < len(step.rows):
                batch = max(batch, _GREATEST_BATCH)
            found += new
            place = step.onward
        return Found(found[:wanted], total=self._total(listed))

    async def count(self, *, cap: int) -> Count:
        """How many hits the list has, as far as the index or a short walk tells; for phrases, candidates."""
        if not await finding.is_frequent(self._session, self._search, self._statistics):
            step = await self._look_up(self._first(None), batch=1)
            if step.listed is not None:
                return self._counted(step.listed, cap=cap)
        cap = min(cap, COUNT_WALK)
        window = finding.first_window(self._search, self._statistics, wanted=COUNT_WALK)
        total = 0
        walks = [self._walked(index, window=window) for index in range(len(self._segments))]
        seen = await self._session.execute(sa.union_all(*walks))
        for _, hits, looked_at in sorted(tuple(row) for row in seen.all()):
            total += hits
            if total > cap:
                return Count(cap, more=True)
            if looked_at == window:
                # Only part of the list was seen: what was counted is a lower bound.
                return Count(total, more=True)
        return self._counted(total, cap=cap)

    def _walked(self, index: int, *, window: int) -> sa.Select[int, int, int]:
        """Hits and rows among the first rows of a segment."""
        near = self._near(Place(index), window=window)
        number = sa.literal_column(str(index), sa.Integer)
        return sa.select(number, sa.func.count().filter(near.c.hit), sa.func.count()).select_from(near)

    def _total(self, listed: int | None) -> Count | None:
        return None if listed is None else self._counted(listed, cap=COUNT_CAP)

    def _counted(self, total: int, *, cap: int) -> Count:
        return Count(min(total, cap), more=total > cap or not self._search.exact)

    def _first(self, here: Cursor | None) -> Place:
        if here is not None:
            return Place(here.segment, here)
        return Place(len(self._segments) - 1 if self._backwards else 0)

    def _after(self, segment: int) -> Place | None:
        """The beginning of the segment after this one."""
        index = segment - 1 if self._backwards else segment + 1
        return Place(index) if 0 <= index < len(self._segments) else None

    def _window(self, walked: int, hits: int, *, wanted: int) -> int:
        if not walked:
            return finding.first_window(self._search, self._statistics, wanted=wanted)
        return finding.next_window(walked=walked, hits=hits, wanted=wanted)

    def _near(self, place: Place, *, window: int) -> Subquery:
        segment = self._segments[place.segment]
        where = [*self._where, *segment.where()]
        if place.cursor is not None:
            where.append(segment.beyond(place.cursor, Ticket, backwards=self._backwards))
        order = segment.order(Ticket, backwards=self._backwards)
        return finding.by_walking(self._search, self._dialect, where, order, window=window)

    async def _is_empty(self, index: int) -> bool:
        """Whether a stretch that seldom holds anything holds nothing."""
        if self._segments[index].condition != FLAGGED_CLOSED:
            return False
        return await self._session.scalar(_FLAGGED) is None

    async def _walk(self, place: Place, *, window: int, batch: int) -> _Step:
        """Look at the next rows of one segment, until the window ends or `batch` of them are candidates."""
        segment = self._segments[place.segment]
        near = self._near(place, window=window)
        order = partial(segment.order, backwards=self._backwards)
        step = sa.func.row_number().over(order_by=order(near.c)).label("step")
        numbered = sa.select(near, step).subquery("numbered")
        # The last row of the window, hit or not, says where to go on.
        seen = (
            sa.select(numbered)
            .where(sa.or_(numbered.c.hit, numbered.c.step == window))
            .order_by(*order(numbered.c))
            .limit(batch)
            .subquery("seen")
        )
        read = (
            sa.select(*COLUMNS, *_TEXTS, seen.c.hit, seen.c.step)
            .select_from(seen)
            .join(Ticket, Ticket.id == seen.c.id)
            .join(Appeal, Appeal.id == Ticket.appeal_id)
            .outerjoin(Unit, Unit.code == Ticket.unit_code)
            .order_by(*order(seen.c))
        )
        rows = (await self._session.execute(read)).mappings().all()
        hits = [(place.segment, TicketRow.read(row)) for row in rows if row["hit"]]
        if len(rows) == batch or (rows and rows[-1]["step"] == window):
            last = rows[-1]
            here = segment.cursor(place.segment, TicketRow.read(last))
            return _Step(hits, Place(place.segment, here), looked_at=last["step"])
        # How many rows the end of a stretch had is not told: it says nothing of the next one either.
        return _Step(hits, self._after(place.segment))

    async def _look_up(self, place: Place, *, batch: int) -> _Step:
        """Ask the inverted index for all candidates, whatever their segment, and read the next `batch`."""
        hits = finding.by_index(self._search, self._dialect, self._where, self._number())
        top = (
            sa.select(hits)
            .where(hits.c.segment.is_not(None), *self._beyond(place, hits.c))
            .order_by(*self._order(hits.c))
            .limit(batch)
            .subquery("top")
        )
        counts = (
            sa.select(sa.func.count().label("whole"), sa.func.count(hits.c.segment).label("listed"))
            .select_from(hits)
            .subquery("counts")
        )
        # The counts are an answer even where no row is.
        read = (
            sa.select(*COLUMNS, *_TEXTS, top.c.segment, counts.c.whole, counts.c.listed)
            .select_from(counts)
            .outerjoin(top, sa.true())
            .outerjoin(Ticket, Ticket.id == top.c.id)
            .outerjoin(Appeal, Appeal.id == Ticket.appeal_id)
            .outerjoin(Unit, Unit.code == Ticket.unit_code)
            .order_by(*self._order(top.c))
        )
        rows = (await self._session.execute(read)).mappings().all()
        if rows[0]["whole"] > finding.MOST_HITS:
            return _Step([], place, crowded=True)
        listed = rows[0]["listed"]
        found = [(row["segment"], TicketRow.read(row)) for row in rows if row["segment"] is not None]
        if len(found) < batch:
            return _Step(found, None, listed=listed)
        segment, last = found[-1]
        return _Step(found, Place(segment, self._segments[segment].cursor(segment, last)), listed=listed)

    def _number(self) -> ColumnElement[int]:
        """The number of the segment a ticket stands in; null outside the list."""
        known: list[tuple[ColumnElement[bool], ColumnElement[int]]] = [
            (sa.and_(*segment.where()), sa.literal_column(str(index), sa.Integer))
            for index, segment in enumerate(self._segments)
            if segment.where()
        ]
        whole = len(known) < len(self._segments)
        return sa.case(*known, else_=sa.null()) if not whole else sa.literal_column("0", sa.Integer)

    def _order(self, columns: Any) -> list[ColumnElement[Any]]:  # noqa: ANN401  (a subquery's columns)
        """The order of the whole list over (segment, time, id), as the segments have it one by one."""
        if self._of(Clock.RECEIVED):
            # Such a list is one stretch.
            return self._segments[0].order(columns, backwards=self._backwards)
        number = columns.segment
        clocked, newest = self._of(Clock.RUNS), self._of(Clock.ANY)
        answering = self._of(Clock.ANSWER)
        times = [(number.in_(answering), columns.answer_by)] if answering else []
        keys = [
            number,
            sa.case((number.in_(clocked), columns.due_at), *times, else_=sa.null()),
            sa.case((number.in_(newest), -columns.id), else_=columns.id),
        ]
        return [key.desc() if self._backwards else key.asc() for key in keys]

    def _of(self, clock: Clock) -> list[int]:
        return [index for index, segment in enumerate(self._segments) if segment.clock is clock]

    def _beyond(self, place: Place, columns: Any) -> list[ColumnElement[bool]]:  # noqa: ANN401
        """What lies after the place, in its own segment and in the later ones."""
        if place.cursor is None:
            number = columns.segment
            return [number <= place.segment if self._backwards else number >= place.segment]
        segment = self._segments[place.segment]
        same = sa.and_(
            columns.segment == place.segment,
            segment.beyond(place.cursor, columns, backwards=self._backwards),
        )
        later = columns.segment < place.segment if self._backwards else columns.segment > place.segment
        return [sa.or_(later, same)]
