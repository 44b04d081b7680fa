"""What a day's count should be, and which counts stand out: on made-up cities with known truth."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest

import triage.tables
from models.vocab_trends import SignalKind
from triage.rules.trends import hot, season, telling
from triage.rules.trends.grid import grid_of, middle
from triage.rules.trends.rows import row_of

START = date(2024, 11, 25)
DAYS = 730
ON = date(2026, 11, 25)
ROWS = triage.tables.load().signals


def city(seed: int, *, level: float, days: int = DAYS) -> list[int]:
    """Counts with a season (more in summer), quiet Sundays, and more spread than chance."""
    chance = np.random.default_rng(seed)
    means = [
        level
        * (1 + 0.5 * math.sin(2 * math.pi * (START + timedelta(days=n)).timetuple().tm_yday / 365.25 - 1.8))
        * (0.6 if (START + timedelta(days=n)).weekday() == 6 else 1.0)
        for n in range(days)
    ]
    return [int(chance.negative_binomial(5, 5 / (5 + mean))) for mean in means]


def test_the_season_and_the_weekday_are_found_again() -> None:
    fit = season.fit(START, city(1, level=20))
    assert fit is not None
    summer, winter = fit.expect([date(2026, 7, 15)]), fit.expect([date(2027, 1, 13)])
    sunday, monday = fit.expect([date(2026, 7, 19)]), fit.expect([date(2026, 7, 20)])
    assert summer.mean == pytest.approx(30, rel=0.2)
    assert winter.mean == pytest.approx(10, rel=0.3)
    assert sunday.mean / monday.mean == pytest.approx(0.6, rel=0.2)
    assert fit.dispersion > 2


def test_false_alarms_keep_near_their_budget_and_a_real_burst_stands_out() -> None:
    made = [city(seed, level=8) for seed in range(15)]
    fits = [season.fit(START, counts[: DAYS - 60]) for counts in made]
    days = [START + timedelta(days=n) for n in range(DAYS - 60, DAYS)]
    chances = [
        fit.expect([day]).chance(counts[n])
        for counts, fit in zip(made, fits, strict=True)
        if fit
        for n, day in enumerate(days, start=DAYS - 60)
    ]
    alarms = sum(chance < 0.01 for chance in chances)
    assert len(chances) == 900
    assert 1 <= alarms <= 24
    first = fits[0]
    assert first is not None
    assert first.expect([days[-1]]).chance(60) < 1e-6
    assert first.expect([days[-1]]).chance(0) == 1.0


def test_a_quiet_spring_festival_is_expected_and_what_breaks_it_stands_out() -> None:
    """春节: half as much in the holiday, then as before; the year before tells it."""
    sorts = season.sorts_of(triage.tables.load().calendar)
    spring = sorts[0]
    made = [
        count // 2 if START + timedelta(days=n) in spring else count
        for n, count in enumerate(city(5, level=40))
    ]
    past = made[: (date(2026, 2, 1) - START).days]
    plain, knowing = season.fit(START, past), season.fit(START, past, sorts)
    assert plain is not None
    assert knowing is not None
    festival = sorted(day for day in spring if day.year == 2026)
    assert len(festival) == 9
    seen = sum(made[(day - START).days] for day in festival)
    assert knowing.expect(festival).mean == pytest.approx(seen, rel=0.25)
    assert plain.expect(festival).mean > 1.5 * seen
    # What would be no more than usual on another day is a burst in the holiday.
    assert knowing.expect(festival[3:4]).mean < 0.7 * knowing.expect([date(2026, 2, 4)]).mean


def test_a_sort_of_days_that_the_past_does_not_tell_has_no_column() -> None:
    sorts = season.sorts_of(triage.tables.load().calendar)
    summer = season.fit(date(2026, 7, 1), city(2, level=8)[:70], sorts)
    rare = season.fit(START, [int(n % 40 == 0) for n in range(DAYS)], sorts)
    assert summer is not None
    assert rare is not None
    assert summer.sorts == rare.sorts == ()


def test_an_old_outbreak_does_not_hide_a_new_one() -> None:
    quiet = city(3, level=6)
    loud = [*quiet]
    loud[300:306] = [90] * 6
    plain, spoilt = season.fit(START, quiet), season.fit(START, loud)
    assert plain is not None
    assert spoilt is not None
    day = [START + timedelta(days=DAYS)]
    assert spoilt.expect(day).mean == pytest.approx(plain.expect(day).mean, rel=0.35)


def test_too_little_is_not_fitted_and_a_short_past_has_no_season() -> None:
    assert season.fit(START, [3] * 40) is None
    assert season.fit(START, [0] * 730) is None
    short = season.fit(START, city(5, level=9, days=120))
    assert short is not None
    assert not short.seasonal


def test_an_interval_holds_its_share_of_months() -> None:
    inside = 0
    for seed in range(20):
        counts = city(100 + seed, level=4)
        fit = season.fit(START, counts[:700])
        assert fit is not None
        low, high = fit.expect([START + timedelta(days=n) for n in range(700, 730)]).between(0.8)
        inside += low <= sum(counts[700:]) <= high
    assert 11 <= inside <= 20


def test_the_level_keeps_to_the_budget() -> None:
    assert season.level(7, 1000) == pytest.approx(0.001)
    assert season.level(1000, 1) == 0.05


def test_a_hot_place_can_be_reckoned_by_hand() -> None:
    row = row_of(ROWS, SignalKind.HOT_GRID, ON)
    assert row is not None
    found = hot.heat(23, 27, row)
    assert (found.usual, round(found.score, 2)) == (9.0, 4.67)
    assert hot.is_hot(found, row)
    assert not hot.is_hot(hot.heat(7, 0, row), row)
    assert not hot.is_hot(hot.heat(12, 27, row), row)
    assert "(23 − 9.0) ÷ √9.0 = 4.7" in telling.hot(found, row)[1]


@pytest.mark.parametrize(("windows", "chronic"), [((3, 4, 3), True), ((3, 2, 9), False), ((9, 9), False)])
def test_a_chronic_place_has_its_least_in_every_stretch(windows: tuple[int, ...], *, chronic: bool) -> None:
    row = row_of(ROWS, SignalKind.CHRONIC, ON)
    assert row is not None
    assert hot.is_chronic(windows, row) is chronic


@pytest.mark.parametrize(
    ("chance", "words"), [(0.02, "约 50 分之一"), (1 / 30000, "约 3 万分之一"), (0.0, "不到一亿分之一")]
)
def test_a_chance_is_told_as_people_say_it(chance: float, words: str) -> None:
    assert telling.chance_words(chance) == words


def test_a_square_is_a_kilometre_and_found_again() -> None:
    code = grid_of(116.4700, 39.9900)
    lon, lat = middle(code)
    assert grid_of(lon, lat) == code
    assert grid_of(lon + 0.0118, lat) != code
    assert grid_of(lon, lat + 0.0091) != code
    assert grid_of(0.0, 0.0) == ""


def test_what_lasts_is_what_stands_out_in_every_stretch() -> None:
    assert hot.lasting((6, 6, 6), (1.0, 1.0, 1.0)) == 5.0
    # Usual is at least one: a handful in an empty square is no wonder of arithmetic.
    assert hot.lasting((3, 3, 3), (0.1, 0.1, 0.1)) == 2.0
    # One quiet stretch is the measure, however loud the others were.
    assert hot.lasting((90, 9, 90), (9.0, 9.0, 9.0)) == 0.0
