"""Lines of the list as they are read, and counts that stop at a cap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.tickets import Ticket
from models.units import Unit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


#: What a line is marked with after it was read.
_LATER: Final = ("unsolved", "call_after", "keeper", "fresh")


@dataclass(frozen=True, slots=True)
class TicketRow:
    """One line of the list. The masked text is read only for searches."""

    id: int
    no: str
    appeal_id: int
    title: str
    state: str
    level: str | None
    unit_code: str | None
    unit_name: str | None
    kind: str | None
    urgency: str
    district_code: str | None
    flagged: bool
    received_at: datetime
    due_at: datetime | None
    due_clock: str | None = None
    answer_by: datetime | None = None
    asked: str | None = None
    appeal_title: str | None = None
    text: str | None = None
    address: str | None = None
    unsolved: str | None = None
    """vocab_citizen.Unsolved: what the citizen said on the web, found after the line was read."""
    call_after: datetime | None = None
    """约定时间: the citizen is not to be rung before, found after the line was read."""
    keeper: str | None = None
    """经办人 of the viewer's own unit, else of the lead unit: a name, found after the line was read."""
    fresh: bool = False
    """新: given to whoever looks, who has not opened it."""

    @classmethod
    def read(cls, row: Mapping[Any, Any]) -> TicketRow:
        """From a result that has more columns than a line."""
        return cls(**{name: row[name] for name in cls.__slots__ if name not in _LATER})


#: What a line is read from: `Ticket` and, outer joined, `Unit`.
COLUMNS: Final = (
    Ticket.id,
    Ticket.no,
    Ticket.appeal_id,
    Ticket.title,
    Ticket.state,
    Ticket.level,
    Ticket.unit_code,
    Unit.name.label("unit_name"),
    Ticket.kind,
    Ticket.urgency,
    Ticket.district_code,
    Ticket.flagged,
    Ticket.received_at,
    Ticket.due_at,
    Ticket.due_clock,
    Ticket.answer_by,
    Ticket.asked,
)


PAGE_LIMIT: Final = 50
#: Counts stop here: "1000+" says enough.
COUNT_CAP: Final = 1_000


@dataclass(frozen=True, slots=True)
class Count:
    """A count that stopped at a cap: `value`, or at least that many when `more`."""

    value: int
    more: bool
