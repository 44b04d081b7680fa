"""How old code may be that works on the schema, told by the schema itself; leads and bulk jobs carry a trace.

Every migration so far only adds. The oldest code that was run on the newest schema, under traffic, is of 0017
(`python -m bench.migrations`). A migration that takes something away sets `code_from`, and its way back sets
it as it was.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0036"
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
    for table, what in (("bulk_job", "started it"), ("lead", "took it in")):
        told = f"W3C traceparent of what {what}; null: tracing is off"
        op.add_column(table, sa.Column("trace", sa.String(55), nullable=True, comment=told))


def downgrade() -> None:
    op.drop_column("lead", "trace")
    op.drop_column("bulk_job", "trace")
    op.drop_table("schema_floor")
