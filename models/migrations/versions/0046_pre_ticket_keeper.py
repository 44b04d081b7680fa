"""经办人: which of a unit's own people deals with its part of a ticket.

A new table. Code of before neither reads nor writes it: a ticket that such code sends elsewhere keeps its
row, which nobody is shown, for the unit has no part in the ticket any more.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ticket_keeper",
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("unit_code", sa.String(40), nullable=False),
        sa.Column("staff_id", BigId, nullable=False),
        sa.Column("since", AwareUtc(), nullable=False),
        sa.Column("by_id", BigId, nullable=False, comment="who named them: themselves, or a colleague"),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_keeper_ticket_id_ticket")),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_ticket_keeper_unit_code_unit")),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["account.staff_id"], name=op.f("fk_ticket_keeper_staff_id_account")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["account.staff_id"], name=op.f("fk_ticket_keeper_by_id_account")),
        sa.PrimaryKeyConstraint("ticket_id", "unit_code", name=op.f("pk_ticket_keeper")),
    )
    op.create_index("ix_ticket_keeper_staff", "ticket_keeper", ["staff_id", "ticket_id"])


def downgrade() -> None:
    op.drop_table("ticket_keeper")
