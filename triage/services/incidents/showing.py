"""Incidents as they are shown: the list, and one with its calls, demands and cases told apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (a row of a query)
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.filters import may_see
from models.incidents import Incident, IncidentCall, IncidentEvent
from models.tickets import Ticket
from models.vocab import OPEN_STATES, State
from models.vocab_incidents import LIVE_STATES, IncidentState
from triage.errors import NotFound
from triage.services.incidents import acting
from triage.services.incidents.sight import may_see_incident, sees_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer

PER_PAGE: Final = 50
#: Calls that one page shows, the newest; the figures are of all.
MOST_CALLS: Final = 1_000


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call of an incident with its ticket."""

    ticket_id: int
    no: str
    title: str
    state: str
    version: int
    unit_code: str | None
    street_code: str | None
    at: datetime
    lon: float | None
    lat: float | None
    by: str


@dataclass(frozen=True, slots=True)
class CallFact:
    """What the figures count of a call."""

    state: str
    street_code: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Whole:
    """An incident, the calls of it that may be seen (newest last), and what was done with it."""

    incident: Incident
    calls: tuple[CallRow, ...]
    """The newest `MOST_CALLS` of those that may be seen."""
    facts: tuple[CallFact, ...]
    """Of every call that may be seen."""
    events: tuple[IncidentEvent, ...]
    all_seen: bool
    """Whether none of its calls is hidden from this viewer."""

    @property
    def open_cases(self) -> int:
        """在办工单: what is being handled; merged ones are demands of another case, closed ones are done."""
        return sum(State(fact.state) in OPEN_STATES for fact in self.facts)


async def listed(
    session: AsyncSession, viewer: Viewer, states: Sequence[IncidentState], *, before: int | None = None
) -> list[Incident]:
    """Incidents in these states, the newest first; one more than a page has, if there is more."""
    asked = (
        sa.select(Incident)
        .where(Incident.state.in_([state.value for state in states]), may_see_incident(viewer))
        .order_by(Incident.id.desc())
        .limit(PER_PAGE + 1)
    )
    if before is not None:
        asked = asked.where(Incident.id < before)
    return list(await session.scalars(asked))


async def whole(session: AsyncSession, viewer: Viewer, incident_id: int) -> Whole:
    """One incident. Raises NotFound."""
    incident = await session.scalar(
        sa.select(Incident).where(Incident.id == incident_id, may_see_incident(viewer))
    )
    if incident is None:
        raise NotFound("没有这个事件，或您无权查看。")
    rows = await session.execute(
        sa.select(
            Ticket.id, Ticket.no, Ticket.title, Ticket.state, Ticket.version, Ticket.unit_code,
            Ticket.street_code, IncidentCall.at, IncidentCall.lon, IncidentCall.lat, IncidentCall.by,
        )
        .join(IncidentCall, IncidentCall.ticket_id == Ticket.id)
        .where(IncidentCall.incident_id == incident_id, may_see(viewer))
        .order_by(IncidentCall.at.desc(), IncidentCall.ticket_id.desc())
        .limit(MOST_CALLS)
    )  # fmt: skip
    calls = [CallRow(*row[:10], row.by or "") for row in rows]
    events = await acting.history(session, incident_id)
    all_seen = await sees_all(session, viewer, incident_id)
    if len(calls) < MOST_CALLS:
        facts = [CallFact(call.state, call.street_code, call.at) for call in calls]
    else:
        every = await session.execute(
            sa.select(Ticket.state, Ticket.street_code, IncidentCall.at)
            .join(IncidentCall, IncidentCall.ticket_id == Ticket.id)
            .where(IncidentCall.incident_id == incident_id, may_see(viewer))
        )
        facts = [CallFact(*row) for row in every]
    return Whole(incident, tuple(calls[::-1]), tuple(facts), tuple(events), all_seen)


async def of_ticket(session: AsyncSession, ticket_id: int) -> Incident | None:
    """The incident that a ticket belongs to."""
    found: Incident | None = await session.scalar(
        sa.select(Incident)
        .join(IncidentCall, IncidentCall.incident_id == Incident.id)
        .where(IncidentCall.ticket_id == ticket_id)
    )
    return found


#: The tabs of the list, by the word in the address.
TABS: Final = {
    "live": ("尚未结束", LIVE_STATES),
    "closed": ("已结束", (IncidentState.CLOSED,)),
    "dismissed": ("已排除", (IncidentState.DISMISSED,)),
}
