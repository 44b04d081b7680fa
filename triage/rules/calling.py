"""吹哨, 提级 and 督办 of a ticket, each with its own due time, and whether it was kept. Pure, from events.

Both sides are assessed (条例 §16, §33): the unit that was called by whether it came in time, the unit that
called by whether the ticket was answered in time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from triage.rules.rows import ClockName
from triage.rules.running import moment_of, runs, standing

if TYPE_CHECKING:
    from datetime import datetime

    from triage.rules.acts import Event, History
    from triage.rules.rows import Tables

_SENT: Final = frozenset({"dispatch", "reassign", "arbitrate", "pass_on"})
#: After these a called unit has nothing to report to any more.
_OVERTAKES: Final = frozenset({
    "feedback", "merge", "divert", "answer_now", "withdraw", "hand_over", "close", "archive",
})  # fmt: skip
CALLS: Final = ("whistle", "escalate", "supervise")


@dataclass(frozen=True, slots=True)
class Call:
    """One unit called by one act. `done`: when it reported in, or was on the spot (到场)."""

    no: str
    act: str
    at: datetime
    by: str | None
    unit: str | None
    due: datetime
    done: datetime | None = None
    #: Nobody could follow it any more before it was due: neither kept nor broken.
    overtaken: bool = False

    def kept(self, at: datetime) -> bool | None:
        """Whether the limit was kept; None while that is open. Half-open: at its end is late."""
        if self.overtaken:
            return None
        if self.done is not None and self.done <= at:
            return self.done < self.due
        return None if at < self.due else False


@dataclass(frozen=True, slots=True)
class Called:
    """A ticket's calls, and whether it was itself answered in time (None: open)."""

    calls: tuple[Call, ...]
    answered: bool | None


def calls_of(tables: Tables, history: History, *, as_of: datetime) -> Called:
    """The calls that stand, in order.

    A call that nobody can follow any more, for the ticket was answered, joined to another, sent away or sent
    to another unit before it was due, is overtaken. 督办 goes over to the unit that the ticket is sent to;
    二次派单 leaves every other call alone, but that of the unit which leads then.
    """
    events = standing([event for event in history.events if event.at < as_of])
    found: list[Call] = []
    sent = any(event.act in _SENT and event.data.get("unit") for event in events)
    lead = None if sent else history.unit_code
    for event in events:
        if event.act in _SENT:
            lead = str(event.data.get("unit") or lead or "") or None
        if event.act in _SENT | _OVERTAKES:
            goes_on = event.act in _SENT
            found = [_left_of(call, event, lead if goes_on else None) for call in found]
        if event.act in CALLS:
            found += _called(history.no, event, lead)
        if event.act in {"report_in", "onsite"}:
            found = [_answered(call, event) for call in found]
    seen = replace(history, events=events)
    # 退回补充 changes nothing of it: what counts is when the answer first came.
    answers = [run for run in runs(tables, seen, ClockName.ANSWER) if not run.supplement] if found else []
    return Called(tuple(found), answers[-1].kept(as_of) if answers else None)


def _left_of(call: Call, event: Event, lead: str | None) -> Call:
    """What is left of a call once the ticket is done with, or goes to `lead`."""
    if call.done is not None or call.due <= event.at or call.overtaken:
        return call
    if call.act == "supervise" and lead is not None:
        return replace(call, unit=lead)
    goes_on = event.act == "pass_on" and call.unit != lead
    return call if goes_on else replace(call, overtaken=True)


def _called(no: str, event: Event, lead: str | None) -> list[Call]:
    due = moment_of(event.data.get("until"))
    if due is None:
        return []
    by = event.data.get("by_unit") or None
    if event.act == "supervise":
        return [Call(no, event.act, event.at, by, lead, due)]
    units = event.data.get("assist") if event.act == "whistle" else [event.data.get("unit")]
    return [Call(no, event.act, event.at, by or lead, str(unit), due) for unit in units or () if unit]


def _answered(call: Call, event: Event) -> Call:
    """A report-in ends the calls of its unit; being on the spot ends 督办."""
    mine = (
        call.act == "supervise"
        if event.act == "onsite"
        else call.act != "supervise" and call.unit == event.data.get("by_unit")
    )
    return replace(call, done=event.at) if mine and call.done is None and not call.overtaken else call
