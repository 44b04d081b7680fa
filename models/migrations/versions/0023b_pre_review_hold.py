"""在审: which clerk looks at which ticket. Only adds a table, so yesterday's code works with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0023b"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "review_hold",
        sa.Column("ticket_id", BigId, autoincrement=False, nullable=False),
        sa.Column("by", sa.String(64), nullable=False, comment="login"),
        sa.Column("until", AwareUtc(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_review_hold_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_review_hold")),
    )
    op.create_index("ix_review_hold_by", "review_hold", ["by"])


def downgrade() -> None:
    op.drop_table("review_hold")
