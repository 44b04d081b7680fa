"""Proposals of which one ticket is not open any more rest: on no list, and read by none, until it is again.

They are kept, for a ticket may be opened again: the move that does so wakes them (`wake`), within its own
transaction. What rests is found by the timetable, in batches.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from models.matters import WAITS, MatterPair
from models.tickets import Ticket
from models.vocab import OPEN_STATES
from models.vocab_matters import Proposal
from triage import logs

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps

log = logs.get(__name__)

#: Pairs in one transaction.
BATCH: Final = 500
#: How often it is asked what was opened again by code that wakes nothing.
_AGAIN: Final = timedelta(hours=1)
_OPEN: Final = [state.value for state in OPEN_STATES]


class Rester:
    """Lets them rest, batch by batch. One per process."""

    def __init__(self, deps: Deps) -> None:
        """Begin with those that code of before opened again, which did not wake them.

        And once an hour from then on: while a release is laid out it goes on to do so after this began.
        """
        self._deps = deps
        self._next: datetime | None = None

    async def keep(self) -> bool:
        """Let a batch rest; whether there may be more."""
        now = self._deps.clock.now()
        if self._next is None or now >= self._next:
            await _wake_open(self._deps)
            self._next = now + _AGAIN
        return await rest(self._deps)


async def rest(deps: Deps) -> bool:
    """Let pairs rest of which one ticket is not open. Gives whether there may be more."""
    head = aliased(Ticket)
    ended = (
        sa.select(MatterPair.ticket_id, MatterPair.head_id)
        .join(Ticket, Ticket.id == MatterPair.ticket_id)
        .join(head, head.id == MatterPair.head_id)
        .where(WAITS, sa.or_(Ticket.state.not_in(_OPEN), head.state.not_in(_OPEN)))
        .limit(BATCH)
    )
    # Asked without a writing transaction: on SQLite that would hold up everybody, often for nothing.
    async with deps.db.reads() as session:
        found = [(row.ticket_id, row.head_id) for row in await session.execute(ended)]
    if not found:
        return False
    async with deps.db.writes.begin() as session:
        # Held until it is written, so that whoever opens one again comes after, and wakes it. One on which
        # somebody works in this moment is left for the next round.
        closed = set(
            await session.scalars(
                sa.select(Ticket.id)
                .where(Ticket.id.in_({one for pair in found for one in pair}), Ticket.state.not_in(_OPEN))
                .order_by(Ticket.id)
                .with_for_update(read=True, skip_locked=True)
            )
        )
        done = await session.execute(
            sa.update(MatterPair)
            .where(
                WAITS,
                sa.tuple_(MatterPair.ticket_id, MatterPair.head_id).in_(
                    [pair for pair in found if not closed.isdisjoint(pair)]
                ),
            )
            .values(resting=True)
            .returning(MatterPair.ticket_id)
            .execution_options(synchronize_session=False)
        )
        count = len(done.all())
    log.info("proposals_resting", count=count)
    # Where nothing could be held the next round is not now.
    return len(found) == BATCH and count > 0


async def wake(session: AsyncSession, ticket_id: int) -> None:
    """What rests with a ticket that was opened again waits again, in the transaction of the move."""
    await session.execute(
        sa.update(MatterPair)
        .where(sa.or_(MatterPair.ticket_id == ticket_id, MatterPair.head_id == ticket_id), MatterPair.resting)
        .values(resting=False)
        .execution_options(synchronize_session=False)
    )


async def _wake_open(deps: Deps) -> None:
    mine, head = aliased(Ticket), aliased(Ticket)
    both = (
        sa.select(MatterPair.ticket_id, MatterPair.head_id)
        .join(mine, mine.id == MatterPair.ticket_id)
        .join(head, head.id == MatterPair.head_id)
        .where(
            MatterPair.state == Proposal.PROPOSED.value, MatterPair.resting,
            mine.state.in_(_OPEN), head.state.in_(_OPEN),
        )
    )  # fmt: skip
    async with deps.db.reads() as session:
        tickets = sorted({row.ticket_id for row in await session.execute(both)})
    for ticket_id in tickets:
        async with deps.db.writes.begin() as session:
            await wake(session, ticket_id)
