"""当场答复, pure: what an appeal is held to be for it, and what a clerk answered while registering.

Such an answer is the move of that name, made with the ticket (`ending`); where the rules refuse it the
ticket's first event keeps the words (`kept`), and a person decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from models.vocab import AppealType, Field, Move, Post
from triage.rules import moves
from triage.rules.dues import dues

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from triage.rules.replay import Event
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing

#: In the data of a ticket's first event: what was answered at the registration and did not end it.
KEPT: Final = "registered_answer"
#: In the data of 当场答复: it was made with the ticket.
AT_REGISTRATION: Final = "registered"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered (masked), how the citizen was told, and by whom."""

    note: str = field(repr=False)
    told: str
    login: str
    name: str

    @property
    def values(self) -> dict[str, str]:
        """As the move is told it."""
        return {Field.NOTE.value: self.note, Field.TOLD_CITIZEN.value: self.told}


@dataclass(frozen=True, slots=True)
class Registered:
    """An answer, with what the row of its appeal says beside."""

    answer: Answer
    told_type: str | None
    confidential: bool


def type_of(read: str, said: str | None, told: str | None) -> AppealType:
    """What an appeal is: as a person corrected it, else as it was read or its source calls it, the weightier.

    What its source calls a report stays one, whatever else is said. 其他 of a source says nothing.
    """
    named = AppealType(told) if told else AppealType.OTHER
    if named is AppealType.REPORT:
        return named
    if said is not None:
        return AppealType(said)
    order = list(AppealType)
    return min(AppealType(read), named, key=order.index)


def ending(
    tables: Tables, s: Standing, read: AppealType, found: Registered, *, at: datetime
) -> tuple[Event, Standing]:
    """当场答复 of a ticket that is just opened. Raises Refusal, NoRule."""
    kind = type_of(read.value, None, found.told_type)
    s = s.evolve(appeal_type=kind, confidential=found.confidential)
    actor = moves.Actor(Post.HOTLINE, login=found.answer.login)
    chosen = moves.choose(tables, s, moves.Request(Move.ANSWER_NOW, found.answer.values), actor, at=at)
    return moves.apply(tables, s, chosen, actor, dues(tables, chosen.row, s, chosen.values, at=at), at=at)


def kept(answer: Answer, why: str) -> dict[str, str]:
    """What the first event of a ticket says of an answer that did not end it."""
    return {**answer.values, "by": answer.name, "why": why}


def words_of(events: Iterable[Mapping[str, Any]]) -> str:
    """What was answered at the registration and did not end the ticket, by its events' data; else nothing."""
    return next((str(data[KEPT][Field.NOTE.value]) for data in events if KEPT in data), "")
