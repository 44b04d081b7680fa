"""Events → `Standing`. The events alone say where a ticket stands: no table is asked what they once meant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from models.vocab import (
    CLOSED_STATES,
    TAG_OF,
    Clock,
    Divert,
    Field,
    Move,
    Outcome,
    State,
    Tag,
    Urgency,
)
from models.vocab_citizen import CITIZEN
from models.vocab_sources import PLATFORM
from triage.errors import TriageError
from triage.rules import amending, following_up, second_dispatch, withdrawing
from triage.rules.standing import Asked, Call, Last, Objection, Run, Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

#: Logins of those who are no staff: the timetable, the citizen by the web (`services/citizen`), and the
#: hotline's platform (`services/hotline/words.py`).
OUTSIDE: Final = frozenset({"", CITIZEN, PLATFORM})
MOVE_TAGS: Final = frozenset(tag.value for tag in TAG_OF.values())


class Unreadable(TriageError):
    """工单的办理记录不完整，无法推算它的状态，请联系管理员。"""

    code = "events_unreadable"


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it is stored: `login` is who did it, empty for the system."""

    seq: int
    at: datetime
    tag: str
    login: str
    data: Mapping[str, Any]


def replay(events: Iterable[Event]) -> Standing | None:
    """Where the events lead; None when none of them says how the ticket was opened."""
    standing: Standing | None = None
    for event in events:
        if "opening" in event.data:
            standing = opened(event)
        elif standing is not None:
            standing = step(standing, event)
    return standing


def opened(event: Event) -> Standing:
    """The standing that an event with an opening describes."""
    o = event.data["opening"]
    dispatched, dispatch_by, answer_by = (
        _moment(o.get(name)) for name in ("dispatched_at", "dispatch_by", "answer_by")
    )
    state = State(o["state"])
    started = dispatched or event.at
    clocks: dict[Clock, Run] = {}
    if state is State.REVIEW and dispatch_by:
        clocks[Clock.DISPATCH] = Run(event.at, dispatch_by, o.get("dispatch_rule"))
    if state is State.DISPATCHED:
        for clock in (Clock.SIGN, *(() if o.get("patrol") else (Clock.CONTACT,))):
            told = o.get("clocks", {}).get(clock, {})
            clocks[clock] = Run(started, _moment(told.get("due")), told.get("rule"))
        clocks[Clock.ANSWER] = Run(started, answer_by, o.get("answer_rule"))
    registered = _moment(o["registered_at"])
    if registered is None:
        raise Unreadable
    return Standing(
        state=state,
        urgency=Urgency(o["urgency"]),
        seq=event.seq,
        last_at=event.at,
        version=1,
        registered_at=registered,
        unit=o.get("unit"),
        assist=tuple(o.get("assist", ())),
        copies=tuple(o.get("cc", ())),
        kind=o.get("kind"),
        district=o.get("district"),
        flagged=bool(o.get("flagged")),
        patrol=bool(o.get("patrol")),
        divert=Divert(o["divert"]) if o.get("divert") else None,
        since=dispatched,
        since_seq=event.seq,
        dispatched_at=dispatched,
        dispatch_by=dispatch_by,
        answer_by=answer_by,
        clocks=clocks,
    )


def opening_of(**facts: Any) -> dict[str, Any]:  # noqa: ANN401  (the facts that `opened` reads)
    """What `opened` reads, as JSON."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in facts.items()
        if value is not None
    }


def step(s: Standing, event: Event) -> Standing:
    """The standing after one more event; one that is no move (an automatic 催办) only takes its place."""
    return withdrawing.rested(_step(s, event), at=event.at)


def _step(s: Standing, event: Event) -> Standing:
    if besides := _BESIDES.get(event.tag):
        return besides(s, event)
    if event.tag not in MOVE_TAGS or "move" not in event.data:
        return s.evolve(seq=event.seq, last_at=max(s.last_at, event.at))
    move = Move(event.data["move"])
    if move is Move.UNDO:
        if s.before is None:
            raise Unreadable
        return _counted(s.before, event).evolve(version=s.version + 1)
    if move is Move.URGE and event.login in OUTSIDE:
        return _asked_again(s, event)
    state = State(event.data["to"])
    new = s.evolve(
        state=state,
        seq=event.seq,
        last_at=event.at,
        version=s.version + 1,
        clocks=_clocks(s, event, closed=state in CLOSED_STATES and state is not s.state),
        attachment=s.attachment or Field.ATTACHMENT in event.data["values"],
        last=Last(event.seq, move, event.at, event.login, _moment(event.data.get("undo_until"))),
        before=s.evolve(before=None),
    )
    change = _CHANGES.get(move)
    return new if change is None else change(new, event, event.data["values"])


def _asked_again(s: Standing, event: Event) -> Standing:
    """催办 by the citizen, the platform or the timetable: counted; what staff did can still be undone."""
    return _urged(s, event, 1)


def _joined(s: Standing, event: Event) -> Standing:
    """One more case was merged into this one: likewise, but to nothing that closes it under that case."""
    if s.before is not None and s.before.state in CLOSED_STATES:
        s = s.evolve(last=None, before=None)
    return _urged(s, event, 1, behind=1)


def _left(s: Standing, event: Event) -> Standing:
    return _urged(s, event, -1, behind=-1)


def _urged(s: Standing, event: Event, by: int, *, behind: int = 0) -> Standing:
    def counted(one: Standing) -> Standing:
        return one.evolve(urges=max(one.urges + by, 0), behind=max(one.behind + behind, 0))

    before = None if s.before is None else counted(s.before)
    return counted(s).evolve(seq=event.seq, last_at=event.at, version=s.version + 1, before=before)


def _head_settled(s: Standing, event: Event) -> Standing:
    """The case that this one is merged into was answered, or is handled anew: when to follow up here."""
    answered = event.tag == Tag.HEAD_ANSWERED
    clocks = dict(s.clocks)
    clocks.pop(Clock.FOLLOW_UP, None)
    if told := event.data.get("follow_up"):
        clocks[Clock.FOLLOW_UP] = Run(event.at, _moment(told["due"]), told["rule"])
    return _counted(s, event).evolve(clocks=clocks, head_answered=answered, answer_seq=event.seq)


def _counted(s: Standing, event: Event) -> Standing:
    """The same standing one version on, with nothing to undo."""
    return s.evolve(seq=event.seq, last_at=event.at, version=s.version + 1, last=None, before=None)


def _placed(s: Standing, event: Event) -> Standing:
    """The place was put right in another district: its government is copied what a city bureau leads."""
    return _counted(s, event).evolve(copies=tuple(event.data["units"]["cc"]))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _clocks(s: Standing, event: Event, *, closed: bool) -> dict[Clock, Run]:
    told = event.data["clocks"]
    found = dict(s.clocks)
    stopped = set(found) if closed else {Clock(name) for name in told["stop"]}
    for clock in stopped:
        run = found.get(clock)
        if run is not None and run.stopped is None:
            found[clock] = replace(run, stopped=event.at)
    for name, due in told["start"].items():
        found[Clock(name)] = Run(event.at, _moment(due["due"]), due["rule"])
    return found


def _sent(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    """派单, 改派, 仲裁, 二次派单: another unit has it. The answer clock: only 派单 starts it."""
    units, move = event.data["units"], Move(event.data["move"])
    return _ruled(s, event, values).evolve(
        unit=units["lead"],
        assist=tuple(units["assist"]),
        copies=tuple(units["cc"]),
        urgency=Urgency(values.get(Field.URGENCY, s.urgency)),
        since=event.at,
        since_seq=event.seq,
        dispatched_at=s.dispatched_at or event.at,
        answer_by=s.answer_ends,
        contacted=False,
        calls=second_dispatch.calls(s, units["lead"]) if move is Move.PASS_ON else (),
        asked={wish: ask for wish, ask in s.asked.items() if wish is Move.EXCLUDE_ASK},
        arbitrated=s.arbitrated or move is Move.ARBITRATE,
    )


def _ruled(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    """The open objection, if any, has its ruling."""
    waiting = s.open_objection
    if waiting is None:
        return s
    ruling = Move(event.data["move"])
    ruled = Objection(
        waiting.seq, waiting.at, waiting.unit, waiting.proposed, waiting.clause, waiting.reason,
        waiting.before, ruling, event.at, values.get(Field.REASON, ""),
        ruled_unit=event.data["units"]["lead"] if ruling is Move.ARBITRATE else None,
    )  # fmt: skip
    return s.evolve(objections=(*s.objections[:-1], ruled))


def _objected(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    objection = Objection(
        event.seq, event.at, event.data["by_unit"], values[Field.PROPOSED_UNIT], values[Field.CLAUSE],
        values[Field.REASON], State(event.data["from"]),
    )  # fmt: skip
    return s.evolve(objections=(*s.objections, objection))


def _asked(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    until = _moment(values.get(Field.UNTIL))
    ask = Asked(event.at, values[Field.REASON], until, event.data.get("by_unit"))
    return s.evolve(asked={**s.asked, Move(event.data["move"]): ask})


def _answered(ask: Move) -> Callable[[Standing, Event, Mapping[str, Any]], Standing]:
    """The wish has its answer."""

    def change(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
        del values
        left = {move: asked for move, asked in s.asked.items() if move is not ask}
        new = s.evolve(asked=left)
        match Move(event.data["move"]):
            case Move.EXTEND_GRANT:
                return new.evolve(extensions=s.extensions + 1, answer_by=s.answer_ends)
            case Move.LEDGER_GRANT:
                return new.evolve(asked={m: a for m, a in left.items() if m is Move.EXCLUDE_ASK})
            case Move.EXCLUDE_GRANT:
                return new.evolve(excluded=True)
            case _:
                return new

    return change


def _called(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    move, due = Move(event.data["move"]), _moment(values[Field.UNTIL])
    if due is None:
        raise Unreadable
    units = values.get(Field.ASSIST) or [values[Field.UNIT]]
    return s.evolve(calls=(*s.calls, *(Call(unit, move, event.at, due) for unit in units)))


def _reported(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    del values
    mine = event.data["by_unit"]
    return s.evolve(
        calls=tuple(
            Call(call.unit, call.move, call.at, call.due, event.at)
            if call.unit == mine and call.reported_at is None
            else call
            for call in s.calls
        )
    )


def _contacted(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    del event
    return s.evolve(contacted=s.contacted or values[Field.OUTCOME] == Outcome.REACHED)


def _split(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    """撤销合并: all as before the merge, its clocks running on as if they had never stopped.

    What happened to the citizen meanwhile stays: follow-ups, a flag that was looked at, and that they
    withdrew (撤诉): then nobody else waits any more, and another 撤诉 ends the case.
    """
    del event, values
    if s.unmerged is None:
        raise Unreadable
    return s.unmerged.evolve(
        seq=s.seq, last_at=s.last_at, version=s.version, follow_ups=s.follow_ups, flagged=s.flagged,
        urges=s.urges, behind=s.behind, withdrawn=s.withdrawn, last=s.last,
    )  # fmt: skip


def _accepted(s: Standing, event: Event, values: Mapping[str, Any]) -> Standing:
    del values
    run = s.clocks.get(Clock.DISPATCH)
    again = s.evolve(answered=False, answered_now=False, divert=None, dispatch_by=run.due if run else None)
    return again.evolve(unit=event.data["units"]["lead"])


_CHANGES: Final[Mapping[Move, Callable[[Standing, Event, Mapping[str, Any]], Standing]]] = {
    Move.ACCEPT: _accepted,
    **dict.fromkeys((Move.DISPATCH, Move.REASSIGN, Move.ARBITRATE, Move.PASS_ON), _sent),
    Move.OBJECT: _objected,
    Move.OBJECT_UPHOLD: _ruled,
    Move.OBJECT_REJECT: _ruled,
    Move.CONTACT: _contacted,
    Move.FEEDBACK: amending.fed_back,
    Move.AMEND: amending.amended,
    Move.SUPPLEMENT: amending.supplemented,
    Move.EXTEND_ASK: _asked,
    Move.EXTEND_GRANT: _answered(Move.EXTEND_ASK),
    Move.EXTEND_DENY: _answered(Move.EXTEND_ASK),
    Move.LEDGER_ASK: _asked,
    Move.LEDGER_GRANT: _answered(Move.LEDGER_ASK),
    Move.LEDGER_DENY: _answered(Move.LEDGER_ASK),
    Move.LEDGER_REVIEW: lambda s, _e, _v: s.evolve(answer_by=s.answer_ends),
    Move.EXCLUDE_ASK: _asked,
    Move.EXCLUDE_GRANT: _answered(Move.EXCLUDE_ASK),
    Move.EXCLUDE_DENY: _answered(Move.EXCLUDE_ASK),
    Move.WHISTLE: _called,
    Move.ESCALATE: _called,
    Move.REPORT_IN: _reported,
    Move.SUPERVISE: lambda s, _e, _v: s.evolve(supervised=True),
    Move.ONSITE: lambda s, _e, _v: s.evolve(supervised=False),
    Move.URGE: lambda s, _e, _v: s.evolve(urges=s.urges + 1),
    Move.FOLLOW_UP: following_up.followed,
    Move.WITHDRAW: withdrawing.withdrawn,
    Move.TAKE_UP: withdrawing.taken_up,
    Move.REHANDLE: amending.rehandled,
    Move.ANSWER_NOW: lambda s, e, _v: s.evolve(answered=True, answered_now=True, answer_seq=e.seq),
    Move.DIVERT: lambda s, _e, v: s.evolve(divert=Divert(v[Field.DIVERT])),
    Move.MERGE: lambda s, _e, v: s.evolve(merged_into=v[Field.OTHER_TICKET], asked={}, unmerged=s.before),
    Move.SPLIT: _split,
    Move.CLEAR_FLAG: lambda s, _e, _v: s.evolve(flagged=False),
}
#: What is no move of this ticket, and changes it all the same.
_BESIDES: Final[Mapping[str, Callable[[Standing, Event], Standing]]] = {
    Tag.JOINED.value: _joined,
    Tag.LEFT.value: _left,
    Tag.PLACED.value: _placed,
    Tag.HEAD_ANSWERED.value: _head_settled,
    Tag.HEAD_REOPENED.value: _head_settled,
}
