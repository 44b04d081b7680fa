"""How long a backup and a restore take: `python -m bench.backup` (PostgreSQL of its own, made-up tickets).

Backs up, restores into an empty database, compares every table. The last line is one JSON object.
`memory_mb` is the most this process ever held: it must not grow with the rows. `--attachments N`: so many
of 100 kB each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

import triage.tables
from bench.desk_data import fill
from bench.servers import postgresql
from connectors.file_store import FolderStore
from connectors.keys import KeyRing
from connectors.vault import Vault
from models import migrate
from models.db import open_database
from triage import logs
from triage.clock import FixedClock
from triage.services import reference
from triage.services.backup import making, restoring
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from triage.rules.rows import Tables

NOW: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
VAULT: Final = KeyRing.of({1: bytes(32)})
BACKUP: Final = KeyRing.of({1: bytes([9]) * 32})
ATTACHMENT_BYTES: Final = 100_000


def _quiet(what: str, size: int) -> None:
    """Nobody watches."""


def _deps(address: str, folder: Path, tables: Tables) -> Deps:
    folder.mkdir(exist_ok=True)
    settings = Settings(data_dir=folder, database_url=address)
    return Deps(settings, FixedClock(NOW), tables, open_database(address), Vault(dict(VAULT.keys)))


async def measure(address: str, folder: Path, *, rows: int, attachments: int) -> dict[str, object]:
    """Fill, back up, restore, compare."""
    tables = triage.tables.load()
    deps = _deps(address, folder / "data", tables)
    await migrate.upgrade(deps.db)
    await reference.sync(deps)
    async with deps.db.engine.begin() as connection:
        await fill(connection, tables, rows=rows, now=NOW)
    store = FolderStore(deps.settings.files)
    for _ in range(attachments):
        store.put(os.urandom(ATTACHMENT_BYTES))
    rings = {"vault": VAULT}

    started = time.perf_counter()
    made = await making.make(deps, folder / "one", making.Inputs(store, rings, BACKUP, (), _quiet))
    backup_s = time.perf_counter() - started

    name = "jiesu_restored"
    engine = create_async_engine(address, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.exec_driver_sql(f"CREATE DATABASE {name}")
    await engine.dispose()
    url = sa.make_url(address).set(database=name).render_as_string(hide_password=False)
    target = _deps(url, folder / "other", tables)
    started = time.perf_counter()
    source = restoring.From(made.path, BACKUP, rings, _quiet)
    done = await restoring.restore(target, source, FolderStore(target.settings.files), replace=False)
    restore_s = time.perf_counter() - started
    await target.db.close()
    await deps.db.close()
    return {
        "tickets": rows,
        "rows": made.rows,
        "attachments": made.manifest.files,
        "backup_s": round(backup_s, 1),
        "restore_s": round(restore_s, 1),
        "bytes": made.bytes,
        # `restore` raises when a table differs; the numbers say that it looked.
        "equal": done.rows == made.rows and done.unpacked.manifest.files == attachments,
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--attachments", type=int, default=200)
    wanted = parser.parse_args()
    logs.set_up(level="WARNING", as_json=False)
    with tempfile.TemporaryDirectory(prefix="jiesu-backup-") as folder, postgresql() as address:
        found = asyncio.run(measure(address, Path(folder), rows=wanted.rows, attachments=wanted.attachments))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
