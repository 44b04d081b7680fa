"""Trends (态势): sums beside the tickets, signals and forecasts.

Only adds tables, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0020"
down_revision = "0019c"
branch_labels = None
depends_on = None


def _measures() -> list[sa.Column[int]]:
    return [
        sa.Column("demands", sa.Integer(), nullable=False, comment="诉求: every appeal with a ticket"),
        sa.Column(
            "cases", sa.Integer(), nullable=False, comment="工单: demands that were not joined to another"
        ),
        sa.Column("in_review", sa.Integer(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("solved", sa.Integer(), nullable=False),
        sa.Column("unsolved", sa.Integer(), nullable=False),
        sa.Column("ended", sa.Integer(), nullable=False),
        sa.Column("diverted", sa.Integer(), nullable=False),
        sa.Column("handed_over", sa.Integer(), nullable=False),
        sa.Column("merged", sa.Integer(), nullable=False),
        sa.Column("reached", sa.Integer(), nullable=False, comment="回访: the citizen was reached"),
        sa.Column("satisfied", sa.Integer(), nullable=False, comment="of these 满意 or 基本满意"),
        sa.Column("reviewed", sa.Integer(), nullable=False, comment="the reading was sent to a person"),
        sa.Column("corrected", sa.Integer(), nullable=False, comment="a person corrected the reading (更正)"),
    ]


def upgrade() -> None:

    op.create_table(
        "forecast",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("district", sa.String(12), nullable=False),
        sa.Column("expected", sa.Double(), nullable=False),
        sa.Column(
            "low",
            sa.Double(),
            nullable=False,
            comment="four of five months are expected between low and high",
        ),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("method", sa.String(40), nullable=False),
        sa.Column("made_at", AwareUtc(), nullable=False),
        sa.PrimaryKeyConstraint("month", "kind", "district", name=op.f("pk_forecast")),
    )
    op.create_table(
        "rollup_cursor",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.Column("events_seen", sa.BigInteger(), nullable=False),
        sa.Column("events_settled", sa.BigInteger(), nullable=False),
        sa.Column("corrections_settled", sa.BigInteger(), nullable=False),
        sa.Column("mark_events", sa.BigInteger(), nullable=False, comment="the newest event at mark_at"),
        sa.Column("mark_corrections", sa.BigInteger(), nullable=False),
        sa.Column(
            "mark_xmax", sa.BigInteger(), nullable=False, comment="PostgreSQL: the next transaction then"
        ),
        sa.Column("mark_at", AwareUtc(), nullable=False),
        sa.Column(
            "archived_before",
            sa.Date(),
            nullable=True,
            comment="days before it were written to Parquet files",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollup_cursor")),
    )
    op.create_table(
        "rollup_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("district", sa.String(12), nullable=False),
        sa.Column("street", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        *_measures(),
        sa.PrimaryKeyConstraint("day", "district", "street", "kind", "channel", name=op.f("pk_rollup_day")),
    )
    op.create_index("ix_rollup_day_street", "rollup_day", ["street", "day"], unique=False)
    op.create_table(
        "rollup_district",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("district", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        *_measures(),
        sa.PrimaryKeyConstraint("day", "district", "kind", name=op.f("pk_rollup_district")),
    )
    op.create_table(
        "rollup_hour",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("district", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("weekday", sa.SmallInteger(), nullable=False, comment="1 Monday … 7 Sunday"),
        sa.Column("hour", sa.SmallInteger(), nullable=False),
        sa.Column("demands", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("month", "district", "kind", "weekday", "hour", name=op.f("pk_rollup_hour")),
    )
    op.create_table(
        "rollup_model",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("model", sa.String(120), nullable=False),
        sa.Column("band", sa.SmallInteger(), nullable=False),
        sa.Column("demands", sa.Integer(), nullable=False),
        sa.Column("reviewed", sa.Integer(), nullable=False),
        sa.Column("corrected", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "model", "band", name=op.f("pk_rollup_model")),
    )
    op.create_table(
        "rollup_month",
        sa.Column("month", sa.Date(), nullable=False, comment="its first day"),
        sa.Column("district", sa.String(12), nullable=False),
        sa.Column("street", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        *_measures(),
        sa.PrimaryKeyConstraint(
            "month", "district", "street", "kind", "channel", name=op.f("pk_rollup_month")
        ),
    )
    op.create_table(
        "rollup_place",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("district", sa.String(12), nullable=False),
        sa.Column("street", sa.String(12), nullable=False),
        sa.Column("community", sa.String(12), nullable=False),
        sa.Column("grid", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("demands", sa.Integer(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("unsolved", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "day", "district", "street", "community", "grid", "kind", name=op.f("pk_rollup_place")
        ),
    )
    op.create_table(
        "rollup_ticket",
        sa.Column("ticket_id", BigId, autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, comment="of the last event that is counted"),
        sa.Column(
            "correction_id", sa.BigInteger(), nullable=False, comment="the last that is counted; 0: none"
        ),
        sa.Column("day", sa.Date(), nullable=False, comment="when the citizen spoke, Beijing"),
        sa.Column("hour", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False, comment="as corrected; '': not environmental"),
        sa.Column("district", sa.String(12), nullable=False),
        sa.Column("street", sa.String(12), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("ending", sa.String(16), nullable=False, comment="vocab_trends.Ending"),
        sa.Column("community", sa.String(12), nullable=False),
        sa.Column("grid", sa.String(12), nullable=False, comment="1 km; only of places known to the point"),
        sa.Column("model", sa.String(120), nullable=False),
        sa.Column("band", sa.SmallInteger(), nullable=False, comment="confidence of the kind, 0 to 9 tenths"),
        sa.Column("reached", sa.SmallInteger(), nullable=False),
        sa.Column("satisfied", sa.SmallInteger(), nullable=False),
        sa.Column("reviewed", sa.SmallInteger(), nullable=False),
        sa.Column("corrected", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_rollup_ticket")),
    )
    op.create_index(
        "ix_rollup_ticket_day", "rollup_ticket", ["day", "district", "kind", "ticket_id"], unique=False
    )
    op.create_index("ix_rollup_ticket_street", "rollup_ticket", ["street", "day"], unique=False)
    op.create_table(
        "rollup_word",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("word", sa.String(40), nullable=False),
        sa.Column("demands", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "word", name=op.f("pk_rollup_word")),
    )
    op.create_table(
        "rollup_word_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("demands", sa.Integer(), nullable=False),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_rollup_word_day")),
    )
    op.create_table(
        "signal",
        sa.Column("id", BigId, nullable=False),
        sa.Column("what", sa.String(16), nullable=False, comment="vocab_trends.SignalKind"),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("district", sa.String(12), nullable=False),
        sa.Column("place", sa.String(40), nullable=False, comment="street, community or grid; '': none"),
        sa.Column("first_day", sa.Date(), nullable=False, comment="the first day it was noticed for"),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column(
            "score",
            sa.Double(),
            nullable=False,
            comment="of the last day; how it is reckoned stands in `told`",
        ),
        sa.Column("told", sa.JSON(), nullable=False, comment="its numbers, and the sentences with them"),
        sa.Column(
            "row_id", sa.String(80), nullable=False, comment="the row of signals.yaml that set its limits"
        ),
        sa.Column("state", sa.String(16), nullable=False, comment="vocab_trends.SignalState"),
        sa.Column("made_at", AwareUtc(), nullable=False),
        sa.Column("by", sa.String(64), nullable=True, comment="login of who decided"),
        sa.Column("decided_at", AwareUtc(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("state in ('new', 'acknowledged', 'dismissed')", name=op.f("ck_signal_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signal")),
    )
    op.create_index("ix_signal_state", "signal", ["state", "last_day", "id"], unique=False)
    op.create_index(
        "ix_signal_subject", "signal", ["what", "kind", "district", "place", "last_day"], unique=False
    )
    op.create_table(
        "signal_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_signal_day")),
    )


def downgrade() -> None:

    op.drop_table("signal_day")
    op.drop_table("signal")
    op.drop_table("rollup_word_day")
    op.drop_table("rollup_word")
    op.drop_table("rollup_ticket")
    op.drop_table("rollup_place")
    op.drop_table("rollup_month")
    op.drop_table("rollup_model")
    op.drop_table("rollup_hour")
    op.drop_table("rollup_district")
    op.drop_table("rollup_day")
    op.drop_table("rollup_cursor")
    op.drop_table("forecast")
