"""Which units were alerted to an incident: who was told once hears how it goes on, and finds the page.

A new table alone. Incidents of before have no rows in it: their alerts go to the district of most calls, as
they did.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incident_told",
        sa.Column("incident_id", BigId, nullable=False),
        sa.Column("unit_code", sa.String(40), nullable=False, comment="that was alerted"),
        sa.Column("at", AwareUtc(), nullable=False, comment="for the first time"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_incident_told_incident_id_incident")
        ),
        sa.PrimaryKeyConstraint("incident_id", "unit_code", name=op.f("pk_incident_told")),
    )


def downgrade() -> None:
    op.drop_table("incident_told")
