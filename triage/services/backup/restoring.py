"""恢复: read the whole backup, prove it, then change the database in one transaction; or in a scratch one.

Nothing is touched before the file was read to its end, its keys are all here, and the target is empty or
was given up in so many words. What was restored is measured again and compared with what was there when
it was backed up.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
import uuid
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models import revision
from models.db import open_database
from triage import datadir, overlays
from triage.errors import BadInput, NotReady
from triage.services.auditing import verifying
from triage.services.backup import keys, leftovers, making, measuring
from triage.services.backup.archive import EXTRA, FILES, About, Unpacked, unpack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from connectors.keys import KeyRing
    from connectors.ports import FileStore
    from models.db import Database
    from triage.services.backup.measuring import Measured
    from triage.services.deps import Deps


#: Older databases have no ledger.
_LEDGER_SINCE: Final = "0019"
_WAITS: Final = (0, 0.1, 0.3, 0.6)
#: Whoever may not see others' sessions sees that they are there, but not of which kind.
_OTHERS: Final = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND usesysid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it: what was in the file, and the entries of the ledger that were followed."""

    unpacked: Unpacked
    ledger_rows: int

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(int(count) for count, _ in self.unpacked.manifest.tables.values())


@dataclass(frozen=True, slots=True)
class From:
    """Where it comes from, and what opens it."""

    path: Path
    ring: KeyRing
    rings: Mapping[str, KeyRing]
    told: Callable[[str, int], None]


@asynccontextmanager
async def unpacked(deps: Deps, source: From) -> AsyncIterator[Unpacked]:
    """The backup, sound and unpacked beside the data; gone afterwards. Raises BadInput."""
    if not source.path.is_file():
        raise BadInput(f"没有备份文件 {source.path}")

    def sound(about: About) -> None:
        if about.dialect != deps.db.dialect:
            raise BadInput(f"备份来自 {about.dialect}，目标是 {deps.db.dialect}：不能互相恢复；没有改动")
        if about.revision > revision.head_revision():
            raise BadInput(
                f"备份的数据库结构是 {about.revision}，比本程序的 {revision.head_revision()} 新：请先升级程序"
            )
        keys.check(about.needs, source.rings)

    home = datadir.own_folder(deps.settings.data_dir)
    with tempfile.TemporaryDirectory(dir=home, prefix=leftovers.UNPACKED) as folder:
        yield unpack(
            source.path,
            source.ring.keys,
            Path(folder),
            sound=sound,
            told=lambda size: source.told("解开数据库", size),
        )


async def prove(deps: Deps, source: From) -> Restored:
    """Restore into a scratch database, compare counts, checksums and the ledger's chain, and drop it."""
    async with unpacked(deps, source) as found, _scratch(deps, found) as (scratch, into):
        source.told("写入临时数据库", 0)
        into()
        rows = await _compared(deps, scratch, found, source.told)
        return Restored(found, rows)


async def restore(deps: Deps, source: From, files: FileStore, *, replace: bool) -> Restored:
    """Put it in the place of the settings. Raises BadInput, ToolFailed; what it refuses changes nothing."""
    if not replace and (tables := await _tables(deps)):
        raise BadInput(f"目标数据库不是空的（有 {tables} 张表）：确要整个替换时加 --replace；没有改动")
    with datadir.unused(deps.db.engine.url):
        return await _restored(deps, source, files, replace=replace)


async def _restored(deps: Deps, source: From, files: FileStore, *, replace: bool) -> Restored:
    await refuse_others(deps)
    async with unpacked(deps, source) as found:
        # Only ever added, by their hash: harmless should the database refuse.
        for path in sorted((found.folder / FILES).glob("??/*")):
            files.put(path.read_bytes())
        source.told("写入数据库", 0)
        await refuse_others(deps)
        await deps.db.close()
        if deps.db.dialect == "postgresql":
            server = await making.server_version(deps)
            await deps.db.close()
            making.tools_for(deps, server, database=None).restore(found.database, emptied=replace)
        else:
            _into_sqlite(found.database, making.sqlite_file(deps))
        _extra(deps, found)
        rows = await _compared(deps, deps.db, found, source.told)
        return Restored(found, rows)


async def refuse_others(deps: Deps) -> None:
    """Whoever is connected to PostgreSQL's database would go on with what it knew. Raises NotReady.

    SQLite does not know who is connected: our own processes hold a lock (`datadir.in_use`).
    """
    if deps.db.dialect != "postgresql":
        return
    # The server takes a moment to see that our own connections have gone.
    await deps.db.close()
    for wait in _WAITS:
        await asyncio.sleep(wait)
        async with deps.db.engine.connect() as connection:
            others = await connection.scalar(_OTHERS)
        if not others:
            return
    raise NotReady(f"目标数据库还有 {others} 个连接，有程序在用：先停下 jiesu 各进程再恢复；没有改动")


async def _tables(deps: Deps) -> int:
    def count(connection: sa.Connection) -> int:
        inspector = sa.inspect(connection)
        schemas = [None] if connection.dialect.name == "sqlite" else inspector.get_schema_names()
        own = [name for name in schemas if name not in {"information_schema", "pg_catalog"}]
        return sum(len(inspector.get_table_names(schema=name)) for name in own)

    async with deps.db.engine.connect() as connection:
        return await connection.run_sync(count)


def _into_sqlite(copy: Path, target: Path, *, seconds: float = 5) -> None:
    """Copy page by page within SQLite's own locks: whoever reads meanwhile sees the old or the new, whole."""
    datadir.own_database(target)
    try:
        with (
            closing(sqlite3.connect(copy)) as base,
            closing(sqlite3.connect(target, timeout=seconds, isolation_level=None)) as into,
        ):
            # The backup itself would wait for ever for whoever writes there.
            into.execute("BEGIN EXCLUSIVE")
            into.execute("ROLLBACK")
            base.backup(into)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise
        raise NotReady("目标数据库还有程序在用：先停下 jiesu 各进程再恢复；没有改动") from None


def _extra(deps: Deps, found: Unpacked) -> None:
    """A site's own places go where they are read; tables and further folders are laid beside."""
    folder = found.folder / EXTRA
    places = overlays.path(deps.settings)
    if (folder / places.name).exists():
        shutil.move(folder / places.name, places)
    if folder.exists() and any(path.is_file() for path in folder.rglob("*")):
        beside = deps.settings.data_dir / f"restored-{found.about.made_at[:10]}-{uuid.uuid4().hex[:6]}"
        # Moved, not copied: its modes are those of its owner alone.
        shutil.move(folder, beside)


async def _compared(deps: Deps, db: Database, found: Unpacked, told: Callable[[str, int], None]) -> int:
    """Measure what was restored and follow the ledger. Gives its rows. Raises BadInput when it differs."""
    lines = measuring.different(found.manifest.tables, await _measured(db, told))
    if lines:
        raise BadInput(f"恢复出来的与备份时不一致：{'；'.join(lines[:5])}")
    if found.about.revision < _LEDGER_SINCE:
        return 0
    told("核对审计台账", 0)
    async with db.reads() as session:
        verdict = await verifying.verify(session, deps.vault.public_key)
    if verdict.broken is not None:
        raise BadInput(f"审计台账从第 {verdict.broken} 行起对不上：{verdict.why}")
    return verdict.rows


async def _measured(db: Database, told: Callable[[str, int], None]) -> Measured:
    if db.dialect == "sqlite":
        return measuring.of_sqlite(Path(db.engine.url.database or ""), lambda name: told(name, 0))
    async with db.engine.connect() as connection:
        return await measuring.of_postgresql(connection, lambda name: told(name, 0))


@asynccontextmanager
async def _scratch(deps: Deps, found: Unpacked) -> AsyncIterator[tuple[Database, Callable[[], None]]]:
    """A database of its own beside the real one, dropped afterwards, and what fills it."""
    if deps.db.dialect == "sqlite":
        db = open_database(f"sqlite+aiosqlite:///{found.database}", pool_size=1)
        try:
            yield db, lambda: None
        finally:
            await db.close()
        return
    name = f"{leftovers.scratch_prefix(deps)}{uuid.uuid4().hex[:12]}"
    server = await making.server_version(deps)
    tools = making.tools_for(deps, server, database=name)
    url = deps.db.engine.url.set(database=name).render_as_string(hide_password=False)
    async with deps.db.engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        async with leftovers.scratch_kept(connection), _created(connection, name):
            db = open_database(url, pool_size=1)
            try:
                yield db, lambda: tools.restore(found.database, emptied=False)
            finally:
                await db.close()


@asynccontextmanager
async def _created(connection: AsyncConnection, name: str) -> AsyncIterator[None]:
    """An empty database, dropped afterwards. Raises BadInput when the account may not make one."""
    try:
        await connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
    except sa.exc.ProgrammingError:
        raise BadInput(
            "校验要建一个临时数据库，这个账号不能建（要 CREATEDB）；"
            "请给它这项权限，或用另一个账号在另一台服务器上 jiesu restore --check"
        ) from None
    try:
        yield
    finally:
        await connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
