"""When a report is due, and the period that it is of."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

import triage.tables
from models.vocab_reports import ReportKind
from triage.errors import BadInput
from triage.services.reporting import drafting
from triage.services.reporting.periods import holding, period_of


def test_reports_are_due_by_the_table() -> None:
    tables = triage.tables.load()
    beijing = ZoneInfo("Asia/Shanghai")
    assert drafting.due(tables, datetime(2026, 11, 23, 7, 59, tzinfo=beijing)) == []
    second = drafting.due(tables, datetime(2026, 12, 2, 8, 0, tzinfo=beijing))
    assert [period.name for period in second] == ["2026-12-01", "2026-W48"]
    # After days on which nothing ran, the missed ones, a week of them at most.
    for since, first, count in ((date(2026, 11, 28), "2026-11-29", 3), (date(2026, 9, 1), "2026-11-25", 7)):
        missed = drafting.due(tables, datetime(2026, 12, 2, 8, 0, tzinfo=beijing), since=since)
        days = [period.name for period in missed if period.kind is ReportKind.DAILY]
        assert (days[0], days[-1], len(days)) == (first, "2026-12-01", count)


@pytest.mark.parametrize(
    ("kind", "day", "name", "issue"),
    [
        (ReportKind.DAILY, date(2026, 11, 22), "2026-11-22", 326),
        (ReportKind.WEEKLY, date(2026, 1, 1), "2026-W01", 1),
        (ReportKind.MONTHLY, date(2026, 2, 14), "2026-02", 2),
    ],
)
def test_periods(kind: ReportKind, day: date, name: str, issue: int) -> None:
    period = holding(kind, day)
    assert (period.name, period.issue, period_of(kind, name)) == (name, issue, period)
    assert period.before.last == period.first - timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "year", "spelled"),
    [
        ("2026-W01", 2026, "2025年12月29日至2026年1月4日"),
        ("2026-W53", 2026, "2026年12月28日至2027年1月3日"),
        ("2026-W47", 2026, "2026年11月16日至11月22日"),
    ],
)  # fmt: skip
def test_a_week_over_new_year_is_numbered_in_the_year_it_counts_in(
    name: str, year: int, spelled: str
) -> None:
    period = period_of(ReportKind.WEEKLY, name)
    assert (period.year, period.spelled) == (year, spelled)


@pytest.mark.parametrize("name", ["2026-13", "2026", "x", "9999-12"])
def test_periods_that_are_none(name: str) -> None:
    with pytest.raises(BadInput, match="期间应形如"):
        period_of(ReportKind.MONTHLY, name)
