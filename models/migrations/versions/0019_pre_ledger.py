"""The ledger (审计台账) and its signed checkpoints; neither can be changed, only what is past its time goes.

Only adds tables, so yesterday's code works with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import AwareUtc

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_INDEXES = {
    "ix_ledger_at": ["at", "seq"],
    "ix_ledger_who": ["who", "seq"],
    "ix_ledger_act": ["act", "seq"],
    "ix_ledger_subject": ["subject_kind", "subject", "seq"],
    "ix_ledger_case_no": ["case_no", "seq"],
}
#: A row goes only when a checkpoint of the kind prune covers it.
_PRUNED = "(SELECT coalesce(max(seq), -1) FROM ledger_checkpoint WHERE kind = 'prune')"


def upgrade() -> None:
    op.create_table(
        "ledger",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.Column("who", sa.String(64), nullable=False, comment="login, or what acted by itself"),
        sa.Column("origin", sa.String(64), nullable=True, comment="address it came from, or 'command'"),
        sa.Column("act", sa.String(32), nullable=False, comment="vocab_ledger.LedgerAct"),
        sa.Column("subject_kind", sa.String(16), nullable=False, comment="vocab_ledger.SubjectKind"),
        sa.Column("subject", sa.String(120), nullable=False),
        sa.Column("case_no", sa.String(40), nullable=True, comment="number of the ticket it belongs to"),
        sa.Column("old", sa.Text(), nullable=True, comment="masked"),
        sa.Column("new", sa.Text(), nullable=True, comment="masked"),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False, comment="further facts by name; masked"),
        sa.Column("previous", sa.LargeBinary(), nullable=False, comment="hash of the row before"),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ledger")),
    )
    for name, columns in _INDEXES.items():
        op.create_index(name, "ledger", columns)
    op.create_table(
        "ledger_checkpoint",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False, comment="of the row `seq`"),
        sa.Column("at", AwareUtc(), nullable=False),
        sa.Column("public_key", sa.String(64), nullable=False, comment="Ed25519, hex"),
        sa.Column("signature", sa.String(128), nullable=False, comment="over `checkpoint_text`, hex"),
        sa.CheckConstraint("kind in ('mark', 'prune')", name=op.f("ck_ledger_checkpoint_kind")),
        sa.PrimaryKeyConstraint("seq", "kind", name=op.f("pk_ledger_checkpoint")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_postgresql() -> None:
    op.execute(
        f"""
        CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'ledger' AND OLD.seq <= {_PRUNED} THEN
            RETURN OLD;
          END IF;
          RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
        END $$
        """
    )
    for table in ("ledger", "ledger_checkpoint"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION ledger_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
        )


def _guard_sqlite() -> None:
    refuse = "SELECT RAISE(ABORT, '{} is append-only')"
    for table, same in (
        ("ledger", "seq = NEW.seq"),
        ("ledger_checkpoint", "seq = NEW.seq AND kind = NEW.kind"),
    ):
        told = refuse.format(table)
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN {told}; END")
        # INSERT OR REPLACE deletes without asking the triggers of deletion.
        there = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608  (all of it is ours)
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {there} BEGIN {told}; END"
        )
    told = refuse.format("ledger")
    op.execute(
        f"CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger WHEN OLD.seq > {_PRUNED} BEGIN {told}; END"
    )
    told = refuse.format("ledger_checkpoint")
    op.execute(
        f"CREATE TRIGGER ledger_checkpoint_no_delete BEFORE DELETE ON ledger_checkpoint BEGIN {told}; END"
    )


def downgrade() -> None:
    op.drop_table("ledger")
    op.drop_table("ledger_checkpoint")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ledger_append_only()")
