"""补正: rows that an older version wrote are brought to what the events and the tables say today.

Two things that otherwise wait for a ticket's next move: the due time of a ticket that was opened before
签收 and 首次联系 had limits, and the follow-up of a citizen whose case was merged into one that was answered
before such callers were listed. Goes through the tickets by number, a batch a transaction; dry unless told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models import merged
from models.tickets import OPEN, Ticket
from models.vocab import State
from triage.services import following
from triage.services.standings import stand_many

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.rules.standing import Standing

BATCH: Final = 200
_LOOKED_AT: Final = sa.or_(sa.literal_column(OPEN), Ticket.state == State.MERGED.value)


@dataclass(frozen=True, slots=True)
class Mended:
    """How many tickets were looked at, had another due time, and had a citizen to be followed up."""

    tickets: int = 0
    dues: int = 0
    callers: int = 0
    last: int = 0
    """The number (id) of the last ticket."""

    def __add__(self, other: Mended) -> Mended:
        """Both together."""
        return Mended(
            self.tickets + other.tickets, self.dues + other.dues, self.callers + other.callers,
            max(self.last, other.last),
        )  # fmt: skip


async def batch(
    session: AsyncSession, tables: Tables, *, after: int, now: datetime, commit: bool, size: int = BATCH
) -> Mended | None:
    """The next tickets after that id; None when there are none."""
    asked = sa.select(Ticket).where(Ticket.id > after, _LOOKED_AT).order_by(Ticket.id).limit(size)
    tickets = {ticket.id: ticket for ticket in await session.scalars(asked)}
    if not tickets:
        return None
    mine = set(tickets)
    standings = await stand_many(session, tables, list(tickets.values()), now=now)
    tickets |= await _heads(session, tables, standings, now=now)
    # Heads are locked with the rest, in one order, and everything is looked at again under the locks.
    locked = await session.scalars(
        sa.select(Ticket)
        .where(Ticket.id.in_(set(tickets)))
        .order_by(Ticket.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    tickets = {ticket.id: ticket for ticket in locked}
    standings = await stand_many(session, tables, list(tickets.values()), now=now)
    by_no = {tickets[number].no: standing for number, standing in standings.items()}
    dues = callers = 0
    for number in sorted(mine):
        ticket, s = tickets[number], standings[number]
        if s.state is State.MERGED:
            callers += await _follow(session, tables, ticket, s, by_no, now=now, commit=commit)
        else:
            dues += await _due(session, ticket, s, commit=commit)
    return Mended(len(mine), dues, callers, max(mine))


async def _heads(
    session: AsyncSession, tables: Tables, standings: dict[int, Standing], *, now: datetime
) -> dict[int, Ticket]:
    """The cases that these are merged into, and those into which they are, and so on."""
    found: dict[int, Ticket] = {}
    wanted = _named(standings.values())
    for _ in range(merged.DEPTH):
        if not wanted:
            break
        rows = list(await session.scalars(sa.select(Ticket).where(Ticket.no.in_(wanted))))
        fresh = [ticket for ticket in rows if ticket.id not in found]
        found |= {ticket.id: ticket for ticket in fresh}
        wanted = _named((await stand_many(session, tables, fresh, now=now)).values())
    return found


def _named(standings: Iterable[Standing]) -> set[str]:
    return {s.merged_into for s in standings if s.state is State.MERGED and s.merged_into}


async def _due(session: AsyncSession, ticket: Ticket, s: Standing, *, commit: bool) -> int:
    clock = s.due_clock.value if s.due_clock else None
    if (ticket.due_at, ticket.due_clock) == (s.due_at, clock):
        return 0
    if commit:
        await session.execute(
            sa.update(Ticket).where(Ticket.id == ticket.id).values(due_at=s.due_at, due_clock=clock)
        )
    return 1


async def _follow(
    session: AsyncSession,
    tables: Tables,
    ticket: Ticket,
    s: Standing,
    by_no: dict[str, Standing],
    *,
    now: datetime,
    commit: bool,
) -> int:
    head = s
    for _ in range(merged.DEPTH):
        if head.state is not State.MERGED or head.merged_into not in by_no:
            break
        head = by_no[head.merged_into]
    if head.state is State.MERGED or s.head_answered or not head.settled:
        return 0
    if not commit:
        return 1
    return await following.tell(session, tables, [ticket], s.merged_into or "", head, now=now)
