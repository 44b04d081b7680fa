"""Whether so many appeals wait to be read that everything that can wait does: reading comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.outbox import Outbox

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

#: With this many appeals waiting, what catches up by itself waits as well.
BUSY: Final = 400


async def is_long(session: AsyncSession) -> bool:
    """Whether more than `BUSY` appeals wait to be read."""
    return await session.scalar(sa.select(Outbox.id).offset(BUSY).limit(1)) is not None
