"""How far a rotation of master keys is (轮换密钥).

Only adds a table, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc

revision = "0019b"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "key_progress",
        sa.Column("place", sa.String(40), nullable=False, comment="name of the table"),
        sa.Column("key_id", sa.Integer(), autoincrement=False, nullable=False, comment="the key that seals"),
        sa.Column(
            "after", sa.JSON(none_as_null=True), nullable=True, comment="key of the last row that was seen"
        ),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("renewed", sa.BigInteger(), nullable=False),
        sa.Column("started_at", AwareUtc(), nullable=False),
        sa.Column("finished_at", AwareUtc(), nullable=True),
        sa.PrimaryKeyConstraint("place", "key_id", name=op.f("pk_key_progress")),
    )


def downgrade() -> None:
    op.drop_table("key_progress")
