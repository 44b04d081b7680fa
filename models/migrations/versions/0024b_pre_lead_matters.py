"""Media leads and tickets about one matter: keys of leads, and pairs that are proposed.

Only adds tables, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0024b"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lead_seen",
        sa.Column("lead_id", BigId, nullable=False),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_lead_seen_lead_id")),
        sa.PrimaryKeyConstraint("lead_id", name=op.f("pk_lead_seen")),
    )
    op.create_table(
        "lead_key",
        sa.Column("key", sa.BigInteger(), nullable=False, comment="as of matter_key"),
        sa.Column("lead_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_lead_key_lead_id")),
        sa.PrimaryKeyConstraint("key", "lead_id", name=op.f("pk_lead_key")),
    )
    op.create_index(op.f("ix_lead_key_lead_id"), "lead_key", ["lead_id"])
    op.create_table(
        "lead_pair",
        sa.Column("lead_id", BigId, nullable=False),
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("p", sa.Double(), nullable=False, comment="that they are one matter"),
        sa.Column("why", sa.JSON(), nullable=False, comment="the reasons, in words"),
        sa.Column(
            "state", sa.String(16), nullable=False, comment="proposed or refused; merged is the lead's"
        ),
        sa.Column("by", sa.String(64), nullable=True, comment="login of who refused"),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.CheckConstraint("state in ('proposed', 'refused')", name=op.f("ck_lead_pair_state")),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_lead_pair_lead_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_lead_pair_ticket_id")),
        sa.PrimaryKeyConstraint("lead_id", "ticket_id", name=op.f("pk_lead_pair")),
    )
    op.create_index("ix_lead_pair_ticket", "lead_pair", ["ticket_id"])


def downgrade() -> None:
    op.drop_table("lead_pair")
    op.drop_table("lead_key")
    op.drop_table("lead_seen")
