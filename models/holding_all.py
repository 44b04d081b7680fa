"""Every table is taken before a migration changes the first one: for `models.migrate` alone.

Who writes meanwhile holds some tables and waits for others, and so does a migration: under traffic one that
took its tables one after another was refused by PostgreSQL as a deadlock, each time of ten. So they are taken
at once, let go of and taken again as often as that crosses with somebody.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from sqlalchemy import Connection

TRIES: Final = 20
#: Everybody queues behind one that waits for its lock.
_WAIT: Final = "2s"
#: deadlock_detected, lock_not_available.
_CROSSED: Final = frozenset({"40P01", "55P03"})
#: The ticket first: nearly everybody who writes begins there, and then holds nothing else yet.
_TABLES: Final = sa.text(
    "SELECT string_agg(format('%I.%I', schemaname, tablename), ', ' "
    "ORDER BY tablename <> 'ticket', tablename) "
    "FROM pg_tables WHERE schemaname IN (current_schema(), :reward)"
)


def hold(connection: Connection, *, reward_schema: str, tries: int = TRIES) -> None:
    """Take all tables until the transaction ends; SQLite's writer has them already.

    Raises the database's refusal when it was crossed so often.
    """
    if connection.dialect.name != "postgresql":
        return
    names = connection.scalar(_TABLES, {"reward": reward_schema})
    if not names:
        return
    for left in range(tries - 1, -1, -1):
        attempt = connection.begin_nested()
        try:
            connection.execute(sa.text(f"SET LOCAL lock_timeout = '{_WAIT}'"))
            connection.execute(sa.text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
        except DBAPIError as error:
            attempt.rollback()
            if getattr(error.orig, "sqlstate", None) not in _CROSSED or not left:
                raise
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311  (no secret)
        else:
            attempt.commit()
            return
