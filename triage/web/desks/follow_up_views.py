"""What 回访台 shows: frozen values, already in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from triage.web.call_after import AfterForm
    from triage.web.identities.pages import IdentityBox
    from triage.web.move_views import ClockView, MoveForm
    from triage.web.remark_box import RemarkLines
    from triage.web.views import Term, TicketView


@dataclass(frozen=True, slots=True)
class Answer:
    """What was done, as the unit told it: `files` photos and PDF with it. `head`: whose answer it is.

    `head` is the number of the ticket that this one is merged into, where the viewer may see that; `behind`:
    it is merged. `note` is null where the answer may not be read here. `amended`: how often it was put right
    (更正反馈); `note` is its newest words, `files` all of the round.
    """

    at: datetime | None
    unit: str | None
    note: str | None
    files: int
    behind: bool
    head: str | None
    amended: int


@dataclass(frozen=True, slots=True)
class Try:
    """An earlier call: its time of the day too, for the next one is better made at another."""

    at: datetime
    part: str
    outcome: str
    by: str
    note: str


@dataclass(frozen=True, slots=True)
class Rest:
    """Why some rest: how many, and when the first may be rung."""

    label: str
    count: str
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class WaitsView:
    """待回访 in figures. `none`: nothing waits. `next_at`: when the next may be rung, where none may now.

    `opens_at`: one does not ring at this time of the day, but from then; `hours`: those of the day.
    """

    now: str
    none: bool
    idle: bool
    rests: tuple[Rest, ...]
    next_at: datetime | None
    opens_at: datetime | None
    hours: str
    as_of: str


@dataclass(frozen=True, slots=True)
class Phone:
    """The number, shown once, or why it is not."""

    value: str | None
    error: str | None
    words: str


@dataclass(frozen=True, slots=True)
class Said:
    """What became of the case before this one. `text` follows its number."""

    no: str
    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class FollowUpPage:
    """One case to be rung, and all that the call needs. `ticket` is null where none may be rung now.

    `held`: which colleague has it open. `hints`: why it rests, where somebody opened it all the same.
    `why_not`: why no result can be written now; `over`: nobody waits to be rung here any more;
    `withdrawn`: for they have withdrawn (撤诉). `may_send_back`: 退回补充 may be made now.
    `but`: what was skipped before; `ready`: how many may be rung now, on the page that took none.
    """

    ticket: TicketView | None
    answer: Answer | None
    tries: tuple[Try, ...]
    clocks: tuple[ClockView, ...]
    form: MoveForm | None
    version: int
    why_not: str | None
    over: Term | None
    withdrawn: bool
    may_send_back: bool
    held: str | None
    hints: tuple[str, ...]
    identity: IdentityBox | None
    reachable: bool
    phone: Phone | None
    after: AfterForm | None
    remarks: RemarkLines | None
    waits: WaitsView
    skip: str
    but: tuple[str, ...]
    ready: int
    skipped: int
    until: str
    said: Said | None
    acting: str
    here: str
    token: str
