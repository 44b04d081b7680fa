"""Which schema a database has and which this code knows: asked at every start, so without Alembic.

Loading Alembic (and Mako and Pygments behind it) takes longer than importing a small file of appeals. That
both tell the same is a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from models.db import Database

VERSIONS: Final = Path(__file__).parent / "migrations" / "versions"
_VERSION: Final = sa.table("alembic_version", sa.column("version_num", sa.String))
#: `models.schema_floor`, without its row: there since 0038, so in every schema newer than this code.
_FLOOR: Final = sa.table("schema_floor", sa.column("code_from", sa.String))


@dataclass(frozen=True, slots=True)
class Fit:
    """How this code and a database's schema go together; `current` is None when it was never migrated."""

    current: str | None
    head: str
    code_from: str | None = None

    @property
    def newer(self) -> bool:
        """The schema is of a later release than this code."""
        return self.current is not None and self.current > self.head

    @property
    def works(self) -> bool:
        """The schema is this code's, or a later one that still does for it."""
        if self.newer:
            return self.code_from is not None and self.code_from <= self.head
        return self.current == self.head


def head_revision() -> str:
    """The newest revision this code knows: a migration's file begins with its number."""
    numbers = sorted(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*_*.py"))
    if not numbers:
        raise RuntimeError("no migrations are packaged")
    return numbers[-1]


async def current_revision(db: Database) -> str | None:
    """The revision the database is at; None when it was never migrated."""
    async with db.engine.connect() as connection:
        return await connection.run_sync(_current)


async def fit(db: Database) -> Fit:
    """Whether this code works on the database's schema as it is."""
    head = head_revision()

    def read(connection: Connection) -> Fit:
        found = Fit(_current(connection), head)
        if not found.newer or not sa.inspect(connection).has_table(_FLOOR.name):
            return found
        return Fit(found.current, head, connection.scalar(sa.select(_FLOOR.c.code_from)))

    async with db.engine.connect() as connection:
        return await connection.run_sync(read)


def _current(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.scalar(sa.select(_VERSION.c.version_num))
