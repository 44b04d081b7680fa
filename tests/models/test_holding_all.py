"""A migration takes every table before it changes the first, again where that crosses with somebody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from models import holding_all, migrate
from models.db import REWARD_SCHEMA

if TYPE_CHECKING:
    from models.db import Database


async def test_one_that_crosses_with_a_writer_waits_for_them_and_is_done(postgres_db: Database) -> None:
    await migrate.downgrade(postgres_db, "0038")
    async with postgres_db.writes.begin() as session:
        # Somebody writes events first and the ticket after them: the other way round than we take them.
        await session.execute(sa.text("LOCK TABLE ticket_event IN ROW EXCLUSIVE MODE"))
        upgrade = asyncio.create_task(migrate.upgrade(postgres_db))
        await asyncio.sleep(0.5)
        await session.execute(sa.text("LOCK TABLE ticket IN ROW EXCLUSIVE MODE"))
    await upgrade
    async with postgres_db.reads() as session:
        assert await session.scalar(sa.text("SELECT count(*) FROM identity_look")) == 0


async def test_one_that_never_gets_them_is_refused_and_changes_nothing(postgres_db: Database) -> None:
    async with postgres_db.writes.begin() as session:
        await session.execute(sa.text("LOCK TABLE ticket_event IN ROW EXCLUSIVE MODE"))
        with pytest.raises(DBAPIError, match="lock timeout"):
            async with postgres_db.engine.begin() as connection:
                await connection.run_sync(lambda c: holding_all.hold(c, reward_schema=REWARD_SCHEMA, tries=1))


async def test_where_nothing_is_to_be_done_nobody_waits(postgres_db: Database) -> None:
    async with postgres_db.writes.begin() as session:
        await session.execute(sa.text("LOCK TABLE ticket IN ACCESS EXCLUSIVE MODE"))
        await asyncio.wait_for(migrate.upgrade(postgres_db), 5)
