"""A place put right in another district under a city bureau: that district's government is copied the case.

Where a street or bureau of a district leads, that district has the case until somebody moves it. A city
bureau is of none: the district that has its case is the one in which the place is, and it has no part that
lets it see the case. So it gets one (抄送), by an event of its own; a correction to yet another district, or
back to what was read, ends it. Parts that units have by the dispatch, also in the old district, stay until a
person moves the case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.units import Staff
from models.vocab import OPEN_STATES, Level, State, Tag
from triage.rules.calendar import beijing
from triage.rules.replay import Event, step
from triage.rules.routing import district_copied
from triage.services import move_rows
from triage.services.notices import events as events_told
from triage.services.notices import telling
from triage.services.standings import stand

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.corrections import ReadTicket
    from triage.rules.rows import Tables


async def copy(
    session: AsyncSession, tables: Tables, found: ReadTicket, login: str, *, now: datetime
) -> None:
    """Bring the copies of a locked case to where its place is, if a city bureau leads it and it is open."""
    ticket = found.ticket
    lead = tables.units.get(ticket.unit_code or "")
    if lead is None or lead.level is not Level.CITY or State(ticket.state) not in OPEN_STATES:
        return
    s, first = await stand(session, tables, ticket, now=now)
    moved = ticket.district_code != found.reading.district_code
    area = district_copied(tables, ticket.district_code if moved else None, day=beijing(now).date())
    # Governments alone are copied for the place; others were by a row of the site's own.
    kept = tuple(code for code in s.copies if not _governs(tables, code))
    copies = (*kept, area) if area and area not in s.assist else kept
    if set(copies) == set(s.copies):
        return
    data = {"units": {"cc": list(copies)}, "version": s.version + 1, "district": ticket.district_code}
    event = Event(s.seq + 1, max(now, s.last_at), Tag.PLACED.value, login, data)
    after = step(s, event)
    staff_id = await session.scalar(sa.select(Staff.id).where(Staff.login == login))
    before = None if first else s
    await move_rows.store(session, tables, ticket, [*first, event], after, staff_id=staff_id, before=before)
    told = [code for code in copies if code not in s.copies]
    await telling.tell(session, tables, [events_told.placed(ticket, event, after, told)], now=now)


def _governs(tables: Tables, code: str) -> bool:
    unit = tables.units.get(code)
    return unit is not None and unit.governs
