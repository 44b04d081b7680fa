"""A lead as it is shown and sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (the document's schemas are made from these classes)
from typing import TYPE_CHECKING

from models.vocab import Urgency
from models.vocab_leads import DropReason, LeadState

if TYPE_CHECKING:
    from triage.services.leads.listing import Found
    from triage.web.names import Names


@dataclass(frozen=True, slots=True)
class LeadView:
    """One lead: what was said, what was read of it, what became of it. Times in UTC."""

    id: int
    version: int
    state: str
    state_label: str
    source: str
    title: str | None
    text: str
    url: str | None
    published_at: datetime | None
    seen_at: datetime
    exposed_at: datetime
    repeats: int
    p_environmental: float | None
    kind: str | None
    kind_name: str | None
    urgency: str | None
    urgency_label: str | None
    place: str | None
    district_code: str | None
    street_code: str | None
    area: str | None
    unread: bool
    screened: bool
    reason: str | None
    reason_label: str | None
    decided_at: datetime | None
    decided_by: str | None
    appeal_id: int | None
    ticket_no: str | None
    merged_lead: int | None
    merged_ticket: str | None


@dataclass(frozen=True, slots=True)
class LeadList:
    """A page of leads, newest first; `before` leads to the next."""

    items: tuple[LeadView, ...]
    before: int | None


@dataclass(frozen=True, slots=True)
class LeadMade:
    """A lead after something was done with it."""

    id: int
    version: int
    state: str
    appeal_id: int | None


def view(found: Found, names: Names, seen: frozenset[str]) -> LeadView:
    """A row in words. `seen`: of the tickets that leads were merged into, those whose number is shown."""
    lead = found.lead
    street = names.street(lead.street_code or "")
    district = names.district(lead.district_code) if lead.district_code else ""
    return LeadView(
        id=lead.id,
        version=lead.version,
        state=lead.state,
        state_label=LeadState(lead.state).label,
        source=found.source,
        title=lead.title,
        text=lead.text,
        url=_web_address(lead.url),
        published_at=lead.published_at,
        seen_at=lead.seen_at,
        exposed_at=lead.exposed_at,
        repeats=lead.repeats,
        p_environmental=None if lead.p_environmental is None else round(lead.p_environmental, 3),
        kind=lead.kind,
        kind_name=names.kind(lead.kind) if lead.kind else None,
        urgency=lead.urgency,
        urgency_label=Urgency(lead.urgency).label if lead.urgency else None,
        place=lead.place,
        district_code=lead.district_code,
        street_code=lead.street_code,
        area=(district + street) or None,
        unread=bool((lead.reading or {}).get("failed")),
        screened=lead.screened is not None and lead.state == LeadState.DROPPED and lead.decided_by is None,
        reason=lead.reason,
        reason_label=DropReason(lead.reason).label if lead.reason else None,
        decided_at=lead.decided_at,
        decided_by=lead.decided_by,
        appeal_id=lead.appeal_id,
        ticket_no=found.ticket_no,
        merged_lead=lead.merged_lead_id,
        merged_ticket=lead.merged_ticket_no if lead.merged_ticket_no in seen else None,
    )


def _web_address(url: str | None) -> str | None:
    """The address of an item, when it is one of the web: a feed may write `javascript:` there."""
    return url if url and url.lower().startswith(("https://", "http://")) else None
