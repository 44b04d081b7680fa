"""工作日历: working time from a holiday and make-up-day (调休) table, in half-open intervals.

A day runs from 00:00 up to, and not including, 24:00 Beijing time; 24:00 is a legal end. Working time is the
union of each working day's segments. Beijing has had no daylight saving since 1991, so walls clocks add up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from triage.errors import BadInput, NoRule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BEIJING: Final = ZoneInfo("Asia/Shanghai")
#: Minutes of a whole day: the end of a segment that runs to 24:00.
DAY_MINUTES: Final = 24 * 60
_SATURDAY: Final = 5
_ONE_DAY: Final = timedelta(days=1)


def beijing(moment: datetime) -> datetime:
    """The moment in Beijing time. Raises BadInput on a naive one: nobody knows what it means."""
    if moment.tzinfo is None:
        raise BadInput(f"时间必须带时区：{moment.isoformat()}")
    return moment.astimezone(BEIJING)


def show(moment: datetime) -> str:
    """`2026年11月23日8:05`, the moment's own wall clock."""
    return f"{moment.year}年{moment.month}月{moment.day}日{moment.hour}:{moment.minute:02d}"


def cut_day(segments: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, int, bool]]:
    """A whole day in minutes, [start, end), cut at each segment: whether it is inside one."""
    at = 0
    for first, last in segments:
        if at < first:
            yield at, first, False
        yield first, last, True
        at = last
    if at < DAY_MINUTES:
        yield at, DAY_MINUTES, False


@dataclass(frozen=True, slots=True)
class Skipped:
    """Time that did not count: half-open [start, end), Beijing time, and why."""

    start: datetime
    end: datetime
    why: str


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Which days work. `years` are those whose official table is loaded; other years are refused.

    `segments` are the working minutes of a day, [start, end), ascending and apart; the default is the
    whole day. `rows` names the entry of the table that decided on a day that is not a plain one.
    """

    years: frozenset[int]
    holidays: Mapping[date, str]
    make_up: frozenset[date]
    segments: tuple[tuple[int, int], ...] = ((0, DAY_MINUTES),)
    rows: Mapping[date, str] = field(default_factory=dict)

    def days_left(self, today: date) -> int:
        """How many days after this one the table knows without a gap; 0 as well where it does not know it."""
        year = today.year
        while year in self.years:
            year += 1
        return max((date(year, 1, 1) - today - _ONE_DAY).days, 0)

    def row_id(self, day: date) -> str:
        """The entry of the holiday table that says what this day is; for a plain one, its year's table."""
        return self.rows.get(day) or f"H-{day.year}"

    def why_off(self, day: date) -> str | None:
        """Why no work is done that day; None when it is a working day. Raises NoRule outside the table."""
        if day.year not in self.years:
            raise NoRule(f"节假日表没有 {day.year} 年：请先补充 holidays.yaml")
        if day in self.holidays:
            return self.holidays[day]
        if day in self.make_up:
            return None
        return "周末" if day.weekday() >= _SATURDAY else None

    def advance(self, start: datetime, amount: timedelta) -> tuple[datetime, tuple[Skipped, ...]]:
        """Let `amount` of working time pass from `start`: the moment it is used up, and what was skipped.

        Half-open: an amount used up at the end of an interval ends there, not at the next start.
        Raises BadInput on a naive start or a negative amount, NoRule when the table ends before.
        """
        if amount < timedelta(0):
            raise BadInput("时限长度不能为负")
        now = beijing(start)
        left = amount
        skipped: list[Skipped] = []
        for begins, ends, why in self._pieces(now):
            if left == timedelta(0):
                break
            if why is not None:
                _join(skipped, Skipped(begins, ends, why))
                continue
            used = min(left, ends - begins)
            left -= used
            now = begins + used
        return now, tuple(skipped)

    def _pieces(self, start: datetime) -> Iterator[tuple[datetime, datetime, str | None]]:
        """Time from `start` on, cut at each change between work (why None) and none."""
        day = start.date()
        while True:
            midnight = datetime.combine(day, time(), BEIJING)
            off = self.why_off(day)
            for first, last, working in cut_day(self.segments if off is None else ()):
                begins = max(start, midnight + timedelta(minutes=first))
                ends = midnight + timedelta(minutes=last)
                if begins < ends:
                    yield begins, ends, None if working else (off or "非工作时段")
            day += _ONE_DAY


def _join(skipped: list[Skipped], piece: Skipped) -> None:
    """Add a piece; one that goes on with the same reason makes the last one longer."""
    last = skipped[-1] if skipped else None
    if last is not None and last.end == piece.start and last.why == piece.why:
        skipped[-1] = Skipped(last.start, piece.end, last.why)
    else:
        skipped.append(piece)
