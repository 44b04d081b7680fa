"""What happens to a ticket, as the clocks and rates see it: named acts with their moment and facts.

A ticket's whole history is its events in order; nothing here reads a row or a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from models.vocab import Urgency

#: Every act that an event may tell of.
ACTS: Final = frozenset({
    "receive", "accept", "divert", "answer_now", "withdraw", "withdraw_part", "take_up", "merge", "split",
    "dispatch", "sign", "contact",
    "handle", "progress", "feedback", "amend", "supplement",
    "object", "object_uphold", "object_reject", "arbitrate", "reassign", "pass_on", "extend_ask",
    "extend_grant", "extend_deny", "whistle", "report_in", "escalate", "supervise", "onsite", "urge",
    "ledger_ask",
    "ledger_grant", "ledger_deny", "ledger_review", "follow_up", "rehandle", "close", "archive",
    "exclude_ask", "exclude_grant", "exclude_deny", "clear_flag", "undo", "hand_over",
    "head_answered", "head_reopened",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One act, its moment (aware), and what was said with it; `seq` is its number on the ticket, if known."""

    act: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    seq: int | None = None


#: From when on a ticket was put in a district and street (codes); None: from the beginning.
Placed = tuple["datetime | None", str | None, str | None]


@dataclass(frozen=True, slots=True)
class History:
    """A ticket as it was opened, and everything that happened to it, in order."""

    no: str
    urgency: Urgency
    kind: str | None
    district_code: str | None
    street_code: str | None
    unit_code: str | None
    events: tuple[Event, ...]
    #: Where it was put and from when, oldest first; empty where nobody put it right: then it is as above.
    places: tuple[Placed, ...] = ()
    #: The grade it was opened with, where its events tell it: whoever dispatches may give another one.
    opened_as: Urgency | None = None
    #: Likewise the kind, by which units are told of it: whoever corrects it changes no notice of before.
    opened_kind: str | None = None
    #: 自建工单 (巡查发现): nobody asked for it.
    patrol: bool = False

    def place_at(self, moment: datetime | None) -> tuple[str | None, str | None]:
        """District and street as they were held at a moment; those of now where none is given."""
        known = [
            (district, street)
            for at, district, street in self.places
            if moment is not None and (at is None or at <= moment)
        ]
        return known[-1] if known else (self.district_code, self.street_code)
