"""Desk lists at a million tickets: open ones without a clock, what was sent away by each filter.

Only adds indexes, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NEWEST = {
    "ix_ticket_state_kind_new": "kind",
    "ix_ticket_state_unit_new": "unit_code",
    "ix_ticket_state_district_new": "district_code",
    "ix_ticket_state_urgency_new": "urgency",
}
_UNCLOCKED = sa.text("due_at IS NULL AND state NOT IN ('diverted', 'handed_over')")


def upgrade() -> None:
    for name, column in _NEWEST.items():
        op.create_index(name, "ticket", ["state", column, "id"])
    op.create_index(
        "ix_ticket_unclocked",
        "ticket",
        ["due_at", "id"],
        postgresql_where=_UNCLOCKED,
        sqlite_where=_UNCLOCKED,
    )


def downgrade() -> None:
    op.drop_index("ix_ticket_unclocked", "ticket")
    for name in reversed(_NEWEST):
        op.drop_index(name, "ticket")
