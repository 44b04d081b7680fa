"""Which schema a database has and which this code knows: asked at every start, so without Alembic.

Loading Alembic (and Mako and Pygments behind it) takes longer than importing a small file of appeals. That
both tell the same is a test.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from models.db import Database

VERSIONS: Final = Path(__file__).parent / "migrations" / "versions"
_VERSION: Final = sa.table("alembic_version", sa.column("version_num", sa.String))


def head_revision() -> str:
    """The newest revision this code knows: a migration's file begins with its number."""
    numbers = sorted(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*_*.py"))
    if not numbers:
        raise RuntimeError("no migrations are packaged")
    return numbers[-1]


async def current_revision(db: Database) -> str | None:
    """The revision the database is at; None when it was never migrated."""

    def read(connection: Connection) -> str | None:
        if not sa.inspect(connection).has_table(_VERSION.name):
            return None
        return connection.scalar(sa.select(_VERSION.c.version_num))

    async with db.engine.connect() as connection:
        return await connection.run_sync(read)
