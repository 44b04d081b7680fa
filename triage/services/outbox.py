"""The outbox's rows: that appeals wait to be read is noted in the transaction that made or gave them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from connectors.ports import JobName
from models.outbox import Outbox
from triage import tracing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


async def wait(session: AsyncSession, appeals: Iterable[int], *, now: datetime) -> None:
    """Note that these appeals wait to be read, by the trace of this moment."""
    trace = tracing.current()
    rows = [
        {
            "topic": JobName.READ_APPEALS.value,
            "key": appeal_id,
            "created_at": now,
            "available_at": now,
            "attempts": 0,
            "trace": trace,
        }
        for appeal_id in appeals
    ]
    if rows:
        await session.execute(sa.insert(Outbox), rows)
