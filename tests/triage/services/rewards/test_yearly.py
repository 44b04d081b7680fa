"""年报 as it leaves the office: no line tells by its sum what one reporter got, and lines add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import triage.tables
from tests.factories import NOW
from triage.services.rewards import yearly
from triage.services.rewards.yearly import Tally, Year

if TYPE_CHECKING:
    from collections.abc import Sequence


def tally(rewarded: int) -> Tally:
    return Tally(
        reports=9, candidates=rewarded, verified=rewarded, rewarded=rewarded, granted=100 * rewarded,
        payments=rewarded, paid=100 * rewarded,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        # Together too few: the next larger goes with them.
        ((1, 2, 7, 9, 0), [9, 0, 10]),
        ((3, 4, 7), [7, 7]),
        ((7, 8, 0), [7, 8, 0]),
        ((1,), [1]),
    ],
)
def test_lines_of_few_rewards_are_one_line(counts: Sequence[int], told: list[int]) -> None:
    kinds = ("NOI-01", "NOI-02", "AIR-01", "AIR-02", "WAT-01")
    found = Year(2026, kinds=dict(zip(kinds, map(tally, counts), strict=False)))
    (_, lines), _ = yearly.outside(triage.tables.load(), found, at=NOW)
    assert sorted(line.rewarded for _, line in lines) == sorted(told)
    assert sum(line.granted for _, line in lines) == 100 * sum(counts)
