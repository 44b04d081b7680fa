"""Alembic's entry: runs on the connection that `models.migrate` hands over; no address is read here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context

from models.everything import metadata

#: A migration that cannot get its lock gives up rather than block the desk behind it.
LOCK_TIMEOUT = "5s"

#: Kept by hand: full-text table and its shadows on SQLite, months of the sums on PostgreSQL.
UNMANAGED_PREFIXES = ("ticket_search", "rollup_day_")


def include_name(name: str | None, type_: str, _parents: object) -> bool:
    """Leave SQLite's full-text tables and the months of sums out of comparisons."""
    return not (type_ == "table" and (name or "").startswith(UNMANAGED_PREFIXES))


connection: sa.Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    include_name=include_name,
    compare_type=True,
)
with context.begin_transaction():
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
    context.run_migrations()
