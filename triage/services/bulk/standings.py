"""Where many tickets stand, in a handful of questions: what `moving.stand` says of each, unlocked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.appeals import Appeal
from models.tickets import TicketEvent, TicketUnit
from models.units import Staff
from models.vocab import Role
from triage.rules.replay import Event, replay
from triage.services import move_rows, moving

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.tickets import Ticket
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing


async def stand_many(
    session: AsyncSession, tables: Tables, tickets: Sequence[Ticket], *, now: datetime
) -> dict[int, Standing]:
    """The standing of each ticket, by id."""
    ids = [ticket.id for ticket in tickets]
    events: dict[int, list[Event]] = {number: [] for number in ids}
    rows = await session.execute(
        sa.select(
            TicketEvent.ticket_id,
            TicketEvent.seq,
            TicketEvent.at,
            TicketEvent.tag,
            sa.func.coalesce(Staff.login, ""),
            TicketEvent.data,
        )
        .outerjoin(Staff, Staff.id == TicketEvent.staff_id)
        .where(TicketEvent.ticket_id.in_(ids))
        .order_by(TicketEvent.ticket_id, TicketEvent.seq)
    )
    for ticket_id, *event in rows:
        events[ticket_id].append(Event(*event))
    found: dict[int, Standing] = {}
    older: list[Ticket] = []
    for ticket in tickets:
        standing = replay(events[ticket.id])
        if standing is None:
            older.append(ticket)
        else:
            found[ticket.id] = standing
    if older:
        found |= await _adopted(session, tables, older, events, now=now)
    return found


async def _adopted(
    session: AsyncSession,
    tables: Tables,
    tickets: Sequence[Ticket],
    events: dict[int, list[Event]],
    *,
    now: datetime,
) -> dict[int, Standing]:
    """Those whose own events do not tell how they were opened: read off their rows."""
    ids = [ticket.id for ticket in tickets]
    units: dict[int, dict[Role, list[str]]] = {}
    parts = await session.execute(
        sa.select(TicketUnit.ticket_id, TicketUnit.role, TicketUnit.unit_code)
        .where(TicketUnit.ticket_id.in_(ids))
        .order_by(TicketUnit.ticket_id, TicketUnit.unit_code)
    )
    for ticket_id, role, code in parts:
        units.setdefault(ticket_id, {}).setdefault(Role(role), []).append(code)
    stored = await session.execute(
        sa.select(Appeal.id, Appeal.stored_at).where(Appeal.id.in_([t.appeal_id for t in tickets]))
    )
    registered = {row.id: row.stored_at for row in stored}
    found = {}
    for ticket in tickets:
        opening = move_rows.opening(
            tables,
            ticket,
            units.get(ticket.id, {}),
            registered_at=registered.get(ticket.appeal_id, ticket.opened_at),
        )
        found[ticket.id] = moving.adopted(ticket, events[ticket.id], opening, now=now)[0]
    return found
