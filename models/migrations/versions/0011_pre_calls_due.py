"""吹哨 and 提级 that wait for a report-in, by their due time.

Only adds an index, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_WAITING = "(due_at IS NOT NULL AND reported_at IS NULL)"


def upgrade() -> None:
    op.create_index(
        "ix_ticket_unit_called",
        "ticket_unit",
        ["due_at", "ticket_id"],
        postgresql_where=sa.text(_WAITING),
        sqlite_where=sa.text(_WAITING),
    )


def downgrade() -> None:
    op.drop_index("ix_ticket_unit_called", "ticket_unit")
