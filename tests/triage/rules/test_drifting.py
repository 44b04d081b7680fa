"""Drift: far and not by chance, or nothing; thresholds are rows."""

from __future__ import annotations

from datetime import date

import pytest

import triage.tables
from models.vocab_drift import DriftFigure, DriftLevel
from triage.rules.drifting import DriftRow, chance_of, judge, row_of, stability
from triage.rules.rows import Tables  # noqa: TC001


@pytest.fixture(scope="module")
def tables() -> Tables:
    return triage.tables.load()


@pytest.fixture(scope="module")
def row(tables: Tables) -> DriftRow:
    found = row_of(tables.drifts, DriftFigure.KIND, date(2026, 11, 23))
    assert found is not None
    return found


def test_every_figure_has_a_row_with_a_source(tables: Tables) -> None:
    rows = [row_of(tables.drifts, figure, date(2026, 11, 23)) for figure in DriftFigure]
    assert [bool(found and found.source) for found in rows] == [True] * len(DriftFigure)


def test_before_the_first_row_there_are_no_thresholds(tables: Tables) -> None:
    assert row_of(tables.drifts, DriftFigure.KIND, date(2019, 12, 31)) is None


def test_stability_by_hand() -> None:
    # (0.7 - 0.5) ln 1.4 + (0.3 - 0.5) ln 0.6 = 0.1695 without the halves.
    assert stability([5000, 5000], [7000, 3000]) == pytest.approx(0.1695, abs=0.001)
    assert stability([300, 700], [30, 70]) == pytest.approx(0, abs=0.001)


@pytest.mark.parametrize(
    ("before", "day", "chance"),
    [
        # chi-square of 50/50 against 60/40 (100 each) is 2.02 at one degree: 0.155.
        ([50, 50], [60, 40], 0.155),
        ([500, 500], [500, 500], 1.0),
        ([100], [100], 1.0),
        # 50/30/20 against 30/30/40, 100 each: 11.67 at two degrees: 0.0029.
        ([50, 30, 20], [30, 30, 40], 0.0029),
    ],
)
def test_chance_is_that_of_the_chi_square_test(before: list[int], day: list[int], chance: float) -> None:
    assert chance_of(before, day) == pytest.approx(chance, abs=0.012)


@pytest.mark.parametrize(
    ("before", "day", "level"),
    [
        ({"a": 1400, "b": 1400}, {"a": 50, "b": 50}, DriftLevel.STEADY),
        ({"a": 1400, "b": 1400}, {"a": 90, "b": 10}, DriftLevel.ACT),
        ({"a": 1400, "b": 1400}, {"a": 68, "b": 32}, DriftLevel.WATCH),
        # As far, but of fifty texts chance alone does that.
        ({"a": 700, "b": 700}, {"a": 33, "b": 17}, DriftLevel.STEADY),
        ({"a": 1400, "b": 1400}, {"a": 49}, DriftLevel.TOO_FEW),
        ({"a": 49}, {"a": 500}, DriftLevel.TOO_FEW),
        ({}, {}, DriftLevel.TOO_FEW),
        ({"a": 1400}, {"new": 100}, DriftLevel.ACT),
    ],
)
def test_the_level(row: DriftRow, before: dict[str, int], day: dict[str, int], level: DriftLevel) -> None:
    assert judge(row, before, day).level is level


def test_rare_classes_do_not_cry_wolf(row: DriftRow) -> None:
    before = {f"kind-{number}": 28 for number in range(63)}
    day = {f"kind-{number}": 1 for number in range(63)} | {"kind-3": 4}
    assert judge(row, before, day).level is DriftLevel.STEADY
