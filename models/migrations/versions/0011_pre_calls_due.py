"""吹哨 and 提级 that wait for a report-in, by their due time; the events that call a unit, by when.

Only adds indexes, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_WAITING = "(due_at IS NOT NULL AND reported_at IS NULL)"

_CALLS = "(tag IN ('ticket:whistle', 'ticket:escalate', 'ticket:supervise'))"


def upgrade() -> None:
    op.create_index(
        "ix_ticket_event_calls",
        "ticket_event",
        ["at"],
        postgresql_where=sa.text(_CALLS),
        sqlite_where=sa.text(_CALLS),
    )
    op.create_index(
        "ix_ticket_unit_called",
        "ticket_unit",
        ["due_at", "ticket_id"],
        postgresql_where=sa.text(_WAITING),
        sqlite_where=sa.text(_WAITING),
    )


def downgrade() -> None:
    op.drop_index("ix_ticket_unit_called", "ticket_unit")
    op.drop_index("ix_ticket_event_calls", "ticket_event")
