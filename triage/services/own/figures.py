"""Everything of 本单位数据 for a unit and a month: what may be some seconds old, and what is of this moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.filters import may_see
from models.tickets import Ticket
from models.vocab_reports import Shortfall
from triage.errors import BadInput, NoRule
from triage.rules.rates import By, compare
from triage.services import months
from triage.services.objections import month_of
from triage.services.own import area, closed, judging
from triage.services.own.judging import Asked, Judged

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from triage.rules.rate_rows import WeightRow
    from triage.rules.rates import Change, Line
    from triage.rules.rows import Tables
    from triage.services.own.area import Area, Span
    from triage.services.own.closed import Closed, Place
    from triage.services.own.judging import Short

#: Months before the one that is looked at.
BEFORE: Final = 12
#: Cases of each list.
MOST: Final = 50


@dataclass(frozen=True, slots=True)
class OwnMonth:
    """A month of the unit. `version`: None, it was not published; `line`: None, nothing is told of it."""

    month: str
    received: int
    version: int | None
    weights: WeightRow
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
class ShortList:
    """Cases of one sort: how many, and the first that the viewer may see."""

    what: Shortfall
    count: int
    cases: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class OwnFigures:
    """The month that is looked at first, then those before it.

    `whole`: whether its cases were judged; `untold`: the words of the rule that is missing, else ''.
    """

    months: tuple[OwnMonth, ...]
    short: tuple[ShortList, ...]
    area: Area
    as_of: datetime
    whole: bool
    untold: str


def asked_of(unit: str, month: str, *, now: datetime) -> Asked:
    """The question behind an address. Raises BadInput on what is no month, or is still to come."""
    month = month or month_of(now)
    first, last = months.span(month)
    if first > now:
        raise BadInput(f"{month} 还没有到")
    return Asked(unit, month, first, last, now)


async def load(
    session: AsyncSession,
    tables: Tables,
    viewer: Viewer,
    asked: Asked,
    remembered: Callable[[str, int], Awaitable[Closed]],
) -> OwnFigures:
    """Read and count. `remembered` gives a published version."""
    wanted = [asked.month]
    while len(wanted) < BEFORE + 2:
        wanted.append(months.earlier_month(wanted[-1]))
    versions = await closed.newest(session, wanted)
    known = {month: await remembered(month, version) for month, version in versions.items()}
    judged, untold = await _judged(session, tables, viewer, asked, known.get(asked.month))
    spans = {month: months.span(month) for month in wanted[:-1]}
    counts = await area.received(session, viewer, asked.unit, spans)
    return OwnFigures(
        months=tuple(
            _month(tables, asked, month, counts[month], known, judged if month == asked.month else None)
            for month in wanted[:-1]
        ),
        short=await _lists(session, viewer, judged.short),
        area=await area.told(session, viewer, asked.unit, _spans(asked)),
        as_of=asked.now,
        whole=judged.whole,
        untold=untold,
    )


async def _judged(
    session: AsyncSession, tables: Tables, viewer: Viewer, asked: Asked, published: Closed | None
) -> tuple[Judged, str]:
    """The month as it stands, or as published; nothing, and why, where no row reaches."""
    try:
        found = await judging.judged(session, tables, viewer, asked)
    except NoRule as missing:
        return Judged(None, (), whole=False), missing.detail
    if published is not None:
        own = await months.verdicts_of(session, asked.month, published.version, By.UNIT, asked.unit)
        found = judging.as_published(found, published.lines.get(asked.unit), own)
    return found, ""


def _month(
    tables: Tables,
    asked: Asked,
    month: str,
    received: int,
    known: Mapping[str, Closed],
    judged: Judged | None,
) -> OwnMonth:
    found, before = known.get(month), known.get(months.earlier_month(month))
    weights = found.weights if found else tables.rates.on(months.span(month)[0].date()).weights
    line = found.lines.get(asked.unit) if found else judged.line if judged else None
    old = before.lines.get(asked.unit) if before else None
    return OwnMonth(
        month=month,
        received=received,
        version=found.version if found else None,
        weights=weights,
        line=line,
        change=compare(line, old, (weights, before.weights)) if line and before else None,
        place=found.place(tables, asked.unit) if found else None,
    )


def _spans(asked: Asked) -> tuple[Span, Span, Span]:
    """The month up to now; as long of the month before and of the same a year ago."""
    length = min(asked.now, asked.last) - asked.first
    whole = asked.now >= asked.last

    def as_long(month: str) -> Span:
        first, last = months.span(month)
        return first, last if whole else min(first + length, last)

    before = months.earlier_month(asked.month)
    year = f"{asked.first.year - 1}-{asked.first.month:02d}"
    # Of this month everything so far: nothing was received later than now.
    return (asked.first, asked.last), as_long(before), as_long(year)


async def _lists(session: AsyncSession, viewer: Viewer, short: Sequence[Short]) -> tuple[ShortList, ...]:
    """The lists, named by the one predicate; of each the first ones."""
    sorts = {what: [one for one in short if one.what is what] for what in Shortfall}
    wanted = sorted({one.no for found in sorts.values() for one in found[: 2 * MOST]})
    rows = await session.execute(
        sa.select(Ticket.no, Ticket.title, Ticket.state).where(Ticket.no.in_(wanted), may_see(viewer))
    )
    seen = {row.no: row for row in rows}
    return tuple(
        ShortList(
            what,
            len(found),
            tuple(
                Named(one.no, seen[one.no].title, seen[one.no].state, one.why)
                for one in found[: 2 * MOST]
                if one.no in seen
            )[:MOST],
        )
        for what, found in sorts.items()
    )


def first_months(now: datetime, count: int) -> tuple[str, ...]:
    """This month and those before it, the newest first: what can be chosen."""
    found = [month_of(now)]
    while len(found) < count:
        found.append(month_of(months.span(found[-1])[0] - timedelta(days=1)))
    return tuple(found)
