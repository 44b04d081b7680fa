"""Bulk work on PostgreSQL: how long a draft takes, how many tickets a second are moved, by size of chunk.

`make bench-bulk`. The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

import triage.tables
from bench.desk_data import fill
from bench.servers import postgresql
from connectors.vault import Vault
from models import migrate
from models.db import open_database
from models.filters import all_seeing
from models.tickets import Ticket
from models.vocab import OPEN_STATES, Move, Post
from models.vocab_bulk import BulkRow
from models.vocab_staff import Role
from triage.clock import FixedClock
from triage.rules.moves import Actor
from triage.services import reference
from triage.services.bulk import drafting, results, running
from triage.services.bulk.drafting import Plan
from triage.services.deps import Deps
from triage.services.moving import Person
from triage.services.staff import accounts, roles
from triage.services.staff.accounts import NewAccount
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database

_NOW: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
_CHUNKS: Final = (1, 10, 25, 50, 100)
_CLERK: Final = Person(Actor(Post.HOTLINE, None, "bench"), "测试坐席")


async def measure(*, rows: int, tickets: int) -> dict[str, Any]:
    """Fill, draft one job per size of chunk over tickets of its own, work on each."""
    with postgresql() as url:
        db = open_database(url)
        try:
            await migrate.upgrade(db)
            tables = triage.tables.load()
            deps = Deps(Settings(), FixedClock(_NOW), tables, db, Vault({1: bytes(32)}))
            await reference.sync(deps)
            async with db.engine.begin() as connection:
                await fill(connection, tables, rows=rows, now=_NOW)
                sequence = "pg_get_serial_sequence('ticket_event', 'id')"
                await connection.execute(
                    sa.text(f"SELECT setval({sequence}, max(id)) FROM ticket_event")  # noqa: S608  (our own words)
                )
            return await _timed(deps, db, tickets)
        finally:
            await db.close()


async def _timed(deps: Deps, db: Database, tickets: int) -> dict[str, Any]:
    async with db.reads() as session:
        ids = list(
            await session.scalars(
                sa.select(Ticket.id)
                .where(Ticket.state.in_([state.value for state in OPEN_STATES]))
                .order_by(Ticket.id)
                .limit(tickets * len(_CHUNKS))
            )
        )
    # A job may do what whoever asked for it may: the clerk has an account.
    async with db.writes.begin() as session:
        clerk = NewAccount(_CLERK.actor.login, _CLERK.name, None, None)
        number = await accounts.create(session, clerk, None, by="operator", now=_NOW)
        await roles.grant(
            session,
            deps.tables,
            number,
            Role.CLERK,
            unit_code=None,
            valid_from=_NOW.date(),
            valid_to=None,
            by="operator",
            now=_NOW,
        )
    found: dict[str, Any] = {"tickets": len(ids) // len(_CHUNKS), "moves_per_s": {}}
    drafting_s = 0.0
    for number, chunk in enumerate(_CHUNKS):
        mine = ids[number * tickets : (number + 1) * tickets]
        began = time.perf_counter()
        job_id = await drafting.draft(
            deps, all_seeing("bench"), Plan(Move.URGE, {"note": "统一催办"}, _CLERK), mine
        )
        drafting_s += time.perf_counter() - began
        async with db.writes.begin() as session:
            await running.start(session, job_id, _CLERK, now=_NOW + timedelta(minutes=1))
        began = time.perf_counter()
        await running.run(deps, job_id, seconds=600, chunk=chunk)
        took = time.perf_counter() - began
        async with db.reads() as session:
            counts = (await results.report(session, all_seeing("bench"), job_id)).counts
        found["moves_per_s"][chunk] = round(counts.get(BulkRow.DONE, 0) / took, 1)
    found["drafted_per_s"] = round(len(ids) / drafting_s, 1)
    return found


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="tickets in the database")
    parser.add_argument("--tickets", type=int, default=500, help="tickets of one job")
    options = parser.parse_args()
    found = asyncio.run(measure(rows=options.rows, tickets=options.tickets))
    print(json.dumps({"bench": "bulk", **found, "load": round(os.getloadavg()[0], 1)}))


if __name__ == "__main__":
    main()
