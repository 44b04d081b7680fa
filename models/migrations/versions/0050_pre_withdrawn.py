"""撤诉 in the sums of 态势: how many demands their own callers withdrew.

Only adds a column with a default. Code of before neither reads nor writes it: a demand that such code counts
after its 撤诉 is counted by its row's state (已办结), until its next event; `jiesu trends rebuild` after the
deploy makes all sums anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

_SUMS = (
    "rollup_day", "rollup_channel", "rollup_street", "rollup_kind", "rollup_month", "rollup_month_district",
    "rollup_month_kind", "rollup_month_street", "rollup_district",
)  # fmt: skip


def upgrade() -> None:
    for table in _SUMS:
        op.add_column(
            table, sa.Column("withdrawn", sa.Integer(), nullable=False, server_default="0", comment="撤诉")
        )


def downgrade() -> None:
    for table in _SUMS:
        op.drop_column(table, "withdrawn")
