"""诉求类型 as the source tells it, for what it calls 举报 is one; and what a platform notes on its order.

Columns that may be null, so yesterday's code works with them. What was stored before has none: it stood in
the sealed original alone. `jiesu hotline rewind` asks a platform again, and marks those that it calls 举报.
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
    facts = "vocab_sources.OrderFact by name: the platform's deadline, grade, 督办"
    op.add_column("hotline_order", sa.Column("facts", sa.JSON(), nullable=True, comment=facts))


def downgrade() -> None:
    op.drop_column("hotline_order", "facts")
    op.drop_column("appeal", "told_type")
