"""Identities held by other rows (收款账号), and what is to be erased (删除身份).

Only adds tables, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0019c"
down_revision = "0019b"
branch_labels = None
depends_on = None

_WAITING = sa.text("erased_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "held_identity",
        sa.Column("holder_kind", sa.String(16), nullable=False, comment="vocab_ledger.SubjectKind"),
        sa.Column("holder", sa.String(80), nullable=False),
        sa.Column("field", sa.String(16), nullable=False, comment="vocab_identities.IdentityField"),
        sa.Column("value", sa.LargeBinary(), nullable=True, comment="sealed; null: erased"),
        sa.Column("hint", sa.String(40), nullable=False, comment="its masked shape"),
        sa.Column("changed_at", AwareUtc(), nullable=False),
        sa.Column("changed_by", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("holder_kind", "holder", "field", name=op.f("pk_held_identity")),
    )
    op.create_table(
        "identity_erasure",
        sa.Column("appeal_id", BigId, autoincrement=False, nullable=False),
        sa.Column("asked_at", AwareUtc(), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False, comment="login, or 'system': by time"),
        sa.Column("reason", sa.Text(), nullable=False, comment="masked"),
        sa.Column("erased_at", AwareUtc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["appeal_id"], ["appeal.id"], name=op.f("fk_identity_erasure_appeal_id_appeal")
        ),
        sa.PrimaryKeyConstraint("appeal_id", name=op.f("pk_identity_erasure")),
    )
    op.create_index(
        "ix_identity_erasure_waiting",
        "identity_erasure",
        ["appeal_id"],
        postgresql_where=_WAITING,
        sqlite_where=_WAITING,
    )


def downgrade() -> None:
    op.drop_table("identity_erasure")
    op.drop_table("held_identity")
