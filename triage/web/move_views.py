"""What pages and the API show of moves. The API's schema is made from these classes too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (read at run time: the OpenAPI document)

from triage.web.views import Term  # noqa: TC001  (the same)


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field of a move: `kind` is text, area, choice, unit, units or moment.

    `options` are those of a choice; of a text they are suggestions. `when` says of a field that some results
    alone need: those.
    """

    name: str
    label: str
    kind: str
    required: bool
    options: tuple[Term, ...]
    value: str
    most: int | None
    when: str | None = None


@dataclass(frozen=True, slots=True)
class MoveView:
    """A move as it stands now: `why` says in Chinese why it cannot be made; null: it can.

    `barrier` says what kind of reason that is: state (not in this state), post (not this post's), or fact.
    """

    move: Term
    possible: bool
    why: str | None
    barrier: Term | None
    hint: str
    who: tuple[Term, ...]
    fields: tuple[FieldView, ...]
    source: str
    status: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MoveList:
    """All moves of a ticket for one identity; send `version` back with a move."""

    no: str
    state: Term
    version: int
    acting: str
    next: Term | None
    items: tuple[MoveView, ...]


@dataclass(frozen=True, slots=True)
class MoveMade:
    """A move that was made; `repeated`: the same key had made it before, and nothing happened now.

    `state` and `due_at` are null where the move led the ticket out of the mover's own sight.
    """

    no: str
    move: Term
    state: Term | None
    version: int
    repeated: bool
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class ObjectionView:
    """派单异议, all arguments in one line of the table."""

    number: int
    at: datetime
    unit: str
    proposed: str
    clause: str
    reason: str
    ruling: str
    ruling_reason: str


@dataclass(frozen=True, slots=True)
class AskedView:
    """A wish that waits for its answer; `by`: who gives it, in words."""

    label: str
    at: datetime
    reason: str
    until: datetime | None
    by: str


@dataclass(frozen=True, slots=True)
class ClockView:
    """A clock of the ticket: `late` when it stopped after its end, or has passed it."""

    label: str
    started: datetime
    due: datetime | None
    stopped: datetime | None
    rule: str
    late: bool


@dataclass(frozen=True, slots=True)
class BarredView:
    """现在不能做的操作 of one kind of reason; `open` where knowing the reason helps most."""

    label: str
    open: bool
    items: tuple[MoveView, ...]


@dataclass(frozen=True, slots=True)
class MoveForm:
    """A form of the ticket page. `key` makes it safe to send twice; `open`: it stands open."""

    view: MoveView
    key: str
    open: bool
    error: str | None
    error_field: str | None
    number: int
