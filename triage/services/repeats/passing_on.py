"""A ticket that is merged hands on what waits with it: who may be of its matter may be of its case's.

Without that a proposal is seen by nobody once one of its two is merged elsewhere. What was handed on is taken
away with the merge, unless somebody decided it. Called in the transaction of the move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models import merged
from models.matters import MatterPair
from models.tickets import Ticket
from models.vocab import OPEN_STATES
from models.vocab_matters import Proposal
from triage.services import following
from triage.services.storing import insert_new

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

#: Ids in one statement.
_AT_ONCE: Final = 1_000
#: Not the reasons of the first pair: they quote words of a ticket that may be 保密.
_WHY: Final = "和已经并入的一张工单像是同一事项"


async def moved(session: AsyncSession, ticket_id: int, head_id: int, *, joined: bool, now: datetime) -> None:
    """Bring what waits to what a merge makes of it, or its undoing (`joined` false)."""
    if joined:
        await _handed_on(session, [ticket_id], head_id, now=now)
    else:
        await _split(session, ticket_id, head_id, now=now)


async def _handed_on(session: AsyncSession, members: Sequence[int], head_id: int, *, now: datetime) -> None:
    """Propose to the case `head_id` all open tickets that wait to be held against those that joined it.

    What was decided of two stands. A ticket on which somebody works in this moment is left out: two moves
    never wait for each other. All members at once: of a case of thousands each that leaves asks again.
    """
    likely: dict[int, tuple[int, float]] = {}
    for part in _parts(members):
        for member, one, p in await _waiting(session, part):
            likely.setdefault(one, (member, p))
    likely.pop(head_id, None)
    free: list[int] = []
    for part in _parts(likely):
        free += await session.scalars(
            sa.select(Ticket.id)
            .where(Ticket.id.in_(part), Ticket.state.in_([state.value for state in OPEN_STATES]))
            .order_by(Ticket.id)
            .with_for_update(read=True, key_share=True, skip_locked=True)
        )
    found: list[dict[str, object]] = [
        {
            "ticket_id": max(one, head_id), "head_id": min(one, head_id), "p": likely[one][1],
            "same_caller": False, "why": [_WHY], "state": Proposal.PROPOSED.value, "by": None, "at": now,
            "model_version": _by(likely[one][0]),
        }
        for one in free
    ]  # fmt: skip
    await insert_new(session, MatterPair, found)


def _parts(ids: Collection[int]) -> list[list[int]]:
    """In order, as many as a statement takes."""
    ordered = sorted(ids)
    return [ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE)]


async def _waiting(session: AsyncSession, members: Sequence[int]) -> list[tuple[int, int, float]]:
    """Which of these, the first one first, waits to be held against which ticket, and how likely it is."""
    rows = await session.execute(
        sa.select(MatterPair.ticket_id, MatterPair.head_id, MatterPair.p).where(
            sa.or_(MatterPair.ticket_id.in_(members), MatterPair.head_id.in_(members)),
            MatterPair.state == Proposal.PROPOSED.value,
        )
    )
    both = [(one, other, p) for a, b, p in rows for one, other in ((a, b), (b, a))]
    mine = set(members)
    return sorted(found for found in both if found[0] in mine)


async def _split(session: AsyncSession, ticket_id: int, head_id: int, *, now: datetime) -> None:
    """Take away what merges proposed to the case and nobody decided, and hand on anew for those who stay.

    Likewise for the case that this one is merged into, and so on: it has what was handed on from here.
    """
    left, case = ticket_id, head_id
    for _ in range(merged.DEPTH):
        stay = await merged.inside(session, {case}) - {left}
        # What the other side's own members handed on to it is not this case's to take away.
        await session.execute(
            sa.delete(MatterPair).where(
                sa.or_(MatterPair.ticket_id == case, MatterPair.head_id == case),
                MatterPair.state == Proposal.PROPOSED.value,
                MatterPair.by.is_(None),
                MatterPair.model_version.in_([_by(one) for one in stay | {left}]),
            )
        )
        await _handed_on(session, sorted(stay), case, now=now)
        into = (await following.merges(session, [case])).get(case)
        above = (
            await session.scalar(sa.select(Ticket.id).where(Ticket.no == following.head_of(into)))
            if into
            else None
        )
        if above is None:
            return
        left, case = 0, above


def _by(ticket_id: int) -> str:
    """Stands where a model's version does."""
    return f"merged {ticket_id}"
