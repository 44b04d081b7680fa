"""三率: response, resolution, satisfaction and the composite of a month, exact, with every ticket kept.

Numbers are whole points: a ticket gives 0 to 100 to each rate that counts it, so that a rate is points over
tickets and no fraction is rounded before it is shown.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from triage.rules.rate_rows import Cause, Measure, Order, Rate
from triage.rules.verdicts import Verdict, judge, month_span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from triage.rules.acts import History
    from triage.rules.rate_rows import GroupRow, RateRules, WeightRow
    from triage.rules.rows import Tables

_FULL: Final = 100
#: The key of what is not known.
UNKNOWN: Final = "未明"


class By(StrEnum):
    """What the figures are told by."""

    ALL = "all"
    DISTRICT = "district"
    STREET = "street"
    UNIT = "unit"
    KIND = "kind"

    @property
    def label(self) -> str:
        """The words staff see."""
        return {
            "all": "全部",
            "district": "区",
            "street": "街道乡镇（属地）",
            "unit": "承办单位",
            "kind": "诉求类别",
        }[self.value]


@dataclass(frozen=True, slots=True)
class Tally:
    """One rate of one line: points (100 for a full yes) over tickets, and how many were left out."""

    points: int
    tickets: int
    out: int

    @property
    def share(self) -> Fraction | None:
        """The rate, 0 to 1, exact; None without a ticket."""
        return Fraction(self.points, self.tickets * _FULL) if self.tickets else None


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of one unit, street, district or kind; `assessed` tickets count in at least one rate.

    Of those left out (`out`) `answered` were answered at once (当场答复), `withdrawn` by who called (撤诉),
    and for `patrol` nobody asked (巡查发现, 未诉先办).
    """

    by: By
    key: str
    assessed: int
    out: int
    tallies: tuple[tuple[Rate, Tally], ...]
    answered: int = 0
    withdrawn: int = 0
    patrol: int = 0

    def of(self, rate: Rate) -> Tally:
        """The tally of a rate."""
        return dict(self.tallies)[rate]

    def composite(self, weights: Mapping[Rate, int]) -> Fraction | None:
        """综合分, 0 to 100, exact; None when any rate has no ticket."""
        total = Fraction(0)
        for rate, tally in self.tallies:
            share = tally.share
            if share is None:
                return None
            total += weights[rate] * share
        return total


@dataclass(frozen=True, slots=True)
class Month:
    """A month's figures and the verdicts they are made of."""

    month: str
    as_of: datetime
    weights: WeightRow
    row_ids: tuple[str, ...]
    table_version: str
    lines: tuple[Line, ...]
    verdicts: tuple[Verdict, ...]

    def line(self, by: By, key: str) -> Line | None:
        """One line; None when nothing was counted there."""
        return next((line for line in self.lines if line.by is by and line.key == key), None)


def count(tables: Tables, histories: Iterable[History], *, month: str, as_of: datetime) -> Month:
    """The figures of a month from its tickets' events. Raises NoRule when no row covers its first day."""
    rules = tables.rates.on(month_span(month)[0].date())
    found = (v for history in histories for v in judge(tables, rules, history, month=month, as_of=as_of))
    return summed(tables, found, month=month, as_of=as_of)


def summed(tables: Tables, verdicts: Iterable[Verdict], *, month: str, as_of: datetime) -> Month:
    """The figures of a month from the verdicts on its tickets, in any order. Raises NoRule as `count`."""
    rules = tables.rates.on(month_span(month)[0].date())
    found = sorted(verdicts, key=lambda v: (v.no, v.unit or ""))
    return Month(month, as_of, rules.weights, rules.row_ids, tables.version, lines_of(found), tuple(found))


def keys_of(verdict: Verdict) -> tuple[tuple[By, str], ...]:
    """The lines a verdict is part of; what is not known is told as 未明.

    That a unit was the wrong one is told on its own line alone: the ticket counts once elsewhere.
    """
    unit = (By.UNIT, verdict.unit or UNKNOWN)
    if any(out.cause is Cause.WRONG_UNIT for out in verdict.outs):
        return (unit,)
    return (
        (By.ALL, ""),
        (By.DISTRICT, verdict.district or UNKNOWN),
        (By.STREET, verdict.street or UNKNOWN),
        unit,
        (By.KIND, verdict.kind or UNKNOWN),
    )


def lines_of(verdicts: Iterable[Verdict]) -> tuple[Line, ...]:
    """Sum the verdicts up, by everything."""
    sums: dict[tuple[By, str], dict[Rate, list[int]]] = defaultdict(
        lambda: {rate: [0, 0, 0] for rate in Rate}
    )
    tickets: dict[tuple[By, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for verdict in verdicts:
        missed = {out.rate for out in verdict.outs}
        causes = {out.cause for out in verdict.outs} if not verdict.points else set()
        for key in keys_of(verdict):
            tickets[key][0 if verdict.points else 1] += 1
            tickets[key][2] += Cause.ANSWERED in causes
            tickets[key][3] += Cause.WITHDRAWN in causes
            tickets[key][4] += Cause.PATROL in causes
            found = sums[key]
            for rate, points in verdict.points:
                found[rate][0] += points
                found[rate][1] += 1
            for rate in missed:
                found[rate][2] += 1
    order = list(By)
    return tuple(
        Line(
            by,
            key,
            tickets[by, key][0],
            tickets[by, key][1],
            tuple((rate, Tally(*sums[by, key][rate])) for rate in Rate),
            *tickets[by, key][2:],
        )
        for by, key in sorted(sums, key=lambda found: (order.index(found[0]), found[1]))
    )


@dataclass(frozen=True, slots=True)
class Drilled:
    """The tickets behind a percentage: those that gave all, some or no points, and those left out."""

    full: tuple[str, ...]
    part: tuple[str, ...]
    none: tuple[str, ...]
    out: tuple[tuple[str, str], ...]


def drill(verdicts: Iterable[Verdict], by: By, key: str, rate: Rate) -> Drilled:
    """From a percentage to its ticket numbers; `out` with the reason."""
    full: list[str] = []
    part: list[str] = []
    none: list[str] = []
    out: list[tuple[str, str]] = []
    for verdict in verdicts:
        if (by, key) not in keys_of(verdict):
            continue
        points = verdict.of(rate)
        if points is not None:
            (full if points == _FULL else part if points else none).append(verdict.no)
        out += [(verdict.no, o.reason) for o in verdict.outs if o.rate is rate]
    return Drilled(tuple(full), tuple(part), tuple(none), tuple(out))


@dataclass(frozen=True, slots=True)
class Change:
    """环比: this month less the one before, in points of 100; None where either has no figure."""

    tickets: int
    rates: tuple[tuple[Rate, Fraction | None], ...]
    composite: Fraction | None


def compare(now: Line, before: Line | None, weights: tuple[WeightRow, WeightRow]) -> Change | None:
    """The change of a line; each month's composite by its own weights. None without a month before."""
    if before is None:
        return None
    rates = tuple(
        (rate, _less(_percent(tally.share), _percent(before.of(rate).share))) for rate, tally in now.tallies
    )
    scores = now.composite(weights[0].weights), before.composite(weights[1].weights)
    return Change(now.assessed - before.assessed, rates, _less(*scores))


def _percent(share: Fraction | None) -> Fraction | None:
    return None if share is None else share * _FULL


def _less(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    return None if one is None or other is None else one - other


@dataclass(frozen=True, slots=True)
class Ranked:
    """One street in the ranking; no rank without a composite. `group` is the row that picked it."""

    unit: str
    rank: int | None
    line: Line | None
    composite: Fraction | None
    change: Fraction | None
    group: str | None


def rank(rules: RateRules, units: Sequence[str], now: Month, before: Month | None) -> tuple[Ranked, ...]:
    """All of `units` (the 343 streets), best first; equals share a rank, those without figures come last."""
    found = {line.key: line for line in now.lines if line.by is By.UNIT}
    earlier = {line.key: line for line in before.lines if line.by is By.UNIT} if before else {}
    rows = []
    for unit in units:
        line = found.get(unit)
        score = line.composite(now.weights.weights) if line else None
        old = earlier.get(unit)
        past = old.composite(before.weights.weights) if old and before else None
        rows.append(Ranked(unit, None, line, score, _less(score, past), None))
    rows.sort(key=lambda row: (row.composite is None, -(row.composite or 0), row.unit))
    groups = _grouped(rules.groups, rows)
    placed: list[Ranked] = []
    for number, row in enumerate(rows, start=1):
        same = placed and placed[-1].composite == row.composite
        place = None if row.composite is None else placed[-1].rank if same else number
        placed.append(Ranked(row.unit, place, row.line, row.composite, row.change, groups.get(row.unit)))
    return tuple(placed)


def _grouped(groups: Iterable[GroupRow], rows: Sequence[Ranked]) -> dict[str, str]:
    """Each group takes its streets from those not yet taken; equals at the edge are all taken."""
    taken: dict[str, str] = {}
    for group in groups:
        sign = 1 if group.order is Order.TOP else -1
        worth = {
            row.unit: sign * value
            for row in rows
            if row.unit not in taken and (value := _worth(group.measure, row)) is not None
        }
        if group.measure is Measure.CHANGE:
            worth = {unit: value for unit, value in worth.items() if value > 0}
        best = sorted(worth.values(), reverse=True)[: group.count]
        taken |= {unit: group.id for unit, value in worth.items() if best and value >= best[-1]}
    return taken


def _worth(measure: Measure, row: Ranked) -> Fraction | None:
    match measure:
        case Measure.COMPOSITE:
            return row.composite
        case Measure.CHANGE:
            return row.change
        case Measure.TICKETS:
            return Fraction(row.line.assessed) if row.line is not None else None


def shown(value: Fraction | None, places: int = 2) -> str:
    """A number in hundredths, half away from zero (四舍五入); `—` when there is none."""
    if value is None:
        return "—"
    scale = 10**places
    whole = (abs(value) * scale * 2 + 1) // 2
    sign = "-" if value < 0 and whole else ""
    return f"{sign}{whole // scale}.{whole % scale:0{places}d}"


def percent(share: Fraction | None) -> str:
    """`97.25%`."""
    return "—" if share is None else f"{shown(share * _FULL)}%"
