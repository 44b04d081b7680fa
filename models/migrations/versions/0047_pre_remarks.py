"""内部备注 (remarks on a ticket) and 交接班 (notes from shift to shift).

New tables. Code of before neither reads nor writes them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

_SENT = "the sender's: sent again it is the same "
_FOR = "for which unit they did; null: at 12345's own desk"
_ONCE = ("ticket_id", "staff_id", "key")
_OPEN = "relieved_at IS NULL AND taken_back_at IS NULL"


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_{target.partition('.')[0]}"
    return sa.ForeignKeyConstraint([column], [target], name=op.f(name))


def upgrade() -> None:
    op.create_table(
        "ticket_remark",
        sa.Column("id", BigId, nullable=False),
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("staff_id", BigId, nullable=False, comment="who wrote it"),
        sa.Column(
            "unit_code", sa.String(40), nullable=True,
            comment=_FOR,
        ),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.Column("audience", sa.String(8), nullable=False, comment="vocab_remarks.Audience"),
        sa.Column("text", sa.Text(), nullable=True, comment="masked; null: taken back"),
        sa.Column("taken_back_at", AwareUtc(), nullable=True),
        sa.Column("key", sa.String(64), nullable=False, comment=f"{_SENT}remark"),
        _to("ticket_remark", "ticket_id", "ticket.id"),
        _to("ticket_remark", "staff_id", "staff.id"),
        _to("ticket_remark", "unit_code", "unit.code"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_remark")),
        sa.UniqueConstraint(*_ONCE, name=op.f("uq_ticket_remark_ticket_id_staff_id_key")),
    )  # fmt: skip
    op.create_table(
        "shift_note",
        sa.Column("id", BigId, nullable=False),
        sa.Column("unit_code", sa.String(40), nullable=True, comment="whose desk; null: 12345's own"),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.Column("by_id", BigId, nullable=False, comment="who wrote it"),
        sa.Column("text", sa.Text(), nullable=True, comment="masked; null: taken back"),
        sa.Column("taken_back_at", AwareUtc(), nullable=True),
        sa.Column("relieved_at", AwareUtc(), nullable=True),
        sa.Column("relieved_id", BigId, nullable=True, comment="who relieved"),
        sa.Column("key", sa.String(64), nullable=False, comment=f"{_SENT}note"),
        _to("shift_note", "unit_code", "unit.code"),
        _to("shift_note", "by_id", "staff.id"),
        _to("shift_note", "relieved_id", "staff.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_note")),
        sa.UniqueConstraint("by_id", "key", name=op.f("uq_shift_note_by_id_key")),
    )
    op.create_index("ix_shift_note_at", "shift_note", ["at"])
    op.create_index(
        "ix_shift_note_open", "shift_note", ["at"],
        postgresql_where=sa.text(_OPEN), sqlite_where=sa.text(_OPEN),
    )  # fmt: skip
    op.create_table(
        "shift_ticket",
        sa.Column("note_id", BigId, nullable=False),
        sa.Column("ticket_id", BigId, nullable=False),
        _to("shift_ticket", "note_id", "shift_note.id"),
        _to("shift_ticket", "ticket_id", "ticket.id"),
        sa.PrimaryKeyConstraint("note_id", "ticket_id", name=op.f("pk_shift_ticket")),
    )


def downgrade() -> None:
    op.drop_table("shift_ticket")
    op.drop_index("ix_shift_note_open", "shift_note")
    op.drop_index("ix_shift_note_at", "shift_note")
    op.drop_table("shift_note")
    op.drop_table("ticket_remark")
