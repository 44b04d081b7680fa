"""Amounts: the most that a rule set gives holds for what may be chosen as well."""

from __future__ import annotations

import pytest

from tests.triage.rules.helpers import tables
from triage.rules.rewards.amounts import Range, allowed, capped

AWARD = next(iter(tables().rewards.rulesets.values())).awards[0]


@pytest.mark.parametrize(
    ("choices", "picks"),
    [((), (1, 50)), ((10, 50, 100), (10, 50)), ((70, 100), (50,))],
)
def test_nothing_above_the_most_may_be_picked(choices: tuple[int, ...], picks: tuple[int, ...]) -> None:
    found = capped(Range(AWARD, 1, 100, choices), 50)
    assert all(allowed(found, pick) for pick in picks)
    assert not any(allowed(found, pick) for pick in (51, 70, 100))
