"""Sources that run by themselves, and the exchange with a 12345 platform (12345 热线平台).

Only adds tables, and columns with a default, so yesterday's code works with it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _source() -> None:
    columns: tuple[sa.Column[Any], ...] = (
        sa.Column(
            "kind",
            sa.String(16),
            nullable=False,
            server_default="file",
            comment="vocab_sources.SourceKind",
        ),
        sa.Column(
            "enabled",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="whether it does anything by itself",
        ),
        sa.Column("every_seconds", sa.Integer(), nullable=False, server_default="60"),
        sa.Column(
            "settings",
            sa.JSON(),
            nullable=False,
            server_default=sa.text("'{}'"),
            comment="texts by field; nothing secret",
        ),
        sa.Column("credentials", sa.LargeBinary(), nullable=True, comment="sealed JSON"),
    )
    for column in columns:
        op.add_column("source", column)
    op.create_table(
        "source_task",
        sa.Column("source_id", BigId, nullable=False),
        sa.Column("task", sa.String(16), nullable=False),
        sa.Column("next_at", AwareUtc(), nullable=False),
        sa.Column("lease_by", sa.String(80), nullable=True),
        sa.Column("lease_until", AwareUtc(), nullable=True),
        sa.Column("tried_at", AwareUtc(), nullable=True),
        sa.Column("succeeded_at", AwareUtc(), nullable=True),
        sa.Column(
            "lag_seconds",
            sa.Integer(),
            nullable=True,
            comment="age of the oldest that is still to come or go",
        ),
        sa.Column("said", sa.Text(), nullable=True, comment="what the last success came to, in words"),
        sa.Column(
            "error",
            sa.Text(),
            nullable=True,
            comment="why it failed last, for staff; never a citizen's words",
        ),
        sa.Column("error_at", AwareUtc(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("paused_until", AwareUtc(), nullable=True),
        sa.Column("cursor", sa.JSON(), nullable=True, comment="how far it came; its own words"),
        sa.Column("seen", BigId, nullable=False, server_default="0", comment="ever"),
        sa.Column("stored", BigId, nullable=False, server_default="0", comment="ever"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_source_task_source_id_source")),
        sa.PrimaryKeyConstraint("source_id", "task", name=op.f("pk_source_task")),
    )
    op.create_index("ix_source_task_next_at", "source_task", ["next_at"])


def _orders() -> None:
    op.create_table(
        "hotline_order",
        sa.Column("source_id", BigId, nullable=False),
        sa.Column("order_no", sa.String(200), nullable=False),
        sa.Column(
            "day", sa.Date(), nullable=False, comment="in Beijing, by the platform's own time of the order"
        ),
        sa.Column("status", sa.String(16), nullable=False, comment="vocab_sources.OrderStatus"),
        sa.Column("foreign_status", sa.String(40), nullable=True),
        sa.Column("updated_at", AwareUtc(), nullable=False, comment="by the platform's clock"),
        sa.Column("first_seen_at", AwareUtc(), nullable=False),
        sa.Column("via", sa.String(8), nullable=False, comment="pull or push: how it came first"),
        sa.Column(
            "attachments",
            sa.JSON(),
            nullable=False,
            comment="references: id, type, size, address, and why one is not accepted",
        ),
        sa.Column(
            "refused",
            sa.Text(),
            nullable=True,
            comment="why it was not taken in; never a citizen's words",
        ),
        sa.Column(
            "changed_at",
            AwareUtc(),
            nullable=True,
            comment="it came again with other words; what was stored first stands",
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_hotline_order_source_id_source")),
        sa.PrimaryKeyConstraint("source_id", "order_no", name=op.f("pk_hotline_order")),
    )
    op.create_index("ix_hotline_order_day", "hotline_order", ["source_id", "day"])
    refused = sa.text("refused IS NOT NULL")
    op.create_index(
        "ix_hotline_order_refused",
        "hotline_order",
        ["source_id", "first_seen_at"],
        postgresql_where=refused,
        sqlite_where=refused,
    )


def _actions() -> None:
    op.create_table(
        "hotline_action",
        sa.Column("id", BigId, nullable=False),
        sa.Column("source_id", BigId, nullable=False),
        sa.Column("order_no", sa.String(200), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, comment="action number: 1, 2, 3 … of the order"),
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column(
            "event_seq", sa.Integer(), nullable=False, comment="of the ticket's event that it tells of"
        ),
        sa.Column("kind", sa.String(16), nullable=False, comment="vocab_sources.ActionKind"),
        sa.Column(
            "day", sa.Date(), nullable=False, comment="of the event, in Beijing: it is reconciled by this"
        ),
        sa.Column(
            "body",
            sa.JSON(),
            nullable=False,
            comment="moment, unit and what the move was told (masked), in our words",
        ),
        sa.Column("state", sa.String(16), nullable=False, comment="vocab_sources.ActionState"),
        sa.Column("created_at", AwareUtc(), nullable=False),
        sa.Column("available_at", AwareUtc(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("acknowledged_at", AwareUtc(), nullable=True),
        sa.Column("receipt", sa.String(120), nullable=True, comment="the platform's number for it"),
        sa.Column("error", sa.Text(), nullable=True, comment="why not, in words for staff"),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_hotline_action_source_id_source")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_hotline_action_ticket_id_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hotline_action")),
        sa.UniqueConstraint(
            "source_id", "order_no", "seq", name=op.f("uq_hotline_action_source_id_order_no_seq")
        ),
    )
    for name, state, columns in (
        ("ix_hotline_action_waiting", "waiting", ["source_id", "available_at"]),
        ("ix_hotline_action_refused", "refused", ["source_id", "id"]),
    ):
        where = sa.text(f"state = '{state}'")
        op.create_index(name, "hotline_action", columns, postgresql_where=where, sqlite_where=where)
    op.create_index("ix_hotline_action_day", "hotline_action", ["source_id", "day"])
    op.create_index("ix_hotline_action_ticket", "hotline_action", ["ticket_id"])


def upgrade() -> None:
    _source()
    _orders()
    _actions()
    op.create_table(
        "hotline_nonce",
        sa.Column("source_id", BigId, nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("seen_at", AwareUtc(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_hotline_nonce_source_id_source")),
        sa.PrimaryKeyConstraint("source_id", "nonce", name=op.f("pk_hotline_nonce")),
    )
    op.create_index("ix_hotline_nonce_seen_at", "hotline_nonce", ["seen_at"])
    op.create_table(
        "hotline_reconciliation",
        sa.Column("id", BigId, nullable=False),
        sa.Column("source_id", BigId, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("made_at", AwareUtc(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False, comment="that the platform told of"),
        sa.Column("actions", sa.Integer(), nullable=False, comment="that the platform told of"),
        sa.Column(
            "unmatched", sa.Integer(), nullable=False, comment="orders and actions that one side lacks"
        ),
        sa.Column("detail", sa.JSON(), nullable=False, comment="the numbers, up to a thousand of a sort"),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_hotline_reconciliation_source_id_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hotline_reconciliation")),
    )
    op.create_index("ix_hotline_reconciliation_day", "hotline_reconciliation", ["source_id", "day"])


def downgrade() -> None:
    for table in (
        "hotline_reconciliation",
        "hotline_nonce",
        "hotline_action",
        "hotline_order",
        "source_task",
    ):
        op.drop_table(table)
    for column in ("credentials", "settings", "every_seconds", "enabled", "kind"):
        op.drop_column("source", column)
