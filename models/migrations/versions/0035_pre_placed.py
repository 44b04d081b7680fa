"""The place that a person put right becomes the ticket's own, with the point that was pressed on the map.

Columns that may be null, so yesterday's code works with them. Tickets that were put right before get the
district and street of their last correction; where somebody pressed then was not kept for the ticket.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    said = "WGS-84 degrees, where a person put it on the map; null: as models.placed says"
    op.add_column("ticket", sa.Column("lon", sa.Double(), nullable=True, comment=said))
    op.add_column("ticket", sa.Column("lat", sa.Double(), nullable=True))
    op.execute(
        """
        UPDATE ticket
        SET district_code = NULLIF(substr(said.new, 1, 6), ''),
            street_code = CASE WHEN length(said.new) > 6 THEN said.new END
        FROM correction AS said
        WHERE said.ticket_id = ticket.id
          AND said.id IN (SELECT max(id) FROM correction WHERE field = 'place' GROUP BY ticket_id)
        """
    )


def downgrade() -> None:
    op.drop_column("ticket", "lat")
    op.drop_column("ticket", "lon")
