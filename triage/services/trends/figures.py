"""Figures of trends (态势): read from the sums alone, never from live tickets. For pages and reports.

    scope = Scope(first, last)            # Beijing days, both included; narrowed by kinds, district, …
    await totals(session, scope)          # → Figures
    await told_by(session, scope, Axis.DISTRICT)          # → {code: Figures}
    await series(session, scope, Axis.DAY)                # → {day: Figures}, days without any included
    await crossed(session, scope, Axis.KIND, Axis.DISTRICT)  # → {(kind, district): demands}
    await hours(session, scope)           # → {(weekday 1–7, hour 0–23): demands}, of whole months
    await places(session, scope)          # → communities and grids with most demands
    await parties(session, scope)         # → companies and sites that most demands name
    await models(session, scope)          # → {tenth of confidence: (demands, reviewed, corrected)}
    await as_of(session)                  # → up to when everything is counted, and the version

Counts are of demands (诉求) and, apart, of cases (工单). '' is what is not known; the kind '' is what is not
environmental. `shown` hides small numbers from those outside the office. A scope over whole months is read
from the sums by month, else from those by day: the figures are the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.parties import Party, PartyMention, PartyName
from models.rollups import MEASURES, RollupChannel, RollupCursor, RollupModel, RollupTicket
from models.vocab_trends import SUMMED, Axis, Ending
from triage.clock import BEIJING
from triage.rules import suppression
from triage.services.trends import sources
from triage.services.trends.areas import areas

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.trends.sources import Scope

_DAY: Final = timedelta(days=1)
#: How many, and nothing of what became of them.
DEMANDS: Final = ("demands",)
#: Fewer demands than this are not shown outside the office (k-anonymity).
SMALLEST_SHOWN: Final = 5
_DISTRICT_DIGITS: Final = 6
_STREET_DIGITS: Final = 9
#: Parties are counted from facts, not from a sum: over so many days at most.
PARTY_DAYS: Final = 62


@dataclass(frozen=True, slots=True)
class Figures:
    """The counts of one cell or of many together. Fields as `models.rollups.MEASURES`."""

    demands: int = 0
    cases: int = 0
    in_review: int = 0
    open: int = 0
    solved: int = 0
    unsolved: int = 0
    ended: int = 0
    diverted: int = 0
    handed_over: int = 0
    merged: int = 0
    reached: int = 0
    satisfied: int = 0
    reviewed: int = 0
    corrected: int = 0
    mood_read: int = 0
    negative: int = 0
    positive: int = 0
    angry: int = 0
    withdrawn: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def endings(self) -> dict[Ending, int]:
        """Demands by what has come of them."""
        found: dict[Ending, int] = {ending: getattr(self, ending.value) for ending in SUMMED}
        found[Ending.ANSWERED] = self.demands - sum(found.values())
        return {ending: found[ending] for ending in Ending}

    @property
    def solved_share(self) -> float | None:
        """Of those whose citizen answered in 回访: solved. The published 解决率 has rules of its own."""
        said = self.solved + self.unsolved
        return self.solved / said if said else None

    @property
    def satisfied_share(self) -> float | None:
        """Of those reached in 回访: 满意 or 基本满意."""
        return self.satisfied / self.reached if self.reached else None

    @property
    def angry_share(self) -> float | None:
        """Of those whose tone was read: 激烈."""
        return self.angry / self.mood_read if self.mood_read else None

    @property
    def negative_share(self) -> float | None:
        """Of those whose tone was read: 负面, the angry ones among them."""
        return self.negative / self.mood_read if self.mood_read else None


NONE: Final = Figures()


@dataclass(frozen=True, slots=True)
class PlaceFigures:
    """A community or a grid; `street` and `district` are those most of it was told of."""

    code: str
    district: str
    street: str
    demands: int
    cases: int
    unsolved: int


@dataclass(frozen=True, slots=True)
class PartyFigures:
    """A company or site (被反映对象): how many demands name it, which says nothing of what it did."""

    id: int
    name: str
    district: str
    demands: int
    cases: int
    unsolved: int


@dataclass(frozen=True, slots=True)
class AsOf:
    """Up to when everything that happened is counted, and the version of the sums; None: never counted."""

    at: datetime | None
    version: int


async def as_of(session: AsyncSession) -> AsOf:
    """How fresh the sums are."""
    row = (await session.execute(sa.select(RollupCursor.at, RollupCursor.version))).one_or_none()
    return AsOf(row.at, row.version) if row else AsOf(None, 0)


async def reach_to(session: AsyncSession, day: date) -> bool:
    """Whether the sums begin on that day or before: what they hold in part is no season to compare with."""
    first = await session.scalar(sa.select(sa.func.min(RollupChannel.day)))
    return first is not None and first <= day


async def totals(session: AsyncSession, scope: Scope) -> Figures:
    """Everything in the scope together."""
    table = sources.table_of(scope, ())
    row = (await session.execute(sa.select(*_sums(table)).where(*sources.where(table, scope)))).one()
    return Figures(*row)


async def told_by(
    session: AsyncSession, scope: Scope, axis: Axis, *, just: Sequence[str] = MEASURES
) -> dict[str, Figures]:
    """By kind, district, street or channel; largest first.

    `just`: the counts that are wanted, demands among them; the others stay 0. One is read in half the time.
    """
    table = sources.table_of(scope, (axis,))
    column = getattr(table, axis.value)
    rows = await session.execute(
        sa.select(column, *_sums(table, just)).where(*sources.where(table, scope)).group_by(column)
    )
    found = {row[0]: Figures(**dict(zip(just, row[1:], strict=True))) for row in rows}
    return dict(sorted(found.items(), key=lambda item: (-item[1].demands, item[0])))


async def series(
    session: AsyncSession, scope: Scope, step: Axis = Axis.DAY, *, just: Sequence[str] = MEASURES
) -> dict[date, Figures]:
    """By day or month (its first day), in order, empty ones included. `just` as in `told_by`."""
    by_month = step is Axis.MONTH and scope.whole_months
    table = sources.table_of(scope, (Axis.MONTH if by_month else Axis.DAY,))
    column: Any = table.month if by_month else table.day
    rows = await session.execute(
        sa.select(column, *_sums(table, just)).where(*sources.where(table, scope)).group_by(column)
    )
    found: dict[date, Figures] = {}
    for row in rows:
        start = row[0].replace(day=1) if step is Axis.MONTH else row[0]
        found[start] = found.get(start, NONE) + Figures(**dict(zip(just, row[1:], strict=True)))
    return {start: found.get(start, NONE) for start in _starts(scope, step)}


async def crossed(session: AsyncSession, scope: Scope, one: Axis, other: Axis) -> dict[tuple[Any, Any], int]:
    """Demands by two axes at once. By month only over whole months (else ValueError)."""
    table = sources.table_of(scope, (one, other))
    if Axis.MONTH in {one, other} and table not in sources.BY_MONTH:
        raise ValueError("by month only over whole months")
    columns = [getattr(table, axis.value) for axis in (one, other)]
    rows = await session.execute(
        sa.select(*columns, sa.func.sum(table.demands)).where(*sources.where(table, scope)).group_by(*columns)
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def hours(session: AsyncSession, scope: Scope) -> dict[tuple[int, int], int]:
    """Demands by weekday (1 Monday) and hour, over the whole months that the scope touches.

    Of a street from its facts, by everything; else by district and kind alone: a channel does not narrow it.
    """
    if scope.street is not None:
        return await _hours_of_street(session, scope)
    h = sources.hours_of(scope)
    where = [h.month >= scope.first.replace(day=1), h.month <= scope.last, *sources.area(h, scope)]
    rows = await session.execute(
        sa.select(h.weekday, h.hour, sa.func.sum(h.demands)).where(*where).group_by(h.weekday, h.hour)
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def _hours_of_street(session: AsyncSession, scope: Scope) -> dict[tuple[int, int], int]:
    """From what each ticket adds: a street has some hundred a month, found by the index of streets."""
    t = RollupTicket
    months = whole_months_of(scope)
    where = [t.street == scope.street, t.day >= months.first, t.day <= months.last, *sources.area(t, scope)]
    if scope.channel is not None:
        where.append(t.channel == scope.channel)
    rows = await session.execute(
        sa.select(t.day, t.hour, sa.func.count()).where(*where).group_by(t.day, t.hour)
    )
    found: Counter[tuple[int, int]] = Counter()
    for day, hour, demands in rows:
        found[day.isoweekday(), hour] += demands
    return dict(found)


def whole_months_of(scope: Scope) -> Scope:
    """The months that the scope touches, whole."""
    last = (scope.last.replace(day=1) + timedelta(days=32)).replace(day=1) - _DAY
    return replace(scope, first=scope.first.replace(day=1), last=last)


async def parties(session: AsyncSession, scope: Scope, *, limit: int = 20) -> list[PartyFigures]:
    """被反映对象 that most demands name, of the last `PARTY_DAYS` days of the scope."""
    t, first = RollupTicket, max(scope.first, scope.last - timedelta(days=PARTY_DAYS - 1))
    where = [t.day >= first, t.day <= scope.last, *sources.area(t, scope)]
    if scope.street is not None:
        where.append(t.street == scope.street)
    if scope.channel is not None:
        where.append(t.channel == scope.channel)
    # By the moment as well, a day wider: that has an index, and the day is what counts.
    since = datetime.combine(first, time(), BEIJING) - _DAY
    demands = sa.func.count()
    rows = await session.execute(
        sa.select(
            Party.id, Party.name, sa.func.max(t.district), demands,
            sa.func.sum(sa.case((t.ending == Ending.MERGED.value, 0), else_=1)),
            sa.func.sum(sa.case((t.ending == Ending.UNSOLVED.value, 1), else_=0)),
        )
        .select_from(PartyMention)
        .join(t, t.ticket_id == PartyMention.ticket_id)
        .join(PartyName, PartyName.id == PartyMention.name_id)
        .join(Party, Party.id == PartyName.party_id)
        .where(
            PartyMention.name_id.is_not(None), PartyMention.received_at >= since,
            PartyMention.received_at < since + timedelta(days=(scope.last - first).days + 3), *where,
        )
        .group_by(Party.id, Party.name).having(demands > 1)
        .order_by(demands.desc(), Party.id).limit(limit)
    )  # fmt: skip
    return [PartyFigures(*row) for row in rows]


async def places(
    session: AsyncSession, scope: Scope, *, by: str = "community", limit: int = 20
) -> list[PlaceFigures]:
    """The communities (`by="grid"`: 1 km grids) with most demands. A channel does not narrow them."""
    p = sources.places_of(scope, by)
    column = p.grid if by == "grid" else p.community
    where = [column != "", *sources.where(p, replace(scope, channel=None))]
    demands = sa.func.sum(p.demands)
    rows = await session.execute(
        sa.select(column, demands, sa.func.sum(p.cases), sa.func.sum(p.unsolved))
        .where(*where)
        .group_by(column)
        .order_by(demands.desc(), column)
        .limit(limit)
    )
    most = rows.all()
    if by == "grid":
        lies = await areas(session, column, [row[0] for row in most], sources.period(p, scope))
    else:
        # A community's code begins with its district's and its street's.
        lies = {row[0]: (row[0][:_DISTRICT_DIGITS], row[0][:_STREET_DIGITS]) for row in most}
    return [PlaceFigures(place, *lies[place], *counts) for place, *counts in most]


async def models(session: AsyncSession, scope: Scope) -> dict[int, tuple[int, int, int]]:
    """By tenth of confidence (0 to 9): demands, reviewed and corrected ones. Days alone narrow it."""
    m = RollupModel
    rows = await session.execute(
        sa.select(m.band, sa.func.sum(m.demands), sa.func.sum(m.reviewed), sa.func.sum(m.corrected))
        .where(m.day >= scope.first, m.day <= scope.last)
        .group_by(m.band)
        .order_by(m.band)
    )
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def shown(demands: int, *, office: bool) -> int | None:
    """A count as the viewer may see it: outside the office none from 1 to 4 is told."""
    return None if not office and 0 < demands < SMALLEST_SHOWN else demands


def told_share(part: int, whole: int, *, office: bool) -> float | None:
    """A share as the viewer may see it: outside the office none from which 1 to 4 would follow."""
    if not whole or (not office and any(0 < n < SMALLEST_SHOWN for n in (part, whole - part, whole))):
        return None
    return part / whole


def line(counts: Sequence[int], *, office: bool, also: Collection[int] = ()) -> list[int | None]:
    """Counts whose sum is told as well: outside the office none that follows from the others and the sum.

    `also`: places that are hidden there in any case, unless 0.
    """
    return list(counts) if office else suppression.line(counts, SMALLEST_SHOWN, also)


def _sums(table: Any, just: Sequence[str] = MEASURES) -> list[Any]:  # noqa: ANN401
    return [sa.func.coalesce(sa.func.sum(getattr(table, name)), 0) for name in just]


def _starts(scope: Scope, step: Axis) -> Iterator[date]:
    day = scope.first.replace(day=1) if step is Axis.MONTH else scope.first
    while day <= scope.last:
        yield day
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1) if step is Axis.MONTH else day + _DAY
