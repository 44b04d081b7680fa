"""When an incident is looked at for its 答复 limit, and when it last was. Only adds columns that may be null.

Incidents that go on are looked at once their limit is over, as if nobody had been told.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc

revision = "0026c"
down_revision = "0026b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "incident",
        sa.Column(
            "answer_next_at", AwareUtc(), nullable=True, comment="the next warning of answer_by; null: none"
        ),
    )
    op.add_column(
        "incident",
        sa.Column("answer_told_at", AwareUtc(), nullable=True, comment="warnings up to then were told"),
    )
    op.execute(
        sa.text("UPDATE incident SET answer_next_at = answer_by WHERE state NOT IN ('closed', 'dismissed')")
    )


def downgrade() -> None:
    op.drop_column("incident", "answer_told_at")
    op.drop_column("incident", "answer_next_at")
