"""Incidents (突发、群体): the watch, incidents, their calls and events, what is usual by hour.

Only adds tables, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0024"
down_revision = "0023b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incident_watch",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "after_id", sa.BigInteger(), nullable=False, comment="tickets up to this one are not looked at"
        ),
        sa.Column("since", AwareUtc(), nullable=False, comment="from when on what is usual was counted"),
        sa.Column("looked_at", AwareUtc(), nullable=False, comment="of the last batch"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_watch")),
    )
    op.create_table(
        "incident",
        sa.Column("id", BigId, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="counts its events"),
        sa.Column("state", sa.String(12), nullable=False, comment="vocab_incidents.IncidentState"),
        sa.Column("scope", sa.String(12), nullable=False, comment="vocab_incidents.BurstScope of the row"),
        sa.Column("family", sa.String(8), nullable=False, comment="NOI of NOI-01; - for what has no kind"),
        sa.Column("kind", sa.String(16), nullable=True, comment="that most of its calls have"),
        sa.Column("district_code", sa.String(12), nullable=True),
        sa.Column("street_code", sa.String(12), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True, comment="WGS-84 degrees: the middle of its calls"),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column(
            "reach", sa.Double(), nullable=False, comment="metres from the middle to the farthest call"
        ),
        sa.Column("first_at", AwareUtc(), nullable=False, comment="of its first call"),
        sa.Column("last_at", AwareUtc(), nullable=False, comment="of its last call"),
        sa.Column("opened_at", AwareUtc(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False, comment="tickets that belong to it: demands"),
        sa.Column(
            "told_calls", sa.Integer(), nullable=False, comment="how many there were when it was last told of"
        ),
        sa.Column(
            "row_id", sa.String(60), nullable=False, comment="of incidents.yaml: the row that found it"
        ),
        sa.Column("callers", sa.Integer(), nullable=False, comment="when it was found"),
        sa.Column(
            "usual",
            sa.Double(),
            nullable=False,
            comment="callers that such a stretch of time usually has there",
        ),
        sa.Column("chance", sa.Double(), nullable=False, comment="of so many, if nothing were the matter"),
        sa.Column(
            "confirm_by", AwareUtc(), nullable=False, comment="紧急 (U1): by when a person must have looked"
        ),
        sa.Column(
            "answer_by", AwareUtc(), nullable=False, comment="紧急 (U1): by when what was done must be told"
        ),
        sa.Column("late_told", sa.Boolean(), nullable=False, comment="that nobody looked in time was told"),
        sa.Column("reason", sa.Text(), nullable=True, comment="of the last decision, masked"),
        sa.Column("decided_at", AwareUtc(), nullable=True),
        sa.Column("decided_by", sa.String(64), nullable=True),
        sa.CheckConstraint(
            "state in ('proposed', 'confirmed', 'scaled', 'closed', 'dismissed')",
            name=op.f("ck_incident_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index(
        "ix_incident_live",
        "incident",
        ["last_at"],
        postgresql_where=sa.text("state NOT IN ('closed', 'dismissed')"),
        sqlite_where=sa.text("state NOT IN ('closed', 'dismissed')"),
    )
    op.create_index("ix_incident_state", "incident", ["state", "id"])
    op.create_table(
        "incident_call",
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("at", AwareUtc(), nullable=False, comment="when the citizen spoke"),
        sa.Column("family", sa.String(8), nullable=False),
        sa.Column("square", sa.String(16), nullable=True, comment="of the grid; null: no point is known"),
        sa.Column("district_code", sa.String(12), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("incident_id", BigId, nullable=True),
        sa.Column("by", sa.String(12), nullable=True, comment="vocab_incidents.CallBy"),
        sa.Column(
            "kept_out",
            sa.Boolean(),
            nullable=False,
            comment="a person took it out: it does not attach by itself again",
        ),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_incident_call_incident_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_incident_call_ticket_id")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_incident_call")),
    )
    op.create_index("ix_incident_call_district", "incident_call", ["family", "district_code", "at"])
    op.create_index(
        "ix_incident_call_incident",
        "incident_call",
        ["incident_id", "at"],
        postgresql_where=sa.text("incident_id IS NOT NULL"),
        sqlite_where=sa.text("incident_id IS NOT NULL"),
    )
    op.create_index("ix_incident_call_square", "incident_call", ["family", "square", "at"])
    op.create_table(
        "incident_hour",
        sa.Column("family", sa.String(8), nullable=False),
        sa.Column("area", sa.String(16), nullable=False, comment="a square or a district"),
        sa.Column("hour", AwareUtc(), nullable=False, comment="its beginning"),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("family", "area", "hour", name=op.f("pk_incident_hour")),
    )
    op.create_index("ix_incident_hour_hour", "incident_hour", ["hour"])
    op.create_table(
        "incident_event",
        sa.Column("incident_id", BigId, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.Column("act", sa.String(12), nullable=False, comment="vocab_incidents.IncidentAct"),
        sa.Column("by", sa.String(64), nullable=True, comment="login; null: the system"),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_incident_event_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "seq", name=op.f("pk_incident_event")),
    )


def downgrade() -> None:
    op.drop_table("incident_event")
    op.drop_table("incident_hour")
    op.drop_table("incident_call")
    op.drop_table("incident")
    op.drop_table("incident_watch")
