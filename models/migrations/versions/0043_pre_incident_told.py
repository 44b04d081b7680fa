"""Which units were alerted to an incident: who was told once hears how it goes on, and finds the page.

A new table. Of incidents that go on, whoever was alerted before is read off the notices: told of its growth
anew, a district that knows would be alerted for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

if TYPE_CHECKING:
    from datetime import datetime

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    made = op.create_table(
        "incident_told",
        sa.Column("incident_id", BigId, nullable=False),
        sa.Column("unit_code", sa.String(40), nullable=False, comment="that was alerted"),
        sa.Column("at", AwareUtc(), nullable=False, comment="for the first time"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_incident_told_incident_id_incident")
        ),
        sa.PrimaryKeyConstraint("incident_id", "unit_code", name=op.f("pk_incident_told")),
    )
    notice = sa.table(
        "notice", sa.column("key"), sa.column("recipient_kind"), sa.column("recipient"),
        sa.column("created_at", AwareUtc()),
    )  # fmt: skip
    known = op.get_bind().execute(
        sa.select(notice.c.key, notice.c.recipient, notice.c.created_at)
        .where(notice.c.recipient_kind == "unit", notice.c.key.like("incident:%"))
        .order_by(notice.c.created_at)
    )
    live = set(
        op.get_bind().scalars(sa.text("SELECT id FROM incident WHERE state NOT IN ('closed', 'dismissed')"))
    )
    # incident:<id>:<version>:<template>:<unit>
    first: dict[tuple[int, str], datetime] = {}
    for key, unit, at in known:
        first.setdefault((int(key.split(":")[1]), unit), at)
    rows = [
        {"incident_id": incident, "unit_code": unit, "at": at}
        for (incident, unit), at in first.items()
        if incident in live
    ]
    if rows:
        op.bulk_insert(made, rows)


def downgrade() -> None:
    op.drop_table("incident_told")
