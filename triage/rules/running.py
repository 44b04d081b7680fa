"""A ticket's clocks from its events: which rows of `clocks.yaml` started, restarted, paused and stopped them.

Time runs from dispatch: an answer clock looks at no signature, so that not signing stops nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from triage.errors import BadInput
from triage.rules.calendar import beijing
from triage.rules.clock_rows import StartsAt
from triage.rules.clocks import Clock, Extension, Pause, due_at, elapsed, length_of, span_of
from triage.rules.rows import ClockName, DayType, SpanUnit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.vocab import Urgency
    from triage.rules.acts import Event, History
    from triage.rules.clock_rows import RunRow
    from triage.rules.rows import DeadlineRow, Tables

#: What is the citizen's: 自建工单 (巡查发现) has none.
_OF_CITIZEN: Final = frozenset({ClockName.CONTACT, ClockName.FOLLOW_UP})
_ZERO: Final = timedelta(0)
_MINUTE: Final = timedelta(minutes=1)
_FULL: Final = 100
_START_ACTS: Final = {
    StartsAt.RECEIVE: "receive", StartsAt.DISPATCH: "dispatch", StartsAt.FEEDBACK: "feedback",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Running:
    """One run of a clock: what it counts, the row that started it, and when it was stopped (None: not)."""

    clock: Clock
    run_id: str
    stopped: datetime | None
    #: The short limit of 退回补充: what counts as in time is the run before it.
    supplement: bool = False

    @property
    def due(self) -> datetime | None:
        """When its limit ends; None while a pause stands open."""
        return due_at(self.clock)

    def kept(self, at: datetime) -> bool | None:
        """Whether the limit was kept, None while that is open at `at`. Half-open: at its end is late."""
        due = self.due
        if self.stopped is not None and self.stopped <= at:
            return due is None or self.stopped < due
        return None if due is None or at < due else False


#: A 回访 of the time in which a case that is on its own again was merged into another one.
ASKED_MERGED: Final = "follow_up_merged"
_TAKING_BACK: Final = ("undo", "split", "take_up")
_WITHDRAWALS: Final = ("withdraw", "withdraw_part")
_ENDED_BY_SPLIT: Final = ("archive", "head_answered", "head_reopened")


def standing(events: Sequence[Event]) -> tuple[Event, ...]:
    """The events that still stand: each `undo` takes back the one that it names, by its number.

    Not simply the last: a citizen or the timetable may have urged since, and staff still undo what they did.
    Where no number is told it is the last that stands. A `split` takes back the merge before it, what became
    of the case it led into, and the archiving that followed it. What was asked of the citizen in between was
    asked of the other case's answer: it stays, as no 回访 of this one (`ASKED_MERGED`). 取消撤诉 (`take_up`)
    takes back every 撤诉 before it.
    """
    if all(event.act not in _TAKING_BACK for event in events):
        return tuple(events)
    kept: list[Event] = []
    for event in events:
        if event.act == "split":
            merged = next((at for at in range(len(kept) - 1, -1, -1) if kept[at].act == "merge"), len(kept))
            since = [one for one in kept[merged + 1 :] if one.act not in _ENDED_BY_SPLIT]
            kept[merged:] = [_of_the_other(one) for one in since]
        elif event.act == "take_up":
            kept = [one for one in kept if one.act not in _WITHDRAWALS]
        elif event.act != "undo":
            kept.append(event)
        elif (undone := event.data.get("undoes")) is not None:
            kept = [one for one in kept if one.seq != undone]
        elif kept:
            kept.pop()
    return tuple(kept)


def _of_the_other(event: Event) -> Event:
    return replace(event, act=ASKED_MERGED) if event.act == "follow_up" else event


def runs(tables: Tables, history: History, name: ClockName) -> tuple[Running, ...]:
    """Every run of that clock, in order; none when it never started. Raises NoRule without a row."""
    if history.patrol and name in _OF_CITIZEN:
        return ()
    events = standing(history.events)
    if name is ClockName.FOLLOW_UP:
        return _after_answer(tables, history.urgency, events)
    # What waits to be dispatched has the grade it was opened with; that of 派单 is for the clocks after it.
    opened = history.opened_as if name is ClockName.DISPATCH else None
    urgency = opened or history.urgency
    return tuple(_running(tables, urgency, span) for span in _spans(tables, events, name))


@dataclass(frozen=True, slots=True)
class _Span:
    """One run before it is counted: its row, when it began, its share of the limit, and its own events."""

    row: RunRow
    begun: datetime
    percent: int
    own: tuple[Event, ...]


def _spans(tables: Tables, events: Sequence[Event], name: ClockName) -> tuple[_Span, ...]:
    """The runs of a clock, cut where an event starts it anew, or lets it go on after a stop.

    Cut by place, not by time: what was done at the very moment of a 重办, but before it, is the first run's.
    """
    act = _first_act(tables, events, name)
    first = next((place for place, event in enumerate(events) if event.act == act), None)
    if first is None:
        return ()
    start = events[first].at
    row = tables.clocks.run(name, beijing(start).date())
    cuts = [(first, start, _FULL)]
    for place, event in enumerate(events[first + 1 :], start=first + 1):
        if event.act in row.restart:
            cuts.append((place, event.at, _share(tables, event)))
        elif event.act in row.resume:
            cuts.append((place, start, _FULL))
    ends = [place for place, *_ in cuts[1:]] + [len(events)]
    return tuple(
        _Span(row, begun, percent, tuple(events[place:end]))
        for (place, begun, percent), end in zip(cuts, ends, strict=True)
    )


def _first_act(tables: Tables, events: Sequence[Event], name: ClockName) -> str | None:
    if not events:
        return None
    return _START_ACTS.get(tables.clocks.run(name, beijing(events[0].at).date()).start)


def _share(tables: Tables, event: Event) -> int:
    return tables.clocks.rehandle(beijing(event.at).date()).percent if event.act == "rehandle" else _FULL


def _running(tables: Tables, urgency: Urgency, span: _Span) -> Running:
    run, start, events = span.row, span.begun, span.own
    answer = run.clock is ClockName.ANSWER
    row = tables.deadline(run.clock, urgency, beijing(start).date())
    if answer and (short := _supplement(row, events[0])) is not None:
        found = Clock(short, start, tables.calendar)
        return Running(found, run.id, _stopped(tables, run, events[1:]), supplement=True)
    clock = Clock(
        row,
        start,
        tables.calendar,
        pauses=pauses_of(events) if answer else (),
        percent=span.percent,
    )
    if answer and any(event.act in {"extend_grant", "ledger_review"} for event in events):
        clock = replace(clock, extensions=extensions_of(clock, events))
    return Running(clock, run.id, _stopped(tables, run, events))


def _supplement(row: DeadlineRow, event: Event) -> DeadlineRow | None:
    """The limit that 退回补充 set, in minutes as its event tells them; None: the run began otherwise."""
    if event.act != "supplement":
        return None
    told = ((event.data.get("clocks") or {}).get("start") or {}).get(ClockName.ANSWER.value) or {}
    due = moment_of(told.get("due"))
    if due is None:
        return row
    minutes = max(round((due - event.at) / _MINUTE), 1)
    return replace(
        row, length=minutes, unit=SpanUnit.MINUTE, day_type=DayType.NATURAL, segments=(), roll_over=False
    )


def _stopped(tables: Tables, run: RunRow, events: Sequence[Event]) -> datetime | None:
    """When the run was stopped. A call in vain stops the follow-up clock when it is the last to be made."""
    in_vain: list[datetime] = []
    for event in events:
        if event.act not in run.stop:
            continue
        if event.act != "follow_up" or not event.data.get("unreachable"):
            return event.at
        row = tables.clocks.follow_up(beijing(event.at).date())
        if not in_vain or event.at - in_vain[-1] >= timedelta(hours=row.apart_hours):
            in_vain.append(event.at)
        if len(in_vain) >= row.attempts:
            return event.at
    return None


def _after_answer(tables: Tables, urgency: Urgency, events: Sequence[Event]) -> tuple[Running, ...]:
    """The follow-up clock runs once there is a feedback: from it, or from the end of the limit if later.

    A feedback that was sent back (退回补充) is followed up by nobody from then on: its run ends there, and
    keeps its number, under which its points were written. The one that completes it has a run of its own,
    after the end of the limit that the first was given under.
    """
    found = []
    due: datetime | None = None
    spans = _spans(tables, events, ClockName.ANSWER)
    for number, span in enumerate(spans, start=1):
        own, answer = span.own, _running(tables, urgency, span)
        due = due if answer.supplement else answer.due
        after = spans[number].own[0] if number < len(spans) else None
        run = tables.clocks.run(ClockName.FOLLOW_UP, answer.clock.start.date())
        place = next((place for place, e in enumerate(own) if e.act == "feedback"), None)
        if place is None:
            continue
        told = own[place].at
        start = max(told, due) if run.start is StartsAt.ANSWER_DUE and due else told
        row = tables.deadline(ClockName.FOLLOW_UP, urgency, beijing(start).date())
        # Calls from while it was merged with another case asked of that one's answer.
        stopped = _withdrawn(events, told) or _stopped(tables, run, own[place:])
        if stopped is None and after is not None and after.act == "supplement":
            stopped = after.at
        found.append(Running(Clock(row, start, tables.calendar), run.id, stopped))
    return (*found, *_behind(tables, urgency, events))


def _behind(tables: Tables, urgency: Urgency, events: Sequence[Event]) -> list[Running]:
    """Of a merged case: a follow-up clock for each answer of the case it is merged into."""
    found = []
    for place, event in enumerate(events):
        start = moment_of(event.data.get("from")) if event.act == "head_answered" else None
        if start is None:
            continue
        rest = events[place + 1 :]
        ends = next((at for at, one in enumerate(rest) if one.act.startswith("head_")), len(rest))
        run = tables.clocks.run(ClockName.FOLLOW_UP, beijing(start).date())
        row = tables.deadline(ClockName.FOLLOW_UP, urgency, beijing(start).date())
        stopped = _withdrawn(events, event.at) or _stopped(tables, run, rest[:ends])
        stopped = stopped or (rest[ends].at if ends < len(rest) else None)
        found.append(Running(Clock(row, start, tables.calendar), run.id, stopped))
    return found


def _withdrawn(events: Sequence[Event], at: datetime) -> datetime | None:
    """That moment, where the citizen had withdrawn by then: nobody is to ask them anything."""
    return at if any(event.act in _WITHDRAWALS and event.at <= at for event in events) else None


def pauses_of(events: Sequence[Event]) -> tuple[Pause, ...]:
    """挂账: from each grant to the review that resumes it, or the feedback; open when there is none yet.

    The date that a request names is that of the review and ends nothing by itself; that of a grant does.
    """
    found: list[Pause] = []
    asked: Event | None = None
    for number, event in enumerate(events):
        if event.act == "ledger_ask":
            asked = event
        if event.act != "ledger_grant" or (found and found[-1].until is None):
            continue
        until = moment_of(event.data.get("until"))
        ended = next((e.at for e in events[number + 1 :] if e.act == "feedback" or _resumes(e)), None)
        ends = min((m for m in (until, ended) if m is not None), default=None)
        start = max(event.at, found[-1].until) if found and found[-1].until else event.at
        if ends is None or ends > start:
            reason = str(event.data.get("reason") or (asked and asked.data.get("reason")) or "挂账")
            found.append(Pause(start, ends, f"挂账（{reason}）", str(event.data.get("by") or "未记")))
    return tuple(found)


def _resumes(event: Event) -> bool:
    """A review of the ledger that starts the clock again: any that does not say that it keeps it."""
    return event.act == "ledger_review" and event.data.get("outcome") != "keep"


def extensions_of(clock: Clock, events: Sequence[Event]) -> tuple[Extension, ...]:
    """延期 that was granted, in order: to the moment `until`, or by `length` in the unit of the row.

    A grant without either repeats what the last request asked for. A review that resumes a ticket of the
    ledger and names the end of its limit is kept here too: the limit then ends there, later or earlier.
    """
    found: list[Extension] = []
    asked: Event | None = None
    for event in events:
        if event.act == "extend_ask":
            asked = event
        resumed = _resumes(event) and bool(event.data.get("until"))
        if event.act != "extend_grant" and not resumed:
            continue
        told = event if {"until", "length"} & set(event.data) or asked is None else asked
        so_far = replace(clock, extensions=tuple(found), pauses=_before(clock.pauses, event.at))
        amount = _amount(so_far, told)
        if amount > _ZERO or (resumed and amount):
            reason = str(event.data.get("reason") or (asked and asked.data.get("reason")) or "")
            found.append(Extension(event.at, amount, reason, str(event.data.get("by") or "未记")))
    return tuple(found)


def _before(pauses: Sequence[Pause], at: datetime) -> tuple[Pause, ...]:
    """What was known at that moment: a pause that began later counts for nothing yet."""
    return tuple(pause for pause in pauses if pause.start <= at)


def _amount(clock: Clock, told: Event) -> timedelta:
    until = moment_of(told.data.get("until"))
    if until is not None:
        return elapsed(clock, until) - length_of(clock)
    return span_of(clock.row, clock.calendar, int(told.data.get("length") or 0))


def moment_of(value: Any) -> datetime | None:  # noqa: ANN401  (a value of an event's JSON)
    """A moment kept in an event: ISO text or a moment; None stays None. Raises BadInput on anything else."""
    if value is None or isinstance(value, datetime):
        return value
    try:
        return beijing(datetime.fromisoformat(str(value)))
    except ValueError:
        raise BadInput(f"不是时刻：{value}") from None
