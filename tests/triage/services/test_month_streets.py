"""Which streets a month ranks when streets begin, close and are merged within it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from tests.triage.rules.helpers import tables
from triage.rules.rates import By, Line, Month, count
from triage.services.month_sheets import streets_of

if TYPE_CHECKING:
    from triage.rules.rows import Tables

STREET = "110105001"
MONTH = "2026-10"


def of_days(first: date, last: date | None) -> Tables:
    """The tables with one street there between two days."""
    units = dict(tables().units)
    units[STREET] = replace(units[STREET], valid_from=first, valid_to=last)
    return replace(tables(), units=units)


def empty() -> Month:
    return count(tables(), (), month=MONTH, as_of=datetime(2026, 11, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    ("first", "last", "there"),
    [
        (date(2020, 1, 1), date(2026, 9, 30), False),
        (date(2020, 1, 1), date(2026, 10, 1), True),
        (date(2026, 10, 15), None, True),
        (date(2026, 10, 31), None, True),
        (date(2026, 11, 1), None, False),
    ],
)
def test_a_street_is_ranked_in_the_months_it_was_there(
    first: date, last: date | None, *, there: bool
) -> None:
    assert (STREET in streets_of(of_days(first, last), empty())) is there


def test_a_street_that_is_closed_is_ranked_while_its_tickets_count() -> None:
    month = replace(empty(), lines=(Line(By.UNIT, STREET, 1, 0, ()),))
    assert STREET in streets_of(of_days(date(2020, 1, 1), date(2026, 9, 30)), month)
