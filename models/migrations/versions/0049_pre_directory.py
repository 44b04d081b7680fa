"""单位通讯录: a unit's duty numbers and contacts, in versions; whether a keeper opened what they were given.

A new table and a new column. Code of before knows neither: a case that such code gives to somebody is new to
them (`seen_at` null) until they open it here.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "directory_entry",
        sa.Column("id", BigId, nullable=False),
        sa.Column("unit_code", sa.String(40), nullable=False),
        sa.Column("valid_from", AwareUtc(), nullable=False),
        sa.Column("valid_to", AwareUtc(), nullable=True, comment="null: in force"),
        sa.Column("set_by", sa.String(64), nullable=False),
        sa.Column("confirmed_at", AwareUtc(), nullable=False, comment="上次核对"),
        sa.Column("confirmed_by", sa.String(64), nullable=False),
        sa.Column("duty_phone", sa.String(80), nullable=False),
        sa.Column("office_phone", sa.String(80), nullable=False),
        sa.Column("hours", sa.String(60), nullable=False),
        sa.Column("remark", sa.String(200), nullable=False),
        sa.Column("steward", sa.String(40), nullable=False, comment="环保管家"),
        sa.Column("steward_phone", sa.String(80), nullable=False),
        sa.Column("clerk", sa.String(40), nullable=False, comment="接诉即办专员"),
        sa.Column("clerk_phone", sa.String(80), nullable=False),
        sa.Column("leader", sa.String(40), nullable=False, comment="带班领导"),
        sa.Column("leader_phone", sa.String(80), nullable=False),
        sa.ForeignKeyConstraint(["unit_code"], ["unit.code"], name=op.f("fk_directory_entry_unit_code_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_entry")),
    )
    op.create_index("ix_directory_entry_unit", "directory_entry", ["unit_code", "valid_from"])
    op.create_index(
        "ix_directory_entry_now",
        "directory_entry",
        ["unit_code"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL"),
        sqlite_where=sa.text("valid_to IS NULL"),
    )
    op.add_column(
        "ticket_keeper",
        sa.Column("seen_at", AwareUtc(), nullable=True, comment="when they first opened it; null: not yet"),
    )
    # What was given before there was a mark is new to nobody.
    op.execute("UPDATE ticket_keeper SET seen_at = since")
    op.create_index(
        "ix_ticket_keeper_new",
        "ticket_keeper",
        ["staff_id"],
        postgresql_where=sa.text("seen_at IS NULL"),
        sqlite_where=sa.text("seen_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_ticket_keeper_new", "ticket_keeper")
    op.drop_column("ticket_keeper", "seen_at")
    op.drop_table("directory_entry")
