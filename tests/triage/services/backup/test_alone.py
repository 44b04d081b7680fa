"""Nobody works below a restore, and what one that was killed left behind is removed by the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from connectors.file_store import FolderStore
from models.tickets import Ticket
from tests.triage.services.backup.test_backup import count, deps_of, fill, given, made
from triage import datadir
from triage.errors import NotReady
from triage.services.backup import leftovers, restoring

if TYPE_CHECKING:
    from pathlib import Path

    from models.db import Database


async def test_postgresql_that_somebody_is_connected_to_is_not_exchanged(
    postgres_db: Database, tmp_path: Path
) -> None:
    """Idle, without a lock: a web process between two requests."""
    deps = deps_of(postgres_db, tmp_path / "data")
    await fill(deps)
    done = await made(deps, tmp_path)
    engine = create_async_engine(postgres_db.engine.url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as other:
        await other.exec_driver_sql("SELECT 1")
        with pytest.raises(NotReady, match="还有 1 个连接"):
            await restoring.restore(deps, given(done.path), FolderStore(tmp_path / "f"), replace=True)
    await engine.dispose()
    assert not (tmp_path / "f").exists()
    await restoring.restore(deps, given(done.path), FolderStore(tmp_path / "f"), replace=True)
    assert await count(deps, Ticket) == 2


async def test_sqlite_that_a_process_of_ours_has_is_not_exchanged(
    sqlite_db: Database, tmp_path: Path
) -> None:
    deps = deps_of(sqlite_db, tmp_path / "data")
    await fill(deps)
    done = await made(deps, tmp_path)
    address = sqlite_db.engine.url.render_as_string()
    # Several processes have it at once.
    with datadir.in_use(address), datadir.in_use(address), pytest.raises(NotReady, match="还有程序在用"):
        await restoring.restore(deps, given(done.path), FolderStore(tmp_path / "f"), replace=True)
    with (
        datadir.unused(address),
        pytest.raises(NotReady, match="恢复完再启动"),
        datadir.in_use(address),
    ):
        pass
    await restoring.restore(deps, given(done.path), FolderStore(tmp_path / "f"), replace=True)


async def test_plain_copies_of_one_that_was_killed_are_removed(db: Database, tmp_path: Path) -> None:
    deps = deps_of(db, tmp_path / "data")
    beside = {"sqlite": tmp_path / str(db.engine.url.database), "postgresql": tmp_path / "x"}[db.dialect]
    left = [tmp_path / "data" / ".restore-abc", beside.parent / ".backup-abc"]
    for folder in left:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "copy.db").write_text("plain")
    async with leftovers.cleared(deps):
        there = [folder.exists() for folder in left]
        with pytest.raises(NotReady, match="另一个"):
            async with leftovers.cleared(deps):
                pass
    assert there == {"sqlite": [False, False], "postgresql": [False, True]}[db.dialect]


async def test_scratch_databases_that_nobody_has_are_dropped(postgres_db: Database, tmp_path: Path) -> None:
    deps = deps_of(postgres_db, tmp_path / "data")
    mine, others = f"{leftovers.scratch_prefix(deps)}a", "jiesu_check_00000000_a"
    names = sa.text("SELECT datname FROM pg_database WHERE datname IN (:mine, :others)")
    engine = create_async_engine(postgres_db.engine.url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:

        async def there() -> set[str]:
            return set(await connection.scalars(names, {"mine": mine, "others": others}))

        await connection.exec_driver_sql(f"CREATE DATABASE {others}")
        try:
            async with leftovers.scratch_kept(connection):
                await connection.exec_driver_sql(f"CREATE DATABASE {mine}")
                async with leftovers.cleared(deps):
                    assert await there() == {mine, others}
            async with leftovers.cleared(deps):
                assert await there() == {others}
        finally:
            await connection.exec_driver_sql(f"DROP DATABASE {others}")
    await engine.dispose()
