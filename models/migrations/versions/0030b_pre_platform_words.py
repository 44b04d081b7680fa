"""What a platform says of an order later on; the version of a source's settings. Only adds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0030b"
down_revision = "0030"
branch_labels = None
depends_on = None

_UNANSWERED = "state IN ('waiting', 'asked')"
_NUMBER = "the platform's number of an urge; else the time, or a keyed hash of the words"


def upgrade() -> None:
    op.add_column("source", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.create_table(
        "hotline_word",
        sa.Column("id", BigId, nullable=False),
        sa.Column("source_id", BigId, nullable=False),
        sa.Column("order_no", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False, comment="vocab_sources.WordKind"),
        sa.Column("number", sa.String(64), nullable=False, comment=_NUMBER),
        sa.Column("said_at", AwareUtc(), nullable=False, comment="by the platform's clock"),
        sa.Column("seen_at", AwareUtc(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False, comment="vocab_sources.WordState"),
        sa.Column("ticket_id", BigId, nullable=True, comment="once the order has one"),
        sa.Column("settled_at", AwareUtc(), nullable=True),
        sa.Column("settled_by", sa.String(64), nullable=True, comment="login; null: by itself"),
        sa.Column("why", sa.Text(), nullable=True, comment="what came of it, in words for staff"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_hotline_word_source_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_hotline_word_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hotline_word")),
        sa.UniqueConstraint(
            "source_id",
            "order_no",
            "kind",
            "number",
            name=op.f("uq_hotline_word_source_id_order_no_kind_number"),
        ),
    )
    op.create_index(
        "ix_hotline_word_unanswered", "hotline_word", ["source_id", "id"],
        postgresql_where=sa.text(_UNANSWERED), sqlite_where=sa.text(_UNANSWERED),
    )  # fmt: skip
    op.create_index("ix_hotline_word_ticket", "hotline_word", ["ticket_id"])


def downgrade() -> None:
    op.drop_table("hotline_word")
    op.drop_column("source", "version")
