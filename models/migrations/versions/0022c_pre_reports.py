"""Reports (报告): drafts, signed editions; months open to the public.

Only adds tables, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0022c"
down_revision = "0022b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "open_month",
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("least", sa.Integer(), nullable=False, comment="smaller counts are not told"),
        sa.Column("published_at", AwareUtc(), nullable=False),
        sa.Column(
            "cells", sa.JSON(), nullable=False, comment="district, kind and count each; count null: hidden"
        ),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_open_month")),
    )
    op.create_table(
        "report",
        sa.Column("id", BigId, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False, comment="vocab_reports.ReportKind"),
        sa.Column(
            "period", sa.String(10), nullable=False, comment="2026-11-25, 2026-W47 or 2026-10, Beijing"
        ),
        sa.Column("edition", sa.Integer(), nullable=False, comment="1, then corrections"),
        sa.Column(
            "issue", sa.Integer(), nullable=False, comment="期数: number of the period within its year"
        ),
        sa.Column("state", sa.String(8), nullable=False, comment="vocab_reports.ReportState"),
        sa.Column("version", sa.Integer(), nullable=False, comment="counts the drafts"),
        sa.Column("facts", sa.JSON(), nullable=False, comment="the figures, each with what is shown of it"),
        sa.Column("sections", sa.JSON(), nullable=False, comment="headings and their sentences"),
        sa.Column(
            "data_version", sa.String(80), nullable=False, comment="of the sums, and of the published month"
        ),
        sa.Column("as_of", AwareUtc(), nullable=False, comment="up to when everything is counted"),
        sa.Column("table_version", sa.String(40), nullable=False),
        sa.Column("made_at", AwareUtc(), nullable=False),
        sa.Column("signed_at", AwareUtc(), nullable=True),
        sa.Column("signed_by", sa.String(64), nullable=True),
        sa.Column("sha256", sa.String(64), nullable=True, comment="of figures and text, once signed"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
        sa.UniqueConstraint("kind", "period", "edition", name=op.f("uq_report_kind_period_edition")),
    )
    op.create_index("ix_report_made", "report", ["made_at"])
    op.create_table(
        "report_draft",
        sa.Column("report_id", BigId, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sections", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False, comment="login; system: drafted from figures"),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name=op.f("fk_report_draft_report_id")),
        sa.PrimaryKeyConstraint("report_id", "version", name=op.f("pk_report_draft")),
    )


def downgrade() -> None:
    op.drop_table("report_draft")
    op.drop_table("report")
    op.drop_table("open_month")
