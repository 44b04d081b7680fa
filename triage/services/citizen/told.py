"""What a case is to its sender: its events without who did them, its answers, what may be said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from models.vocab import OPEN_STATES, State, Tag
from triage.rules import withdrawing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_OPEN: Final = frozenset(state.value for state in OPEN_STATES)
#: Open, and nobody waits for an answer: it was given, or its clock is stopped (挂账).
_NOT_DUE: Final = frozenset({State.FEEDBACK.value, State.FOLLOWED_UP.value, State.ON_LEDGER.value})
#: Where there is an answer to say something about.
RATED: Final = frozenset(
    {State.FEEDBACK.value, State.FOLLOWED_UP.value, State.CLOSED.value, State.ARCHIVED.value}
)
#: What is told of the ticket that a case was merged into: done for all who wait for it.
SHARED: Final = frozenset(
    tag.value
    for tag in (
        Tag.SIGN, Tag.HANDLE, Tag.FEEDBACK, Tag.AMEND, Tag.SUPPLEMENT, Tag.REASSIGN, Tag.PASS_ON,
        Tag.REHANDLE, Tag.CLOSE,
    )
)  # fmt: skip
#: What answers: 反馈, and 更正反馈 of it.
ANSWERS: Final = frozenset({Tag.FEEDBACK.value, Tag.AMEND.value})
_OF_ANSWERS: Final = ANSWERS | {Tag.SUPPLEMENT.value, Tag.REHANDLE.value}
_AT_ONCE: Final = frozenset({Tag.ANSWER_NOW.value, Tag.ACCEPT.value})
#: How the note of an addition begins: it stands on the ticket as an urge (R4.15).
ADDED: Final = "诉求人网上补充"


@dataclass(frozen=True, slots=True)
class Happened:
    """One event, without who did it. `seq` is its number on the ticket, `id` among all events."""

    id: int
    seq: int
    at: datetime
    tag: str
    data: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Head:
    """The ticket that a case was merged into: its number, for what is added there, is never shown.

    Of its events only what was done for all who wait (`SHARED`): nobody else's words.
    """

    no: str
    state: str
    unit: str | None
    answer_by: datetime | None
    events: tuple[Happened, ...] = field(repr=False)
    confidential: bool = False
    completing: bool = False

    @property
    def open(self) -> bool:
        """Whether somebody still has to act."""
        return self.state in _OPEN

    @property
    def due(self) -> datetime | None:
        """By when the answer must come; None: it came, it waits on the ledger, or all is over."""
        return self.answer_by if self.open and self.state not in _NOT_DUE else None


@dataclass(frozen=True, slots=True)
class Case:
    """A case as its sender may see it."""

    appeal_id: int
    receipt: str
    text: str = field(repr=False)
    address: str | None = field(repr=False)
    confidential: bool
    received_at: datetime
    appeal_state: str
    no: str | None
    version: int
    state: str | None
    kind: str | None
    unit: str | None
    divert: str | None
    district: str | None
    street: str | None
    answer_by: datetime | None
    decision: dict[str, Any] = field(repr=False)
    events: tuple[Happened, ...] = field(repr=False)
    words: tuple[tuple[datetime, str], ...] = field(repr=False)
    ratings: tuple[tuple[int, datetime, str], ...] = ()
    head: Head | None = None

    @property
    def open(self) -> bool:
        """Whether somebody still has to act for its sender, here or on the ticket it was merged into."""
        if self.withdrawn is not None:
            return False
        return self.state is None or self.state in _OPEN or (self.head is not None and self.head.open)

    @property
    def withdrawn(self) -> datetime | None:
        """Since when its sender asks for nothing any more (撤诉); None: they do."""
        return withdrawing.since(self.events)

    @property
    def due(self) -> datetime | None:
        """By when the answer must come, here or from the ticket it was merged into; None as of a `Head`."""
        if self.head is not None and self.withdrawn is None:
            return self.head.due
        return self.answer_by if self.open and self.state not in _NOT_DUE else None

    @property
    def completing(self) -> bool:
        """Whether it was answered, and the unit is to complete that (退回补充)."""
        return self.head.completing if self.head else completing(standing_events(self.events))

    @property
    def apart(self) -> bool:
        """Whether this case is 保密 and its head is not: who reads that one learns nothing of this."""
        return self.confidential and self.head is not None and not self.head.confidential

    @property
    def acted_on(self) -> str | None:
        """The number of the ticket that is worked on: where 催办 and additions are noted."""
        return self.head.no if self.head else self.no

    @property
    def answer(self) -> int:
        """The event of the answer that stands, as amended last (更正反馈); 0 without one."""
        told = standing_events(self.head.events if self.head else self.events)
        return max((event.id for event in told if event.tag in ANSWERS), default=0)

    @property
    def corrected(self) -> frozenset[int]:
        """The events of answers that were put right since (更正反馈): what they said is not so.

        Its own too, once it is merged: what was wrong before stays so.
        """
        own = superseded(standing_events(self.events))
        return own | superseded(standing_events(self.head.events)) if self.head else own

    @property
    def answered(self) -> bool:
        """Whether there is a result to say something about."""
        return (
            self.withdrawn is None
            and self.answer > 0
            and (self.head.state if self.head else self.state) in RATED
        )

    @property
    def can_rate(self) -> bool:
        """Whether there is an answer, and nothing was said of it yet."""
        return self.answered and all(answer != self.answer for answer, *_ in self.ratings)


def answered_at_once(case: Case) -> bool:
    """Whether the case ended by 当场答复, and nobody took it back since (撤销, 受理)."""
    if case.state not in {State.CLOSED.value, State.ARCHIVED.value}:
        return False
    said = [event.tag for event in standing_events(case.events) if event.tag in _AT_ONCE]
    return bool(said) and said[-1] == Tag.ANSWER_NOW


def completing(events: Sequence[Happened]) -> bool:
    """Whether the last answer was sent back (退回补充), and not given anew since."""
    last = next((one.tag for one in reversed(events) if one.tag in _OF_ANSWERS), None)
    return last == Tag.SUPPLEMENT


def superseded(events: Sequence[Happened]) -> frozenset[int]:
    """The ids of answers that an amendment followed, with no other 反馈 in between."""
    answers = [event for event in events if event.tag in ANSWERS]
    return frozenset(one.id for one, after in pairwise(answers) if after.tag == Tag.AMEND)


def rounds(events: Sequence[Happened]) -> tuple[int, ...]:
    """The ids of the last 反馈 and of what put it right since; the newest last. Empty without one."""
    answers = [event for event in events if event.tag in ANSWERS]
    begun = max((at for at, one in enumerate(answers) if one.tag == Tag.FEEDBACK), default=0)
    return tuple(one.id for one in answers[begun:])


def standing_events(events: Sequence[Happened]) -> tuple[Happened, ...]:
    """Without what was taken back: a mistake, perhaps the answer to somebody else."""
    undone = {event.data.get("undoes") for event in events if event.tag == Tag.UNDO}
    return tuple(event for event in events if event.seq not in undone)
