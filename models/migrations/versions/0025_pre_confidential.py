"""Which appeals are in confidence is found by an index: few are, and every list asks. Only adds an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_appeal_confidential",
        "appeal",
        ["id"],
        postgresql_where=sa.text("confidential"),
        sqlite_where=sa.text("confidential"),
    )


def downgrade() -> None:
    op.drop_index("ix_appeal_confidential", "appeal")
