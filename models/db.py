"""Database ground: base class, column types, engine and session makers for PostgreSQL and SQLite.

Two session makers exist because SQLite refuses to upgrade a reading transaction to a writing one
("database is locked" at once, ignoring the busy timeout): a write session says BEGIN IMMEDIATE.
On PostgreSQL reads need no transaction at all.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, DisconnectionError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.engine import Connection, Dialect
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

WRITE_OPTION: Final = "jiesu_write"
#: 有奖举报 stands apart from the case: a schema on PostgreSQL, on SQLite the prefix of its tables.
REWARD_SCHEMA: Final = "reward"
#: Of an insert of many rows, one statement: without it rows go by which of their columns are null, and a
#: batch of fifty took fifty statements.
ALL_TOGETHER: Final = {"render_nulls": True}
#: Connections beyond the pool's size while many ask at once.
_MORE: Final = {"postgresql": 5, "sqlite": 10}
#: A connection used so lately is taken to be there still.
TRUSTED_SECONDS: Final = 2.0
#: Classes of codes: what was given is no such value (22), or breaks a constraint (23).
_REFUSED: Final = ("22", "23")
_TOO_MANY: Final = "53300"

#: Constraint names must be the same on every database, or a migration cannot drop them.
NAMING: Final = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

#: SQLite only numbers rows by itself in an INTEGER key.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class AwareUtc(TypeDecorator[datetime]):
    """An aware moment, UTC inside. Naive values are refused, on the way in and out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; store UTC (SQLite keeps it without the offset)."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time must be aware")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back an aware UTC moment."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All rows."""

    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: AwareUtc()}  # noqa: RUF012  (SQLAlchemy reads it from the class)


@dataclass(frozen=True, slots=True)
class Database:
    """An engine with its session makers. One per process and per event loop.

    On PostgreSQL every statement of `reads` sees what is committed by then; those of one session of
    `snapshots` see one moment. On SQLite both do the latter.
    """

    engine: AsyncEngine
    reads: async_sessionmaker[AsyncSession]
    writes: async_sessionmaker[AsyncSession]
    snapshots: async_sessionmaker[AsyncSession]
    #: So many connections there may be at once.
    most: int

    @property
    def lent(self) -> int:
        """How many connections are in use."""
        pool: Any = self.engine.sync_engine.pool
        return int(pool.checkedout())

    @property
    def crowded(self) -> bool:
        """Whether every connection is lent: who asks for one now waits."""
        return self.lent >= self.most

    @property
    def dialect(self) -> str:
        """`postgresql` or `sqlite`."""
        return self.engine.dialect.name

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def open_database(
    url: str | sa.URL, *, pool_size: int = 5, pool_wait: float = 30.0, durable: bool = True
) -> Database:
    """Open PostgreSQL (`postgresql+asyncpg://`) or SQLite (`sqlite+aiosqlite:///file`).

    `pool_wait`: so many seconds a session waits for a connection before sqlalchemy.exc.TimeoutError.
    `durable=False` relaxes SQLite's fsync (tests only). Raises sqlalchemy.exc.ArgumentError on a bad URL.
    """
    parsed = sa.make_url(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    more = _MORE["sqlite" if sqlite else "postgresql"]
    options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": more, "pool_timeout": pool_wait}
    if sqlite:
        options |= {
            "connect_args": {"isolation_level": None, "timeout": 30},
            "execution_options": {"schema_translate_map": {REWARD_SCHEMA: None}},
        }
    else:
        # Our reads take milliseconds: compiling their plans would cost more than running them. A plan that
        # fits every value fits none: few tickets are diverted, nearly all are closed, some words are rare.
        settings = {"jit": "off", "plan_cache_mode": "force_custom_plan"}
        options["connect_args"] = {"server_settings": settings}
    # An error tells its statement, never the values: those are citizens' words and end in logs and Redis.
    engine = create_async_engine(
        parsed, hide_parameters=True, json_serializer=_json, json_deserializer=orjson.loads, **options
    )
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, durable=durable)
        reading = still = engine
    else:
        _ping_the_idle(engine)
        # Every statement sees what is committed, in a transaction or out of it: BEGIN and ROLLBACK around
        # reads would be two more trips to the server.
        reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        still = engine.execution_options(isolation_level="REPEATABLE READ")
    return Database(
        engine=engine,
        reads=async_sessionmaker(reading, expire_on_commit=False),
        writes=async_sessionmaker(engine.execution_options(**{WRITE_OPTION: True}), expire_on_commit=False),
        snapshots=async_sessionmaker(still, expire_on_commit=False),
        most=pool_size + more,
    )


def insert_of(session: AsyncSession, model: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """An insert that knows what to do with rows that are there: `on_conflict_do_nothing`, `…_do_update`.

    Each database has its own; whoever writes asks here, so that nobody else needs to know which it is.
    """
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return make(model)


@asynccontextmanager
async def beside(db: Database) -> AsyncIterator[Database]:
    """The same database over a connection of its own, closed at the end: while the pool has none to give."""
    other = open_database(db.engine.url, pool_size=1)
    try:
        yield other
    finally:
        await other.close()


def _json(value: object) -> str:
    """JSON with its characters as they are: escaped, a Chinese text is twice as long."""
    return orjson.dumps(value).decode()


def _ping_the_idle(engine: AsyncEngine) -> None:
    """Ask a connection that lay idle whether it is still there, before anyone relies on it.

    `pool_pre_ping` asks every time, and that takes as many trips as a page of the desk.
    """

    @event.listens_for(engine.sync_engine, "checkin")
    def note(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info["idle_since"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def ping(connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        idle_since = entry.info.get("idle_since")
        if idle_since is None or time.monotonic() - idle_since < TRUSTED_SECONDS:
            return
        dialect = engine.sync_engine.dialect
        try:
            alive = dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            if not dialect.is_disconnect(error, None, None):
                raise
            alive = False
        if not alive:
            # The pool drops what it holds and connects anew.
            raise DisconnectionError


def unstorable(error: BaseException) -> bool:
    """Whether the database would not keep what it was given: unlike when it is away, no further try helps.

    By its code on PostgreSQL, whose driver gives bad data (a text too long, a number too large) the class
    that has no name of its own.
    """
    if isinstance(error, DataError | IntegrityError):
        return True
    return _code(error).startswith(_REFUSED)


def too_many(error: BaseException) -> bool:
    """Whether the server is there and has no connection left to give."""
    return _code(error) == _TOO_MANY


def _code(error: BaseException) -> str:
    """What PostgreSQL calls an error; nothing of another's."""
    return str(getattr(error.orig, "sqlstate", None) or "") if isinstance(error, DBAPIError) else ""


def away(error: BaseException) -> bool:
    """Whether the database cannot be asked now: gone, locked, or no connection free within the pool's wait.

    What it was asked wrongly, or will not keep, is a fault of ours: the next try meets it again.
    """
    if isinstance(error, ProgrammingError) or unstorable(error):
        return False
    return isinstance(error, DBAPIError | PoolTimeout | OSError)


def _prepare_sqlite(engine: AsyncEngine, *, durable: bool) -> None:
    """Set the pragmas of every connection and take over BEGIN."""
    pragmas = (
        "journal_mode=WAL",
        f"synchronous={'FULL' if durable else 'OFF'}",
        "busy_timeout=30000",
        "foreign_keys=ON",
        "cache_size=-65536",
    )

    @event.listens_for(engine.sync_engine, "connect")
    def set_pragmas(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        try:
            cursor = connection.cursor()
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
        except BaseException:
            # Its asker was cut off: the pool does not know this connection yet, nobody else would close it.
            connection.close()
            raise

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(WRITE_OPTION)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
