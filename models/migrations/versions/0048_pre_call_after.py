"""回访台: who rings which citizen now (`follow_up_hold`), and the time agreed to ring after (`call_after`).

New tables, and one index on what citizens said on the web of an answer, which is little. Code of before
neither reads nor writes the tables: what such code rings to an end is told by the ticket's own events, so an
agreed time that stays behind counts for nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

_UNHAPPY = sa.text("solved = 'no' OR satisfaction IN ('dissatisfied', 'very_dissatisfied')")


def upgrade() -> None:
    op.create_table(
        "follow_up_hold",
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("by", sa.String(64), nullable=False, comment="login"),
        sa.Column("until", AwareUtc(), nullable=False),
        sa.Column("looked", sa.Boolean(), nullable=False, comment="they looked at the number"),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_follow_up_hold_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_follow_up_hold")),
    )
    op.create_index("ix_follow_up_hold_by", "follow_up_hold", ["by"])
    op.create_table(
        "call_after",
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("at", AwareUtc(), nullable=False, comment="not to be rung before"),
        sa.Column("words", sa.Text(), nullable=False, comment="masked; empty: none"),
        sa.Column("by", sa.String(64), nullable=False, comment="login of who set it"),
        sa.Column("set_at", AwareUtc(), nullable=False),
        sa.Column(
            "seq", sa.Integer(), nullable=False, comment="the ticket's last event then: later ones may end it"
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_call_after_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_call_after")),
    )
    op.create_index("ix_call_after_at", "call_after", ["at", "ticket_id"])
    op.create_index(
        "ix_citizen_rating_unhappy",
        "citizen_rating",
        ["at"],
        postgresql_where=_UNHAPPY,
        sqlite_where=_UNHAPPY,
    )


def downgrade() -> None:
    op.drop_index("ix_citizen_rating_unhappy", table_name="citizen_rating")
    op.drop_table("call_after")
    op.drop_table("follow_up_hold")
