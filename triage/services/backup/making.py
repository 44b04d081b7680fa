"""备份: one consistent moment of the database, then the files it may name, sealed into one file.

PostgreSQL: an exported snapshot that pg_dump and our own counting share. SQLite: its backup API under
one reading transaction; writers go on. Files come after the database: what a row names was there before
its row.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from connectors import pg_tools
from connectors.ports import FileMissing
from models import revision
from triage import datadir, overlays
from triage.errors import BadInput, NotReady
from triage.services.backup import keys, leftovers, measuring
from triage.services.backup.archive import FORMAT, About, Manifest, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from connectors.keys import KeyRing
    from connectors.ports import FileStore
    from triage.services.deps import Deps

SUFFIX: Final = ".jiesu-backup"
PAGES: Final = 2048
#: What the database names of the file store: photos, and the 佐证 of rewards.
_NAMED: Final = {
    "postgresql": "SELECT sha256, thumb_sha256 FROM attachment"
    " UNION ALL SELECT sha256, NULL FROM reward.reward_file",
    "sqlite": "SELECT sha256, thumb_sha256 FROM attachment UNION ALL SELECT sha256, NULL FROM reward_file",
}


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a backup is made with, besides the database."""

    files: FileStore
    rings: Mapping[str, KeyRing]
    ring: KeyRing
    also: Sequence[Path]
    told: Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Made:
    """A backup: where it lies, how large, what is in it."""

    path: Path
    bytes: int
    about: About
    manifest: Manifest

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(int(count) for count, _ in self.manifest.tables.values())


async def make(deps: Deps, target: Path, inputs: Inputs) -> Made:
    """Make one. Raises BadInput, NotReady, SettingsError, ToolFailed; leaves no half of a file."""
    current = await revision.current_revision(deps.db)
    if current is None:
        raise NotReady("数据库还是空的，没有可备份的内容")
    path = _place(target, deps)
    part = path.with_name(f".{path.name}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                about, manifest = await _fill(deps, file, inputs, current)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(f"写不了备份文件 {path}（{datadir.system_reason(error)}）") from None
    return Made(path, path.stat().st_size, about, manifest)


def _place(target: Path, deps: Deps) -> Path:
    if target.is_dir():
        target = target / f"jiesu-{deps.clock.now():%Y%m%dT%H%M%SZ}{SUFFIX}"
    if target.exists():
        raise BadInput(f"{target} 已经存在：备份不覆盖已有的文件")
    return target


async def _fill(deps: Deps, file: Any, inputs: Inputs, current: str) -> tuple[About, Manifest]:  # noqa: ANN401  (a binary file)
    def about(server: str) -> About:
        return About(
            format=FORMAT,
            made_at=deps.clock.now().isoformat(timespec="seconds"),
            version=version("jiesu"),
            revision=current,
            dialect=deps.db.dialect,
            server=server,
            needs=keys.needed(inputs.rings),
        )

    def writer(server: str) -> Writer:
        return Writer(
            file, inputs.ring.keys[inputs.ring.first], key_id=inputs.ring.first, about=about(server)
        )

    if deps.db.dialect == "postgresql":
        async with deps.db.engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="REPEATABLE READ")
            into = await _postgresql(deps, connection, inputs, writer)
            named = {
                one for row in await connection.execute(sa.text(_NAMED["postgresql"])) for one in row if one
            }
        server = await server_version(deps)
    else:
        into, named = _sqlite(deps, inputs, writer)
        server = sqlite3.sqlite_version
    into.manifest.files_missing = sorted(named - _attachments(into, inputs))
    _beside(deps, into, inputs, os.fstat(file.fileno()))
    into.finish()
    return about(server), into.manifest


async def _postgresql(
    deps: Deps, connection: AsyncConnection, inputs: Inputs, writer: Callable[[str], Writer]
) -> Writer:
    server = await server_version(deps)
    tools = tools_for(deps, server, database=None)
    snapshot = await connection.scalar(sa.text("SELECT pg_export_snapshot()"))
    into = writer(server)
    into.manifest.tables = await measuring.of_postgresql(connection, lambda name: inputs.told(name, 0))
    with tools.dump(str(snapshot)) as stream:
        into.database(stream, lambda size: inputs.told("数据库", size))
    return into


def _sqlite(deps: Deps, inputs: Inputs, writer: Callable[[str], Writer]) -> tuple[Writer, set[str]]:
    """The database's part, and what it names of the file store."""
    source = sqlite_file(deps)
    with tempfile.TemporaryDirectory(dir=source.parent, prefix=leftovers.COPIED) as folder:
        copy = Path(folder) / "copy.db"
        copy_sqlite(source, copy, lambda size: inputs.told("复制数据库", size))
        into = writer(sqlite3.sqlite_version)
        into.manifest.tables = measuring.of_sqlite(copy, lambda name: inputs.told(name, 0))
        with closing(sqlite3.connect(copy)) as base:
            named = {one for row in base.execute(_NAMED["sqlite"]) for one in row if one}
        with copy.open("rb") as stream:
            into.database(stream, lambda size: inputs.told("数据库", size))
    return into, named


def copy_sqlite(source: Path, target: Path, told: Callable[[int], None]) -> None:
    """The source as of this moment. One reading transaction holds it, so writers do not begin it anew."""
    with closing(sqlite3.connect(source, isolation_level=None, timeout=30)) as base:
        page = base.execute("PRAGMA page_size").fetchone()[0]
        base.execute("BEGIN")
        base.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with closing(sqlite3.connect(target)) as into:
            base.backup(into, pages=PAGES, progress=lambda _s, left, all_: told((all_ - left) * page))
            # The copy is one file: nothing of it may lie in a log beside it.
            into.execute("PRAGMA journal_mode = DELETE")


def _attachments(into: Writer, inputs: Inputs) -> set[str]:
    """Put in what the file store can give; tell which."""
    given = set()
    for sha256 in inputs.files.hashes():
        try:
            content = inputs.files.read(sha256)
        except FileMissing:
            continue  # erased since it was listed, or damaged: who made the backup is told what lacks
        into.attachment(sha256, content)
        given.add(sha256)
        inputs.told("附件", into.manifest.files_bytes)
    return given


def _beside(deps: Deps, into: Writer, inputs: Inputs, itself: os.stat_result) -> None:
    """What belongs to it and lies outside: a site's places, tables, more folders; never the backup itself."""
    places = overlays.path(deps.settings)
    if places.exists():
        into.further(places.name, places)
    folders = [("tables", deps.settings.tables_dir)] if deps.settings.tables_dir else []
    folders += [(f"also/{number}", folder) for number, folder in enumerate(inputs.also)]
    for name, folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not os.path.samestat(path.stat(), itself):
                into.further(f"{name}/{path.relative_to(folder).as_posix()}", path)
                inputs.told("其他文件", 0)


async def server_version(deps: Deps) -> str:
    """What the server calls itself: `18.6`."""
    async with deps.db.reads() as session:
        return str(await session.scalar(sa.text("SHOW server_version")))


def tools_for(deps: Deps, server: str, *, database: str | None) -> pg_tools.PgTools:
    """PostgreSQL's programs, told to connect where the settings do. Raises ToolFailed."""
    url = deps.db.engine.url
    host = url.query.get("host", url.host or "127.0.0.1")
    if not isinstance(host, str):
        raise pg_tools.ToolFailed("JIESU_DATABASE_URL 写了几个 host：备份和恢复要指明一台")
    told = {
        "PGHOST": host,
        "PGPORT": str(url.port or url.query.get("port", 5432)),
        "PGUSER": url.username or "postgres",
        "PGDATABASE": database or url.database or "jiesu",
        "PGAPPNAME": "jiesu-backup",
        **_demands(url.query),
    }
    if url.password is not None:
        told["PGPASSWORD"] = str(url.password)
    major = int(server.partition(".")[0].split()[0])
    return pg_tools.find(deps.settings.pg_bin, server_major=major, environment=told)


#: What else an address may ask of a connection, as libpq's environment has it.
_LIBPQ: Final = {
    "ssl": "PGSSLMODE",
    "passfile": "PGPASSFILE",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "krbsrvname": "PGKRBSRVNAME",
}
#: libpq knows the same words as asyncpg.
_SSL: Final = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
#: What concerns our own process alone, or is told otherwise.
_OURS: Final = frozenset({
    "host", "port", "timeout", "command_timeout", "statement_cache_size", "max_cached_statement_lifetime",
    "max_cacheable_statement_size", "prepared_statement_cache_size", "prepared_statement_name_func",
})  # fmt: skip


def _demands(query: Mapping[str, Any]) -> dict[str, str]:
    """What the address asks besides a place, its TLS above all. Raises ToolFailed.

    What cannot be passed on is refused: a backup over another connection than asked for is none. The
    certificate that the server's is held to is in PGSSLROOTCERT, which asyncpg reads as well.
    """
    asked = {name: value for name, value in query.items() if name not in _OURS}
    if unknown := sorted(name for name, value in asked.items() if name not in _LIBPQ or not _plain(value)):
        raise pg_tools.ToolFailed(
            f"JIESU_DATABASE_URL 里的 {'、'.join(unknown)} 不能照样交给 pg_dump、psql：请去掉"
        )
    if asked.get("ssl", "prefer") not in _SSL:
        raise pg_tools.ToolFailed(f"JIESU_DATABASE_URL 里的 ssl 只能是 {'、'.join(sorted(_SSL))}")
    return {_LIBPQ[name]: value for name, value in asked.items()}


def _plain(value: object) -> bool:
    return isinstance(value, str)


def sqlite_file(deps: Deps) -> Path:
    """Where the SQLite database lies."""
    return Path(deps.db.engine.url.database or "")
