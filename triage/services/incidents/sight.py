"""Who sees an incident: whoever may see one of its calls, and whom it was told.

A district that is alerted must find what it was alerted to, though its calls wait in 审核 or lie with a city
bureau: it sees the incident, and of its calls those it may see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.filters import may_see
from models.incidents import Incident, IncidentCall, IncidentTold
from models.tickets import Ticket

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer


def may_see_incident(viewer: Viewer) -> sa.ColumnElement[bool]:
    """The condition on `incident`."""
    call = (
        sa.exists()
        .where(IncidentCall.incident_id == Incident.id, Ticket.id == IncidentCall.ticket_id, may_see(viewer))
        .correlate(Incident)
    )
    units = viewer.scope.units | viewer.scope.own
    if not units:
        return call
    # One that was taken into another has no calls: that other one is theirs to see.
    told = sa.and_(
        Incident.calls > 0,
        sa.exists()
        .where(IncidentTold.incident_id == Incident.id, IncidentTold.unit_code.in_(sorted(units)))
        .correlate(Incident),
    )
    return sa.or_(told, call)


async def sees_all(session: AsyncSession, viewer: Viewer, incident_id: int) -> bool:
    """Whether every call of the incident may be seen, as by whoever sees the whole city."""
    if viewer.scope.everything:
        return True
    mine = sa.exists().where(Ticket.id == IncidentCall.ticket_id, may_see(viewer)).correlate(IncidentCall)
    hidden = sa.select(IncidentCall.ticket_id).where(IncidentCall.incident_id == incident_id, ~mine).limit(1)
    return await session.scalar(hidden) is None
