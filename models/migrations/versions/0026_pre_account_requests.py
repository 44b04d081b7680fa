"""What waits for a second administrator (双人复核). Only adds a table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_request",
        sa.Column("id", BigId, nullable=False),
        sa.Column("staff_id", BigId, nullable=False),
        sa.Column("what", sa.String(12), nullable=False, comment="vocab_signin.Wanted"),
        sa.Column("role", sa.String(24), nullable=True, comment="vocab_staff.Role"),
        sa.Column("unit_code", sa.String(40), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "password_hash",
            sa.String(200),
            nullable=True,
            comment="argon2id, set once it is confirmed; forgotten once it is decided",
        ),
        sa.Column("forget_codes", sa.Boolean(), nullable=False),
        sa.Column("provider_name", sa.String(254), nullable=True),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("asked_at", AwareUtc(), nullable=False),
        sa.Column("until", AwareUtc(), nullable=False, comment="not decided by then, it is void"),
        sa.Column("decided_by", sa.String(64), nullable=True),
        sa.Column("decided_at", AwareUtc(), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["account.staff_id"], name=op.f("fk_account_request_staff_id")),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_account_request_unit_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_request")),
    )
    op.create_index("ix_account_request_staff", "account_request", ["staff_id"])
    op.create_index(
        "ix_account_request_open",
        "account_request",
        ["until"],
        postgresql_where=sa.text("decided_at IS NULL"),
        sqlite_where=sa.text("decided_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("account_request")
