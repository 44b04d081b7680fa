"""Open311 and the citizen's page: keys, postings, access to a case, what citizens add, how often they ask.

Only adds tables and an index, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc, BigId

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def _of_appeal(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name=op.f(f"fk_{table}_appeal_id_appeal"))


def upgrade() -> None:
    # Public lists are asked for by the time of the appeal.
    op.create_index("ix_appeal_received_at", "appeal", ["received_at", "id"])
    op.create_table(
        "open311_key",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False, comment="keyed"),
        sa.Column("created_at", AwareUtc(), nullable=False),
        sa.Column("revoked_at", AwareUtc(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_open311_key")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_open311_key_key_hash")),
        sa.UniqueConstraint("name", name=op.f("uq_open311_key_name")),
    )
    op.create_table(
        "open311_request",
        sa.Column("appeal_id", BigId, nullable=False),
        sa.Column("key_id", BigId, nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("service_code", sa.String(16), nullable=False),
        sa.Column(
            "description", sa.Text(), nullable=True, comment="masked; without what was added for reading"
        ),
        sa.Column("address", sa.Text(), nullable=True, comment="masked"),
        sa.Column("address_id", sa.String(60), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True, comment="WGS-84 degrees, as posted"),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("media_url", sa.String(2000), nullable=True),
        sa.Column(
            "answers",
            sa.JSON(),
            nullable=False,
            comment="attribute code → values, in the order they were sent; free ones masked",
        ),
        _of_appeal("open311_request"),
        sa.ForeignKeyConstraint(
            ["key_id"], ["open311_key.id"], name=op.f("fk_open311_request_key_id_open311_key")
        ),
        sa.PrimaryKeyConstraint("appeal_id", name=op.f("pk_open311_request")),
        sa.UniqueConstraint("token", name=op.f("uq_open311_request_token")),
    )
    op.create_table(
        "open311_change",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("seen_at", AwareUtc(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_open311_change")),
    )
    op.create_table(
        "citizen_access",
        sa.Column("appeal_id", BigId, nullable=False),
        sa.Column(
            "form_hash",
            sa.String(64),
            nullable=False,
            comment="keyed: the form it came from, so that sent twice it is one case",
        ),
        sa.Column(
            "code_hash",
            sa.String(64),
            nullable=True,
            comment="keyed, of the code an anonymous sender was shown once; null: by phone",
        ),
        sa.Column("lon", sa.Double(), nullable=True, comment="where the map was pressed; WGS-84 degrees"),
        sa.Column("lat", sa.Double(), nullable=True),
        _of_appeal("citizen_access"),
        sa.PrimaryKeyConstraint("appeal_id", name=op.f("pk_citizen_access")),
        sa.UniqueConstraint("form_hash", name=op.f("uq_citizen_access_form_hash")),
    )
    op.create_table(
        "citizen_word",
        sa.Column("id", BigId, nullable=False),
        sa.Column("appeal_id", BigId, nullable=False),
        sa.Column("key", sa.String(64), nullable=False, comment="of the form: sent twice it is kept once"),
        sa.Column("text", sa.Text(), nullable=False, comment="masked"),
        sa.Column("original", sa.LargeBinary(), nullable=True, comment="sealed; null: nothing was masked"),
        sa.Column("at", AwareUtc(), nullable=False),
        _of_appeal("citizen_word"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_citizen_word")),
        sa.UniqueConstraint("appeal_id", "key", name=op.f("uq_citizen_word_appeal_id_key")),
    )
    op.create_index(op.f("ix_citizen_word_appeal_id"), "citizen_word", ["appeal_id"])
    op.create_table(
        "citizen_rating",
        sa.Column("appeal_id", BigId, nullable=False),
        sa.Column("solved", sa.String(8), nullable=False, comment="vocab.YesNo"),
        sa.Column("satisfaction", sa.String(20), nullable=False, comment="vocab.Satisfaction"),
        sa.Column("note", sa.Text(), nullable=True, comment="masked"),
        sa.Column("at", AwareUtc(), nullable=False),
        _of_appeal("citizen_rating"),
        sa.PrimaryKeyConstraint("appeal_id", name=op.f("pk_citizen_rating")),
    )
    op.create_table(
        "rate_count",
        sa.Column("who", sa.String(64), nullable=False, comment="keyed hash of address or phone"),
        sa.Column("what", sa.String(20), nullable=False, comment="vocab_citizen.Asked"),
        sa.Column("stretch", BigId, nullable=False, comment="number of the stretch since 1970"),
        sa.Column("times", sa.Integer(), nullable=False, comment="so often"),
        sa.Column("until", AwareUtc(), nullable=False, comment="after that the row says nothing any more"),
        sa.PrimaryKeyConstraint("who", "what", "stretch", name=op.f("pk_rate_count")),
    )
    op.create_index("ix_rate_count_until", "rate_count", ["until"])


def downgrade() -> None:
    for table in (
        "rate_count",
        "citizen_rating",
        "citizen_word",
        "citizen_access",
        "open311_change",
        "open311_request",
        "open311_key",
    ):
        op.drop_table(table)
    op.drop_index("ix_appeal_received_at", "appeal")
