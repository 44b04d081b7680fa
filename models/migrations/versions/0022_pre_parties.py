"""Parties (被反映对象): spellings, who they belong to, what may be one, and what people merged or split.

Only adds tables, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "party",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.String(120), nullable=False, comment="as it is shown"),
        sa.Column("district_code", sa.String(12), nullable=True, comment="of the first case that named it"),
        sa.Column("street_code", sa.String(12), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False, comment="counts what people did to it"),
        sa.Column("merged_into", BigId, nullable=True, comment="it has no spellings of its own now"),
        sa.Column("made_at", AwareUtc(), nullable=False),
        sa.ForeignKeyConstraint(["merged_into"], ["party.id"], name=op.f("fk_party_merged_into")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_party")),
    )
    op.create_table(
        "party_change",
        sa.Column("id", BigId, nullable=False),
        sa.Column("act", sa.String(8), nullable=False, comment="vocab_parties.PartyAct"),
        sa.Column("from_id", BigId, nullable=False, comment="had the spellings before"),
        sa.Column("to_id", BigId, nullable=False, comment="has them since"),
        sa.Column("names", sa.JSON(), nullable=False, comment="ids of party_name"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.Column("undoes", BigId, nullable=True),
        sa.ForeignKeyConstraint(["from_id"], ["party.id"], name=op.f("fk_party_change_from_id")),
        sa.ForeignKeyConstraint(["to_id"], ["party.id"], name=op.f("fk_party_change_to_id")),
        sa.ForeignKeyConstraint(["undoes"], ["party_change.id"], name=op.f("fk_party_change_undoes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_party_change")),
        sa.UniqueConstraint("undoes", name=op.f("uq_party_change_undoes")),
    )
    op.create_index("ix_party_change_from", "party_change", ["from_id"])
    op.create_index("ix_party_change_to", "party_change", ["to_id"])
    op.create_table(
        "party_name",
        sa.Column("id", BigId, nullable=False),
        sa.Column("party_id", BigId, nullable=False),
        sa.Column("form", sa.String(80), nullable=False, comment="normalised: nlp.party_names"),
        sa.Column(
            "scope",
            sa.String(12),
            nullable=False,
            comment="district code; empty: a registered name, one everywhere; ?: place unknown",
        ),
        sa.Column("written", sa.String(120), nullable=False, comment="as it was first written"),
        sa.Column("street_code", sa.String(12), nullable=True, comment="of the first case"),
        sa.Column("made_at", AwareUtc(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_party_name_party_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_party_name")),
        sa.UniqueConstraint("form", "scope", name=op.f("uq_party_name_form_scope")),
    )
    op.create_index("ix_party_name_party", "party_name", ["party_id"])
    op.create_table(
        "party_key",
        sa.Column("key", sa.String(4), nullable=False),
        sa.Column("name_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(["name_id"], ["party_name.id"], name=op.f("fk_party_key_name_id")),
        sa.PrimaryKeyConstraint("key", "name_id", name=op.f("pk_party_key")),
    )
    op.create_index("ix_party_key_name", "party_key", ["name_id"])
    op.create_table(
        "party_pair",
        sa.Column("a_id", BigId, nullable=False),
        sa.Column("b_id", BigId, nullable=False),
        sa.Column("score", sa.Double(), nullable=False, comment="an order, no probability"),
        sa.Column("why", sa.JSON(), nullable=False, comment="the reasons, in words"),
        sa.Column("state", sa.String(12), nullable=False, comment="vocab_parties.PartyPairState"),
        sa.Column("by", sa.String(64), nullable=True, comment="login of who decided; null: nobody yet"),
        sa.Column("at", AwareUtc(), nullable=False, comment="of the proposal, then of the decision"),
        sa.CheckConstraint("state in ('proposed', 'merged', 'refused')", name=op.f("ck_party_pair_state")),
        sa.CheckConstraint("a_id < b_id", name=op.f("ck_party_pair_order")),
        sa.ForeignKeyConstraint(["a_id"], ["party_name.id"], name=op.f("fk_party_pair_a_id")),
        sa.ForeignKeyConstraint(["b_id"], ["party_name.id"], name=op.f("fk_party_pair_b_id")),
        sa.PrimaryKeyConstraint("a_id", "b_id", name=op.f("pk_party_pair")),
    )
    op.create_index("ix_party_pair_b", "party_pair", ["b_id"])
    op.create_index("ix_party_pair_state", "party_pair", ["state", "score"])
    op.create_table(
        "party_mention",
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("name_id", BigId, nullable=True),
        sa.Column("received_at", AwareUtc(), nullable=False, comment="of the ticket"),
        sa.ForeignKeyConstraint(["name_id"], ["party_name.id"], name=op.f("fk_party_mention_name_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_party_mention_ticket_id")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_party_mention")),
    )
    op.create_index(
        "ix_party_mention_name",
        "party_mention",
        ["name_id", "received_at"],
        postgresql_where=sa.text("name_id IS NOT NULL"),
        sqlite_where=sa.text("name_id IS NOT NULL"),
    )
    op.create_index(
        "ix_party_mention_received",
        "party_mention",
        ["received_at"],
        postgresql_where=sa.text("name_id IS NOT NULL"),
        sqlite_where=sa.text("name_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("party_mention")
    op.drop_table("party_pair")
    op.drop_table("party_key")
    op.drop_table("party_change")
    op.drop_table("party_name")
    op.drop_table("party")
