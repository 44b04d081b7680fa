"""撤诉: what stands against it beside the ticket's own events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.rewards import Reward
from models.vocab import Move
from triage.rules.fields import Refusal, Stage
from triage.services.identities.erasing import DECIDING

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.tickets import Ticket

CLAIMED: Final = (
    "这件举报有奖励还没有定，撤诉以后就没有查实的举报可奖："
    "请先在“有奖举报”里把它定下（批准，或不予奖励、追回办结），再撤诉"
)


async def claimed(session: AsyncSession, ticket: Ticket) -> bool:
    """Whether a reward of this very report is there that nobody has decided yet.

    Of one that only stands on the same case nothing is asked: a refusal would tell of a 保密 report behind.
    """
    found = await session.scalar(
        sa.select(Reward.id)
        .where(Reward.winner_appeal_id == ticket.appeal_id, Reward.state.in_(DECIDING))
        .limit(1)
    )
    return found is not None


async def check(session: AsyncSession, ticket: Ticket, move: Move) -> None:
    """Nothing beside the events stands against this move. Raises Refusal."""
    if move is Move.WITHDRAW and await claimed(session, ticket):
        raise Refusal(CLAIMED, stage=Stage.FACT)
