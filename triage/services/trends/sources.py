"""Which of the sums answers a question: the smallest that can.

A page asks thirty times: of a city it must not read every street, kind and channel of each day or month for
each of them. Known to `figures` alone, which every reader of trends calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from models.rollups import (
    RollupChannel,
    RollupDay,
    RollupDistrict,
    RollupHour,
    RollupKind,
    RollupMonth,
    RollupMonthCommunity,
    RollupMonthDistrict,
    RollupMonthHour,
    RollupMonthKind,
    RollupMonthPlace,
    RollupMonthStreet,
    RollupPlace,
    RollupStreet,
)
from models.vocab_trends import Axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

_DAY: Final = timedelta(days=1)
#: Sums whose rows are months; the others have days.
BY_MONTH: Final = (
    RollupMonth,
    RollupMonthDistrict,
    RollupMonthKind,
    RollupMonthStreet,
    RollupMonthCommunity,
    RollupMonthPlace,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What figures are about: Beijing days, both included, and what narrows them; None: everything."""

    first: date
    last: date
    kinds: tuple[str, ...] | None = None
    district: str | None = None
    street: str | None = None
    channel: str | None = None

    @property
    def whole_months(self) -> bool:
        """Whether the days are whole months."""
        return self.first.day == 1 and (self.last + _DAY).day == 1

    @property
    def days(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1


def table_of(scope: Scope, axes: Sequence[Axis]) -> Any:  # noqa: ANN401  (one of nine row classes)
    """The sum that answers, told apart by these axes."""
    asked = {
        Axis.DISTRICT: scope.district,
        Axis.STREET: scope.street,
        Axis.KIND: scope.kinds,
        Axis.CHANNEL: scope.channel,
    }
    wanted = {axis for axis, value in asked.items() if axis in axes or value is not None}
    if scope.whole_months and Axis.DAY not in axes:
        return _of_months(wanted)
    return _of_days(wanted)


def _of_months(wanted: set[Axis]) -> Any:  # noqa: ANN401
    kind = Axis.KIND in wanted
    if Axis.STREET in wanted:
        return RollupMonth if kind else RollupMonthStreet
    if Axis.CHANNEL in wanted:
        return RollupMonthKind if kind else RollupMonthStreet
    return RollupMonthDistrict


def _of_days(wanted: set[Axis]) -> Any:  # noqa: ANN401
    if Axis.STREET in wanted:
        return RollupDay if wanted & {Axis.KIND, Axis.CHANNEL} else RollupStreet
    if Axis.KIND not in wanted:
        return RollupChannel
    if Axis.DISTRICT not in wanted:
        return RollupKind
    return RollupDay if Axis.CHANNEL in wanted else RollupDistrict


def places_of(scope: Scope, by: str) -> Any:  # noqa: ANN401
    """The sum of places; only days have squares (`by="grid"`)."""
    if by == "grid" or not scope.whole_months:
        return RollupPlace
    return RollupMonthPlace if scope.kinds is not None else RollupMonthCommunity


def hours_of(scope: Scope) -> Any:  # noqa: ANN401
    """The sum of hours."""
    return RollupHour if scope.kinds is not None else RollupMonthHour


def where(table: Any, scope: Scope) -> list[sa.ColumnElement[bool]]:  # noqa: ANN401
    """The rows of the scope."""
    found = [*period(table, scope), *area(table, scope)]
    if scope.street is not None:
        found.append(table.street == scope.street)
    if scope.channel is not None:
        found.append(table.channel == scope.channel)
    return found


def period(table: Any, scope: Scope) -> list[sa.ColumnElement[bool]]:  # noqa: ANN401
    """The rows of its days."""
    column = table.month if table in BY_MONTH else table.day
    return [column >= scope.first, column <= scope.last]


def area(table: Any, scope: Scope) -> list[sa.ColumnElement[bool]]:  # noqa: ANN401
    """The rows of its district and kinds."""
    found = []
    if scope.district is not None:
        found.append(table.district == scope.district)
    if scope.kinds is not None:
        found.append(table.kind.in_(scope.kinds))
    return found
