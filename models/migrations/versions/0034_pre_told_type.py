"""诉求类型 as the source tells it: what a platform calls 举报 is one, however its words are read.

A column that may be null, so yesterday's code works with it. What was stored before has none: it stood in the
sealed original alone. `jiesu hotline rewind` asks a platform again, and marks those that it calls 举报.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    told = "vocab.AppealType as the source itself calls it; null: it did not say"
    op.add_column("appeal", sa.Column("told_type", sa.String(8), nullable=True, comment=told))


def downgrade() -> None:
    op.drop_column("appeal", "told_type")
