"""公示: what anyone may see of rewards: numbers drawn by lot, and one sum of many.

Fines are published, and a reward is a rate of the fine, higher for an insider: beside a number, its sum would
tell a firm that somebody of its own reported. So no reward's sum stands alone, nor follows from two readings
of the notice: the sum grows by whole lots of `open_least` rewards, and nothing that was counted leaves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.rewards import Reward
from models.vocab_rewards import RewardState
from triage.clock import local
from triage.rules.publishing import Publish, number
from triage.services.rewards import book

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables

_MOST: Final = 200
_STANDING: Final = (RewardState.APPROVED.value, RewardState.NOTIFIED.value, RewardState.ARCHIVED.value)


@dataclass(frozen=True, slots=True)
class Notice:
    """The numbers that stand, the newest years first; the sum in fen of the first `count` notified."""

    numbers: tuple[str, ...]
    count: int
    total: int


async def told(session: AsyncSession, tables: Tables, *, now: datetime) -> Notice:
    """The notice of now. Raises NoRule."""
    numbers = await session.scalars(
        sa.select(Reward.no)
        .where(Reward.state.in_(_STANDING), Reward.amount_fen.is_not(None), ~book.was_taken_back())
        .order_by(Reward.no.desc())
        .limit(_MOST)
    )
    lot = number(tables.publishing, Publish.OPEN_LEAST, local(now).date())
    notified = (
        sa.select(Reward.amount_fen)
        .where(Reward.notified_at.is_not(None), Reward.amount_fen.is_not(None))
        .order_by(Reward.notified_at, Reward.id)
    )
    known = await session.scalar(sa.select(sa.func.count()).select_from(notified.subquery())) or 0
    count = known - known % lot
    some = notified.limit(count).subquery()
    total = await session.scalar(sa.select(sa.func.sum(some.c.amount_fen)))
    return Notice(tuple(numbers), count, int(total or 0))
