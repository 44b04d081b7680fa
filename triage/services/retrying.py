"""Give appeals that were given up another round of tries: when the fault that killed them is mended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from connectors.ports import JobName
from models.appeals import Appeal
from models.outbox import DeadLetter, Outbox
from models.vocab import AppealState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

#: One IN list takes this many.
_CHUNK: Final = 1000


@dataclass(frozen=True, slots=True)
class GivenUp:
    """An appeal that failed for good: its numbers and the reason, never its words."""

    id: int
    external_id: str | None
    reason: str


async def given_up(session: AsyncSession) -> list[GivenUp]:
    """The appeals given up, oldest first, each with its last reason."""
    last = (
        sa.select(DeadLetter.reason)
        .where(DeadLetter.key == Appeal.id, DeadLetter.topic == JobName.READ_APPEALS.value)
        .order_by(DeadLetter.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = await session.execute(
        sa.select(Appeal.id, Appeal.external_id, sa.func.coalesce(last, ""))
        .where(Appeal.state == AppealState.DEAD.value)
        .order_by(Appeal.id)
    )
    return [GivenUp(*row) for row in rows]


async def retry(session: AsyncSession, *, now: datetime) -> int:
    """Let every appeal that was given up wait again, with all its tries. Gives how many.

    The dead letter stays and says when it was run again. Running it twice does no harm.
    """
    ids = list(
        await session.scalars(
            sa.update(Appeal)
            .where(Appeal.state == AppealState.DEAD.value)
            .values(state=AppealState.WAITING.value, attempts=0, claimed_until=None)
            .returning(Appeal.id)
            .execution_options(synchronize_session=False)
        )
    )
    if not ids:
        return 0
    await session.execute(
        sa.insert(Outbox),
        [
            {
                "topic": JobName.READ_APPEALS.value,
                "key": appeal_id,
                "created_at": now,
                "available_at": now,
                "attempts": 0,
            }
            for appeal_id in sorted(ids)
        ],
    )
    for start in range(0, len(ids), _CHUNK):
        await session.execute(
            sa.update(DeadLetter)
            .where(DeadLetter.key.in_(ids[start : start + _CHUNK]), DeadLetter.rerun_at.is_(None))
            .values(rerun_at=now)
        )
    return len(ids)
