"""待回访 is one list: answered cases, and those merged into one that is answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031b"
branch_labels = None
depends_on = None

_TO_FOLLOW = "(state = 'feedback' OR (state = 'merged' AND due_clock = 'follow_up'))"


def upgrade() -> None:
    op.create_index(
        "ix_ticket_to_follow",
        "ticket",
        ["due_at", "id"],
        postgresql_where=sa.text(_TO_FOLLOW),
        sqlite_where=sa.text(_TO_FOLLOW),
    )


def downgrade() -> None:
    op.drop_index("ix_ticket_to_follow", "ticket")
