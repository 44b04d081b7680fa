"""How many entries a second many processes write to the ledger, and how fast it verifies.

`python -m bench.ledger`. Each process writes one entry a transaction, as work does; PostgreSQL from its wheel
with fsync on. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import tempfile
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from bench.servers import postgresql
from connectors.vault import Vault
from models import migrate
from models.db import open_database
from models.vocab_ledger import LedgerAct, SubjectKind
from triage.services import ledger
from triage.services.auditing import verifying

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

_SUBJECT: Final = ledger.Subject(SubjectKind.APPEAL, "1", "20261126-00000001")


async def _write(url: str, who: str, entries: int, ready: Barrier) -> None:
    db = open_database(url, pool_size=1)
    async with db.reads() as session:
        await session.execute(sa.text("SELECT 1"))
    ready.wait()
    for _ in range(entries):
        async with db.writes.begin() as session:
            ledger.write(
                session, who=who, act=LedgerAct.REVEALED, subject=_SUBJECT, now=datetime.now(UTC),
                reason="回访核实", detail={"field": "phone"},
            )  # fmt: skip
    await db.close()


def _process(url: str, who: str, entries: int, ready: Barrier) -> None:
    asyncio.run(_write(url, who, entries, ready))


def _timed(url: str, processes: int, entries: int) -> float:
    """Entries a second."""
    ready = multiprocessing.Barrier(processes + 1)
    workers = [
        multiprocessing.Process(target=_process, args=(url, f"clerk{number}", entries, ready))
        for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    ready.wait()
    started = time.perf_counter()
    for worker in workers:
        worker.join()
    return round(processes * entries / (time.perf_counter() - started), 1)


async def _verified(url: str) -> dict[str, object]:
    db = open_database(url)
    started = time.perf_counter()
    async with db.reads() as session:
        found = await verifying.verify(session, Vault({1: bytes(32)}).public_key)
    await db.close()
    seconds = time.perf_counter() - started
    return {
        "rows": found.rows,
        "broken": found.broken,
        "rows_a_second": round(found.rows / seconds),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


async def _migrated(url: str) -> None:
    db = open_database(url)
    await migrate.upgrade(db)
    await db.close()


def _measured(url: str, processes: int, entries: int) -> dict[str, object]:
    asyncio.run(_migrated(url))
    return {
        "one_process": _timed(url, 1, entries),
        f"{processes}_processes": _timed(url, processes, entries),
        "verify": asyncio.run(_verified(url)),
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=500, help="entries of each process")
    parser.add_argument("--processes", type=int, default=8)
    options = parser.parse_args(arguments)
    figures: dict[str, object] = {"bench": "ledger", "entries": options.entries}
    with postgresql() as url:
        figures["postgresql"] = _measured(url, options.processes, options.entries)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/ledger.db"
        figures["sqlite"] = _measured(url, options.processes, options.entries)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
