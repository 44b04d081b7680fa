"""相似的过往工单: cases that share names with a ticket by the matter index, closed too; their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.filters import may_see
from models.matters import PER_KEY, MatterKey
from models.tickets import Ticket, TicketEvent
from models.units import Unit
from models.vocab import Field, Tag

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer

#: Keys of a ticket that are asked for, and cases that are shown.
_MOST_KEYS = 12
SHOWN = 5


@dataclass(frozen=True, slots=True)
class PastCase:
    """A case that shares `shared` names; `answer` is what its unit last answered, masked as stored."""

    no: str
    title: str
    state: str
    unit: str | None
    opened_at: datetime
    shared: int
    answer: str | None


async def past_cases(session: AsyncSession, viewer: Viewer, ticket_id: int) -> list[PastCase]:
    """Those that share most names first, then the newest. Empty while the ticket's keys are not stored."""
    keys = list(
        await session.scalars(
            sa.select(MatterKey.key).where(MatterKey.ticket_id == ticket_id).limit(_MOST_KEYS)
        )
    )
    if not keys:
        return []
    # Each key on its own, so that a name that all share costs no more than one that few do.
    parts = [
        sa.select(
            sa.select(MatterKey.ticket_id)
            .where(MatterKey.key == key, MatterKey.ticket_id < ticket_id)
            .order_by(MatterKey.ticket_id.desc())
            .limit(PER_KEY)
            .subquery()
            .c.ticket_id
        )
        for key in keys
    ]
    each = sa.union_all(*parts).subquery()
    shared = sa.func.count().label("shared")
    found = sa.select(each.c.ticket_id, shared).group_by(each.c.ticket_id).subquery()
    rows = (
        await session.execute(
            sa.select(
                Ticket.id, Ticket.no, Ticket.title, Ticket.state, Unit.name, Ticket.opened_at, found.c.shared
            )
            .join(found, found.c.ticket_id == Ticket.id)
            .outerjoin(Unit, Unit.code == Ticket.unit_code)
            .where(may_see(viewer))
            .order_by(found.c.shared.desc(), Ticket.id.desc())
            .limit(SHOWN)
        )
    ).all()
    answers = await session.execute(
        sa.select(TicketEvent.ticket_id, TicketEvent.data)
        .where(
            TicketEvent.ticket_id.in_([row.id for row in rows]),
            TicketEvent.tag.in_([Tag.FEEDBACK.value, Tag.AMEND.value]),
        )
        .order_by(TicketEvent.ticket_id, TicketEvent.seq)
    )
    last = {ticket: str(data.get("values", {}).get(Field.NOTE.value) or "") for ticket, data in answers}
    return [
        PastCase(row.no, row.title, row.state, row.name, row.opened_at, row.shared, last.get(row.id) or None)
        for row in rows
    ]
