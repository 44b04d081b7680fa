"""来电查件: a phone with an extension, or two numbers in one field, is found by each number.

A new table, written with what is sealed from now on. Code of before neither reads nor writes it: what such
code takes in is found as it was, by all its digits; what it corrects or erases is found by no row of here,
for each bears the index that it was made beside.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import BigId

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "caller_number",
        sa.Column(
            "number_index", sa.LargeBinary(), nullable=False, comment="keyed blind index of one number"
        ),
        sa.Column("appeal_id", BigId, nullable=False),
        sa.Column(
            "phone_index", sa.LargeBinary(), nullable=False,
            comment="that of the field it stands in: another one there since, and this row says nothing",
        ),
        sa.ForeignKeyConstraint(
            ["appeal_id"], ["appeal.id"], name=op.f("fk_caller_number_appeal_id_appeal"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number_index", "appeal_id", name=op.f("pk_caller_number")),
    )  # fmt: skip
    op.create_index("ix_caller_number_appeal", "caller_number", ["appeal_id"])


def downgrade() -> None:
    op.drop_table("caller_number")
