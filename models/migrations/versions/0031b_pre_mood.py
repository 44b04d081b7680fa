"""语气: how an appeal sounds, with its reading and in the sums. Null or nothing where it was not read.

Only adds columns that have a default or may be null, so yesterday's code works with it. What yesterday's code
counts meanwhile holds no tone: `jiesu trends rebuild` after the deploy makes all sums anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031b"
down_revision = "0031"
branch_labels = None
depends_on = None

_SUMS = ("rollup_day", "rollup_month", "rollup_district")
_MEASURES = {
    "mood_read": "语气 was read",
    "negative": "of these 负面",
    "positive": "of these 正面",
    "angry": "of these 激烈",
}
_MOOD = "vocab_mood.Mood; null: read before it was asked, or nothing to read"


def upgrade() -> None:
    for table in _SUMS:
        for name, told in _MEASURES.items():
            op.add_column(
                table, sa.Column(name, sa.Integer(), nullable=False, server_default="0", comment=told)
            )
    op.add_column(
        "rollup_ticket",
        sa.Column(
            "mood", sa.String(8), nullable=False, server_default="", comment="vocab_mood.Mood; '': not read"
        ),
    )
    op.add_column("rollup_ticket", sa.Column("angry", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("reading", sa.Column("mood", sa.String(8), nullable=True, comment=_MOOD))
    op.add_column(
        "reading",
        sa.Column("angry", sa.Boolean(), nullable=True, comment="激烈: the words sound angry; null as mood"),
    )


def downgrade() -> None:
    op.drop_column("reading", "angry")
    op.drop_column("reading", "mood")
    op.drop_column("rollup_ticket", "angry")
    op.drop_column("rollup_ticket", "mood")
    for table in _SUMS:
        for name in reversed(_MEASURES):
            op.drop_column(table, name)
