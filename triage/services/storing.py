"""Rows that are stored once: inserting what is there already changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.db import insert_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Base


async def insert_new(session: AsyncSession, model: type[Base], rows: Sequence[dict[str, object]]) -> None:
    """Insert rows that are not there yet."""
    if not rows:
        return
    await session.execute(insert_of(session, model).on_conflict_do_nothing(), list(rows))
