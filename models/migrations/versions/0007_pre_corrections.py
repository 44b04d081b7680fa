"""Corrections of readings by clerks (更正), and the daily figures of drift (漂移).

Only adds tables and an index, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "correction",
        sa.Column("id", BigId, nullable=False),
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("appeal_id", BigId, nullable=False),
        sa.Column("field", sa.String(16), nullable=False, comment="vocab.Corrected"),
        sa.Column("old", sa.String(40), nullable=True, comment="what was held before; null: nothing"),
        sa.Column("new", sa.String(40), nullable=False, comment="a code, or 'true' and 'false'"),
        sa.Column("by", sa.String(64), nullable=False, comment="login of who said so"),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.Column(
            "model_version", sa.String(120), nullable=False, comment="of the reading that is corrected"
        ),
        sa.CheckConstraint(
            "field in ('environmental', 'kind', 'appeal_type', 'urgency', 'place')",
            name=op.f("ck_correction_field"),
        ),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name=op.f("fk_correction_appeal_id_appeal")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_correction_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
    )
    op.create_index("ix_correction_ticket", "correction", ["ticket_id", "id"])
    op.create_index("ix_correction_at", "correction", ["at", "id"])
    op.create_table(
        "drift",
        sa.Column("day", sa.Date(), nullable=False, comment="in Beijing"),
        sa.Column("figure", sa.String(16), nullable=False, comment="vocab.DriftFigure"),
        sa.Column("psi", sa.Double(), nullable=False, comment="population stability index"),
        sa.Column("chance", sa.Double(), nullable=False, comment="of so great a difference without a change"),
        sa.Column("level", sa.String(8), nullable=False, comment="vocab.DriftLevel"),
        sa.Column(
            "texts", sa.Integer(), nullable=False, comment="readings of the day that the figure counts"
        ),
        sa.Column("texts_before", sa.Integer(), nullable=False),
        sa.Column("row_id", sa.String(60), nullable=False, comment="of drift.yaml: the thresholds"),
        sa.Column("model_versions", sa.JSON(), nullable=False, comment="that read on the day"),
        sa.Column("measured_at", AwareUtc(), nullable=False),
        sa.PrimaryKeyConstraint("day", "figure", name=op.f("pk_drift")),
    )
    op.create_index("ix_reading_created_at", "reading", ["created_at"])


def downgrade() -> None:
    op.drop_index("ix_reading_created_at", "reading")
    op.drop_table("drift")
    op.drop_table("correction")
