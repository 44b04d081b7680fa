"""Room given back after every sum was made anew: PostgreSQL keeps what was there before as dead rows.

A table twice as large is read from end to end where it was read by an index: with 24,868,428 demands the page
of 30 days took 490 ms at p99 instead of 260. Called by `jiesu trends rebuild` and the benchmark, after the
sums are whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from triage.services.trends import applying

if TYPE_CHECKING:
    from models.db import Database

#: Whoever reads a table meanwhile is waited for so long; who then wants to read it waits for us.
WAIT_SECONDS: Final = 30.0
_NOT_AVAILABLE: Final = "55P03"


async def tidy(db: Database, *, wait_seconds: float = WAIT_SECONDS) -> list[str]:
    """Write the sums anew without their dead rows, a table at a time. Gives those that were in use too long.

    A table is held for the seconds that this takes. SQLite has one file and reuses the room in it.
    """
    if db.dialect != "postgresql":
        return []
    busy = []
    async with db.engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(sa.text(f"SET lock_timeout = {round(wait_seconds * 1000)}"))
        try:
            for name in applying.SUMS:
                try:
                    await connection.execute(sa.text(f"VACUUM (FULL, ANALYZE) {name}"))
                except DBAPIError as error:
                    if getattr(error.orig, "sqlstate", None) != _NOT_AVAILABLE:
                        raise
                    busy.append(name)
                else:
                    # FULL leaves the map of what everybody sees empty: reading the index alone needs it.
                    await connection.execute(sa.text(f"VACUUM {name}"))
        finally:
            await connection.execute(sa.text("RESET lock_timeout"))
    return busy
