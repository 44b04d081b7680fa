"""What a backup or a restore that was killed left: plain copies of everything. The next one removes them."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from triage import datadir

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection

    from triage.services.deps import Deps

LOCK: Final = "backup.lock"
UNPACKED: Final = ".restore-"
COPIED: Final = ".backup-"
#: PostgreSQL's advisory lock of whoever has a scratch database, also from another machine.
_SCRATCH: Final = 5_172_034
_NOBODY_S: Final = sa.text(
    "SELECT datname FROM pg_database d WHERE starts_with(datname, :prefix)"
    " AND pg_get_userbyid(datdba) = current_user"
    " AND NOT EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.datid = d.oid)"
)


def scratch_prefix(deps: Deps) -> str:
    """How scratch databases of this database begin: those of another are none of our business."""
    own = hashlib.sha256((deps.db.engine.url.database or "").encode()).hexdigest()
    return f"jiesu_check_{own[:8]}_"


@asynccontextmanager
async def cleared(deps: Deps) -> AsyncIterator[None]:
    """Be the only backup or restore of this data directory, with nothing left of those before.

    Raises NotReady when another runs.
    """
    home = deps.settings.data_dir
    with datadir.held(home / LOCK, "另一个 jiesu backup 或 restore 正在运行：等它结束再试"):
        for folder in home.glob(f"{UNPACKED}*"):
            shutil.rmtree(folder)
        if deps.db.dialect == "sqlite":
            for folder in Path(deps.db.engine.url.database or "").parent.glob(f"{COPIED}*"):
                shutil.rmtree(folder)
        else:
            await _drop_scratch(deps)
        yield


async def _drop_scratch(deps: Deps) -> None:
    async with deps.db.engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        # Not while somebody has made one and is not connected to it yet.
        if not await connection.scalar(sa.text(f"SELECT pg_try_advisory_lock({_SCRATCH})")):
            return
        try:
            for name in (await connection.scalars(_NOBODY_S, {"prefix": scratch_prefix(deps)})).all():
                await connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}"')
        finally:
            await connection.scalar(sa.text(f"SELECT pg_advisory_unlock({_SCRATCH})"))


@asynccontextmanager
async def scratch_kept(connection: AsyncConnection) -> AsyncIterator[None]:
    """While a scratch database is in use, nobody clears any."""
    await connection.scalar(sa.text(f"SELECT pg_advisory_lock_shared({_SCRATCH})"))
    try:
        yield
    finally:
        await connection.scalar(sa.text(f"SELECT pg_advisory_unlock_shared({_SCRATCH})"))
