"""Nothing but being told to stop ends the runner: the clocks and the notices run in the same process."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn
from unittest.mock import Mock

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

import triage.tables
from connectors.vault import Vault
from tests.factories import NOW
from triage.clock import FixedClock
from triage.services.deps import Deps
from triage.services.sources import running
from triage.services.sources.running import Claimed, Runner
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PoolTimeout("QueuePool limit of size 5 overflow 5 reached"), "step_refused"),
        (ValueError("张三 13800000000"), "step_failed"),
    ],
)
async def test_a_look_that_fails_is_told_and_made_again(
    sqlite_db: Database,
    error: Exception,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The pool's own timeout is no error of the driver: it ended the whole timetable."""
    monkeypatch.setattr(running, "_AWAY_SECONDS", 0.01)
    monkeypatch.setattr(running, "_FAULT_SECONDS", 0.01)
    deps = Deps(Settings(), FixedClock(NOW), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    runner, stop, looks = Runner(deps), asyncio.Event(), asyncio.Semaphore(0)

    async def fail() -> int:
        looks.release()
        raise error

    monkeypatch.setattr(runner, "start_due", fail)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.run(stop))
        await looks.acquire()
        await looks.acquire()
        stop.set()
    assert told in caplog.text
    assert "张三" not in caplog.text


async def test_a_lease_that_cannot_be_renewed_now_ends_no_work_and_no_runner(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    deps = Deps(Settings(), FixedClock(NOW), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    runner, tried, item = (
        Runner(deps, lease=timedelta(milliseconds=3)),
        asyncio.Semaphore(0),
        Mock(spec=Claimed),
    )

    def refuse(_: Claimed) -> NoReturn:
        tried.release()
        raise PoolTimeout("QueuePool limit of size 5 overflow 5 reached")

    monkeypatch.setattr(runner, "_mine", refuse)
    work: asyncio.Task[Any] = asyncio.create_task(asyncio.Event().wait())
    beat = asyncio.create_task(runner._renew(item, work))
    async with asyncio.timeout(5):
        await tried.acquire()
        await tried.acquire()
    assert [beat.done(), work.done()] == [False, False]
    for task in (beat, work):
        task.cancel()
    caplog.clear()
    await runner._record(item, None)
    assert "step_refused" in caplog.text
