"""The watch's figures in one row; an outbox row carries the trace that made it. Only adds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026c"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watch_snapshot",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cost_seconds", sa.Double(), nullable=False, comment="how long asking took"),
        sa.Column(
            "figures", sa.JSON(), nullable=False, comment="[name, [label values], value]; nothing personal"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch_snapshot")),
    )
    op.add_column(
        "outbox",
        sa.Column(
            "trace",
            sa.String(55),
            nullable=True,
            comment="W3C traceparent of what wrote it; null: tracing is off",
        ),
    )


def downgrade() -> None:
    op.drop_column("outbox", "trace")
    op.drop_table("watch_snapshot")
