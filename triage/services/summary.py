"""A few figures over what is stored: received, environmental, dispatched by level, to review, due today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.appeals import Appeal, Source
from models.tickets import Ticket
from models.vocab import AppealState, Level, State
from triage.clock import local

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of appeals and their tickets; `by_level` counts dispatched tickets by the lead's level."""

    received: int
    waiting: int
    dead: int
    environmental: int
    by_level: dict[Level, int]
    review: int
    diverted: int
    handed_over: int
    due_today: int
    overdue: int


async def summarize(session: AsyncSession, *, now: datetime, source: str | None = None) -> Summary:
    """Count, for one source or for all."""
    appeals = sa.select(Appeal.state, sa.func.count()).group_by(Appeal.state)
    groups = (Ticket.state, Ticket.level, Ticket.environmental, Ticket.dispatched_at.is_not(None))
    tickets = sa.select(*groups, sa.func.count()).group_by(*groups)
    midnight = (local(now) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    due = sa.select(
        sa.func.count().filter(Ticket.due_at >= now, Ticket.due_at < midnight),
        sa.func.count().filter(Ticket.due_at < now),
    ).select_from(Ticket)
    if source is not None:
        of_source = sa.select(Appeal.id).join(Source).where(Source.key == source).scalar_subquery()
        appeals = appeals.where(Appeal.id.in_(of_source))
        tickets = tickets.where(Ticket.appeal_id.in_(of_source))
        due = due.where(Ticket.appeal_id.in_(of_source))
    by_state = {AppealState(state): count for state, count in (await session.execute(appeals))}
    rows = (await session.execute(tickets)).all()
    due_today, overdue = (await session.execute(due)).one()
    by_level: dict[Level, int] = {}
    for state, level, _, dispatched, count in rows:
        # What was answered at once (当场答复) or joined to another while it was reviewed went to no unit.
        if level and dispatched and state not in {State.REVIEW, State.DIVERTED, State.HANDED_OVER}:
            by_level[Level(level)] = by_level.get(Level(level), 0) + count

    def of(state: State) -> int:
        return sum(count for found, _, _, _, count in rows if found == state)

    return Summary(
        received=sum(by_state.values()),
        waiting=by_state.get(AppealState.WAITING, 0),
        dead=by_state.get(AppealState.DEAD, 0),
        environmental=sum(count for _, _, environmental, _, count in rows if environmental),
        by_level=by_level,
        review=of(State.REVIEW),
        diverted=of(State.DIVERTED),
        handed_over=of(State.HANDED_OVER),
        due_today=due_today,
        overdue=overdue,
    )
