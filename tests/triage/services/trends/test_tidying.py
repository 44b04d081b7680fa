"""After a rebuild the sums take no more room than before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.rollups import RollupDay, RollupTicket
from tests.triage.services.trends.test_sources import facts
from triage.services.trends import applying, tidying

if TYPE_CHECKING:
    from models.db import Database

_ROOM = sa.text("SELECT pg_relation_size(CAST('rollup_place' AS regclass))")


async def summed(db: Database, *, times: int) -> int:
    """Make the sums so often. Gives the bytes of one."""
    for _ in range(times):
        async with db.writes.begin() as session:
            await applying.sum_up(session)
    async with db.reads() as session:
        return await session.scalar(_ROOM) or 0


async def test_sums_made_again_take_no_more_room_once_they_are_tidy(postgres_db: Database) -> None:
    async with postgres_db.writes.begin() as session:
        await session.execute(sa.insert(RollupTicket), facts(1, 800))
    once = await summed(postgres_db, times=1)
    assert await summed(postgres_db, times=2) > once
    assert await tidying.tidy(postgres_db) == []
    async with postgres_db.reads() as session:
        assert await session.scalar(_ROOM) == once
        assert await session.scalar(sa.select(sa.func.sum(RollupDay.demands))) == 800


async def test_a_table_that_is_read_all_the_while_is_told(postgres_db: Database) -> None:
    async with postgres_db.engine.connect() as reader:
        await reader.execute(sa.text("LOCK TABLE rollup_place IN ACCESS SHARE MODE"))
        assert await tidying.tidy(postgres_db, wait_seconds=0.2) == ["rollup_place"]
    assert await tidying.tidy(postgres_db) == []


async def test_sqlite_needs_none(sqlite_db: Database) -> None:
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.insert(RollupTicket), facts(1, 20))
        await applying.sum_up(session)
    assert await tidying.tidy(sqlite_db) == []
