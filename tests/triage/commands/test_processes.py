"""The steps of the timetable run side by side, and none takes another down."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from connectors.ports import QueueDown
from triage.commands import processes


async def test_a_step_with_a_fault_takes_no_other_down_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(processes, "FAULT_PAUSE_SECONDS", 0.01)
    stop = asyncio.Event()
    tries: asyncio.Queue[str] = asyncio.Queue()

    async def bad() -> bool:
        tries.put_nowait("bad")
        raise ValueError("张三 13912340007")

    async def good() -> bool:
        tries.put_nowait("good")
        return False

    running = asyncio.gather(
        processes.repeat("bad", bad, pause=0.01, stop=stop),
        processes.repeat("good", good, pause=0.01, stop=stop),
    )
    async with asyncio.timeout(5):
        seen = [await tries.get() for _ in range(8)]
        stop.set()
        await running
    assert min(seen.count("bad"), seen.count("good")) >= 2
    assert "step_failed" in caplog.text
    assert "ValueError @ bad:" in caplog.text
    assert "张三" not in caplog.text


async def test_a_step_that_does_not_end_is_broken_off_when_we_are_told_to_stop(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.5)
    stop, ended = asyncio.Event(), []

    async def long() -> bool:
        await asyncio.sleep(3600)
        return False

    async def short() -> bool:
        await asyncio.sleep(0.02)
        ended.append(stop.is_set())
        return False

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        names = {"long": long, "short": short}
        running = [
            tasks.create_task(processes.repeat(name, one, pause=0.001, stop=stop))
            for name, one in names.items()
        ]
        tasks.create_task(processes.hurry(stop, running))
        asyncio.get_running_loop().call_later(0.03, stop.set)
    assert [task.cancelled() for task in running] == [True, False]
    assert ended[-1], "what was nearly done ended in order"
    assert "steps_broken_off" in caplog.text


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (IntegrityError("INSERT", {}, Exception("张三")), "step_failed"),
        (ProgrammingError("SELECT", {}, Exception("张三")), "step_failed"),
        (OperationalError("SELECT", {}, Exception("张三")), "step_refused"),
        (PoolTimeout("QueuePool limit"), "step_refused"),
        (ConnectionResetError(), "step_refused"),
        (QueueDown(), "step_refused"),
    ],
)
async def test_our_own_fault_is_told_by_its_place_and_waits_and_the_worlds_is_tried_soon(
    error: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A row that the database will not keep was "refused" every five seconds, and nothing said where."""
    stop = asyncio.Event()

    async def step() -> bool:
        asyncio.get_running_loop().call_later(0.01, stop.set)
        raise error

    async with asyncio.timeout(5):
        await processes.repeat("one", step, pause=1, stop=stop)
    waits = {"step_failed": "60", "step_refused": "2"}
    assert told in caplog.text
    assert f"'next_try_seconds': {waits[told]}" in caplog.text
    assert ("test_processes.py" in caplog.text) is (told == "step_failed"), "our own frame is told"
    assert "张三" not in caplog.text
