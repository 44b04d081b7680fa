"""The figures over what is stored."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.tickets import Ticket
from models.vocab import Level, State
from tests.factories import NOW, TicketIn, add_reference, add_tickets
from triage.services.summary import summarize

if TYPE_CHECKING:
    from models.db import Database


async def test_each_ticket_counts_where_it_belongs(db: Database) -> None:
    await add_reference(db)
    await add_tickets(
        db,
        TicketIn(due=timedelta(hours=1)),
        TicketIn(due=timedelta(hours=-1)),
        TicketIn(due=timedelta(days=7)),
        TicketIn(state=State.REVIEW, unit=None, due=timedelta(days=2)),
        TicketIn(state=State.HANDED_OVER, unit=None, kind=None, due=None),
        # 当场答复.
        TicketIn(state=State.CLOSED, unit="bj-desk", due=None),
    )
    async with db.writes.begin() as session:
        answered = sa.update(Ticket).where(Ticket.state == State.CLOSED.value)
        await session.execute(answered.values(dispatched_at=None, level=Level.DESK.value))
    async with db.reads() as session:
        summary = await summarize(session, now=NOW)
    assert (summary.received, summary.waiting, summary.dead) == (6, 0, 0)
    assert (summary.review, summary.handed_over, summary.diverted) == (1, 1, 0)
    assert (summary.due_today, summary.overdue) == (1, 1)
    assert sum(summary.by_level.values()) == 3
    assert Level.DESK not in summary.by_level


async def test_one_source_at_a_time(db: Database) -> None:
    await add_reference(db)
    await add_tickets(db, TicketIn())
    async with db.reads() as session:
        assert (await summarize(session, now=NOW, source="没有这个来源")).received == 0
