"""Bring a database to the newest schema and compare it with the rows: for `jiesu db` and tests.

`models.revision` tells how far a database is, without what this loads.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import alembic.command
import alembic.config
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData
from sqlalchemy.schema import BLANK_SCHEMA

from models import holding_all
from models.db import NAMING, REWARD_SCHEMA, WRITE_OPTION
from models.everything import metadata

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

    from models.db import Database

HERE = Path(__file__).parent / "migrations"


def _config(connection: Connection | None = None) -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _writing(db: Database) -> AbstractAsyncContextManager[AsyncConnection]:
    """A transaction that writes from its start: SQLite refuses one that read first while others wrote."""
    return db.engine.execution_options(**{WRITE_OPTION: True}).begin()


async def upgrade(db: Database, revision: str = "head") -> None:
    """Apply the migrations up to `revision`; others may be writing, and are waited for."""
    async with _writing(db) as connection:
        await connection.run_sync(lambda c: _upgraded(c, revision))


def _upgraded(connection: Connection, revision: str) -> None:
    config = _config(connection)
    head = ScriptDirectory.from_config(config).get_current_head()
    # Where nothing is to be done nobody has to wait.
    if MigrationContext.configure(connection).get_current_revision() != head:
        holding_all.hold(connection, reward_schema=REWARD_SCHEMA)
    alembic.command.upgrade(config, revision)


async def downgrade(db: Database, revision: str) -> None:
    """Take migrations back down to `revision`."""
    async with _writing(db) as connection:
        await connection.run_sync(lambda c: _downgraded(c, revision))


def _downgraded(connection: Connection, revision: str) -> None:
    holding_all.hold(connection, reward_schema=REWARD_SCHEMA)
    alembic.command.downgrade(_config(connection), revision)


@dataclass(frozen=True, slots=True)
class Step:
    """One migration, seen from where a database is: its revision, the one before it, and what it is about."""

    current: str
    before: str
    about: str


async def last_step(db: Database) -> Step | None:
    """The migration that a database was brought to last. None when there is none that this code knows."""

    def read(connection: Connection) -> Step | None:
        current = MigrationContext.configure(connection).get_current_revision()
        known = {one.revision: one for one in ScriptDirectory.from_config(_config()).walk_revisions()}
        found = known.get(current or "")
        if found is None or not isinstance(found.down_revision, str):
            return None
        return Step(found.revision, found.down_revision, found.doc.splitlines()[0])

    async with db.engine.connect() as connection:
        return await connection.run_sync(read)


def _flat() -> MetaData:
    """The rows as SQLite has them: there are no schemas."""
    found = MetaData(naming_convention=NAMING)
    for table in metadata.sorted_tables:
        # SQLAlchemy's types know neither None nor the mark that it takes for "none".
        table.to_metadata(
            found,
            schema=None,  # type: ignore[arg-type]
            referred_schema_fn=lambda *_: BLANK_SCHEMA,  # type: ignore[arg-type]
        )
    return found


async def differences(db: Database) -> list[str]:
    """What differs between the database and the mapped rows; empty when equal."""

    def read(connection: Connection) -> list[str]:
        sqlite = connection.dialect.name == "sqlite"
        options = {
            "compare_type": True,
            "include_schemas": not sqlite,
            "include_name": lambda name, type_, _p: (
                name in {None, "public", REWARD_SCHEMA}
                if type_ == "schema"
                # Months of the sums are made as time goes (triage/services/trends/partitions.py).
                else not (type_ == "table" and name.startswith(("ticket_search", "rollup_day_")))
            ),
            # The GIN index only exists where there is GIN.
            "include_object": lambda _o, name, *_rest: not (sqlite and name == "ix_ticket_search"),
        }
        context = MigrationContext.configure(connection, opts=options)
        return [str(diff) for diff in compare_metadata(context, _flat() if sqlite else metadata)]

    async with db.engine.connect() as connection:
        return await connection.run_sync(read)
