"""Indexes for what people look for: what waits for a person, numbers from outside, a day, dead letters.

Only adds indexes, so yesterday's code works with it. All but one are small: they hold what waits.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_PARTIAL = (
    ("ix_ticket_attention", "ticket", ["due_at", "id"], "state = 'review' OR flagged"),
    (
        "ix_ticket_flagged_closed",
        "ticket",
        ["id"],
        "flagged AND state NOT IN ('review', 'dispatched')",
    ),
    ("ix_appeal_external_id", "appeal", ["external_id"], "external_id IS NOT NULL"),
    ("ix_appeal_dead", "appeal", ["id"], "state = 'dead'"),
)


def upgrade() -> None:
    for name, table, columns, condition in _PARTIAL:
        where = sa.text(condition)
        op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where)
    op.create_index("ix_ticket_opened", "ticket", ["opened_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_ticket_opened", "ticket")
    for name, table, _columns, _condition in reversed(_PARTIAL):
        op.drop_index(name, table)
