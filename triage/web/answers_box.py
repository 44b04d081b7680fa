"""反馈: a ticket's answers as its page shows them, once one was amended (更正反馈) or sent back (退回补充).

The newest first; of the newest two, with no 重办 in between, the words are marked that only one has.
A ticket with a single feedback shows it in 办理记录 alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Field, Tag
from triage.rules.amending import LACK
from triage.services.repeats.comparing import Part, differences
from triage.web.move_notes import said, veiled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from models.ticket_detail import EventRow, WholeTicket
    from triage.web.names import Names

_ANSWERS: Final = (Tag.FEEDBACK.value, Tag.AMEND.value)
_TAGS: Final = (*_ANSWERS, Tag.SUPPLEMENT.value, Tag.REHANDLE.value)
#: Told of an answer beside its words.
_BESIDE: Final = (Field.TOLD_CITIZEN, Field.ATTACHMENT)
#: Pairs of equal characters up to which two are compared: two of 1,000 characters have some 15,000.
_MOST_PAIRS: Final = 30_000


@dataclass(frozen=True, slots=True)
class AnswerView:
    """An answer: its words cut where the one next to it differs, and what became of it."""

    at: datetime
    by: str
    label: str
    parts: tuple[Part, ...] = field(repr=False)
    beside: tuple[str, ...]
    reason: str | None
    """Why it was amended."""
    became: str | None
    """已更正, 退回补充 with what it lacked, 重办; None: it stands."""
    asked: str | None
    """What was typed when it was sent back, or handled anew."""


@dataclass(frozen=True, slots=True)
class AnswersView:
    """All of them, newest first; how often one was amended and sent back in all."""

    items: tuple[AnswerView, ...]
    amended: int
    supplements: int
    marked: bool


def view(whole: WholeTicket, names: Names, words: Callable[[str], str]) -> AnswersView | None:
    """The answers; None: none was amended or sent back. `words`: as the viewer reads what was typed.

    Comparing is CPU, a second of it where the words are made for that: apart from the loop.
    """
    told = _standing(whole.events)
    amended, supplements = (sum(e.tag == tag for e in told) for tag in (Tag.AMEND, Tag.SUPPLEMENT))
    if not amended and not supplements:
        return None
    answers = [event for event in told if event.tag in _ANSWERS]
    notes = [words(str(_values(event, whole).get(Field.NOTE) or "")) for event in answers]
    cut: list[tuple[Part, ...]] = [(Part(note, own=False),) for note in notes]
    if len(answers) > 1 and not _anew(told, *answers[-2:]):
        cut[-2:] = differences(*notes[-2:], most=_MOST_PAIRS)
    items = tuple(
        AnswerView(
            at=event.at,
            by=event.staff or "系统",
            label=Tag(event.tag).label,
            parts=parts,
            beside=_beside(event, whole, names, words),
            reason=words(str(_values(event, whole).get(Field.REASON) or "")) or None,
            became=_became(told, event),
            asked=words(_asked(told, event, whole)) or None,
        )
        for event, parts in zip(answers, cut, strict=True)
    )
    return AnswersView(items[::-1], amended, supplements, any(part.own for parts in cut for part in parts))


def _standing(events: Sequence[EventRow]) -> list[EventRow]:
    """What is of answers, without what was taken back."""
    undone = {event.data.get("undoes") for event in events if event.tag == Tag.UNDO}
    return [event for event in events if event.tag in _TAGS and event.seq not in undone]


def _values(event: EventRow, whole: WholeTicket) -> dict[str, Any]:
    return dict(veiled(event.data, whole.others, whole.plain).get("values") or {})


def _beside(
    event: EventRow, whole: WholeTicket, names: Names, words: Callable[[str], str]
) -> tuple[str, ...]:
    values = _values(event, whole)
    return tuple(words(said(one, values[one], names)) for one in _BESIDE if values.get(one))


def _anew(told: Sequence[EventRow], one: EventRow, after: EventRow) -> bool:
    """Whether the second answers 重办: another matter than the first."""
    return any(event.tag == Tag.REHANDLE and one.seq < event.seq < after.seq for event in told)


def _after(told: Sequence[EventRow], one: EventRow) -> EventRow | None:
    """What came of an answer: the next of these, but for a feedback that stands for itself."""
    after = next((event for event in told if event.seq > one.seq), None)
    return None if after is None or after.tag == Tag.FEEDBACK else after


def _became(told: Sequence[EventRow], one: EventRow) -> str | None:
    after = _after(told, one)
    if after is None:
        return None
    if after.tag == Tag.AMEND:
        return "已更正"
    lack = after.data.get(LACK) or {}
    of = f"：{lack['title']}" if lack.get("title") else ""
    return f"{Tag(after.tag).label}{of}"


def _asked(told: Sequence[EventRow], one: EventRow, whole: WholeTicket) -> str:
    after = _after(told, one)
    if after is None or after.tag == Tag.AMEND:
        return ""
    return str(_values(after, whole).get(Field.REASON) or "")
