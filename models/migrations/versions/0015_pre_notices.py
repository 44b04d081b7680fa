"""Outgoing notices (通知): what to tell whom, deliveries, every try, and sealed contacts.

Only adds tables, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", BigId, nullable=False),
        sa.Column("key", sa.String(40), nullable=False, comment="the counterpart's idempotency key"),
        sa.Column("recipient_kind", sa.String(12), nullable=False),
        sa.Column("recipient", sa.String(80), nullable=False),
        sa.Column("medium", sa.String(16), nullable=False, comment="vocab_notices.Medium"),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False, comment="the same at every try"),
        sa.Column("notices", sa.Integer(), nullable=False, comment="how many it tells of"),
        sa.Column("state", sa.String(12), nullable=False, comment="vocab_notices.NoticeState"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", AwareUtc(), nullable=False),
        sa.Column("next_at", AwareUtc(), nullable=False, comment="of the next try"),
        sa.Column("claim", sa.String(40), nullable=True, comment="of the process that is sending it"),
        sa.Column("claimed_until", AwareUtc(), nullable=True),
        sa.Column("ended_at", AwareUtc(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("key", name=op.f("uq_delivery_key")),
    )
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["medium", "next_at"],
        postgresql_where=sa.text("state = 'sending'"),
        sqlite_where=sa.text("state = 'sending'"),
    )
    op.create_table(
        "delivery_attempt",
        sa.Column("delivery_id", BigId, nullable=False),
        sa.Column("claim", sa.String(40), nullable=False),
        sa.Column("started_at", AwareUtc(), nullable=False),
        sa.Column("ended_at", AwareUtc(), nullable=True),
        sa.Column("result", sa.String(12), nullable=True, comment="vocab_notices.AttemptResult"),
        sa.Column("code", sa.String(40), nullable=True, comment="ours, never the counterpart's words"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_delivery_attempt_delivery_id_delivery")
        ),
        sa.PrimaryKeyConstraint("delivery_id", "claim", name=op.f("pk_delivery_attempt")),
    )
    op.create_table(
        "notice",
        sa.Column("id", BigId, nullable=False),
        sa.Column(
            "key",
            sa.String(160),
            nullable=False,
            comment="what it is about: written twice, it is one notice",
        ),
        sa.Column("recipient_kind", sa.String(12), nullable=False, comment="vocab_notices.RecipientKind"),
        sa.Column("recipient", sa.String(80), nullable=False, comment="unit code, post, or the appeal's id"),
        sa.Column("template", sa.String(60), nullable=False, comment="of notices.yaml"),
        sa.Column("urgency", sa.String(4), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False, comment="what the template says; nothing personal"),
        sa.Column("created_at", AwareUtc(), nullable=False),
        sa.Column(
            "not_before",
            AwareUtc(),
            nullable=False,
            comment="end of its digest window and of quiet hours",
        ),
        sa.Column("state", sa.String(12), nullable=False, comment="vocab_notices.NoticeState"),
        sa.Column("delivery_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_notice_delivery_id_delivery")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("key", name=op.f("uq_notice_key")),
    )
    op.create_index(
        "ix_notice_waiting",
        "notice",
        ["not_before"],
        postgresql_where=sa.text("state = 'waiting'"),
        sqlite_where=sa.text("state = 'waiting'"),
    )
    op.create_index("ix_notice_state", "notice", ["state", "id"])
    op.create_index("ix_notice_recipient", "notice", ["recipient_kind", "recipient", "id"])
    op.create_index("ix_notice_delivery", "notice", ["delivery_id"])
    op.create_table(
        "contact",
        sa.Column("recipient_kind", sa.String(12), nullable=False),
        sa.Column("recipient", sa.String(80), nullable=False),
        sa.Column("medium", sa.String(16), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False, comment="sealed"),
        sa.Column("hint", sa.String(80), nullable=False, comment="masked"),
        sa.Column("changed_at", AwareUtc(), nullable=False),
        sa.Column("changed_by", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("recipient_kind", "recipient", "medium", name=op.f("pk_contact")),
    )


def downgrade() -> None:
    op.drop_table("contact")
    op.drop_table("notice")
    op.drop_table("delivery_attempt")
    op.drop_table("delivery")
