"""本单位数据 of a unit and a month: what may be a minute old. What is open now: `people`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.filters import may_see
from models.tickets import Ticket
from models.vocab_reports import Shortfall
from triage.clock import local
from triage.errors import BadInput, NoRule
from triage.rules.publishing import tells_place
from triage.rules.rates import By, compare
from triage.services import months
from triage.services.objections import month_of
from triage.services.own import area, judging
from triage.services.own.judging import Asked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from triage.rules.rate_rows import WeightRow
    from triage.rules.rates import Change, Line
    from triage.rules.rows import Tables
    from triage.rules.verdicts import Verdict
    from triage.services.own.area import Area, Received, Span
    from triage.services.own.closed import Closed, Place
    from triage.services.own.judging import Judged, Short

#: Months before the one that is looked at.
BEFORE: Final = 12
#: The year before is shown too.
_EARLIEST: Final = 2002
#: Cases of each list.
MOST: Final = 50


@dataclass(frozen=True, slots=True)
class OwnMonth:
    """A month of the unit. `version`: None, it was not published; `line`: None, nothing is told of it."""

    month: str
    received: Received
    version: int | None
    weights: WeightRow | None
    line: Line | None
    change: Change | None
    place: Place | None


@dataclass(frozen=True, slots=True)
class Named:
    """A case of a list, as the viewer may see it."""

    no: str
    title: str
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class Shorts:
    """Cases of one sort: how many, and the first of them, by number: who may see them is asked when named.

    `count`: None, nobody looked for them.
    """

    what: Shortfall
    count: int | None
    first: tuple[Short, ...]


@dataclass(frozen=True, slots=True)
class ShortList:
    """Cases of one sort: how many (None: nobody looked), and the first that the viewer may see."""

    what: Shortfall
    count: int | None
    cases: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class OwnFigures:
    """The month that is looked at first, then those before it.

    `whole`: whether its cases were judged; `untold`: the words of the rule that is missing, else ''.
    """

    months: tuple[OwnMonth, ...]
    short: tuple[Shorts, ...]
    area: Area
    as_of: datetime
    whole: bool
    untold: str


def asked_of(unit: str, month: str, *, now: datetime) -> Asked:
    """The question behind an address. Raises BadInput on what is no month, or is still to come."""
    first, last = months.span(month or month_of(now))
    # As months are published: 2026-1 is 2026-01.
    month = f"{first:%Y-%m}"
    if first > now:
        raise BadInput(f"{month} 还没有到")
    if first.year < _EARLIEST:
        raise BadInput(f"{month} 太早：最早看 {_EARLIEST} 年的")
    return Asked(unit, month, first, last, now)


def months_of(asked: Asked) -> tuple[str, ...]:
    """The month that is looked at, and those before it."""
    found = [asked.month]
    while len(found) <= BEFORE:
        found.append(months.earlier_month(found[-1]))
    return tuple(found)


async def received(session: AsyncSession, viewer: Viewer, asked: Asked) -> dict[str, Received]:
    """受理量 of these months."""
    spans_of = {month: months.span(month) for month in months_of(asked)}
    return await area.received(session, viewer, asked.unit, spans_of)


async def versions(session: AsyncSession, asked: Asked) -> dict[str, int]:
    """The published versions that `load` is told: of these months, and of the one before them."""
    wanted = months_of(asked)
    return await months.newest(session, [*wanted, months.earlier_month(wanted[-1])])


async def load(
    session: AsyncSession, tables: Tables, viewer: Viewer, asked: Asked, known: Mapping[str, Closed]
) -> OwnFigures:
    """Read and count. `known`: what was published, read before: the session has the one connection."""
    now, untold = await _judged(session, tables, viewer, asked, known.get(asked.month))
    counts = await received(session, viewer, asked)
    # As of today for all of them: what is told is decided now, whatever month is looked at.
    told = _Known(tables, asked.unit, known, tells_place(tables.publishing, local(asked.now).date()))
    return OwnFigures(
        months=tuple(
            _month(told, month, counts[month], now if month == asked.month else None)
            for month in months_of(asked)
        ),
        short=_sorted(now),
        area=await area.told(session, viewer, asked.unit, spans(asked)),
        as_of=asked.now,
        whole=now.whole,
        untold=untold,
    )


async def _judged(
    session: AsyncSession, tables: Tables, viewer: Viewer, asked: Asked, published: Closed | None
) -> tuple[Judged, str]:
    """The month as it stands, or as published; why its cases are not judged, where no row reaches."""
    own: Sequence[Verdict] = ()
    if published is not None:
        own = await months.verdicts_of(session, asked.month, published.version, By.UNIT, asked.unit)
    try:
        found, untold = await judging.judged(session, tables, viewer, asked), ""
    except NoRule as missing:
        found, untold = await judging.unjudged(session, viewer, asked), missing.detail
    if published is not None:
        found = judging.as_published(found, published.lines.get(asked.unit), own)
    return found, untold


@dataclass(frozen=True, slots=True)
class _Known:
    """The months that were published, and whose lines are read; `places`: whether it is told its places."""

    tables: Tables
    unit: str
    months: Mapping[str, Closed]
    places: bool

    def line(self, month: str) -> Line | None:
        """The unit's line of a published month."""
        found = self.months.get(month)
        return found.lines.get(self.unit) if found else None


def _month(known: _Known, month: str, received: Received, judged: Judged | None) -> OwnMonth:
    """A month; `judged` is it as it stands, where that is looked at."""
    found, earlier = known.months.get(month), known.months.get(months.earlier_month(month))
    line = known.line(month) if found or judged is None else judged.line
    weights = None
    if line is not None:
        weights = found.weights if found else known.tables.rates.on(months.span(month)[0].date()).weights
    both = (weights, earlier.weights) if weights and earlier else None
    return OwnMonth(
        month=month,
        received=received,
        version=found.version if found else None,
        weights=weights,
        line=line,
        change=compare(line, known.line(earlier.month), both) if line and earlier and both else None,
        place=found.place(known.unit) if found and known.places else None,
    )


def spans(asked: Asked) -> tuple[Span, Span, Span]:
    """Of what kinds and places are counted: the month; as long of the one before, and a year ago."""
    length = min(asked.now, asked.last) - asked.first
    whole = asked.now >= asked.last

    def as_long(month: str) -> Span:
        first, last = months.span(month)
        return first, last if whole else min(first + length, last)

    before = months.earlier_month(asked.month)
    year = f"{asked.first.year - 1}-{asked.first.month:02d}"
    # Of this month everything so far: nothing was received later than now.
    return (asked.first, asked.last), as_long(before), as_long(year)


def _sorted(found: Judged) -> tuple[Shorts, ...]:
    sorts = {what: [one for one in found.short if one.what is what] for what in Shortfall}
    return tuple(
        Shorts(what, None if what in found.uncounted else len(cases), tuple(cases[: 2 * MOST]))
        for what, cases in sorts.items()
    )


async def named(session: AsyncSession, viewer: Viewer, short: Sequence[Shorts]) -> tuple[ShortList, ...]:
    """The lists as the viewer may see them now, whenever they were counted: one question."""
    wanted = sorted({one.no for found in short for one in found.first})
    rows = await session.execute(
        sa.select(Ticket.no, Ticket.title, Ticket.state).where(Ticket.no.in_(wanted), may_see(viewer))
    )
    seen = {row.no: row for row in rows}
    return tuple(
        ShortList(
            found.what,
            found.count,
            tuple(
                Named(one.no, seen[one.no].title, seen[one.no].state, one.why)
                for one in found.first
                if one.no in seen
            )[:MOST],
        )
        for found in short
    )


def first_months(now: datetime, count: int) -> tuple[str, ...]:
    """This month and those before it, the newest first: what can be chosen."""
    found = [month_of(now)]
    while len(found) < count:
        found.append(month_of(months.span(found[-1])[0] - timedelta(days=1)))
    return tuple(found)
