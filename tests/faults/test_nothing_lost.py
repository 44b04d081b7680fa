"""Whatever dies, every appeal ends with exactly one ticket within two minutes (default settings)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest
import redis
import sqlalchemy as sa

from bench.servers import BENCH_KEY, START_SECONDS, STOP_SECONDS, Processes, jiesu
from connectors.vault import Vault
from models.appeals import Appeal
from models.db import Database, open_database
from models.tickets import Ticket
from triage.demo import load_demo
from triage.services import intake

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

#: The bound of the promise.
LIMIT_SECONDS: Final = 120.0
APPEALS: Final = 1500


@dataclass
class Bed:
    """Processes on a database of their own, and the database as the test sees it."""

    processes: Processes
    db: Database

    @property
    def socket(self) -> str:
        return f"{self.processes.environment['JIESU_DATA_DIR']}/valkey.sock"

    async def load(self, count: int, *, prefix: str = "a") -> None:
        """Take in `count` appeals made from the demo's texts."""
        texts = [row.text for row in load_demo()]
        now = datetime.now(UTC)
        items = [
            intake.NewAppeal(
                source="故障测试",
                external_id=f"{prefix}-{number}",
                text=f"{texts[number % len(texts)]}（第{number}条）",
                received_at=now,
            )
            for number in range(count)
        ]
        async with self.db.writes.begin() as session:
            await intake.receive(session, Vault.parse(BENCH_KEY), items, now=now)

    def stop_valkey(self) -> None:
        """Take Redis away; whoever uses it notices in its own time."""
        guardian = self.processes.running[0]
        guardian.terminate()
        guardian.wait()

    async def states(self) -> tuple[int, int, int]:
        """How many appeals wait, how many of those are held by a worker, how many tickets there are."""
        async with self.db.reads() as session:
            result = await session.execute(
                sa.select(
                    sa.select(sa.func.count()).where(Appeal.state == "waiting").scalar_subquery(),
                    sa.select(sa.func.count())
                    .where(Appeal.state == "waiting", Appeal.claimed_until.is_not(None))
                    .scalar_subquery(),
                    sa.select(sa.func.count()).select_from(Ticket).scalar_subquery(),
                )
            )
            return result.one()

    async def until_some_are_held(self) -> None:
        """Wait for the moment in which a worker is in the middle of a batch, with more to come."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            waiting, held, done = await self.states()
            if waiting and held and done:
                return
        pytest.fail("no worker was seen in the middle of a batch")

    async def until_a_worker_listens(self) -> None:
        """Wait until RQ knows of a worker."""
        with redis.Redis(unix_socket_path=self.socket) as client:
            deadline = time.monotonic() + START_SECONDS
            while not client.scard("rq:workers") and time.monotonic() < deadline:
                time.sleep(0.1)  # noqa: ASYNC251  (nothing else runs here)
            assert client.scard("rq:workers") == 1

    async def assert_each_has_one_ticket(self, expected: int) -> None:
        """Wait for the end, at most the promised time; then count."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while (await self.states())[0] and time.monotonic() < deadline:
            time.sleep(0.3)  # noqa: ASYNC251  (nothing else runs here)
        async with self.db.reads() as session:
            appeals = await session.scalar(sa.select(sa.func.count()).select_from(Appeal))
            tickets = (await session.scalars(sa.select(Ticket.appeal_id))).all()
            unfinished = await session.scalar(
                sa.select(sa.func.count()).select_from(Appeal).where(Appeal.state != "done")
            )
        assert (appeals, unfinished, len(tickets), len(set(tickets))) == (expected, 0, expected, expected)


@pytest.fixture(params=["postgresql", "sqlite"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """An address other processes can open too; None: the SQLite file of the data directory."""
    if request.param == "sqlite":
        return None
    db: Database = request.getfixturevalue("postgres_db")
    return db.engine.url.render_as_string(hide_password=False)


@pytest.fixture
async def bed(database_url: str | None) -> AsyncIterator[Bed]:
    """Relay and timetable run; workers are the test's own."""
    with jiesu(database_url) as processes:
        data_dir = processes.environment["JIESU_DATA_DIR"]
        # What is read is not the question here, and the encoder takes most of a small machine.
        processes.environment["JIESU_NLP_MODEL"] = "lexicon"
        db = open_database(database_url or f"sqlite+aiosqlite:///{data_dir}/jiesu.db")
        processes.start("relay")
        processes.start("timetable")
        yield Bed(processes, db)
        await db.close()


async def test_a_worker_killed_in_the_middle_of_a_batch(bed: Bed) -> None:
    await bed.load(APPEALS)
    first = bed.processes.start("work")
    await bed.until_some_are_held()
    first.send_signal(signal.SIGKILL)
    first.wait()
    waiting, held, _ = await bed.states()
    assert waiting
    assert held
    bed.processes.start("work")
    await bed.assert_each_has_one_ticket(APPEALS)


on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


# What Redis loses is told by the database, whichever it is: one of each. `make faults` has every boundary.
@on_postgresql
async def test_redis_flushed_while_work_is_queued(bed: Bed) -> None:
    await bed.load(APPEALS)
    bed.processes.start("work")
    await bed.until_some_are_held()
    with redis.Redis(unix_socket_path=bed.socket) as client:
        client.flushall()
    await bed.assert_each_has_one_ticket(APPEALS)


@on_sqlite
async def test_redis_away_for_a_while(bed: Bed) -> None:
    await bed.load(APPEALS)
    bed.processes.start("work")
    await bed.until_some_are_held()
    bed.stop_valkey()
    # Intake does not need Redis: what comes in now waits in the outbox.
    await bed.load(100, prefix="meanwhile")
    time.sleep(10)  # noqa: ASYNC251  (the outage)
    bed.processes.start("valkey")
    await bed.assert_each_has_one_ticket(APPEALS + 100)


@on_sqlite
async def test_a_busy_worker_told_to_stop_while_redis_is_away_stops(bed: Bed) -> None:
    """RQ notes a stop request in Redis, and forgets it when that fails."""
    await bed.load(APPEALS)
    worker = bed.processes.start("work")
    await bed.until_some_are_held()
    bed.stop_valkey()
    worker.terminate()
    assert worker.wait(STOP_SECONDS) == 0


@on_sqlite
async def test_an_idle_worker_told_to_stop_while_redis_is_away_stops(bed: Bed) -> None:
    worker = bed.processes.start("work")
    await bed.until_a_worker_listens()
    bed.stop_valkey()
    worker.terminate()
    assert worker.wait(STOP_SECONDS) == 0


def test_a_worker_that_never_saw_redis_stops_when_told_to(tmp_path: Path) -> None:
    environment = {**os.environ, "JIESU_DATA_DIR": str(tmp_path), "JIESU_LOG_LEVEL": "WARNING"}
    with (tmp_path / "log").open("wb") as told:
        worker = subprocess.Popen([sys.executable, "-m", "triage.cli", "work"], env=environment, stderr=told)
        deadline = time.monotonic() + START_SECONDS
        while b"queue_away" not in (tmp_path / "log").read_bytes() and time.monotonic() < deadline:
            time.sleep(0.1)
        worker.terminate()
        assert worker.wait(STOP_SECONDS) == 0
    assert b"queue_away" in (tmp_path / "log").read_bytes()
