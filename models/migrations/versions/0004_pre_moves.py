"""The moves: what a ticket waits for, units called in, objections, requests that were done once.

Adds columns and tables, and draws the partial indexes anew over the new states, so yesterday's code works
with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_CLOSED = "('diverted', 'handed_over', 'closed', 'archived', 'merged')"
_OPEN = (
    "('review', 'dispatched', 'signed', 'contacted', 'handling', 'objected', 'to_reassign', "
    "'arbitration', 'on_ledger', 'feedback', 'followed_up')"
)
_FLAGGED_CLOSED = "ix_ticket_flagged_closed"
_UNCLOCKED = "ix_ticket_unclocked"


def _partial(name: str, condition: str, *columns: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "ticket", list(columns), postgresql_where=where, sqlite_where=where)


def upgrade() -> None:
    op.add_column(
        "ticket",
        sa.Column("urges", sa.Integer(), nullable=False, server_default="0", comment="催办, counted"),
    )
    op.add_column(
        "ticket",
        sa.Column(
            "asked",
            sa.String(60),
            nullable=True,
            comment="moves (vocab.Move) that wait for an answer, with commas; null: none",
        ),
    )
    moment = sa.DateTime(timezone=True)
    op.add_column(
        "ticket_unit",
        sa.Column("due_at", moment, nullable=True, comment="called in by 吹哨 or 提级: by when"),
    )
    op.add_column("ticket_unit", sa.Column("reported_at", moment, nullable=True, comment="报到"))
    op.create_table(
        "objection",
        sa.Column("ticket_id", _BIG, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, comment="of the event that raised it"),
        sa.Column("at", moment, nullable=False),
        sa.Column("unit_code", sa.String(40), nullable=False),
        sa.Column("proposed_unit", sa.String(40), nullable=False),
        sa.Column(
            "catalogue_row",
            sa.String(80),
            nullable=True,
            comment="the row that sent it there; null: a person did",
        ),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ruling", sa.String(16), nullable=True, comment="vocab.Move; null: not ruled yet"),
        sa.Column("ruled_at", moment, nullable=True),
        sa.Column("ruled_unit", sa.String(40), nullable=True, comment="whom an arbitration named"),
        sa.Column("ruling_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_objection_ticket_id"),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name="fk_objection_unit_code"),
        sa.ForeignKeyConstraint(["proposed_unit"], ["unit.code"], name="fk_objection_proposed_unit"),
        sa.PrimaryKeyConstraint("ticket_id", "seq", name="pk_objection"),
    )
    op.create_index("ix_objection_at", "objection", ["at"])
    op.create_table(
        "move_request",
        sa.Column("ticket_id", _BIG, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, comment="of the move and its values"),
        sa.Column("version", sa.Integer(), nullable=False, comment="of the ticket after it"),
        sa.Column("at", moment, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_move_request_ticket_id"),
        sa.PrimaryKeyConstraint("ticket_id", "key", name="pk_move_request"),
    )
    op.drop_index(_FLAGGED_CLOSED, "ticket")
    _partial(_FLAGGED_CLOSED, f"flagged AND state NOT IN {_OPEN}", "id")
    op.drop_index(_UNCLOCKED, "ticket")
    _partial(_UNCLOCKED, f"due_at IS NULL AND state NOT IN {_CLOSED}", "due_at", "id")
    _partial("ix_ticket_asked", "asked IS NOT NULL", "due_at", "id")


def downgrade() -> None:
    for name in ("ix_ticket_asked", _UNCLOCKED, _FLAGGED_CLOSED):
        op.drop_index(name, "ticket")
    _partial(_UNCLOCKED, "due_at IS NULL AND state NOT IN ('diverted', 'handed_over')", "due_at", "id")
    _partial(_FLAGGED_CLOSED, "flagged AND state NOT IN ('review', 'dispatched')", "id")
    op.drop_table("move_request")
    op.drop_index("ix_objection_at", "objection")
    op.drop_table("objection")
    for table, column in (
        ("ticket_unit", "reported_at"),
        ("ticket_unit", "due_at"),
        ("ticket", "asked"),
        ("ticket", "urges"),
    ):
        op.drop_column(table, column)
