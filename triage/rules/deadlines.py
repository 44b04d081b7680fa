"""办理时限: when a ticket must be dispatched and answered by, each with the row that says so, spelled out.

The dispatch clock starts when the appeal is registered, the answer clock when the ticket is dispatched (A).
Natural hours and days are exact spans; working days come from the calendar and tell what they skipped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from triage.errors import NoRule
from triage.rules.calendar import Skipped, beijing, show
from triage.rules.clocks import Clock, due_at, explain
from triage.rules.rows import ClockName, DayType, SpanUnit

if TYPE_CHECKING:
    from datetime import datetime

    from models.vocab import Urgency
    from triage.rules.calendar import WorkCalendar
    from triage.rules.rows import DeadlineRow, Status, Tables

__all__ = ["DueTime", "DueTimes", "due_time", "due_times", "show"]

_STARTS = {
    ClockName.DISPATCH: "登记", ClockName.SIGN: "派单", ClockName.CONTACT: "派单", ClockName.ANSWER: "派单",
    ClockName.FOLLOW_UP: "办理时限期满",
}  # fmt: skip
_WHOLE = 100


@dataclass(frozen=True, slots=True)
class DueTime:
    """A moment (aware, Beijing time), the row that set it, and the sentence that explains it."""

    at: datetime
    rule_id: str
    source: str
    status: Status
    spelled: str
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class DueTimes:
    """派单截止 and 答复截止."""

    dispatch_by: DueTime
    answer_by: DueTime


def due_times(
    tables: Tables,
    *,
    urgency: Urgency,
    start: datetime,
    calendar: WorkCalendar | None = None,
    received: datetime | None = None,
    natural: bool = False,
) -> DueTimes:
    """Both due times of a ticket of this grade.

    `start` is the moment of dispatch, from which the answer clock runs; `received` that of registration,
    from which the dispatch clock runs (None: the same moment). The rows are those in force on the Beijing
    day each clock starts. `natural` counts working days as natural ones: earlier, never later. Raises
    BadInput on a naive moment, NoRule when no row covers the day or the holiday table ends too early.
    """
    days = calendar or tables.calendar
    registered = start if received is None else received
    return DueTimes(
        dispatch_by=_due(tables, ClockName.DISPATCH, urgency, beijing(registered), None if natural else days),
        answer_by=_due(tables, ClockName.ANSWER, urgency, beijing(start), None if natural else days),
    )


def due_time(
    tables: Tables, clock: ClockName, urgency: Urgency, start: datetime, *, percent: int = _WHOLE
) -> DueTime:
    """The due time of one clock that starts then and gets `percent` of its limit.

    Where the holiday table ends, natural days count: earlier, never later. Raises NoRule without a row.
    """
    try:
        return _due(tables, clock, urgency, beijing(start), tables.calendar, percent)
    except NoRule:
        return _due(tables, clock, urgency, beijing(start), None, percent)


def clock_of(tables: Tables, clock: ClockName, urgency: Urgency, start: datetime) -> Clock:
    """The clock that `due_time` reckons with: its warnings are asked of it. Raises NoRule without a row."""
    try:
        _due(tables, clock, urgency, beijing(start), tables.calendar)
    except NoRule:
        return _clock(tables, clock, urgency, beijing(start), None)
    return _clock(tables, clock, urgency, beijing(start), tables.calendar)


def _clock(  # noqa: PLR0917  (private; each is needed)
    tables: Tables,
    clock: ClockName,
    urgency: Urgency,
    start: datetime,
    calendar: WorkCalendar | None,
    percent: int = _WHOLE,
) -> Clock:
    row = tables.deadline(clock, urgency, start.date())
    if calendar is None:
        row = replace(row, day_type=DayType.NATURAL, roll_over=False)
    return Clock(row, start, calendar or tables.calendar, percent=percent)


def _due(  # noqa: PLR0917  (private; each is needed)
    tables: Tables,
    clock: ClockName,
    urgency: Urgency,
    start: datetime,
    calendar: WorkCalendar | None,
    percent: int = _WHOLE,
) -> DueTime:
    running = _clock(tables, clock, urgency, start, calendar, percent)
    row, at = running.row, due_at(running)
    if at is None:
        raise NoRule(f"时限没有终点：{row.id}")  # only a pause can do that, and there is none
    skipped = _skipped(running) if row.segments or row.day_type is DayType.WORKING or row.roll_over else ()
    return DueTime(at, row.id, row.source, row.status, _spell(row, start, at, skipped), skipped)


def _skipped(clock: Clock) -> tuple[Skipped, ...]:
    """The stretches that did not count; a weekend is one, whatever its days."""
    gaps = (piece for piece in explain(clock).pieces if not piece.counted)
    return tuple(Skipped(p.start, p.end, "周末" if p.why.startswith("周") else p.why) for p in gaps)


def _length(row: DeadlineRow) -> str:
    if row.unit is not SpanUnit.DAY:
        hours = "小时" if row.unit is SpanUnit.HOUR else "分钟"
        return f"{row.length} {'个工作' if row.day_type is DayType.WORKING else ''}{hours}"
    return f"{row.length} 个{'工作日' if row.day_type is DayType.WORKING else '自然日'}"


def _spell(row: DeadlineRow, start: datetime, at: datetime, skipped: tuple[Skipped, ...]) -> str:
    """The whole interval in one sentence, each stretch that did not count named with its reason."""
    text = (
        f"{row.urgency.value}（{row.urgency.label}）"
        f"应在{_STARTS[row.clock]}后 {_length(row)}内{row.clock.label}："
        f"自 {show(start)}（北京时间）至 {show(at)}"
    )
    if skipped:
        gaps = "；".join(f"{show(gap.start)} 至 {show(gap.end)}（{gap.why}）" for gap in skipped)
        text += f"，其中不计：{gaps}"
    elif row.day_type is DayType.NATURAL and row.unit is SpanUnit.DAY and not row.roll_over:
        text += "，节假日和周末照算、到期不顺延"
    return f"{text}。依据：{row.source}（{row.status.label}）。"
