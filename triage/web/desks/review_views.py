"""What 审核台 shows: frozen values, already in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from triage.services.hotline.words import Asked
    from triage.web.remark_box import RemarkLines
    from triage.web.repeats.box import PairLine
    from triage.web.ticket_page import ActingView
    from triage.web.views import Term, TicketItem, TicketView
    from triage.web.words import Piece


@dataclass(frozen=True, slots=True)
class Likely:
    """A kind the model holds likely: the key that chooses it, and who would lead if it is right."""

    number: int
    code: str
    label: str
    p: float
    unit: str
    assist: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Snippet:
    """答复要点: for which kinds (none: for all), its source and whether that was seen."""

    title: str
    text: str
    kinds: tuple[str, ...]
    source: str
    status: str


@dataclass(frozen=True, slots=True)
class Past:
    """A past case that shares names with this one."""

    no: str
    title: str
    state: Term
    unit: str
    at: datetime
    answer: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """What the form began with: what differs from it is the clerk's, the rest follows what stands."""

    kind: str
    urgency: str
    """The ticket's grade, which a rule may have raised above the reading's."""
    unit: str
    assist: str
    corrected: int
    """The newest correction that was known; 0: none."""


@dataclass(frozen=True, slots=True)
class Form:
    """What the form stands at: as proposed, or as typed when it was refused."""

    kind: str
    urgency: str
    shown: Shown
    unit: str
    assist: str
    note: str
    version: int
    key: str
    error: str | None
    wrong: str | None


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """当场答复: `note` is what the citizen reads; `why_not`: what stands in the way."""

    type: str
    note: str
    told: str
    options: tuple[Term, ...]
    most: int | None
    version: int
    key: str
    why_not: str | None
    hint: str
    source: str
    error: str | None
    wrong: str | None


@dataclass(frozen=True, slots=True)
class SentBack:
    """What came back from a unit (退单) and waits for 审核 or 改派; `address`: the list of all of it."""

    label: str
    count: str
    address: str
    lines: tuple[TicketItem, ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """The tickets that wait, as far as they are shown; `to_answer`: 平台来话 to act on.

    `more_to_answer`: how many of these are not shown.
    """

    lines: tuple[TicketItem, ...]
    count: str
    sent_back: tuple[SentBack, ...]
    refresh: str
    as_of: str
    to_answer: tuple[Asked, ...]
    more_to_answer: int
    shift: int
    """交接班: how many notes of the desk nobody has relieved."""


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """One ticket to be reviewed, and everything that helps. `ticket` is null when none waits."""

    ticket: TicketView | None
    pieces: tuple[Piece, ...]
    likely: tuple[Likely, ...]
    kinds: tuple[tuple[str, tuple[Term, ...]], ...]
    urgencies: tuple[Term, ...]
    form: Form | None
    held: str | None
    why_not: str | None
    answer: AnswerForm | None
    platform: tuple[Asked, ...]
    remarks: RemarkLines | None
    may_dismiss: bool
    same: tuple[PairLine, ...]
    past: tuple[Past, ...]
    snippets: tuple[Snippet, ...]
    queue: Queue
    skip: str
    done: str | None
    said: str
    """What became of `done`, in words."""
    acting: ActingView
    here: str
    token: str
