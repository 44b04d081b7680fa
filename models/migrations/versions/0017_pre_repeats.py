"""One matter told by many (同一事项): keys by which it is found again, and pairs with what became of them.

Only adds tables, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "matter_seen",
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.Column("model_version", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_matter_seen_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_matter_seen")),
    )
    op.create_table(
        "matter_key",
        sa.Column("key", sa.BigInteger(), nullable=False, comment="a hash of a name in the text"),
        sa.Column("ticket_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_matter_key_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("key", "ticket_id", name=op.f("pk_matter_key")),
    )
    op.create_index("ix_matter_key_ticket", "matter_key", ["ticket_id"])
    op.create_table(
        "matter_pair",
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("head_id", BigId, nullable=False),
        sa.Column("p", sa.Double(), nullable=False, comment="that they are one matter"),
        sa.Column("same_caller", sa.Boolean(), nullable=False, comment="by the blind index of the phone"),
        sa.Column("why", sa.JSON(), nullable=False, comment="the reasons, in words"),
        sa.Column("state", sa.String(16), nullable=False, comment="vocab_matters.Proposal"),
        sa.Column("by", sa.String(64), nullable=True, comment="login of who decided; null: the system"),
        sa.Column("at", AwareUtc(), nullable=False, comment="of the proposal, then of the decision"),
        sa.Column("model_version", sa.String(40), nullable=False),
        sa.CheckConstraint("ticket_id > head_id", name=op.f("ck_matter_pair_order")),
        sa.CheckConstraint("state in ('proposed', 'merged', 'refused')", name=op.f("ck_matter_pair_state")),
        sa.ForeignKeyConstraint(["head_id"], ["ticket.id"], name=op.f("fk_matter_pair_head_id_ticket")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_matter_pair_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("ticket_id", "head_id", name=op.f("pk_matter_pair")),
    )
    op.create_index("ix_matter_pair_head", "matter_pair", ["head_id"])
    op.create_index(
        "ix_matter_pair_open",
        "matter_pair",
        ["p", "ticket_id"],
        postgresql_where=sa.text("state = 'proposed'"),
        sqlite_where=sa.text("state = 'proposed'"),
    )


def downgrade() -> None:
    op.drop_table("matter_pair")
    op.drop_table("matter_key")
    op.drop_table("matter_seen")
