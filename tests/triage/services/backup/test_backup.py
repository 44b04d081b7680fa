"""备份与恢复: what comes back is what was there; what is not sound changes nothing. On both databases."""

from __future__ import annotations

import base64
import sqlite3
import uuid
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import create_async_engine

import triage.tables
from connectors import pg_tools
from connectors.file_store import FolderStore
from connectors.keys import KeyRing
from connectors.sealed_stream import SealedReader
from connectors.vault import Vault
from models.db import open_database
from models.files import Attachment
from models.ledger import LedgerRow
from models.tickets import Ticket
from models.vocab_ledger import LedgerAct, SubjectKind
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import FixedClock
from triage.errors import BadInput, NotReady, SettingsError
from triage.services import ledger
from triage.services.backup import archive, keys, making, restoring
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from models.db import Database

VAULT = KeyRing.of({1: bytes([1]) * 32, 2: bytes([2]) * 32})
REWARD = KeyRing.of({1: bytes([7]) * 32})
BACKUP = KeyRing.of({4: bytes([9]) * 32})
RINGS = {"vault": VAULT, "reward": REWARD}


def quiet(what: str, size: int) -> None:
    """Nobody watches."""


def deps_of(db: Database, folder: Path) -> Deps:
    tables = triage.tables.load()
    settings = Settings(data_dir=folder)
    return Deps(settings=settings, clock=FixedClock(NOW), tables=tables, db=db, vault=Vault(dict(VAULT.keys)))


@pytest.fixture
def deps(db: Database, tmp_path: Path) -> Deps:
    """Where the backup is made."""
    return deps_of(db, tmp_path / "data")


@pytest.fixture
async def target(db: Database, tmp_path: Path) -> AsyncIterator[Deps]:
    """Where it is restored: a database with nothing in it."""
    if_sqlite = f"sqlite+aiosqlite:///{tmp_path / 'other' / 'jiesu.db'}"
    (tmp_path / "other").mkdir()
    name = f"jiesu_empty_{uuid.uuid4().hex[:8]}"
    url = {"sqlite": sa.make_url(if_sqlite), "postgresql": db.engine.url.set(database=name)}[db.dialect]
    admin = create_async_engine(db.engine.url, isolation_level="AUTOCOMMIT")
    create = {"sqlite": "SELECT 1", "postgresql": f"CREATE DATABASE {name}"}[db.dialect]
    drop = {"sqlite": "SELECT 1", "postgresql": f"DROP DATABASE {name} WITH (FORCE)"}[db.dialect]
    async with admin.connect() as connection:
        await connection.exec_driver_sql(create)
        other = open_database(url.render_as_string(hide_password=False))
        yield deps_of(other, tmp_path / "other")
        await other.close()
        await connection.exec_driver_sql(drop)
    await admin.dispose()


async def fill(deps: Deps) -> None:
    """Tickets, entries of the ledger, an attachment, a site's own places."""
    await add_tickets(deps.db, TicketIn(identity=True), TicketIn(text="河水发绿，有异味。"))
    async with deps.db.writes.begin() as session:
        subject = ledger.Subject(SubjectKind.LEDGER, "x")
        ledger.write(session, who="ceshi", act=LedgerAct.LEDGER_VERIFIED, subject=subject, now=NOW)
    FolderStore(deps.settings.files).put(b"photo")
    (deps.settings.data_dir / "places.jsonl").write_text("", encoding="utf-8")


async def made(deps: Deps, tmp_path: Path) -> making.Made:
    inputs = making.Inputs(FolderStore(deps.settings.files), RINGS, BACKUP, (), quiet)
    return await making.make(deps, tmp_path / "one.jiesu-backup", inputs)


def given(path: Path) -> restoring.From:
    return restoring.From(path, BACKUP, RINGS, quiet)


async def count(deps: Deps, table: type[Ticket | LedgerRow]) -> int:
    async with deps.db.reads() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


async def test_what_comes_back_is_what_was_there(deps: Deps, target: Deps, tmp_path: Path) -> None:
    await fill(deps)
    done = await made(deps, tmp_path)
    assert done.path.stat().st_mode & 0o777 == 0o600
    store = FolderStore(target.settings.files)
    found = await restoring.restore(target, given(done.path), store, replace=False)
    assert (found.rows, found.ledger_rows) == (done.rows, 1)
    assert (await count(target, Ticket), await count(target, LedgerRow)) == (2, 1)
    assert [store.read(sha256) for sha256 in store.hashes()] == [b"photo"]
    assert (target.settings.data_dir / "places.jsonl").exists()
    left = [path.name for path in target.settings.data_dir.glob(".restore-*")]
    assert left == []


async def test_an_attachment_that_lacks_is_told(deps: Deps, tmp_path: Path) -> None:
    await fill(deps)
    kept, lost = FolderStore(deps.settings.files).put(b"photo"), "0" * 64
    async with deps.db.writes.begin() as session:
        for thumb in (None, lost):
            values = {"appeal_id": 1, "owner": "appeal", "sha256": kept, "thumb_sha256": thumb, "size": 5}
            text = {"media_type": "image/jpeg", "name": "a.jpg", "by": "citizen", "at": NOW}
            await session.execute(sa.insert(Attachment).values(values | text))
    done = await made(deps, tmp_path)
    assert (done.manifest.files, done.manifest.files_missing) == (1, [lost])
    assert (await restoring.prove(deps, given(done.path))).rows == done.rows


async def test_it_is_proved_beside_the_real_one(deps: Deps, tmp_path: Path) -> None:
    await fill(deps)
    done = await made(deps, tmp_path)
    await add_tickets(deps.db, TicketIn())
    found = await restoring.prove(deps, given(done.path))
    assert (found.rows, await count(deps, Ticket)) == (done.rows, 3)


async def test_a_ledger_that_was_rewritten_is_found(deps: Deps, tmp_path: Path) -> None:
    await fill(deps)
    off = {
        "postgresql": ["ALTER TABLE ledger DISABLE TRIGGER USER"],
        "sqlite": [f"DROP TRIGGER {name}" for name in ("ledger_no_update",)],
    }[deps.db.dialect]
    async with deps.db.writes.begin() as session:
        connection = await session.connection()
        for statement in off:
            await connection.exec_driver_sql(statement)
        await connection.exec_driver_sql("UPDATE ledger SET who = 'other'")
    done = await made(deps, tmp_path)
    with pytest.raises(BadInput, match="审计台账从第 1 行起对不上"):
        await restoring.prove(deps, given(done.path))


async def test_what_is_not_empty_is_only_replaced_when_told(deps: Deps, target: Deps, tmp_path: Path) -> None:
    await fill(deps)
    done = await made(deps, tmp_path)
    files = FolderStore(target.settings.files)
    await restoring.restore(target, given(done.path), files, replace=False)
    await add_tickets(target.db, TicketIn())
    with pytest.raises(BadInput, match="不是空的"):
        await restoring.restore(target, given(done.path), files, replace=False)
    assert await count(target, Ticket) == 3
    await restoring.restore(target, given(done.path), files, replace=True)
    assert await count(target, Ticket) == 2


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (half, "不完整或被改动过"),
        (flipped, "不完整或被改动过"),
        (lambda content: content + b"x", "不完整或被改动过"),
        (lambda content: content[:30], "不是一份完好的"),
        (lambda _: b"", "不是一份完好的"),
        (lambda content: b"PK" + content[2:], "不是一份完好的"),
    ],
)
async def test_a_file_that_is_not_sound_changes_nothing(
    sqlite_db: Database, tmp_path: Path, change: Callable[[bytes], bytes], told: str
) -> None:
    deps = deps_of(sqlite_db, tmp_path / "data")
    await fill(deps)
    done = await made(deps, tmp_path)
    done.path.write_bytes(change(done.path.read_bytes()))
    await add_tickets(deps.db, TicketIn())
    before = sorted(path.name for path in deps.settings.data_dir.rglob("*"))
    with pytest.raises(BadInput, match=told):
        await restoring.restore(deps, given(done.path), FolderStore(tmp_path / "f"), replace=True)
    assert await count(deps, Ticket) == 3
    assert sorted(path.name for path in deps.settings.data_dir.rglob("*")) == before


async def test_missing_keys_are_named(sqlite_db: Database, tmp_path: Path) -> None:
    deps = deps_of(sqlite_db, tmp_path / "data")
    await fill(deps)
    done = await made(deps, tmp_path)
    other = KeyRing.of({1: bytes([5]) * 32}, VAULT.fixed)
    with pytest.raises(BadInput) as refused:
        await restoring.prove(deps, replace(given(done.path), rings={"vault": other}))
    told = refused.value.detail
    assert "身份信息密钥 1 号（编号相同但不是同一把）" in told
    assert "身份信息密钥 2 号（没有）" in told
    assert "有奖举报密钥 1 号（没有）" in told
    with pytest.raises(BadInput, match="4 号备份密钥"):
        await restoring.prove(deps, replace(given(done.path), ring=KeyRing.of({1: bytes(32)})))


async def test_no_key_of_a_vault_is_in_it(sqlite_db: Database, tmp_path: Path) -> None:
    deps = deps_of(sqlite_db, tmp_path / "data")
    await fill(deps)
    (deps.settings.data_dir / "vault.key").write_text(VAULT.text())
    done = await made(deps, tmp_path)
    with done.path.open("rb") as file:
        plain = SealedReader(file, BACKUP.keys).read()
    secrets = [*VAULT.keys.values(), *VAULT.fixed.values(), *REWARD.keys.values()]
    assert b"about.json" in plain
    assert not [key for key in secrets if key in plain or base64.b64encode(key) in plain]
    assert b"photo" not in done.path.read_bytes()


async def test_a_newer_database_is_refused(sqlite_db: Database, tmp_path: Path) -> None:
    deps = deps_of(sqlite_db, tmp_path / "data")
    about = archive.About(archive.FORMAT, "2026", "9", "9999", "sqlite", "3", keys.needed(RINGS))
    path = tmp_path / "newer"
    with path.open("wb") as file:
        archive.Writer(file, BACKUP.keys[4], key_id=4, about=about).finish()
    with pytest.raises(BadInput, match="请先升级程序"):
        await restoring.prove(deps, given(path))
    about = replace(about, revision="0001", dialect="postgresql")
    with path.open("wb") as file:
        archive.Writer(file, BACKUP.keys[4], key_id=4, about=about).finish()
    with pytest.raises(BadInput, match="不能互相恢复"):
        await restoring.prove(deps, given(path))


async def test_sqlite_is_copied_as_of_one_moment(
    sqlite_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody writes after every step: the copy ends, and holds what was there when it began."""
    await add_tickets(sqlite_db, TicketIn(), TicketIn())
    monkeypatch.setattr(making, "PAGES", 20)
    source = Path(sqlite_db.engine.url.database or "")
    steps: list[int] = []

    def write(size: int) -> None:
        steps.append(size)
        with closing(sqlite3.connect(source)) as other, other:
            other.execute("UPDATE ticket SET title = ?", (f"改{len(steps)}" * 500,))

    making.copy_sqlite(source, tmp_path / "copy.db", write)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy, closing(sqlite3.connect(source)) as now:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        titles = "SELECT DISTINCT substr(title, 1, 1) FROM ticket"
        assert (copy.execute(titles).fetchall(), now.execute(titles).fetchall()) == ([("夜",)], [("改",)])
    assert len(steps) > 5


async def test_sqlite_in_use_is_not_exchanged(sqlite_db: Database, tmp_path: Path) -> None:
    deps = deps_of(sqlite_db, tmp_path / "data")
    await fill(deps)
    done = await made(deps, tmp_path)
    with closing(sqlite3.connect(making.sqlite_file(deps), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(NotReady, match="还有程序在用"):
            restoring._into_sqlite(done.path, making.sqlite_file(deps), seconds=0.1)


async def test_postgresql_that_locks_is_not_exchanged(
    postgres_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody came between the last look and the exchange."""
    monkeypatch.setattr(pg_tools, "_EMPTIED", pg_tools._EMPTIED.replace("5s", "100ms"))
    deps = deps_of(postgres_db, tmp_path / "data")
    await fill(deps)
    done = await made(deps, tmp_path)
    await add_tickets(deps.db, TicketIn())
    tools = making.tools_for(deps, await making.server_version(deps), database=None)
    engine = create_async_engine(postgres_db.engine.url)
    async with restoring.unpacked(deps, given(done.path)) as found, engine.begin() as other:
        await other.exec_driver_sql("SELECT count(*) FROM ticket")
        with pytest.raises(pg_tools.ToolFailed, match="还有程序在用"):
            tools.restore(found.database, emptied=True)
    await engine.dispose()
    assert await count(deps, Ticket) == 3


async def test_a_dump_that_breaks_off_leaves_what_was_there(postgres_db: Database, tmp_path: Path) -> None:
    deps = deps_of(postgres_db, tmp_path / "data")
    await fill(deps)
    done = await made(deps, tmp_path)
    tools = making.tools_for(deps, await making.server_version(deps), database=None)
    async with restoring.unpacked(deps, given(done.path)) as found:
        # The rows stand at the end, behind the list of what there is.
        content = found.database.read_bytes()
        found.database.write_bytes(content[:-2000])
        await deps.db.close()
        with pytest.raises(pg_tools.ToolFailed, match="没有改动"):
            tools.restore(found.database, emptied=True)
    assert await count(deps, Ticket) == 2


def test_no_password_is_on_the_command_line(tmp_path: Path) -> None:
    db = open_database("postgresql+asyncpg://ops:mi-ma@db.example:6543/jiesu")
    tools = making.tools_for(deps_of(db, tmp_path), "15.1", database=None)
    assert tools.environment["PGPASSWORD"] == "mi-ma"
    told = {name: tools.environment[name] for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE")}
    assert told == {"PGHOST": "db.example", "PGPORT": "6543", "PGUSER": "ops", "PGDATABASE": "jiesu"}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", {}),
        ("?ssl=require", {"PGSSLMODE": "require"}),
        (
            "?ssl=verify-full&command_timeout=5&target_session_attrs=any",
            {"PGSSLMODE": "verify-full", "PGTARGETSESSIONATTRS": "any"},
        ),
    ],
)
def test_what_the_address_asks_of_tls_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str, told: dict[str, str]
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", "/etc/jiesu/root.crt")
    db = open_database(f"postgresql+asyncpg://ops@db.example/jiesu{query}")
    environment = making.tools_for(deps_of(db, tmp_path), "15.1", database=None).environment
    names = ("PGSSLMODE", "PGTARGETSESSIONATTRS")
    assert {name: environment[name] for name in names if name in environment} == told
    assert environment["PGSSLROOTCERT"] == "/etc/jiesu/root.crt"


@pytest.mark.parametrize(
    "query", ["direct_tls=true", "ssl=yes", "ssl=require&ssl=disable", "host=a:1&host=b:2"]
)
def test_what_cannot_be_asked_again_is_refused(tmp_path: Path, query: str) -> None:
    db = open_database(f"postgresql+asyncpg://ops@/jiesu?{query}")
    with pytest.raises(pg_tools.ToolFailed, match="JIESU_DATABASE_URL"):
        making.tools_for(deps_of(db, tmp_path), "15.1", database=None)


def test_old_programs_are_not_used(tmp_path: Path) -> None:
    with pytest.raises(pg_tools.ToolFailed, match="不低于 99"):
        pg_tools.find(None, server_major=99, environment={})
    with pytest.raises(pg_tools.ToolFailed, match="JIESU_PG_BIN"):
        pg_tools.find(tmp_path, server_major=15, environment={})


def test_the_backup_s_key_is_one_of_its_own() -> None:
    same = Settings(backup_keys=SecretStr(KeyRing.of({9: VAULT.keys[2]}).text()))
    with pytest.raises(SettingsError, match="不能与身份信息密钥相同"):
        keys.backup_ring(same, RINGS)
    with pytest.raises(SettingsError, match="jiesu keys backup"):
        keys.backup_ring(Settings(), RINGS)
    assert keys.backup_ring(Settings(backup_keys=SecretStr(BACKUP.text())), RINGS).first == 4


@pytest.mark.parametrize("taken", ["file", "missing"])
async def test_a_place_that_cannot_be_written_is_told(
    sqlite_db: Database, tmp_path: Path, taken: str
) -> None:
    deps = deps_of(sqlite_db, tmp_path / "data")
    (tmp_path / "file").write_text("x")
    (tmp_path / "data").mkdir()
    inputs = making.Inputs(FolderStore(tmp_path / "f"), RINGS, BACKUP, (), quiet)
    place = {"file": tmp_path / "file", "missing": tmp_path / "no" / "x"}[taken]
    with pytest.raises(BadInput, match=r"已经存在|写不了备份文件"):
        await making.make(deps, place, inputs)
    assert (tmp_path / "file").read_text() == "x"
