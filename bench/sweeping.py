"""The sweep of reminders over many open tickets on PostgreSQL: part of `make bench-month ARGS=--sweep=…`."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bench.servers import postgresql
from bench.sweep_data import fill_open
from connectors.vault import Vault
from models import migrate
from models.db import open_database
from triage.clock import SystemClock
from triage.services import reference
from triage.services.deps import Deps
from triage.services.supervising import sweep
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.rows import Tables

_NOW: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
_BATCH: Final = 200
#: Batches of a backlog that are timed: what a first run, or a long stop, leaves.
_BATCHES: Final = 20
_IDLE: Final = 20


async def measure(tables: Tables, *, rows: int) -> dict[str, Any]:
    """Fill, work through part of a backlog, then sweep with little and with nothing due."""
    with postgresql() as url:
        db = open_database(url)
        try:
            await migrate.upgrade(db)
            await reference.sync(Deps(Settings(), SystemClock(), tables, db, Vault({1: bytes(32)})))
            async with db.engine.begin() as connection:
                began = time.perf_counter()
                await fill_open(connection, tables, rows=rows, now=_NOW)
                filled = time.perf_counter() - began
            return {**await _timed(db, tables), "fill_s": round(filled, 1)}
        finally:
            await db.close()


async def _timed(db: Database, tables: Tables) -> dict[str, Any]:
    async with db.writes.begin() as session:
        watched = await session.scalar(sa.text("SELECT count(*) FROM ticket_watch"))
    began = time.perf_counter()
    looked = sent = 0
    for _ in range(_BATCHES):
        one, other = await _once(db, tables, _NOW)
        looked, sent = looked + one, sent + other
    backlog = time.perf_counter() - began
    async with db.writes.begin() as session:
        later = {"now": _NOW, "later": _NOW + timedelta(days=1)}
        await session.execute(
            sa.text("UPDATE ticket_watch SET next_at = :later WHERE next_at <= :now"), later
        )
    async with db.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await connection.execute(sa.text("VACUUM ANALYZE ticket_watch"))
    idle = []
    for _ in range(_IDLE):
        start = time.perf_counter()
        await _once(db, tables, _NOW)
        idle.append(time.perf_counter() - start)
    return {
        "open": watched,
        "backlog_tickets_per_s": round(looked / backlog, 1),
        "backlog_sent": sent,
        "idle_sweep_ms": round(1000 * sorted(idle)[_IDLE // 2], 1),
        "idle_sweep_max_ms": round(1000 * max(idle), 1),
        "load": round(os.getloadavg()[0], 1),
    }


async def _once(db: Database, tables: Tables, now: datetime) -> tuple[int, int]:
    async with db.writes.begin() as session:
        return await sweep(session, tables, now=now, batch=_BATCH)
