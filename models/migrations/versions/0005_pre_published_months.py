"""Published months: figures and verdicts, both append-only. Only adds tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = ("month_figures", "month_verdict")


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "month_figures",
        sa.Column("id", big, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False, comment="2026-10, Beijing time"),
        sa.Column("version", sa.Integer(), nullable=False, comment="1, 2, 3 … within the month"),
        sa.Column(
            "as_of",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="only what had happened before is counted",
        ),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it was corrected; null for the first"),
        sa.Column("table_version", sa.String(length=40), nullable=False),
        sa.Column(
            "sha256",
            sa.String(length=64),
            nullable=False,
            comment="of figures and verdicts, canonical JSON",
        ),
        sa.Column("content", sa.JSON(), nullable=False, comment="rows used, weights, lines"),
        sa.PrimaryKeyConstraint("id", name="pk_month_figures"),
        sa.UniqueConstraint("month", "version", name="uq_month_figures_month_version"),
    )
    op.create_table(
        "month_verdict",
        sa.Column("month_id", big, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("no", sa.String(length=32), nullable=False),
        sa.Column("unit_code", sa.String(length=40), nullable=True),
        sa.Column("street_code", sa.String(length=12), nullable=True),
        sa.Column("district_code", sa.String(length=12), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=True),
        sa.Column("points", sa.JSON(), nullable=False, comment="rate → 0 to 100"),
        sa.Column("outs", sa.JSON(), nullable=False, comment="[rate, cause, row, reason] each"),
        sa.ForeignKeyConstraint(["month_id"], ["month_figures.id"], name="fk_month_verdict_month_id"),
        sa.PrimaryKeyConstraint("month_id", "seq", name="pk_month_verdict"),
    )
    op.create_index("ix_month_verdict_unit", "month_verdict", ["month_id", "unit_code"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            """
            CREATE FUNCTION month_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              RAISE EXCEPTION 'a published month is append-only';
            END $$
            """
        )
        for table in _TABLES:
            op.execute(
                f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION month_append_only()"
            )
            op.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION month_append_only()"
            )
    else:
        for table in _TABLES:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'a published month is append-only'); END"
                )


def downgrade() -> None:
    op.drop_table("month_verdict")
    op.drop_table("month_figures")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION month_append_only()")
