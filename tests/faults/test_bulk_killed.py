"""A bulk job whose worker is killed in the middle ends with every ticket moved exactly once."""

from __future__ import annotations

import asyncio
import signal
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest
import sqlalchemy as sa

import triage.tables
from bench.servers import jiesu
from connectors.vault import Vault
from models.db import Database, open_database
from models.filters import all_seeing
from models.tickets import Ticket, TicketEvent
from models.vocab import Move, Post
from models.vocab_bulk import BulkRow, BulkState
from models.vocab_staff import Role
from tests import signed_in
from tests.factories import TicketIn, add_tickets
from triage.clock import SystemClock
from triage.rules.moves import Actor
from triage.services import reference
from triage.services.bulk import drafting, results, running
from triage.services.bulk.drafting import Plan
from triage.services.deps import Deps
from triage.services.moving import Person
from triage.settings import Settings

if TYPE_CHECKING:
    from triage.services.bulk.results import Report

TICKETS: Final = 300
LIMIT_SECONDS: Final = 120.0
CLERK: Final = Person(Actor(Post.HOTLINE, None, "hotline.a"), "热线甲")


@pytest.fixture(params=["postgresql", "sqlite"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """An address other processes can open too; None: the SQLite file of the data directory."""
    if request.param == "sqlite":
        return None
    db: Database = request.getfixturevalue("postgres_db")
    return db.engine.url.render_as_string(hide_password=False)


async def until(db: Database, job_id: int, *states: BulkRow) -> Report:
    """Wait until the job has rows of all these states."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        async with db.reads() as session:
            found = await results.report(session, all_seeing("local"), job_id)
        if all(found.counts.get(state) for state in states):
            return found
        assert time.monotonic() < deadline, f"never saw {states}: {found.counts}"
        await asyncio.sleep(0.02)


async def ended(db: Database, job_id: int) -> Report:
    """Wait for the end, at most the promised time."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        async with db.reads() as session:
            found = await results.report(session, all_seeing("local"), job_id)
        if found.job.state == BulkState.DONE.value or time.monotonic() > deadline:
            return found
        await asyncio.sleep(0.2)


async def test_a_worker_killed_in_mid_run_leaves_nothing_undone_or_done_twice(
    database_url: str | None,
) -> None:
    with jiesu(database_url) as processes:
        processes.environment |= {"JIESU_RESEND_SECONDS": "2", "JIESU_NLP_MODEL": "lexicon"}
        folder = processes.environment["JIESU_DATA_DIR"]
        db = open_database(database_url or f"sqlite+aiosqlite:///{folder}/jiesu.db")
        deps = Deps(Settings(), SystemClock(), triage.tables.load(), db, Vault({1: bytes(32)}))
        await reference.sync(deps)
        await add_tickets(db, *[TicketIn() for _ in range(TICKETS)])
        await signed_in.add_person(deps, CLERK.actor.login, (Role.CLERK, None))
        async with db.reads() as session:
            ids = list(await session.scalars(sa.select(Ticket.id).order_by(Ticket.id)))
        plan = Plan(Move.URGE, {"note": "季度末统一催办"}, CLERK)
        job_id = await drafting.draft(deps, all_seeing("local"), plan, ids)
        async with db.writes.begin() as session:
            await running.start(session, job_id, CLERK, now=datetime.now(UTC))
        processes.start("relay")
        first = processes.start("work")
        await until(db, job_id, BulkRow.DONE, BulkRow.WAITING)
        first.send_signal(signal.SIGKILL)
        first.wait()
        left = await until(db, job_id, BulkRow.DONE, BulkRow.WAITING)
        processes.start("work")
        found = await ended(db, job_id)
        async with db.reads() as session:
            urged = list(
                await session.scalars(
                    sa.select(TicketEvent.ticket_id).where(TicketEvent.tag == "ticket:urge")
                )
            )
            versions = set(await session.scalars(sa.select(Ticket.version)))
        await db.close()
    assert left.counts[BulkRow.WAITING] > 0
    assert (found.job.state, found.counts) == (BulkState.DONE.value, {BulkRow.DONE: TICKETS})
    assert sorted(urged) == ids
    assert versions == {2}
