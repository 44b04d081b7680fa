"""When everything is at rest after a fault: nothing waits, nothing is handed out, no reminder is due."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

if TYPE_CHECKING:
    from datetime import datetime

#: Everything must be at rest within this after a fault: the promise is two minutes.
REST_SECONDS: Final = 120.0
_LEFT: Final = (
    "SELECT (SELECT count(*) FROM appeal WHERE state = 'waiting') + (SELECT count(*) FROM outbox)"
    " + (SELECT count(*) FROM ticket_watch WHERE next_at <= :at)"
)


async def at_rest(url: str, *, at: datetime) -> bool:
    """Whether it came to rest within two minutes; `at` by the clock of the processes."""
    moment = at if url.startswith("postgresql") else at.replace(tzinfo=None)
    engine = create_async_engine(url)
    until = time.monotonic() + REST_SECONDS
    try:
        while time.monotonic() < until:
            async with engine.connect() as connection:
                if not await connection.scalar(sa.text(_LEFT), {"at": moment}):
                    return True
            await asyncio.sleep(0.3)
    finally:
        await engine.dispose()
    return False
