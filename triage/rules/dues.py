"""The due times of the clocks that a move starts: the one seam between the moves and the clocks.

What a deadline row sets comes from `deadlines`; what a person set was typed with the move or the wish before
it; what the move's own row sets (hours of review, the share a 重办 gets) comes from `moves.yaml`. A clock
that no row limits yet starts without a due time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from models.vocab import Clock, Field, Move, Urgency
from triage.errors import NoRule
from triage.rules.calendar import beijing
from triage.rules.deadlines import DueTime, DueTimes, due_times, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.rules.move_rows import MoveRow
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing

_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Due:
    """The end of a clock, the row that set it, and the sentence that says so."""

    at: datetime
    rule_id: str
    spelled: str


def dues(
    tables: Tables, row: MoveRow, s: Standing, values: Mapping[str, Any], *, at: datetime
) -> dict[Clock, Due]:
    """The due times of the clocks that `row` starts; those without a limit are absent."""
    found = {clock: _due(clock, tables, row, s, values, at=at) for clock in row.clocks.start}
    return {clock: due for clock, due in found.items() if due is not None}


def _due(
    clock: Clock, tables: Tables, row: MoveRow, s: Standing, values: Mapping[str, Any], *, at: datetime
) -> Due | None:
    match clock, row.move:
        case Clock.ANSWER, Move.EXTEND_GRANT:
            return _wished(s, Move.EXTEND_ASK, row)
        case Clock.LEDGER, Move.LEDGER_GRANT:
            return _wished(s, Move.LEDGER_ASK, row)
        case (Clock.ONSITE | Clock.LEDGER, _) | (Clock.ANSWER, Move.LEDGER_REVIEW):
            return _said(row, datetime.fromisoformat(values[Field.UNTIL]))
        case Clock.OBJECTION, _:
            hours = row.limits.review_hours
            return None if hours is None else _said(row, at + timedelta(hours=hours))
        case ((Clock.ANSWER | Clock.DISPATCH), _):
            urgency = Urgency(values.get(Field.URGENCY, s.urgency))
            found = _by_grade(tables, urgency, start=at, registered=s.registered_at)
            return _part(row, found.answer_by if clock is Clock.ANSWER else found.dispatch_by, at)
        case _:
            return None


def _part(row: MoveRow, due: DueTime, at: datetime) -> Due:
    """The row's share of a limit; the whole of it when the row gives none."""
    percent = row.limits.answer_percent
    if percent is None:
        return Due(due.at, due.rule_id, due.spelled)
    end = at + (due.at - at) * percent / _PERCENT
    return Due(end, row.id, f"{row.move.label}的时限为原等级的 {percent}%：至 {show(beijing(end))}。")


def _by_grade(tables: Tables, urgency: Urgency, *, start: datetime, registered: datetime) -> DueTimes:
    """By the deadline rows; where the holiday table ends natural days count: earlier, never later."""
    try:
        return due_times(tables, urgency=urgency, start=start, received=registered)
    except NoRule:
        return due_times(tables, urgency=urgency, start=start, received=registered, natural=True)


def _wished(s: Standing, ask: Move, row: MoveRow) -> Due | None:
    asked = s.asked.get(ask)
    return None if asked is None or asked.until is None else _said(row, asked.until)


def _said(row: MoveRow, at: datetime) -> Due:
    return Due(at, row.id, f"{row.move.label}定为 {show(beijing(at))}（{row.source}）。")
