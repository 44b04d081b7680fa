"""突发与群体诉求: whether calls are a burst, which incident a later call belongs to, what may be done. Pure.

A burst is many callers (one phone counts once) about one family of matters within a row's space and time: at
least `least` of them, and more than chance makes of what is usual for that family, place and hour. How
unlikely it must be follows from the budget of false alarms. Calls are not independent of each other even on
a quiet day, so what is usual is taken as a negative binomial whose variance is `spread` times its mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from models.vocab_incidents import BurstScope, IncidentAct, IncidentState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from triage.rules.incident_rows import BurstRow, ConductRow, Incidents

#: A matter that has no kind of ours: what the hotline hands over (110, 119), and what nobody can place.
NO_FAMILY: Final = "-"
_EARTH: Final = 6_371_008.8
#: A square of the grid, in degrees: about two kilometres.
_SQUARE_LON: Final = 0.0236
_SQUARE_LAT: Final = 0.018
_HOUR: Final = 3600.0
_NEGLIGIBLE: Final = 1e-18

_ALLOWED: Final[dict[IncidentAct, tuple[frozenset[IncidentState], IncidentState | None]]] = {
    IncidentAct.CONFIRM: (frozenset({IncidentState.PROPOSED}), IncidentState.CONFIRMED),
    IncidentAct.SCALE: (frozenset({IncidentState.PROPOSED, IncidentState.CONFIRMED}), IncidentState.SCALED),
    IncidentAct.CLOSE: (frozenset({IncidentState.CONFIRMED, IncidentState.SCALED}), IncidentState.CLOSED),
    IncidentAct.DISMISS: (
        frozenset({IncidentState.PROPOSED, IncidentState.CONFIRMED}),
        IncidentState.DISMISSED,
    ),
    IncidentAct.ADD: (
        frozenset({IncidentState.PROPOSED, IncidentState.CONFIRMED, IncidentState.SCALED}),
        None,
    ),
    IncidentAct.REMOVE: (
        frozenset({IncidentState.PROPOSED, IncidentState.CONFIRMED, IncidentState.SCALED}),
        None,
    ),
    IncidentAct.TAKE: (
        frozenset({IncidentState.PROPOSED, IncidentState.CONFIRMED, IncidentState.SCALED}),
        None,
    ),
}
#: What must be said with a reason: others must be able to judge it later.
REASONED: Final = frozenset({IncidentAct.SCALE, IncidentAct.CLOSE, IncidentAct.DISMISS, IncidentAct.REMOVE})


@dataclass(frozen=True, slots=True)
class Call:
    """A ticket as bursts see it. `caller` is the blind index of the phone; None: nobody knows who."""

    ticket_id: int
    at: datetime
    family: str
    lon: float | None
    lat: float | None
    district: str | None
    caller: bytes | None = None

    @property
    def point(self) -> tuple[float, float] | None:
        """Where it is, when a point narrower than a district is known."""
        return None if self.lon is None or self.lat is None else (self.lon, self.lat)


@dataclass(frozen=True, slots=True)
class Burst:
    """Calls too many to be chance: the row that says so, what is usual, and how unlikely they are."""

    row: BurstRow
    calls: tuple[Call, ...]
    callers: int
    usual: float
    chance: float


@dataclass(frozen=True, slots=True)
class Extent:
    """How far an incident reaches: its middle, and the farthest call from it. No point: a whole district."""

    scope: BurstScope
    family: str
    district: str | None
    lon: float | None
    lat: float | None
    reach: float
    first_at: datetime
    last_at: datetime


def family(kind: str | None) -> str:
    """NOI of NOI-01: readers often differ within a family, and callers about one event do."""
    return kind.split("-", maxsplit=1)[0] if kind else NO_FAMILY


def square(lon: float, lat: float) -> str:
    """The square of the grid that a point lies in."""
    return _named(*_cell(lon, lat))


def squares_around(lon: float, lat: float) -> tuple[str, ...]:
    """The square of a point and the eight around it: all within a square's width of it lies in them."""
    column, row = _cell(lon, lat)
    steps = (-1, 0, 1)
    return tuple(_named(column + x, row + y) for x in steps for y in steps)


def _cell(lon: float, lat: float) -> tuple[int, int]:
    return math.floor(lon / _SQUARE_LON), math.floor(lat / _SQUARE_LAT)


def _named(column: int, row: int) -> str:
    return f"g{column}.{row}"


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Distance of two points; exact enough within one city."""
    east = math.radians(other[0] - one[0]) * math.cos(math.radians((one[1] + other[1]) / 2))
    return _EARTH * math.hypot(east, math.radians(other[1] - one[1]))


def gathered(row: BurstRow, new: Call, others: Iterable[Call]) -> tuple[Call, ...]:
    """The new call and those that a row counts with it, by time.

    Calls of some channels reach us late: what was said after the new one is known then, and the stretch of
    time that holds most callers is taken.
    """
    near = {
        call.ticket_id: call
        for call in others
        if call.family == new.family and abs(call.at - new.at) < row.window and _within(row, new, call)
    }
    near[new.ticket_id] = new
    ordered = sorted(near.values(), key=lambda call: (call.at, call.ticket_id))
    ends = [call.at for call in ordered if call.at >= new.at]
    stretches = [tuple(c for c in ordered if end - row.window < c.at <= end) for end in dict.fromkeys(ends)]
    return max(stretches, key=callers)


def _within(row: BurstRow, new: Call, call: Call) -> bool:
    if row.scope is BurstScope.DISTRICT:
        return new.district is not None and call.district == new.district
    here, there = new.point, call.point
    return here is not None and there is not None and metres(here, there) <= row.metres


def callers(calls: Sequence[Call]) -> int:
    """How many people call: one phone once, and each call of which nobody knows the phone."""
    known = {call.caller for call in calls if call.caller is not None}
    return len(known) + sum(call.caller is None for call in calls)


def burst(rules: Incidents, new: Call, others: Sequence[Call], per_hour: Mapping[str, float]) -> Burst | None:
    """Whether the new call makes a burst with others; of several the least likely.

    `per_hour` is what is usual: calls of the family in the squares around, or in the district, in an hour at
    this time of day, by the id of the row; what is not known is missing.
    """
    found = []
    for row in rules.bursts:
        calls = gathered(row, new, others)
        many = callers(calls)
        if many < row.least:
            continue
        usual = expected(rules.conduct, row, per_hour.get(row.id))
        chance = tail(many, usual, rules.conduct.spread)
        if chance <= rules.chance:
            found.append(Burst(row, calls, many, usual, chance))
    return min(found, key=lambda one: one.chance, default=None)


def may_be(rules: Incidents, new: Call, others: Sequence[Call]) -> tuple[BurstRow, ...]:
    """The rows that count enough callers: only for these it must be asked what is usual."""
    return tuple(row for row in rules.bursts if callers(gathered(row, new, others)) >= row.least)


def expected(conduct: ConductRow, row: BurstRow, per_hour: float | None) -> float:
    """How many calls of the kind such a stretch of time usually has."""
    rate = conduct.unknown_per_hour if per_hour is None else max(per_hour, conduct.least_per_hour)
    return rate * row.window.total_seconds() / _HOUR


def tail(count: int, mean: float, spread: float) -> float:
    """The chance of `count` or more calls where `mean` are usual."""
    if count <= 0:
        return 1.0
    total, at = 0.0, count
    while True:
        term = math.exp(_log_chance(at, mean, spread))
        total += term
        if (at > mean and term <= total * 1e-6) or total >= 1.0:
            return min(total, 1.0)
        if at > mean and term < _NEGLIGIBLE:
            return total
        at += 1


def _log_chance(count: int, mean: float, spread: float) -> float:
    """Logarithm of the chance of exactly so many: negative binomial, Poisson where nothing is spread."""
    if spread <= 1.0:
        return count * math.log(mean) - mean - math.lgamma(count + 1)
    size = mean / (spread - 1)
    share = 1 / spread
    return (
        math.lgamma(count + size) - math.lgamma(size) - math.lgamma(count + 1)
        + size * math.log(share) + count * math.log1p(-share)
    )  # fmt: skip


def extent(scope: BurstScope, calls: Sequence[Call]) -> Extent:
    """How far these calls reach. They must be at least one."""
    points = [call.point for call in calls if call.point is not None]
    districts = [call.district for call in calls if call.district is not None]
    district = max(sorted(set(districts)), key=districts.count, default=None)
    first, last = min(call.at for call in calls), max(call.at for call in calls)
    if not points:
        return Extent(scope, calls[0].family, district, None, None, 0.0, first, last)
    # The median: one call that was read to the other end of the city moves it nowhere.
    middle = (_median([point[0] for point in points]), _median([point[1] for point in points]))
    reach = max(metres(middle, point) for point in points)
    return Extent(scope, calls[0].family, district, middle[0], middle[1], reach, first, last)


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def belongs(conduct: ConductRow, here: Extent, call: Call) -> bool:
    """Whether a later call is of an incident, by family, time and place.

    One that says no place narrower than its district belongs to the district's incident of its family: most
    who call about one event do not say where, and they must not make a second one.
    """
    reach = min(here.reach + conduct.join_metres, conduct.widest_metres)
    return call.family == here.family and _reached(conduct, here, call, reach)


def still_none(conduct: ConductRow, here: Extent, decided_at: datetime, call: Call) -> bool:
    """Whether a call is one more of what a person said was none (排除), so soon after.

    Narrower than what belongs to one that goes on: it must say its place as the others do (a point where they
    have points), and lie no farther than what was judged. What may be something else makes an incident as
    ever.
    """
    alike = call.family == here.family and (here.lon is None) == (call.point is None)
    reach = min(here.reach, conduct.widest_metres)
    return alike and call.at <= decided_at + conduct.join and _reached(conduct, here, call, reach)


def same_event(conduct: ConductRow, here: Extent, found: Burst) -> bool:
    """Whether a burst is the incident's as well: most of its calls come from as far as one may be wide.

    Readers put some of those who call about one event into another family or the next street; a second event
    so near and so soon is far less likely.
    """
    inside = sum(_reached(conduct, here, call, conduct.widest_metres) for call in found.calls)
    return 2 * inside > len(found.calls)


def _reached(conduct: ConductRow, here: Extent, call: Call, reach: float) -> bool:
    if not here.first_at - conduct.join <= call.at <= here.last_at + conduct.join:
        return False
    if here.lon is None or here.lat is None or call.point is None:
        return here.district is not None and call.district == here.district
    return metres((here.lon, here.lat), call.point) <= reach


def grew(conduct: ConductRow, told: int, now: int) -> bool:
    """Whether an incident is so much larger than when it was last told of that it is told of again."""
    return now >= max(told, 1) * conduct.grew and now > told


def concerned(conduct: ConductRow, most: str | None, calls: Mapping[str, int]) -> tuple[str, ...]:
    """The districts that an incident is a matter of: that of most calls, then others with enough of them.

    A few may have been read into the wrong district; so one call alone concerns nobody.
    """
    others = sorted((code for code in calls if code != most), key=lambda code: (-calls[code], code))
    least = conduct.district_calls
    return (*([most] if most else ()), *(code for code in others if least and calls[code] >= least))


def after(state: IncidentState, act: IncidentAct) -> IncidentState | None:
    """The state that an act leads to; None: it may not be done now."""
    allowed = _ALLOWED.get(act)
    if allowed is None or state not in allowed[0]:
        return None
    return allowed[1] or state


def acts(state: IncidentState) -> tuple[IncidentAct, ...]:
    """What a person may do with an incident, in the order of the vocabulary."""
    return tuple(act for act in IncidentAct if after(state, act) is not None)
