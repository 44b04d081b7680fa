"""Attachments (附件): what is registered of a file in the file store.

Only adds a table, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attachment",
        sa.Column("id", BigId, nullable=False),
        sa.Column("appeal_id", BigId, nullable=False, comment="the case: every ticket has one"),
        sa.Column("owner", sa.String(8), nullable=False, comment="vocab_files.FileOwner"),
        sa.Column("event_seq", sa.Integer(), nullable=True, comment="of the ticket's event it belongs to"),
        sa.Column("sha256", sa.String(64), nullable=False, comment="of what is kept, not of what was sent"),
        sa.Column("thumb_sha256", sa.String(64), nullable=True, comment="null: not a picture"),
        sa.Column("size", sa.Integer(), nullable=False, comment="bytes kept"),
        sa.Column(
            "media_type", sa.String(40), nullable=False, comment="by content, never as the sender said"
        ),
        sa.Column("width", sa.Integer(), nullable=True, comment="pixels"),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(120), nullable=False, comment="as given, made harmless and masked"),
        sa.Column("by", sa.String(64), nullable=False, comment="login, or 'citizen'"),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.CheckConstraint("owner in ('appeal', 'ticket', 'event')", name=op.f("ck_attachment_owner")),
        sa.CheckConstraint(
            "(owner = 'event') = (event_seq IS NOT NULL)", name=op.f("ck_attachment_event_seq")
        ),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name=op.f("fk_attachment_appeal_id_appeal")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
        sa.UniqueConstraint(
            "appeal_id",
            "owner",
            "event_seq",
            "sha256",
            name=op.f("uq_attachment_appeal_id_owner_event_seq_sha256"),
        ),
    )
    op.create_index(op.f("ix_attachment_appeal_id"), "attachment", ["appeal_id"])
    op.create_index(op.f("ix_attachment_sha256"), "attachment", ["sha256"])


def downgrade() -> None:
    op.drop_table("attachment")
