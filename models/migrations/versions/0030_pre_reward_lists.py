"""Where an inspection list comes from, who imported it; texts to reporters. Only adds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import REWARD_SCHEMA, AwareUtc, BigId

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_NEXT = "not before; quiet hours and pauses are in it"


def upgrade() -> None:
    schema = REWARD_SCHEMA if op.get_bind().dialect.name == "postgresql" else None
    for column in (
        sa.Column("source", sa.String(200), nullable=True, comment="文号或出处"),
        sa.Column("added_by", sa.String(64), nullable=True),
        sa.Column("added_at", AwareUtc(), nullable=True),
    ):
        op.add_column("reward_inspection", column, schema=schema)
    prefix = f"{schema}." if schema else ""
    op.create_table(
        "reward_notice",
        sa.Column("id", BigId, nullable=False),
        sa.Column("reward_id", BigId, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, comment="of the event that it goes with"),
        sa.Column("created_at", AwareUtc(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False, comment="vocab_notices.NoticeState"),
        sa.Column("next_at", AwareUtc(), nullable=False, comment=_NEXT),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_until", AwareUtc(), nullable=True),
        sa.Column("ended_at", AwareUtc(), nullable=True),
        sa.Column("code", sa.String(40), nullable=True, comment="why not, in a code of ours"),
        sa.ForeignKeyConstraint(
            ["reward_id"], [f"{prefix}reward.id"], name=op.f("fk_reward_notice_reward_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_notice")),
        sa.UniqueConstraint("reward_id", "seq", name=op.f("uq_reward_notice_reward_id_seq")),
        schema=schema,
    )
    op.create_index("ix_reward_notice_state", "reward_notice", ["state", "next_at"], schema=schema)


def downgrade() -> None:
    schema = REWARD_SCHEMA if op.get_bind().dialect.name == "postgresql" else None
    op.drop_table("reward_notice", schema=schema)
    for name in ("added_at", "added_by", "source"):
        op.drop_column("reward_inspection", name, schema=schema)
