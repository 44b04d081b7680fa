"""When citizens are rung: the hours of the day (`clocks.yaml`), which 约定时间 can be agreed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from triage.rules.calendar import beijing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.rules.clock_rows import ClockTable, RingRow

#: What a part of the day is called: until this hour.
_PARTS: Final = ((12, "上午"), (18, "下午"), (24, "晚上"))
_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a case says of when it may be rung: the limit of its answer, and that of its 回访."""

    answer_by: datetime | None
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a time cannot be agreed; `late`: only that it is after the limit, which may be said."""

    words: str
    late: bool = False


def spelled(minute: int) -> str:
    """`09:00`, of a minute of the day."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def hours(row: RingRow) -> str:
    """The hours in which citizens are rung, in words."""
    return "、".join(f"{spelled(start)}—{spelled(end)}" for start, end in row.segments)


def rings_at(row: RingRow, moment: datetime) -> bool:
    """Whether citizens are rung at that time of the day."""
    here = beijing(moment)
    minute = here.hour * 60 + here.minute
    return any(start <= minute < end for start, end in row.segments)


def rings_from(clocks: ClockTable, moment: datetime) -> datetime:
    """That moment, or when one rings next."""
    for days in range(_WEEK.days):
        day = beijing(moment).date() + timedelta(days=days)
        row = clocks.ring(day)
        if not days and rings_at(row, moment):
            return moment
        for start, _ in row.segments:
            found = _at(moment, days, start)
            if found > moment:
                return found
    return moment


def _at(moment: datetime, days: int, minute: int) -> datetime:
    """A time of the day, so many days after that moment's."""
    here = beijing(moment)
    day = here.date() + timedelta(days=days)
    return datetime.combine(day, time(), here.tzinfo) + timedelta(minutes=minute)


def offered(row: RingRow, now: datetime, limits: Limits) -> tuple[tuple[datetime, bool], ...]:
    """What can be agreed by one press: times of today and tomorrow, and whether they are after the limit."""
    times = [_at(now, days, minute) for days in (0, 1) for minute in row.offers]
    found = [(at, fault(row, at, now=now, limits=limits)) for at in times]
    return tuple((at, wrong is not None) for at, wrong in found if wrong is None or wrong.late)


def fault(row: RingRow, at: datetime, *, now: datetime, limits: Limits) -> Fault | None:
    """Why a time cannot be agreed. Where the limit of 回访 is over already nothing is asked about it."""
    told = f"{beijing(at):%m-%d %H:%M}"
    if at <= now:
        return Fault(f"约定时间：{told} 已经过了，请写以后的时间")
    if at > now + timedelta(days=row.days_ahead):
        return Fault(f"约定时间：最多约到 {row.days_ahead} 天以后，{told} 太远了")
    if not rings_at(row, at):
        return Fault(f"约定时间：回访只在 {hours(row)} 打，{told} 不在里面")
    if limits.answer_by is not None and at < limits.answer_by:
        return Fault(
            f"约定时间：办理时限期满后才回访，请写 {beijing(limits.answer_by):%m-%d %H:%M} 以后的时间"
        )
    if limits.due is not None and now <= limits.due < at:
        words = (
            f"约定时间：{told} 晚于回访时限 {beijing(limits.due):%m-%d %H:%M}。"
            "仍要这样约，请勾选“晚于回访时限也这样约”"
        )
        return Fault(words, late=True)
    return None


def part_of_day(moment: datetime) -> str:
    """上午, 下午 or 晚上."""
    return next(name for until, name in _PARTS if beijing(moment).hour < until)


def other_part(tries: Sequence[datetime], now: datetime) -> str | None:
    """A word to whoever rings at the time of the day at which it was in vain before (R4.13); None: none."""
    part = part_of_day(now)
    same = [at for at in tries if part_of_day(at) == part]
    if not same:
        return None
    often = "上一次" if len(same) == 1 else f"前 {len(same)} 次"
    return f"{often}没打通也是在{part}：换个时段更容易打通"
