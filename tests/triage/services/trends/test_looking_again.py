"""态势重看: calls that came late are in the signals of the last day, and nothing is told twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock

import pytest
import sqlalchemy as sa

from models.signals import SignalDay
from models.vocab_trends import SignalState
from tests.triage.services.trends.helpers import deps_of
from tests.triage.services.trends.test_noticing import DAY, NOW, plant, signals
from triage.errors import BadInput
from triage.services import backlog
from triage.services.trends import judging, looking_again, noticing

if TYPE_CHECKING:
    from models.db import Database


async def test_what_came_late_is_noticed_and_what_was_decided_stays(db: Database) -> None:
    deps = deps_of(db, NOW)
    # Nothing was there when the day was looked through.
    async with db.writes.begin() as session:
        session.add(SignalDay(day=DAY, series=0, found=0, at=NOW))
    await plant(db)
    assert not await noticing.notice(deps, DAY)
    assert await looking_again.again(deps, DAY)
    found = await signals(db)
    assert {one.what for one in found} >= {"burst", "hot_grid"}
    async with db.writes.begin() as session:
        await judging.decide(session, found[0].id, SignalState.DISMISSED, "已知", by="a", now=NOW)
    assert await looking_again.again(deps, DAY)
    again = await signals(db)
    assert [(one.id, one.told) for one in again] == [(one.id, one.told) for one in found]
    assert again[0].state == SignalState.DISMISSED.value
    async with db.reads() as session:
        assert list(await session.scalars(sa.select(SignalDay.day))) == [DAY]


async def test_a_day_before_the_last_is_not_looked_at_again(sqlite_db: Database) -> None:
    async with sqlite_db.writes.begin() as session:
        session.add(SignalDay(day=DAY, series=0, found=0, at=NOW))
    with pytest.raises(BadInput, match=f"已经看到 {DAY}"):
        await looking_again.again(deps_of(sqlite_db, NOW), DAY - timedelta(days=1))


@pytest.mark.parametrize("days", [-1, 1, 2, 36])
async def test_where_no_day_was_looked_through_only_yesterday_is(sqlite_db: Database, days: int) -> None:
    await plant(sqlite_db)
    with pytest.raises(BadInput, match=f"只能看 {DAY}"):
        await looking_again.again(deps_of(sqlite_db, NOW), DAY + timedelta(days=days))
    assert await looking_again.again(deps_of(sqlite_db, NOW), DAY)


async def test_a_day_that_is_yet_to_come_does_not_stop_the_timetable(db: Database) -> None:
    await plant(db)
    deps = deps_of(db, NOW)
    async with db.writes.begin() as session:
        session.add(SignalDay(day=DAY - timedelta(days=1), series=0, found=0, at=NOW))
    with pytest.raises(BadInput, match=f"已经看到 {DAY - timedelta(days=1)}"):
        await looking_again.again(deps, DAY + timedelta(days=36))
    assert await noticing.poke(deps)


async def test_a_day_that_the_sums_do_not_hold_waits(sqlite_db: Database) -> None:
    await plant(sqlite_db, counted=NOW - timedelta(hours=2))
    with pytest.raises(BadInput, match="还没有汇总完"):
        await looking_again.again(deps_of(sqlite_db, NOW), DAY)


async def test_reading_comes_first(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await plant(sqlite_db)
    monkeypatch.setattr(backlog, "is_long", AsyncMock(return_value=True))
    with pytest.raises(BadInput, match="等识别完"):
        await looking_again.again(deps_of(sqlite_db, NOW), DAY)
