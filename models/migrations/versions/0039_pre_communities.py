"""The community that a person picked is kept: with the correction, and on the ticket as part of its place.

Columns that may be null, so yesterday's code works with them. What was picked before was kept for the
dictionary alone (`site_place`), counted for phrases and not for tickets: nothing is filled in.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    said = "of a place: ticket.community_code after it, as models.placed says"
    op.add_column("correction", sa.Column("community", sa.String(12), nullable=True, comment=said))
    put = "that a person put it in; null: as models.placed says"
    op.add_column("ticket", sa.Column("community_code", sa.String(12), nullable=True, comment=put))


def downgrade() -> None:
    op.drop_column("ticket", "community_code")
    op.drop_column("correction", "community")
