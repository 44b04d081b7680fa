"""From a reading to what happens with it: reading (nlp) → facts → decision (rules), and the rows to store.

Pure: no database and no models here. The words that travel to the rows are the masked ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Clock, Post, ReviewReason, Role, State, Tag, Urgency
from nlp.types import source_text
from triage.errors import NoRule
from triage.rules import answering, patrol
from triage.rules.calendar import beijing
from triage.rules.decision import Facts, decide
from triage.rules.dues import first_limits
from triage.rules.fields import Refusal
from triage.rules.moves import Actor
from triage.rules.replay import Event as Moved
from triage.rules.replay import opened, opening_of
from triage.rules.routing import zone_in
from triage.services.reading_rows import reading_row

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from typing import Protocol

    from nlp.types import TextReading
    from triage.rules.answering import Registered
    from triage.rules.deadlines import DueTime
    from triage.rules.decision import Decision
    from triage.rules.dues import Due
    from triage.rules.patrol import Found
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing

    class ToDecide(Protocol):
        """What is asked of an appeal."""

        @property
        def id(self) -> int: ...  # noqa: D102
        @property
        def title(self) -> str | None: ...  # noqa: D102
        @property
        def text(self) -> str: ...  # noqa: D102
        @property
        def address(self) -> str | None: ...  # noqa: D102
        @property
        def received_at(self) -> datetime: ...  # noqa: D102
        @property
        def stored_at(self) -> datetime: ...  # noqa: D102


#: A ticket's title when the appeal has none: its first words.
TITLE_CHARACTERS: Final = 40

_TAGS: Final = {
    State.DISPATCHED: Tag.DISPATCHED,
    State.REVIEW: Tag.REVIEW,
    State.DIVERTED: Tag.DIVERTED,
    State.HANDED_OVER: Tag.HANDED_OVER,
}

#: These do not wait for a person.
_PRESSING: Final = (Urgency.U1, Urgency.U2)

#: What makes two appeals of one person the same matter, until texts are compared: kind and street.
Matter = tuple["str | None", "str | None"]
Event = tuple[Tag, "datetime | None", dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Answered:
    """What was made with the ticket (当场答复; 签收, 反馈 of 巡查): events, whose, where it stands then."""

    events: tuple[Moved, ...]
    actor: Actor
    name: str
    after: Standing
    files: tuple[int, ...] = ()
    """Attachments that are evidence of the last event."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One appeal's outcome as rows: reading, ticket, units, events, and the text it is found by."""

    appeal_id: int
    reading: dict[str, Any]
    ticket: dict[str, Any]
    units: tuple[dict[str, str], ...]
    events: tuple[Event, ...]
    searched: str
    answered: Answered | None = None
    point: tuple[float, float] | None = None
    """Where a person was who found it: longitude and latitude."""
    in_confidence: Decided | None = None
    """The same where its source has said 保密 by the time that it is stored; None: that changes nothing."""


def decide_text(tables: Tables, reading: TextReading, *, now: datetime) -> Decision:
    """What would happen with a text of this reading if it came in now."""
    return decide(tables, _facts(tables, reading, now, now, ()), at=now)


def words_of(appeal: ToDecide) -> tuple[str | None, str]:
    """What is read of an appeal: its title, and its text with the address."""
    # The form's address field is part of what was said: without it the place would be lost.
    text = f"{appeal.text}\n地址：{appeal.address}" if appeal.address else appeal.text
    return appeal.title, text


def decide_appeal(
    tables: Tables,
    reading: TextReading,
    appeal: ToDecide,
    *,
    now: datetime,
    matters: Collection[Matter] = (),
    answer: Registered | None = None,
    found: Found | None = None,
) -> Decided:
    """Decide on an appeal by its reading, giving everything to store.

    `matters` are those of the same appellant that are open: one more of them is told its progress. `answer`:
    what a clerk answered while registering it. `found`: who found it on patrol (巡查), where nobody asked.
    """
    facts = _facts(tables, reading, appeal.stored_at, now, matters)
    decision = decide(tables, facts, at=now)
    if found is not None:
        decision = patrol.vouched(tables, facts, decision, found, at=now)
        made = _decided(tables, reading, appeal, decision, now=now, patrolled=True)
        return _taken(tables, made, found, now=now)
    if answer is not None:
        return _answered(tables, reading, appeal, (facts, decision, answer), now=now)
    return _decided(tables, reading, appeal, decision, now=now)


def _answered(
    tables: Tables,
    reading: TextReading,
    appeal: ToDecide,
    asked: tuple[Facts, Decision, Registered],
    *,
    now: datetime,
) -> Decided:
    """当场答复 made with the ticket, or, where the rules refuse it, a ticket that a person looks at.

    What is urgent waits for nobody: it goes where it would go without the answer.
    """
    facts, decision, answer = asked
    if decision.urgency not in _PRESSING:
        reasons = (*facts.review_reasons, ReviewReason.REGISTERED_ANSWER)
        decision = decide(tables, replace(facts, review=True, review_reasons=reasons), at=now)
    found = _decided(tables, reading, appeal, decision, now=now)
    secret = _ended(tables, reading, found, replace(answer, confidential=True), now=now)
    return replace(_ended(tables, reading, found, answer, now=now), in_confidence=secret)


def _ended(
    tables: Tables, reading: TextReading, found: Decided, answer: Registered, *, now: datetime
) -> Decided:
    """A ticket that is ended by its answer, or whose first event keeps the words that do not end it."""
    tag, at, data = found.events[-1]
    try:
        first = opened(Moved(len(found.events), at or now, tag.value, "", data))
        event, after = answering.ending(tables, first, reading.topic.appeal_type, answer, at=now)
    except (Refusal, NoRule) as refusal:
        told = {**data, answering.KEPT: answering.kept(answer.answer, refusal.detail)}
        return replace(found, events=(*found.events[:-1], (tag, at, told)))
    event = replace(event, data={**event.data, answering.AT_REGISTRATION: True})
    actor = Actor(Post.HOTLINE, login=event.login)
    return replace(found, answered=Answered((event,), actor, answer.answer.name, after))


def _taken(tables: Tables, made: Decided, found: Found, *, now: datetime) -> Decided:
    """签收 by who found it, where it is their own unit's; and 反馈, where it was dealt with on the spot.

    Where the rules refuse that, the first event keeps the words: whoever it is sent to reads them.
    """
    tag, at, data = made.events[-1]
    first = opened(Moved(len(made.events), at or now, tag.value, "", data))
    steps = patrol.taken(tables, first, found, at=now)
    kept = {**data, patrol.HANDLED: steps.kept} if steps.kept else data
    made = replace(made, events=(*made.events[:-1], (tag, at, kept)), point=found.point)
    if not steps.events:
        return made
    files = () if steps.kept else found.files
    return replace(made, answered=Answered(steps.events, found.actor, found.name, steps.after, files))


def _decided(
    tables: Tables,
    reading: TextReading,
    appeal: ToDecide,
    decision: Decision,
    *,
    now: datetime,
    patrolled: bool = False,
) -> Decided:
    return Decided(
        appeal_id=appeal.id,
        reading=reading_row(reading, decision, at=appeal.received_at),
        ticket=_ticket_row(tables, appeal, reading, decision, now=now, patrolled=patrolled),
        units=tuple(_unit_rows(decision)),
        events=_events(tables, appeal, reading, decision, now=now, patrolled=patrolled),
        searched=source_text(*words_of(appeal)),
    )


def _facts(
    tables: Tables, reading: TextReading, registered: datetime, now: datetime, matters: Collection[Matter]
) -> Facts:
    topic, place = reading.topic, reading.place
    return Facts(
        zone=zone_in(tables, place.span, place.street_code, beijing(now).date()),
        same_matter_open=bool(topic.kind and place.street_code)
        and (topic.kind, place.street_code) in matters,
        environmental=topic.environmental,
        p_environmental=topic.p_environmental,
        kind=topic.kind,
        kind_confidence=topic.kind_confidence,
        kinds=tuple((guess.code, guess.p) for guess in topic.kinds),
        appeal_type=topic.appeal_type,
        text_urgency=topic.urgency,
        district_code=place.district_code,
        street_code=place.street_code,
        place_confidence=place.confidence,
        review=reading.review,
        review_reasons=reading.review_reasons,
        text=source_text(reading.masked_title, reading.masked_text),
        received_at=registered,
    )


def _due(due: DueTime | None) -> dict[str, Any] | None:
    if due is None:
        return None
    return {
        "at": due.at.isoformat(),
        "rule_id": due.rule_id,
        "source": due.source,
        "status": due.status.value,
        "spelled": due.spelled,
    }


def _ticket_row(
    tables: Tables,
    appeal: ToDecide,
    reading: TextReading,
    decision: Decision,
    *,
    now: datetime,
    patrolled: bool,
) -> dict[str, Any]:
    dispatched = decision.state is State.DISPATCHED
    first = _first_limits(tables, decision, now=now, patrolled=patrolled)
    next_due = _next_due(decision, first)
    dispatch_due = decision.due.dispatch_by if decision.due else None
    answer_due = decision.due.answer_by if decision.due else None
    dispatch_by = dispatch_due.at if dispatch_due else None
    answer_by = answer_due.at if answer_due and dispatched else None
    return {
        "state": decision.state.value,
        "level": decision.level.value if decision.level else None,
        "unit_code": decision.unit.code if decision.unit else None,
        "title": appeal.title or appeal.text.strip()[:TITLE_CHARACTERS] or "（无文字）",
        "environmental": reading.topic.environmental,
        "kind": reading.topic.kind,
        "appeal_type": reading.topic.appeal_type.value,
        "urgency": decision.urgency.value,
        "district_code": reading.place.district_code,
        "street_code": reading.place.street_code,
        "divert": decision.divert.divert.value if decision.divert else None,
        "flagged": decision.flagged,
        "received_at": appeal.received_at,
        "dispatched_at": now if dispatched else None,
        "dispatch_by": dispatch_by,
        "answer_by": answer_by,
        "due_at": next_due[0] if next_due else None,
        "due_clock": next_due[1].value if next_due else None,
        "table_version": decision.table_version,
        "decision": {
            "steps": list(decision.steps),
            "row_ids": list(decision.row_ids),
            "sources": list(decision.sources),
            "review_reasons": [reason.value for reason in decision.review_reasons],
            "proposed": _proposed(decision),
            "dispatch_due": _due(dispatch_due),
            "answer_due": _due(answer_due) if dispatched else None,
        },
    }


def _first_limits(tables: Tables, decision: Decision, *, now: datetime, patrolled: bool) -> dict[Clock, Due]:
    """签收 and 首次联系, which run from the dispatch."""
    if decision.state is not State.DISPATCHED:
        return {}
    return first_limits(tables, decision.urgency, now, patrol=patrolled)


def _next_due(decision: Decision, first: Mapping[Clock, Due]) -> tuple[datetime, Clock] | None:
    """The nearest end of the clocks that run, and which one it is; of several the one met first."""
    if decision.due is None or decision.state not in {State.DISPATCHED, State.REVIEW}:
        return None
    if decision.state is State.REVIEW:
        return decision.due.dispatch_by.at, Clock.DISPATCH
    ends = [(due.at, clock) for clock, due in first.items()]
    return min((*ends, (decision.due.answer_by.at, Clock.ANSWER)), key=lambda end: end[0])


def _proposed(decision: Decision) -> dict[str, Any] | None:
    """The route that waits for a person's word."""
    if decision.proposed is None:
        return None
    route = decision.proposed
    return {
        "unit": route.unit.code,
        "assist": [unit.code for unit in route.assist],
        "cc": [unit.code for unit in route.cc],
    }


def _unit_rows(decision: Decision) -> list[dict[str, str]]:
    """Each unit once, in its weightiest role."""
    roles: dict[str, Role] = {}
    if decision.unit:
        roles[decision.unit.code] = Role.LEAD
    for unit in decision.assist:
        roles.setdefault(unit.code, Role.ASSIST)
    for unit in decision.cc:
        roles.setdefault(unit.code, Role.COPY)
    return [{"unit_code": code, "role": role.value} for code, role in roles.items()]


def _opening(
    tables: Tables,
    appeal: ToDecide,
    reading: TextReading,
    decision: Decision,
    *,
    now: datetime,
    patrolled: bool,
) -> dict[str, Any]:
    """Where the ticket stands when it is opened: from here its later events are replayed."""
    due = decision.due
    dispatched = decision.state is State.DISPATCHED
    first = _first_limits(tables, decision, now=now, patrolled=patrolled)
    open_now = dispatched or decision.state is State.REVIEW
    return opening_of(
        state=decision.state.value,
        urgency=decision.urgency.value,
        unit=decision.unit.code if decision.unit else None,
        assist=[unit.code for unit in decision.assist],
        cc=[unit.code for unit in decision.cc],
        kind=reading.topic.kind,
        district=reading.place.district_code,
        flagged=decision.flagged,
        patrol=patrolled or None,
        divert=decision.divert.divert.value if decision.divert else None,
        registered_at=appeal.stored_at,
        dispatched_at=now if dispatched else None,
        dispatch_by=due.dispatch_by.at if due and open_now else None,
        dispatch_rule=due.dispatch_by.rule_id if due and open_now else None,
        answer_by=due.answer_by.at if due and dispatched else None,
        answer_rule=due.answer_by.rule_id if due and dispatched else None,
        clocks={clock.value: due.told for clock, due in first.items()} or None,
    )


def _events(
    tables: Tables,
    appeal: ToDecide,
    reading: TextReading,
    decision: Decision,
    *,
    now: datetime,
    patrolled: bool,
) -> tuple[Event, ...]:
    outcome: dict[str, Any] = {
        "unit": decision.unit.code if decision.unit else None,
        "rows": list(decision.row_ids),
        "table_version": decision.table_version,
        "opening": _opening(tables, appeal, reading, decision, now=now, patrolled=patrolled),
    }
    return (
        # Two moments: due times count from when it was stored here, which may be days after the word.
        (Tag.SPOKEN, appeal.received_at, {}),
        (Tag.RECEIVED, appeal.stored_at, {}),
        (Tag.READ, None, {"model_version": reading.model_version, "review": reading.review}),
        (Tag.OPENED, None, {"urgency": decision.urgency.value}),
        (_TAGS[decision.state], None, outcome),
    )
