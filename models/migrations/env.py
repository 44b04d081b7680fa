"""Alembic's entry: runs on the connection that `models.migrate` hands over; no address is read here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context

import models.appeals
import models.bulk
import models.citizens
import models.corrections
import models.drifting
import models.files
import models.hotline
import models.leads
import models.matters
import models.months
import models.notices
import models.open311
import models.outbox
import models.site_places
import models.sources
import models.tickets
import models.units
import models.watching  # noqa: F401  (imported so that the metadata is whole)
from models.db import Base

#: A migration that cannot get its lock gives up rather than block the desk behind it.
LOCK_TIMEOUT = "5s"

#: Kept by hand in the migrations: full-text table and its shadows on SQLite.
UNMANAGED_PREFIX = "ticket_search"


def include_name(name: str | None, type_: str, _parents: object) -> bool:
    """Leave SQLite's full-text tables out of comparisons."""
    return not (type_ == "table" and (name or "").startswith(UNMANAGED_PREFIX))


connection: sa.Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    include_name=include_name,
    compare_type=True,
)
with context.begin_transaction():
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
    context.run_migrations()
