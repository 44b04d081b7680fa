"""Bursts and what may be done with an incident: pure, both sides of each number."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vocab_incidents import BurstScope, IncidentAct, IncidentState
from tests.factories import NOW
from tests.triage.rules.helpers import tables
from triage.errors import NoRule
from triage.rules import incidents as rules
from triage.rules.incidents import Call

RULES = tables().incidents.on(date(2026, 11, 23))
ROWS = {row.id: row for row in RULES.bursts}
NEAR, SLOW, WIDE = ROWS["burst.near_10"], ROWS["burst.near_60"], ROWS["burst.district_30"]
#: About 1,000 metres north.
KILOMETRE = 0.009


def call(number: int, minutes: float = 0, north: float = 0, caller: bytes | None = None) -> Call:
    at = NOW + timedelta(minutes=minutes)
    return Call(number, at, "AIR", 116.47, 39.99 + north * KILOMETRE, "110105", caller)


def many(count: int, step: float = 0.5) -> list[Call]:
    return [call(number, number * step) for number in range(1, count + 1)]


def test_many_calls_from_one_place_are_a_burst() -> None:
    calls = many(12)
    found = rules.burst(RULES, calls[-1], calls, {NEAR.id: 0.0, SLOW.id: 0.0, WIDE.id: 0.0})
    assert found is not None
    assert (found.callers, len(found.calls)) == (12, 12)
    assert found.chance <= RULES.chance


def test_as_many_are_none_where_so_many_are_usual() -> None:
    calls = many(12)
    assert rules.burst(RULES, calls[-1], calls, {row.id: 60.0 for row in RULES.bursts}) is None


def test_without_a_history_more_calls_are_needed() -> None:
    known = {row.id: 0.0 for row in RULES.bursts}
    fewest = {
        name: next(n for n in range(1, 60) if rules.burst(RULES, many(n)[-1], many(n), usual) is not None)
        for name, usual in (("known", known), ("unknown", {}))
    }
    assert NEAR.least <= fewest["known"] < fewest["unknown"]


def test_one_phone_counts_once() -> None:
    calls = [replace(one, caller=b"one phone") for one in many(30)]
    assert rules.callers(calls) == 1
    assert rules.may_be(RULES, calls[-1], calls) == ()
    assert rules.callers([*calls, call(99), call(98)]) == 3


@pytest.mark.parametrize(
    ("other", "counted"),
    [
        (call(2, -9.9), True),
        (call(2, -10), False),
        (call(2, 9.9), True),
        (call(2, 10), False),
        (call(2, 0, 1.49), True),
        (call(2, 0, 1.51), False),
        (replace(call(2), family="NOI"), False),
        (replace(call(2), lon=None, lat=None), False),
    ],
)
def test_what_is_counted_with_a_call(other: Call, counted: bool) -> None:  # noqa: FBT001
    assert (other in rules.gathered(NEAR, call(1), [other])) is counted


def test_a_district_is_counted_without_points() -> None:
    lost = replace(call(2, -20), lon=None, lat=None)
    away = replace(call(3, -20), district="110108")
    assert rules.gathered(WIDE, call(1), [lost, away]) == (lost, call(1))
    nowhere = replace(call(1), district=None)
    assert rules.gathered(WIDE, nowhere, [replace(lost, district=None)]) == (nowhere,)


STEP = st.floats(-0.0179, 0.0179)


@given(lon=st.floats(115, 118), lat=st.floats(39, 42), east=STEP, north=STEP)
def test_all_that_is_near_lies_in_the_squares_around(
    lon: float, lat: float, east: float, north: float
) -> None:
    assert rules.square(lon + east, lat + north) in rules.squares_around(lon, lat)


def test_the_widest_circle_lies_in_the_squares_around() -> None:
    # Beijing: 0.0236 degrees of longitude at 41 N are the least that a square is wide.
    for step in ((0.0236, 0.0), (0.0, 0.018)):
        apart = rules.metres((116.4, 41.0), (116.4 + step[0], 41.0 + step[1]))
        assert apart >= max(row.metres for row in RULES.bursts)


@pytest.mark.parametrize(("mean", "spread"), [(0.01, 1.3), (0.8, 1.0), (3.0, 2.0), (85.0, 1.3)])
def test_the_tail_is_a_chance_and_falls(mean: float, spread: float) -> None:
    chances = [rules.tail(count, mean, spread) for count in range(200)]
    assert chances[0] == 1.0
    assert all(0 <= after <= before <= 1.0 for before, after in pairwise(chances))
    # The chances of each count together are one, and their mean is the mean.
    assert sum(chances[1:]) == pytest.approx(mean, rel=1e-3)


def test_later_calls_belong_by_place_time_and_family() -> None:
    here = rules.extent(BurstScope.NEAR, [call(1), call(2, 5, 0.5)])
    conduct = RULES.conduct
    assert here.reach == pytest.approx(250, abs=5)
    assert rules.belongs(conduct, here, call(3, 60, 1.4))
    assert not rules.belongs(conduct, here, call(3, 60, 1.6))
    assert not rules.belongs(conduct, here, call(3, 5 + 121))
    assert not rules.belongs(conduct, here, call(3, -121))
    assert not rules.belongs(conduct, here, replace(call(3), family="NOI"))
    lost = replace(call(3), lon=None, lat=None)
    assert rules.belongs(conduct, here, lost)
    assert not rules.belongs(conduct, here, replace(lost, district="110108"))
    assert not rules.belongs(conduct, here, replace(lost, district=None))


def test_a_district_s_incident_takes_calls_without_a_point() -> None:
    here = rules.extent(BurstScope.DISTRICT, [call(1), call(2, 5, 1)])
    lost = replace(call(3, 9), lon=None, lat=None)
    assert rules.belongs(RULES.conduct, here, lost)
    assert not rules.belongs(RULES.conduct, here, replace(lost, district="110108"))
    assert rules.extent(BurstScope.DISTRICT, [lost]).lon is None


def test_one_call_read_to_the_other_end_of_the_city_does_not_move_the_middle() -> None:
    here = rules.extent(BurstScope.NEAR, [call(1), call(2), call(3, 0, 40)])
    assert here.lat == pytest.approx(39.99)
    assert not rules.belongs(RULES.conduct, here, call(4, 0, 7))


@pytest.mark.parametrize(
    ("told", "now", "grown"), [(12, 23, False), (12, 24, True), (0, 1, False), (0, 2, True)]
)
def test_it_is_told_again_at_twice_the_size(told: int, now: int, grown: bool) -> None:  # noqa: FBT001
    assert rules.grew(RULES.conduct, told, now) is grown


def test_what_a_person_may_do_with_it() -> None:
    allowed = {state: rules.acts(state) for state in IncidentState}
    assert allowed[IncidentState.PROPOSED] == (
        IncidentAct.CONFIRM, IncidentAct.SCALE, IncidentAct.DISMISS, IncidentAct.ADD, IncidentAct.REMOVE,
        IncidentAct.TAKE,
    )  # fmt: skip
    assert allowed[IncidentState.CONFIRMED] == (
        IncidentAct.SCALE, IncidentAct.CLOSE, IncidentAct.DISMISS, IncidentAct.ADD, IncidentAct.REMOVE,
        IncidentAct.TAKE,
    )  # fmt: skip
    assert allowed[IncidentState.SCALED] == (
        IncidentAct.CLOSE, IncidentAct.ADD, IncidentAct.REMOVE, IncidentAct.TAKE,
    )  # fmt: skip
    assert allowed[IncidentState.CLOSED] == allowed[IncidentState.DISMISSED] == ()
    assert rules.after(IncidentState.PROPOSED, IncidentAct.CLOSE) is None
    assert rules.after(IncidentState.SCALED, IncidentAct.ADD) is IncidentState.SCALED


def test_families_and_days_without_rows() -> None:
    assert (rules.family("NOI-01"), rules.family(None)) == ("NOI", rules.NO_FAMILY)
    with pytest.raises(NoRule):
        tables().incidents.on(date(2019, 12, 31))
