"""The addresses of citizens go from the events of their 催办 and 补充, and what they named their photos.

Events keep where a move came from for the audit. Those of citizens kept it as well, also of who reported
without a name or asked for 保密; names of photos held names of those who sent them. Only values go, so
yesterday's code works with it; what it writes meanwhile, `docs/changes/0041-privacy.md` says how it goes.

The table of events refuses changes by trigger. On PostgreSQL the trigger rests under a lock that lets nobody
write until the migration is committed, on SQLite the whole database is locked: it is off for nobody else.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

_AT_ONCE: Final = 1000
_CITIZENS: Final = "staff_id = (SELECT id FROM staff WHERE login = 'citizen')"
_FOUND: Final = {
    "postgresql": "data ->> 'origin' IS NOT NULL",
    "sqlite": "json_type(data, '$.origin') IS NOT NULL",
}
_WITHOUT: Final = {
    "postgresql": "(data::jsonb - 'origin')::json",
    "sqlite": "json_remove(data, '$.origin')",
}


def upgrade() -> None:
    op.execute(
        "UPDATE attachment SET name = '照片' || CASE media_type WHEN 'image/png' THEN '.png' "
        "WHEN 'image/webp' THEN '.webp' ELSE '.jpg' END WHERE \"by\" = 'citizen'"
    )
    connection, dialect = op.get_bind(), op.get_bind().dialect.name
    # Looked for before the lock: the table is long, and what is found is little.
    which = f"{_CITIZENS} AND {_FOUND[dialect]}"
    query = f"SELECT id FROM ticket_event WHERE {which} ORDER BY id"  # noqa: S608  (all of it is ours)
    found = list(connection.scalars(sa.text(query)))
    if not found:
        return
    _let_change(dialect)
    strip = sa.text(
        f"UPDATE ticket_event SET data = {_WITHOUT[dialect]} WHERE id IN :ids"  # noqa: S608  (all of it is ours)
    ).bindparams(sa.bindparam("ids", expanding=True))
    for start in range(0, len(found), _AT_ONCE):
        connection.execute(strip, {"ids": found[start : start + _AT_ONCE]})
    _guard(dialect)


def _let_change(dialect: str) -> None:
    if dialect == "postgresql":
        op.execute("LOCK TABLE ticket_event IN SHARE ROW EXCLUSIVE MODE")
        op.execute("ALTER TABLE ticket_event DISABLE TRIGGER ticket_event_append_only")
    else:
        op.execute("DROP TRIGGER ticket_event_no_update")


def _guard(dialect: str) -> None:
    if dialect == "postgresql":
        op.execute("ALTER TABLE ticket_event ENABLE TRIGGER ticket_event_append_only")
    else:
        op.execute(
            "CREATE TRIGGER ticket_event_no_update BEFORE UPDATE ON ticket_event "
            "BEGIN SELECT RAISE(ABORT, 'ticket_event is append-only'); END"
        )


def downgrade() -> None:
    """What is gone does not come back."""
