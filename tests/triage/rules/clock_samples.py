"""Clocks for tests, and the same answers found minute by minute by other means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from models.vocab import Urgency
from triage.rules.calendar import BEIJING, DAY_MINUTES, WorkCalendar
from triage.rules.clocks import Clock, Extension, Pause, span_of
from triage.rules.rows import ClockName, DayType, DeadlineRow, SpanUnit, Status, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTE: Final = timedelta(minutes=1)
_FIRST: Final = date(2025, 12, 1)
_DAYS: Final = 500
_YEARS: Final = frozenset(range(2025, 2029))
SEGMENTS: Final = (
    (),
    ((0, DAY_MINUTES),),
    ((9 * 60, 12 * 60), (13 * 60 + 30, 18 * 60)),
    ((0, 90),),
    ((22 * 60 + 1, DAY_MINUTES),),
    ((0, 60), (60, 120), (22 * 60, DAY_MINUTES)),
)


@cache
def calendar_of(
    off_weekdays: frozenset[int],
    extra_off: frozenset[int] = frozenset(),
    segments: tuple[tuple[int, int], ...] = SEGMENTS[1],
) -> WorkCalendar:
    """A calendar whose days off are these weekdays and these days after the first."""
    days = [_FIRST + timedelta(days=n) for n in range(_DAYS)]
    off = {d for n, d in enumerate(days) if d.weekday() in off_weekdays or n in extra_off}
    weekend = {d for d in days if d.weekday() in {5, 6}}
    return WorkCalendar(
        years=_YEARS,
        holidays=dict.fromkeys(off - weekend, "假期"),
        make_up=frozenset(weekend - off),
        segments=segments,
    )


def row_of(
    length: int,
    unit: SpanUnit,
    day_type: DayType,
    *,
    segments: tuple[tuple[int, int], ...] = (),
    roll_over: bool = False,
    urgency: Urgency = Urgency.U3,
) -> DeadlineRow:
    """A limit made for a test."""
    return DeadlineRow(
        "test.row", date(2020, 1, 1), None, "测试", Status.ASSUMED, Where("test", 1), "测试",
        ClockName.ANSWER, urgency, length, unit, day_type, segments, roll_over,
    )  # fmt: skip


def first(minute: int) -> datetime:
    """That many minutes after 2025-12-20 00:00, Beijing time."""
    return datetime(2025, 12, 20, tzinfo=BEIJING) + minute * MINUTE


@st.composite
def clocks(draw: st.DrawFn, *, pauses: bool = True, roll_overs: bool = True) -> Clock:
    """Any clock: any weekdays off (not all), holidays, segments, pauses, extensions, shares, year ends."""
    off = draw(st.frozensets(st.integers(0, 6), max_size=6))
    extra = draw(st.frozensets(st.integers(0, 60), max_size=12))
    day_type = draw(st.sampled_from(list(DayType)))
    unit = draw(st.sampled_from(list(SpanUnit)))
    segments = draw(st.sampled_from(SEGMENTS))
    worked = draw(st.sampled_from(SEGMENTS[1:]))
    calendar = calendar_of(off, extra, worked)
    row = row_of(
        draw(st.integers(1, {"minute": 200, "hour": 8, "day": 5}[unit.value])),
        unit,
        day_type,
        segments=segments,
        roll_over=roll_overs and draw(st.booleans()),
    )
    start = first(draw(st.integers(0, 20 * DAY_MINUTES)))
    own = tuple(_pauses(draw, start)) if pauses else ()
    more = draw(st.lists(st.integers(1, 3), max_size=1))
    return Clock(
        row,
        start,
        calendar,
        own,
        tuple(Extension(start, span_of(row, calendar, n), "测试", "区") for n in more),
        percent=draw(st.sampled_from((100, 50))),
    )


def _pauses(draw: st.DrawFn, start: datetime) -> Iterator[Pause]:
    at = start - timedelta(days=1)
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 4000)), max_size=3)):
        at += gap * MINUTE
        yield Pause(at, at + length * MINUTE, "等待条件", "区")
        at += length * MINUTE


@dataclass(frozen=True, slots=True)
class Brute:
    """The clock counted one minute at a time, straight from what the rules say in words."""

    clock: Clock

    def day_off(self, day: date) -> bool:
        calendar = self.clock.calendar
        return day in calendar.holidays or (day.weekday() >= 5 and day not in calendar.make_up)

    def counts(self, minute: datetime) -> bool:
        row = self.clock.row
        working = row.day_type is DayType.WORKING
        if working and self.day_off(minute.date()):
            return False
        of_day = minute.hour * 60 + minute.minute
        segments = row.segments or (self.clock.calendar.segments if working else SEGMENTS[1])
        if not any(start <= of_day < end for start, end in segments):
            return False
        return not any(p.start <= minute and (p.until is None or minute < p.until) for p in self.clock.pauses)

    def minutes(self) -> int:
        row = self.clock.row
        working = row.day_type is DayType.WORKING
        segments = row.segments or (self.clock.calendar.segments if working else SEGMENTS[1])
        day = sum(end - start for start, end in segments)
        one = {SpanUnit.MINUTE: 1, SpanUnit.HOUR: 60, SpanUnit.DAY: day}[row.unit]
        extended = sum(extension.amount // MINUTE for extension in self.clock.extensions)
        return one * row.length * self.clock.percent // 100 + extended

    def nominal(self) -> datetime:
        left, at = self.minutes(), self.clock.start
        while left:
            left -= self.counts(at)
            at += MINUTE
        return at

    def elapsed(self, until: datetime) -> int:
        return sum(
            self.counts(self.clock.start + n * MINUTE) for n in range((until - self.clock.start) // MINUTE)
        )
