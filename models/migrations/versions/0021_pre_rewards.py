"""有奖举报, apart from the case: a schema of its own on PostgreSQL, on SQLite the prefix of its tables.

Only adds tables, so yesterday's code works with it. Events are append-only by trigger on both.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import REWARD_SCHEMA, AwareUtc, BigId

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLES = (
    "reward",
    "reward_batch",
    "reward_inspection",
    "reward_seen",
    "reward_event",
    "reward_import",
    "reward_outcome",
    "reward_share",
    "reward_file",
    "reward_payment",
)


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    schema = REWARD_SCHEMA if on_postgresql else None
    prefix = f"{schema}." if schema else ""
    if on_postgresql:
        op.execute(f"CREATE SCHEMA {REWARD_SCHEMA}")
    op.create_table(
        "reward",
        sa.Column("id", BigId, nullable=False),
        sa.Column(
            "no",
            sa.String(length=20),
            nullable=False,
            comment="候选编号: drawn by lot, tells nothing of the case",
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False, comment="vocab_rewards.RewardState"),
        sa.Column(
            "root_ticket_id",
            sa.BigInteger(),
            nullable=False,
            comment="the ticket that all reports of the violation were merged into",
        ),
        sa.Column("winner_appeal_id", sa.BigInteger(), nullable=False, comment="第一有效举报"),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("district_code", sa.String(length=12), nullable=True),
        sa.Column("reported_at", AwareUtc(), nullable=False),
        sa.Column("real_name", sa.Boolean(), nullable=False),
        sa.Column("ruleset", sa.String(length=40), nullable=True, comment="null: the one of the day"),
        sa.Column("exclusions", sa.JSON(), nullable=False, comment="vocab_rewards.Exclusion, as confirmed"),
        sa.Column("insider", sa.Boolean(), nullable=False),
        sa.Column("rewarded_before", sa.Boolean(), nullable=False),
        sa.Column("reoffended", sa.Boolean(), nullable=False),
        sa.Column("reporters", sa.Integer(), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False, comment="agreed weights of joint reporters"),
        sa.Column("pick_fen", sa.BigInteger(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True, comment="as verified"),
        sa.Column("verdict", sa.JSON(), nullable=False, comment="the lines of the decision, as verified"),
        sa.Column(
            "proof",
            sa.JSON(),
            nullable=False,
            comment="every report of the violation in its order: arrival, completeness, why",
        ),
        sa.Column("checks", sa.JSON(), nullable=False, comment="what may stand in the way, as found"),
        sa.Column("handler", sa.String(length=64), nullable=True, comment="login"),
        sa.Column("legal", sa.String(length=64), nullable=True),
        sa.Column("finance", sa.String(length=64), nullable=True),
        sa.Column("head", sa.String(length=64), nullable=True),
        sa.Column("found_at", AwareUtc(), nullable=False),
        sa.Column("notify_by", sa.Date(), nullable=True),
        sa.Column("notified_at", AwareUtc(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward")),
        sa.UniqueConstraint("no", name=op.f("uq_reward_no")),
        sa.UniqueConstraint("root_ticket_id", name=op.f("uq_reward_root_ticket_id")),
        schema=schema,
    )
    op.create_index("ix_reward_state", "reward", ["state", "id"], unique=False, schema=schema)
    op.create_table(
        "reward_batch",
        sa.Column("id", BigId, nullable=False),
        sa.Column("no", sa.String(length=20), nullable=False),
        sa.Column(
            "sha256", sa.String(length=64), nullable=False, comment="of the bank's file, the same every time"
        ),
        sa.Column("payments", sa.Integer(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.Column("fetched_at", AwareUtc(), nullable=True, comment="when the file first left"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_batch")),
        sa.UniqueConstraint("no", name=op.f("uq_reward_batch_no")),
        schema=schema,
    )
    op.create_table(
        "reward_inspection",
        sa.Column("id", BigId, nullable=False),
        sa.Column("list", sa.String(length=120), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("listed_on", sa.Date(), nullable=False),
        sa.Column("party", sa.String(length=200), nullable=False, comment="单位名称"),
        sa.Column("kind", sa.String(length=16), nullable=True),
        sa.Column("district_code", sa.String(length=12), nullable=False),
        sa.Column("street_code", sa.String(length=12), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_inspection")),
        sa.UniqueConstraint("list", "line", name=op.f("uq_reward_inspection_list_line")),
        schema=schema,
    )
    op.create_index(
        "ix_reward_inspection_place",
        "reward_inspection",
        ["district_code", "kind"],
        unique=False,
        schema=schema,
    )
    op.create_table(
        "reward_seen",
        sa.Column("ticket_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_reward_seen")),
        schema=schema,
    )
    op.create_table(
        "reward_event",
        sa.Column("reward_id", BigId, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False, comment="vocab_rewards.RewardAct"),
        sa.Column("share", sa.Integer(), nullable=True, comment="number of the part; null: the whole"),
        sa.Column(
            "by",
            sa.String(length=64),
            nullable=False,
            comment="login; empty: the system; reporter: who claims",
        ),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reward_id"], [f"{prefix}reward.id"], name=op.f("fk_reward_event_reward_id")
        ),
        sa.PrimaryKeyConstraint("reward_id", "seq", name=op.f("pk_reward_event")),
        schema=schema,
    )
    op.create_table(
        "reward_import",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("batch_id", BigId, nullable=False),
        sa.Column("paid", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], [f"{prefix}reward_batch.id"], name=op.f("fk_reward_import_batch_id")
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_reward_import")),
        schema=schema,
    )
    op.create_table(
        "reward_outcome",
        sa.Column("id", BigId, nullable=False),
        sa.Column("reward_id", BigId, nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False, comment="vocab_rewards.RewardOutcome"),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("document_no", sa.String(length=100), nullable=False, comment="文号"),
        sa.Column("effective_on", sa.Date(), nullable=True),
        sa.Column("fine_fen", sa.BigInteger(), nullable=True),
        sa.Column("statutory_max_fen", sa.BigInteger(), nullable=True),
        sa.Column("via", sa.String(length=16), nullable=False, comment="vocab_rewards.Via"),
        sa.Column("matter", sa.String(length=40), nullable=True),
        sa.Column("contribution", sa.Integer(), nullable=True),
        sa.Column("measures", sa.JSON(), nullable=False, comment="vocab_rewards.Measure → number"),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.Column("withdrawn_at", AwareUtc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["reward_id"], [f"{prefix}reward.id"], name=op.f("fk_reward_outcome_reward_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_outcome")),
        schema=schema,
    )
    op.create_index("ix_reward_outcome_reward", "reward_outcome", ["reward_id"], unique=False, schema=schema)
    op.create_table(
        "reward_share",
        sa.Column("id", BigId, nullable=False),
        sa.Column("reward_id", BigId, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="1 is who reported first"),
        sa.Column("state", sa.String(length=12), nullable=False, comment="vocab_rewards.ShareState"),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("claim_by", sa.Date(), nullable=True, comment="the last day, Beijing"),
        sa.Column("code_hash", sa.String(length=160), nullable=True, comment="Argon2id; shown once"),
        sa.Column(
            "claimant",
            sa.LargeBinary(),
            nullable=True,
            comment="sealed JSON: name, ID number, phone, bank, account",
        ),
        sa.Column("claimed_at", AwareUtc(), nullable=True),
        sa.Column(
            "same_name", sa.Boolean(), nullable=True, comment="as given with the report; null: none was given"
        ),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("paid_at", AwareUtc(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True, comment="why the bank did not pay"),
        sa.ForeignKeyConstraint(
            ["reward_id"], [f"{prefix}reward.id"], name=op.f("fk_reward_share_reward_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_share")),
        sa.UniqueConstraint("reward_id", "number", name=op.f("uq_reward_share_reward_id_number")),
        schema=schema,
    )
    op.create_index(
        "ix_reward_share_state", "reward_share", ["state", "claim_by"], unique=False, schema=schema
    )
    op.create_table(
        "reward_file",
        sa.Column("id", BigId, nullable=False),
        sa.Column("outcome_id", BigId, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["outcome_id"], [f"{prefix}reward_outcome.id"], name=op.f("fk_reward_file_outcome_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_file")),
        sa.UniqueConstraint("outcome_id", "sha256", name=op.f("uq_reward_file_outcome_id_sha256")),
        schema=schema,
    )
    op.create_table(
        "reward_payment",
        sa.Column("id", BigId, nullable=False),
        sa.Column("batch_id", BigId, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("share_id", BigId, nullable=False),
        sa.Column("reference", sa.String(length=30), nullable=False, comment="流水号 for the bank"),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("payee", sa.LargeBinary(), nullable=False, comment="sealed JSON: as it stood then"),
        sa.Column("state", sa.String(length=8), nullable=False, comment="vocab_rewards.PaymentState"),
        sa.Column("bank_reference", sa.String(length=60), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("settled_at", AwareUtc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"], [f"{prefix}reward_batch.id"], name=op.f("fk_reward_payment_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["share_id"], [f"{prefix}reward_share.id"], name=op.f("fk_reward_payment_share_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_payment")),
        sa.UniqueConstraint("batch_id", "line", name=op.f("uq_reward_payment_batch_id_line")),
        sa.UniqueConstraint("reference", name=op.f("uq_reward_payment_reference")),
        schema=schema,
    )
    op.create_index("ix_reward_payment_share", "reward_payment", ["share_id"], unique=False, schema=schema)
    op.create_index(
        "uq_reward_payment_held",
        "reward_payment",
        ["share_id"],
        unique=True,
        postgresql_where=sa.text("state in ('claimed', 'paid')"),
        sqlite_where=sa.text("state in ('claimed', 'paid')"),
        schema=schema,
    )
    if on_postgresql:
        op.execute(
            f"""
            CREATE FUNCTION {REWARD_SCHEMA}.event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              RAISE EXCEPTION 'reward_event is append-only';
            END $$
            """
        )
        for when, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            op.execute(
                f"CREATE TRIGGER reward_event_{each.lower()} BEFORE {when} ON {REWARD_SCHEMA}.reward_event "
                f"FOR EACH {each} EXECUTE FUNCTION {REWARD_SCHEMA}.event_append_only()"
            )
    else:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER reward_event_no_{verb.lower()} BEFORE {verb} ON reward_event "
                "BEGIN SELECT RAISE(ABORT, 'reward_event is append-only'); END"
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP SCHEMA {REWARD_SCHEMA} CASCADE")
        return
    for table in reversed(TABLES):
        op.drop_table(table)
