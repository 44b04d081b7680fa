"""What the API shows of a registered appeal: frozen values; the schema is made from these classes."""

from __future__ import annotations

# Read at run time: the OpenAPI document is made from the annotations.
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003

from triage.web.views import Term  # noqa: TC001


@dataclass(frozen=True, slots=True)
class SameNumber:
    """Another case of the same outside number: its ticket (null: none yet), and how it stands in words."""

    id: int
    ticket: str | None
    state: str
    source: str


@dataclass(frozen=True, slots=True)
class AppealView:
    """人工登记的诉求. `ticket`: null until it is read, and for whoever may not see the ticket."""

    id: int
    state: Term
    ticket: str | None
    channel: Term
    number: str | None
    confidential: bool
    received_at: datetime
    registered_at: datetime
    same_number: tuple[SameNumber, ...]
