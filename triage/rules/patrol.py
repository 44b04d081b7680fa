"""巡查 (未诉先办), pure: what becomes of a matter that an officer found before anybody complained.

It goes where the ordinary rules send it. Where that is the officer's own unit it is signed (签收) with the
ticket by who found it, and, dealt with on the spot (已当场处理), answered by the unit itself: 办结, as 自办.
Its ticket says `patrol` in its opening: nobody asked, so no clock of a citizen's runs, no 回访, no 三率.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Field, Move, Post, ReviewReason, State
from triage.errors import NoRule
from triage.rules import moves
from triage.rules.decision import decide
from triage.rules.dues import dues
from triage.rules.fields import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from triage.rules.decision import Decision, Facts
    from triage.rules.replay import Event
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing

#: In the data of a ticket's first event: what was done on the spot and did not end it.
HANDLED: Final = "patrol_handled"
#: In the data of the 反馈 that was made with the ticket.
ON_THE_SPOT: Final = "on_the_spot"


@dataclass(frozen=True, slots=True)
class Found:
    """Who found it, for which unit; `note` (masked): what was done on the spot, `files`: photos after it."""

    unit: str
    login: str
    name: str
    note: str = field(default="", repr=False)
    files: tuple[int, ...] = ()
    point: tuple[float, float] | None = field(default=None, repr=False)
    """Where it was found: longitude and latitude."""

    @property
    def actor(self) -> moves.Actor:
        """As whom the moves are made."""
        return moves.Actor(Post.UNIT, self.unit, self.login)


@dataclass(frozen=True, slots=True)
class Taken:
    """What was made with the ticket, and where it stands then; `kept`: words that did not end it."""

    events: tuple[Event, ...]
    after: Standing
    kept: Mapping[str, str]


def vouched(tables: Tables, facts: Facts, decision: Decision, found: Found, *, at: datetime) -> Decision:
    """The decision, without the reading's doubts where what is then sent goes to the officer's own unit.

    Who stands before it knows what it is and that it is theirs; what would go to others a person looks
    at, and what the reading holds for no matter of ours: nobody would tell 12345, who were not asked.
    """
    if decision.state is State.HANDED_OVER:
        unsure = (*facts.review_reasons, ReviewReason.ENVIRONMENTAL_UNSURE)
        return decide(tables, replace(facts, review=True, review_reasons=unsure), at=at)
    if decision.state is not State.REVIEW:
        return decision
    sure = decide(tables, replace(facts, review=False, review_reasons=()), at=at)
    own = sure.state is State.DISPATCHED and sure.unit is not None and sure.unit.code == found.unit
    return sure if own else decision


def taken(tables: Tables, s: Standing, found: Found, *, at: datetime) -> Taken:
    """签收 of a ticket just opened, where it is the officer's unit's; and 反馈 of what is dealt with."""
    try:
        signed, after = _step(tables, s, moves.Request(Move.SIGN, {}), found, at=at)
    except (Refusal, NoRule) as refusal:
        return Taken((), s, _kept(found, refusal.detail))
    if not found.note:
        return Taken((signed,), after, {})
    if not found.files:
        return Taken((signed,), after, _kept(found, "没有处理后的照片"))
    told = f"处理后照片 {len(found.files)} 张"
    values = {Field.NOTE.value: found.note, Field.ATTACHMENT.value: told}
    try:
        done, closed = _step(tables, after, moves.Request(Move.FEEDBACK, values), found, at=at)
    except (Refusal, NoRule) as refusal:
        return Taken((signed,), after, _kept(found, refusal.detail))
    done = replace(done, data={**done.data, ON_THE_SPOT: True})
    return Taken((signed, done), closed, {})


def _step(
    tables: Tables, s: Standing, request: moves.Request, found: Found, *, at: datetime
) -> tuple[Event, Standing]:
    chosen = moves.choose(tables, s, request, found.actor, at=at)
    limits = dues(tables, chosen.row, s, chosen.values, at=at)
    return moves.apply(tables, s, chosen, found.actor, limits, at=at)


def _kept(found: Found, why: str) -> dict[str, str]:
    if not found.note:
        return {}
    return {Field.NOTE.value: found.note, "by": found.name, "why": why}


def words_of(events: Iterable[Mapping[str, Any]]) -> Mapping[str, str] | None:
    """What was done on the spot and did not end the ticket, by its events' data; None: nothing."""
    return next((data[HANDLED] for data in events if HANDLED in data), None)
