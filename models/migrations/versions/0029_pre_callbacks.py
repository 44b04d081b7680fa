"""回拨: accounts at providers of virtual numbers, and call-backs. Only adds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import BigId

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_STANDING = sa.text("number IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "numbers_provider",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False, comment="plain texts by name"),
        sa.Column("credentials", sa.LargeBinary(), nullable=True, comment="sealed JSON; null: none"),
        sa.Column("held", sa.String(200), nullable=False, comment="names of the credentials"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(64), nullable=False, comment="login; another one switches it on"),
        sa.Column("enabled_by", sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_numbers_provider")),
        sa.UniqueConstraint("key", name=op.f("uq_numbers_provider_key")),
    )
    op.create_table(
        "call_back",
        sa.Column("id", BigId, nullable=False),
        sa.Column("key", sa.String(32), nullable=False, comment="what the provider knows it by"),
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="of the virtual number; null: none was given",
        ),
        sa.Column(
            "number", sa.LargeBinary(), nullable=True, comment="sealed: the virtual number; null once over"
        ),
        sa.Column("reference", sa.String(80), nullable=True, comment="the provider's own name for it"),
        sa.Column("failure", sa.String(40), nullable=True, comment="a code of ours; null: none"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_back")),
        sa.UniqueConstraint("key", name=op.f("uq_call_back_key")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_call_back_ticket_id")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["numbers_provider.id"], name=op.f("fk_call_back_provider_id")
        ),
    )
    op.create_index("ix_call_back_ticket", "call_back", ["ticket_id", "login"])
    op.create_index("ix_call_back_asked", "call_back", ["asked_at"])
    op.create_index(
        "ix_call_back_standing", "call_back", ["until"], postgresql_where=_STANDING, sqlite_where=_STANDING
    )


def downgrade() -> None:
    op.drop_table("call_back")
    op.drop_table("numbers_provider")
