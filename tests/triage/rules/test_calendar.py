"""工作日历: half-open intervals, make-up days, every weekday pattern; nothing lost at midnight."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.triage.rules.helpers import moment, tables
from triage.errors import BadInput, NoRule
from triage.rules.calendar import BEIJING, DAY_MINUTES, WorkCalendar

_YEARS = frozenset(range(2024, 2028))
_OFFICE = ((9 * 60, 12 * 60), (13 * 60 + 30, 18 * 60))
_STARTS = st.datetimes(datetime(2025, 1, 1), datetime(2026, 6, 30)).map(  # noqa: DTZ001  (made aware here)
    lambda naive: naive.replace(tzinfo=BEIJING)
)


def working_days(calendar: WorkCalendar, start: datetime, days: int) -> datetime:
    """When so many full working days have passed."""
    day = timedelta(minutes=sum(last - first for first, last in calendar.segments))
    return calendar.advance(start, days * day)[0]


def _plain(segments: tuple[tuple[int, int], ...] = ((0, DAY_MINUTES),)) -> WorkCalendar:
    return WorkCalendar(years=_YEARS, holidays={}, make_up=frozenset(), segments=segments)


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (date(2026, 9, 30), None),
        (date(2026, 10, 1), "国庆节假期"),
        (date(2026, 10, 7), "国庆节假期"),
        (date(2026, 10, 8), None),
        (date(2026, 10, 10), None),  # a Saturday that works (调休)
        (date(2026, 10, 11), "周末"),
        (date(2026, 2, 14), None),
        (date(2026, 2, 15), "春节假期"),
        (date(2026, 2, 23), "春节假期"),
        (date(2026, 2, 24), None),
    ],
)
def test_official_days_of_2026(day: date, why: str | None) -> None:
    assert tables().calendar.why_off(day) == why


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-11-23 08:05", 1, "2026-11-24 08:05"),
        ("2026-11-20 17:00", 1, "2026-11-23 17:00"),  # over a weekend
        ("2026-11-21 10:00", 1, "2026-11-24 00:00"),  # from a Saturday: all of Monday
        ("2026-09-30 17:00", 7, "2026-10-15 17:00"),  # over 国庆节 with Saturday 10-10 working
        ("2026-11-23 00:00", 5, "2026-11-28 00:00"),  # ends at Friday 24:00, not on Monday
    ],
)
def test_working_days(start: str, days: int, due: str) -> None:
    assert working_days(tables().calendar, moment(start), days) == moment(due)


def test_what_was_skipped_is_told_with_its_reason() -> None:
    due, skipped = tables().calendar.advance(moment("2026-09-30 17:00"), timedelta(days=2))
    assert due == moment("2026-10-09 17:00")
    assert [(gap.start, gap.end, gap.why) for gap in skipped] == [
        (moment("2026-10-01 00:00"), moment("2026-10-08 00:00"), "国庆节假期")
    ]


def test_several_segments_a_day_and_a_lunch_break() -> None:
    office = _plain(_OFFICE)
    due, skipped = office.advance(moment("2026-11-23 11:00"), timedelta(hours=2))
    assert due == moment("2026-11-23 14:30")
    assert [gap.why for gap in skipped] == ["非工作时段"]
    assert working_days(office, moment("2026-11-23 09:00"), 1) == moment("2026-11-23 18:00")
    assert working_days(office, moment("2026-11-23 11:00"), 1) == moment("2026-11-24 11:00")


def test_no_minute_is_lost_at_midnight() -> None:
    due, skipped = _plain().advance(moment("2026-11-23 23:59"), timedelta(minutes=2))
    assert (due, skipped) == (moment("2026-11-24 00:01"), ())


def test_moments_of_other_zones_are_the_same_moments() -> None:
    start = moment("2026-11-23 08:05")
    assert working_days(_plain(), start.astimezone(UTC), 3) == working_days(_plain(), start, 3)


def test_naive_negative_and_uncovered_are_refused() -> None:
    with pytest.raises(BadInput, match="时间必须带时区"):
        working_days(_plain(), datetime(2026, 11, 23, 8, 5), 1)  # noqa: DTZ001  (that is the point)
    with pytest.raises(BadInput, match="不能为负"):
        working_days(_plain(), moment("2026-11-23 08:05"), -1)
    with pytest.raises(NoRule, match="节假日表没有 2028 年"):
        working_days(_plain(), moment("2027-12-30 08:05"), 5)


@given(start=_STARTS, off=st.sets(st.integers(0, 200), max_size=120), hours=st.integers(0, 200))
def test_exactly_the_asked_time_is_worked(start: datetime, off: set[int], hours: int) -> None:
    """Whatever days are off: elapsed = worked + skipped, with pieces apart and in order."""
    holidays = {start.date() + timedelta(days=number): "假" for number in off}
    calendar = WorkCalendar(years=_YEARS, holidays=holidays, make_up=frozenset(), segments=_OFFICE)
    due, skipped = calendar.advance(start, timedelta(hours=hours))
    lost = sum((gap.end - gap.start for gap in skipped), timedelta(0))
    assert due - start == timedelta(hours=hours) + lost
    assert all(a.end <= b.start for a, b in itertools.pairwise(skipped))
    assert all(start <= gap.start < gap.end <= due for gap in skipped)


@given(start=_STARTS, later=st.timedeltas(timedelta(0), timedelta(days=20)), hours=st.integers(0, 60))
def test_due_times_never_go_back(start: datetime, later: timedelta, hours: int) -> None:
    calendar = tables().calendar
    span = timedelta(hours=hours)
    due = calendar.advance(start, span)[0]
    assert due >= start
    assert calendar.advance(start + later, span)[0] >= due
    assert calendar.advance(start, span + timedelta(hours=1))[0] > due


@pytest.mark.parametrize(
    ("years", "today", "left"),
    [
        ({2026}, date(2026, 11, 29), 32),
        ({2026}, date(2026, 12, 31), 0),
        ({2026}, date(2027, 1, 1), 0),
        ({2025, 2026, 2027}, date(2026, 12, 31), 365),
        ({2026, 2028}, date(2026, 12, 1), 30),
        (set(), date(2026, 12, 1), 0),
    ],
)
def test_how_long_the_table_knows_its_days(years: set[int], today: date, left: int) -> None:
    """Nothing said that it ends: from mid-December on a limit of working days had no due time."""
    calendar = WorkCalendar(years=frozenset(years), holidays={}, make_up=frozenset())
    assert calendar.days_left(today) == left
