"""What the watch and the list of sources tell of a platform: orders refused, what 对账 left unmatched."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.hotline import HotlineOrder, Reconciliation
from triage.clock import BEIJING

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncSession

#: Refused orders are told of for as long as 对账 catches up on days: later nobody fetches them by itself.
WITHIN: Final = timedelta(days=7)
#: Accounts made before their day had ended stand among the last ones; behind so many there is another.
_LOOKED_AT: Final = 20


def ended(day: date) -> datetime:
    """When a day of Beijing is over: an account made earlier holds half of it."""
    return datetime.combine(day + timedelta(days=1), time(), BEIJING)


async def refused(session: AsyncSession, source_id: int, *, now: datetime, most: int) -> int:
    """Orders that came within `WITHIN` and could not be taken in, counted no further than `most`."""
    found = (
        sa.select(HotlineOrder.order_no)
        .where(
            HotlineOrder.source_id == source_id,
            HotlineOrder.refused.is_not(None),
            HotlineOrder.first_seen_at > now - WITHIN,
        )
        .limit(most)
        .subquery()
    )
    return await session.scalar(sa.select(sa.func.count()).select_from(found)) or 0


async def unmatched(session: AsyncSession, source_id: int) -> int:
    """What the newest account of a whole day left unmatched; 0 before the first."""
    rows = await session.execute(
        sa.select(Reconciliation.day, Reconciliation.made_at, Reconciliation.unmatched)
        .where(Reconciliation.source_id == source_id)
        .order_by(Reconciliation.day.desc(), Reconciliation.id.desc())
        .limit(_LOOKED_AT)
    )
    return next((count for day, made_at, count in rows if made_at >= ended(day)), 0)
