"""The due times of the clocks that a move starts: the one seam between the moves and the clocks.

What a deadline row sets comes from `deadlines`; what a person set was typed with the move or the wish before
it; what the move's own row sets (hours of review, the share a 重办 gets) comes from `moves.yaml`. When the
follow-up clock starts is asked of `clocks.yaml`. `first_limits` is for a ticket that is opened dispatched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Clock, Field, Move, Urgency
from triage.rules import amending
from triage.rules.calendar import beijing
from triage.rules.clock_rows import StartsAt
from triage.rules.deadlines import due_time, show
from triage.rules.rows import ClockName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.rules.deadlines import DueTime
    from triage.rules.move_rows import MoveRow
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing

#: What runs from the dispatch beside the answer limit.
_FROM_DISPATCH: Final = (Clock.SIGN, Clock.CONTACT)
#: What is the citizen's: of 自建工单 (巡查发现) they never run.
_OF_CITIZEN: Final = frozenset({Clock.CONTACT, Clock.FOLLOW_UP})


@dataclass(frozen=True, slots=True)
class Due:
    """The end of a clock, the row that set it, and the sentence that says so."""

    at: datetime
    rule_id: str
    spelled: str

    @property
    def told(self) -> dict[str, str]:
        """As an event keeps it."""
        return {"due": self.at.isoformat(), "rule": self.rule_id, "spelled": self.spelled}


def first_limits(
    tables: Tables, urgency: Urgency, dispatched_at: datetime, *, patrol: bool = False
) -> dict[Clock, Due]:
    """签收 and 首次联系 of a ticket that is opened dispatched: they run without anybody doing anything."""
    return {
        clock: _of(due_time(tables, ClockName(clock), urgency, dispatched_at))
        for clock in _FROM_DISPATCH
        if not (patrol and clock in _OF_CITIZEN)
    }


def started(row: MoveRow, s: Standing) -> tuple[Clock, ...]:
    """The clocks that `row` starts on this ticket."""
    return tuple(clock for clock in row.clocks.start if not (s.patrol and clock in _OF_CITIZEN))


def dues(
    tables: Tables, row: MoveRow, s: Standing, values: Mapping[str, Any], *, at: datetime
) -> dict[Clock, Due]:
    """The due times of the clocks that `row` starts; those without a limit are absent."""
    found = {clock: _due(clock, tables, row, s, values, at=at) for clock in started(row, s)}
    return {clock: due for clock, due in found.items() if due is not None}


def _due(
    clock: Clock, tables: Tables, row: MoveRow, s: Standing, values: Mapping[str, Any], *, at: datetime
) -> Due | None:
    match clock, row.move:
        case Clock.ANSWER, Move.EXTEND_GRANT:
            return _wished(s, Move.EXTEND_ASK, row)
        case Clock.ANSWER, Move.SUPPLEMENT:
            return _supplement(tables, row, s, at)
        case Clock.LEDGER, Move.LEDGER_GRANT:
            return _wished(s, Move.LEDGER_ASK, row)
        case (Clock.ONSITE | Clock.LEDGER, _) | (Clock.ANSWER, Move.LEDGER_REVIEW):
            return _said(row, datetime.fromisoformat(values[Field.UNTIL]))
        case Clock.OBJECTION, _:
            hours = row.limits.review_hours
            return None if hours is None else _said(row, at + timedelta(hours=hours))
        case _:
            urgency = Urgency(values.get(Field.URGENCY, s.urgency))
            return _by_grade(tables, row, ClockName(clock), urgency, _start(clock, tables, s, at))


def _start(clock: Clock, tables: Tables, s: Standing, at: datetime) -> datetime:
    match clock:
        case Clock.DISPATCH:
            return s.registered_at
        case Clock.FOLLOW_UP:
            return _follow_up_from(tables, s, at)
        case _:
            return at


def _by_grade(tables: Tables, row: MoveRow, clock: ClockName, urgency: Urgency, start: datetime) -> Due:
    """By the deadline row; of the answer limit only the move's share, when its row gives one (重办)."""
    percent = row.limits.answer_percent
    if percent is None or clock is not ClockName.ANSWER:
        return _of(due_time(tables, clock, urgency, start))
    end = due_time(tables, clock, urgency, start, percent=percent).at
    return Due(end, row.id, f"{row.move.label}的时限为原等级的 {percent}%：至 {show(beijing(end))}。")


def _supplement(tables: Tables, row: MoveRow, s: Standing, at: datetime) -> Due:
    percent, hours = row.limits.answer_percent or 100, row.limits.answer_hours.get(s.urgency)
    share = due_time(tables, ClockName.ANSWER, s.urgency, at, percent=percent).at
    end = amending.until(hours, share, at)
    first = f"{hours} 小时内，且" if hours is not None else ""
    limit = f"{first}不超过 {s.urgency.value} 时限的 {percent}%"
    return Due(end, row.id, f"{row.move.label}的时限：{limit}，至 {show(beijing(end))}。")


def _follow_up_from(tables: Tables, s: Standing, at: datetime) -> datetime:
    """From the feedback, or from the end of the answer limit where that is later and its row says so."""
    answer = s.clocks.get(Clock.ANSWER)
    started = at if answer is None else answer.started
    run = tables.clocks.run(ClockName.FOLLOW_UP, beijing(started).date())
    ends = s.answer_by
    return max(at, ends) if run.start is StartsAt.ANSWER_DUE and ends else at


def follow_up_behind(
    tables: Tables, head: Standing, urgency: Urgency, *, at: datetime
) -> tuple[datetime, Due]:
    """回访 of a citizen whose case is merged into one that has its answer: from when, and by when."""
    start = _follow_up_from(tables, head, at)
    return start, _of(due_time(tables, ClockName.FOLLOW_UP, urgency, start))


def _of(due: DueTime) -> Due:
    return Due(due.at, due.rule_id, due.spelled)


def _wished(s: Standing, ask: Move, row: MoveRow) -> Due | None:
    asked = s.asked.get(ask)
    return None if asked is None or asked.until is None else _said(row, asked.until)


def _said(row: MoveRow, at: datetime) -> Due:
    return Due(at, row.id, f"{row.move.label}定为 {show(beijing(at))}（{row.source}）。")
