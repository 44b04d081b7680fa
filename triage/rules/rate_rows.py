"""Rows of `rates.yaml`: weights, scores, the month a ticket counts in, what is left out, the four groups."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from triage.errors import NoRule
from triage.rules.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date


class Rate(StrEnum):
    """三率."""

    RESPONSE = "response"
    RESOLUTION = "resolution"
    SATISFACTION = "satisfaction"

    @property
    def label(self) -> str:
        """The words staff see."""
        return {"response": "响应率", "resolution": "解决率", "satisfaction": "满意率"}[self.value]


class Cause(StrEnum):
    """Why a ticket is left out of a rate."""

    DIVERTED = "diverted"
    ANSWERED = "answered"
    PATROL = "patrol"
    MERGED = "merged"
    EXCLUDED = "excluded"
    WITHDRAWN = "withdrawn"
    WRONG_UNIT = "wrong_unit"
    LEDGER = "ledger"
    UNREACHABLE = "unreachable"
    UNSAID = "unsaid"
    OPEN = "open"


#: Causes that came later, and by whose row they go on days, and in a site's own tables, of before.
LATER: Final = {
    Cause.ANSWERED: Cause.DIVERTED, Cause.WITHDRAWN: Cause.EXCLUDED, Cause.PATROL: Cause.DIVERTED,
}  # fmt: skip


class Period(StrEnum):
    """What decides the month a ticket counts in."""

    FOLLOW_UP = "follow_up"
    DISPATCH = "dispatch"


class Counts(StrEnum):
    """Which place of a ticket its lines by district and street go by."""

    DISPATCHED = "dispatched"
    CORRECTED = "corrected"


class Measure(StrEnum):
    """What a group of streets is picked by."""

    COMPOSITE = "composite"
    CHANGE = "change"
    TICKETS = "tickets"


class Order(StrEnum):
    """From which end."""

    TOP = "top"
    BOTTOM = "bottom"


#: Satisfaction as it is said, best first: 5 … 1.
SATISFACTION: Final = ("satisfied", "mostly", "fair", "dissatisfied", "very_dissatisfied")


@dataclass(frozen=True, slots=True)
class WeightRow(Row):
    """Weights of the composite in percent; together 100."""

    title: str
    weights: Mapping[Rate, int]


@dataclass(frozen=True, slots=True)
class ScoreRow(Row):
    """What each step of satisfaction, 5 (best) to 1, is worth: 0 to 100."""

    title: str
    scores: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class PeriodRow(Row):
    """The month a ticket counts in."""

    title: str
    by: Period


@dataclass(frozen=True, slots=True)
class ResponseRow(Row):
    """What counts as a response: contact in time; `denied`: not if the citizen says nobody called."""

    title: str
    denied: bool


@dataclass(frozen=True, slots=True)
class PlaceRow(Row):
    """The place that a ticket counts for: as it was sent to the unit, or as it was put right since."""

    title: str
    by: Counts


@dataclass(frozen=True, slots=True)
class ExclusionRow(Row):
    """A cause and the rates it leaves a ticket out of."""

    title: str
    cause: Cause
    rates: frozenset[Rate]


@dataclass(frozen=True, slots=True)
class GroupRow(Row):
    """One group of streets: the first `count` by a measure, from one end."""

    title: str
    measure: Measure
    order: Order
    count: int


RowT = TypeVar("RowT", bound=Row)


@dataclass(frozen=True, slots=True)
class RateTable:
    """All rows of `rates.yaml`."""

    weights: tuple[WeightRow, ...] = ()
    scores: tuple[ScoreRow, ...] = ()
    periods: tuple[PeriodRow, ...] = ()
    responses: tuple[ResponseRow, ...] = ()
    exclusions: tuple[ExclusionRow, ...] = ()
    groups: tuple[GroupRow, ...] = ()
    places: tuple[PlaceRow, ...] = ()

    def on(self, day: date) -> RateRules:
        """The rows in force on a day. Raises NoRule when one is missing."""
        return RateRules(
            weights=_only(self.weights, "权重", day),
            scores=_only(self.scores, "满意度折算分", day),
            period=_only(self.periods, "归月", day),
            response=_only(self.responses, "响应", day),
            exclusions={cause: self._exclusion(cause, day) for cause in Cause},
            groups=tuple(row for row in self.groups if row.holds(day)),
            place=next((row for row in self.places if row.holds(day)), None),
        )

    def _exclusion(self, cause: Cause, day: date) -> ExclusionRow:
        known = tuple(row for row in self.exclusions if row.cause is cause and row.holds(day))
        if not known and cause in LATER:
            return self._exclusion(LATER[cause], day)
        return _only(known, f"剔除 {cause.value}", day)


@dataclass(frozen=True, slots=True)
class RateRules:
    """What a month is counted by."""

    weights: WeightRow
    scores: ScoreRow
    period: PeriodRow
    response: ResponseRow
    exclusions: Mapping[Cause, ExclusionRow]
    groups: tuple[GroupRow, ...]
    #: None in a site's own table of before there was such a row: as dispatched.
    place: PlaceRow | None = None

    @property
    def counts(self) -> Counts:
        """Which place counts."""
        return self.place.by if self.place else Counts.DISPATCHED

    @property
    def row_ids(self) -> tuple[str, ...]:
        """Every row, for the record."""
        rows: tuple[Row, ...] = (
            self.weights, self.scores, self.period, self.response, *self.exclusions.values(), *self.groups,
            *((self.place,) if self.place else ()),
        )  # fmt: skip
        # A cause that came later goes by another's row on days of before: that is named once.
        return tuple(dict.fromkeys(row.id for row in rows))


def _only(rows: Iterable[RowT], what: str, day: date) -> RowT:
    for row in rows:
        if row.holds(day):
            return row
    raise NoRule(f"三率表没有覆盖这一天：{what}，日期 {day.isoformat()}")
