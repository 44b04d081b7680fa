"""One session of `snapshots` sees one moment, whatever is written meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.tickets import Ticket
from tests.factories import TicketIn, add_tickets

if TYPE_CHECKING:
    from models.db import Database

_COUNT = sa.select(sa.func.count()).select_from(Ticket)


async def test_a_snapshot_sees_one_moment(db: Database) -> None:
    await add_tickets(db, TicketIn())
    async with db.snapshots() as session:
        before = await session.scalar(_COUNT)
        await add_tickets(db, TicketIn())
        assert (before, await session.scalar(_COUNT)) == (1, 1)
    async with db.snapshots() as session:
        assert await session.scalar(_COUNT) == 2
