"""How old code may be that works on the schema, told by the schema itself: old processes stay ready.

Every migration so far only adds. The oldest code that was run on the newest schema, under traffic, is of 0017
(`python -m bench.migrations`). A migration that takes something away sets `code_from`, and its way back sets
it as it was.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    made = op.create_table(
        "schema_floor",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "code_from",
            sa.String(32),
            nullable=False,
            comment="head revision of the oldest code that works on this schema",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schema_floor")),
    )
    op.bulk_insert(made, [{"id": 1, "code_from": "0017"}])


def downgrade() -> None:
    op.drop_table("schema_floor")
