"""Counts for pages, no further than anybody reads them: a page costs the same with a million rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

#: Counted so far; what is beyond is told as more than this.
BOUND: Final = 10_000


async def bounded(session: AsyncSession, rows: sa.Select[Any]) -> int:
    """How many rows there are; `BOUND` and one when there are more."""
    some = rows.limit(BOUND + 1).subquery()
    return int(await session.scalar(sa.select(sa.func.count()).select_from(some)) or 0)


def told(count: int) -> str:
    """A bounded count, or a sum of such, as a page shows it."""
    return f"{BOUND}+" if count > BOUND else str(count)
