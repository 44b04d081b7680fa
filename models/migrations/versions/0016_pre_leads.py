"""Leads (线索) from media feeds, apart from appeals, and the exposure that a case keeps.

Only adds tables, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lead",
        sa.Column("id", BigId, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="counts its events"),
        sa.Column(
            "source", sa.String(length=120), nullable=False, comment="key of the source it was first seen in"
        ),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column(
            "url_hash", sa.String(length=64), nullable=False, comment="sha256 of the address made plain"
        ),
        sa.Column("title", sa.Text(), nullable=True, comment="masked"),
        sa.Column("text", sa.Text(), nullable=False, comment="masked"),
        sa.Column("published_at", AwareUtc(), nullable=True, comment="as the item says"),
        sa.Column("seen_at", AwareUtc(), nullable=False, comment="when it was first taken here"),
        sa.Column(
            "exposed_at", AwareUtc(), nullable=False, comment="曝光时间: the earliest of it and its repeats"
        ),
        sa.Column("state", sa.String(length=12), nullable=False, comment="vocab_leads.LeadState"),
        sa.Column(
            "screened", sa.String(length=24), nullable=True, comment="dropped by rule: vocab_leads.DropReason"
        ),
        sa.Column(
            "repeats", sa.Integer(), nullable=False, comment="further reports that say nearly the same"
        ),
        sa.Column("environmental", sa.Boolean(), nullable=True),
        sa.Column("p_environmental", sa.Double(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=True),
        sa.Column("kind_confidence", sa.Double(), nullable=True),
        sa.Column("urgency", sa.String(length=4), nullable=True),
        sa.Column("district_code", sa.String(length=12), nullable=True),
        sa.Column("street_code", sa.String(length=12), nullable=True),
        sa.Column("place", sa.Text(), nullable=True, comment="the words that say where"),
        sa.Column("reading", sa.JSON(), nullable=True, comment="model, reasons for a person to look"),
        sa.Column("reason", sa.String(length=24), nullable=True, comment="vocab_leads.DropReason"),
        sa.Column("decided_at", AwareUtc(), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("appeal_id", BigId, nullable=True),
        sa.Column("merged_lead_id", BigId, nullable=True),
        sa.Column("merged_ticket_no", sa.String(length=32), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column(
            "hand_out_at", AwareUtc(), nullable=False, comment="unread: when a worker is asked (again)"
        ),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name=op.f("fk_lead_appeal_id_appeal")),
        sa.ForeignKeyConstraint(["merged_lead_id"], ["lead.id"], name=op.f("fk_lead_merged_lead_id_lead")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead")),
        sa.UniqueConstraint("appeal_id", name=op.f("uq_lead_appeal_id")),
        sa.UniqueConstraint("url_hash", name=op.f("uq_lead_url_hash")),
    )
    op.create_index("ix_lead_merged", "lead", ["merged_lead_id"])
    op.create_index("ix_lead_seen_at", "lead", ["seen_at"])
    op.create_index("ix_lead_state", "lead", ["state", "id"])
    op.create_index(
        "ix_lead_unread",
        "lead",
        ["hand_out_at"],
        postgresql_where=sa.text("state = 'unread'"),
        sqlite_where=sa.text("state = 'unread'"),
    )
    op.create_table(
        "lead_band",
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_lead_band_lead_id")),
        sa.PrimaryKeyConstraint("value", "lead_id", name=op.f("pk_lead_band")),
    )
    op.create_index("ix_lead_band_lead_id", "lead_band", ["lead_id"])
    op.create_table(
        "lead_event",
        sa.Column("lead_id", BigId, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.Column("act", sa.String(length=12), nullable=False, comment="vocab_leads.LeadAct"),
        sa.Column("by", sa.String(length=64), nullable=True, comment="login; null: the system"),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_lead_event_lead_id")),
        sa.PrimaryKeyConstraint("lead_id", "seq", name=op.f("pk_lead_event")),
    )
    op.create_table(
        "lead_item",
        sa.Column("url_hash", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("lead_id", BigId, nullable=True),
        sa.Column("seen_at", AwareUtc(), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_lead_item_lead_id")),
        sa.PrimaryKeyConstraint("url_hash", name=op.f("pk_lead_item")),
    )
    op.create_index("ix_lead_item_lead_id", "lead_item", ["lead_id"])
    op.create_table(
        "media_exposure",
        sa.Column("appeal_id", BigId, nullable=False),
        sa.Column("lead_id", BigId, nullable=False),
        sa.Column("exposed_at", AwareUtc(), nullable=False),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name=op.f("fk_media_exposure_appeal_id")),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_media_exposure_lead_id")),
        sa.PrimaryKeyConstraint("appeal_id", "lead_id", name=op.f("pk_media_exposure")),
    )
    op.create_index("ix_media_exposure_lead_id", "media_exposure", ["lead_id"])


def downgrade() -> None:
    for table in ("media_exposure", "lead_item", "lead_event", "lead_band", "lead"):
        op.drop_table(table)
