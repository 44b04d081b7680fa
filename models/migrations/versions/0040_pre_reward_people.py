"""Who stated what a reward's sum comes from is told by its events; who looked at an identity is kept.

Who said first that the bank did not pay, and that it did after all: two columns that may be null.

Of the first only the ledger told, and let go of it after a year: for rewards that are not over it is taken
over from there, as the step 登记处理结果 of the same person (yesterday's code knows no other), and says so.
Looks are carried over from the ledger when it lets go of them: those of the last year stand there still.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import REWARD_SCHEMA, AwareUtc, BigId

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_STATED = "填写认定（升级时按审计台账补记）"
_COLUMNS = {
    "failed_by": "login: who first imported that the bank did not pay; another one confirms it",
    "disputed_by": "login: who imported that it was paid after all; null: settled",
}
#: Nothing of these is decided or paid any more.
_OVER = ("archived", "joined", "recovered")


def upgrade() -> None:
    schema = REWARD_SCHEMA if op.get_bind().dialect.name == "postgresql" else None
    op.create_table(
        "identity_look",
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("appeal_id", BigId, autoincrement=False, nullable=False),
        sa.Column("at", AwareUtc(), nullable=False, comment="the last one"),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name=op.f("fk_identity_look_appeal_id_appeal")),
        sa.PrimaryKeyConstraint("login", "appeal_id", name=op.f("pk_identity_look")),
    )
    op.create_index("ix_identity_look_appeal_id", "identity_look", ["appeal_id"])
    for name, comment in _COLUMNS.items():
        op.add_column(
            "reward_payment", sa.Column(name, sa.String(64), nullable=True, comment=comment), schema=schema
        )
    _take_over_stated(schema)


def _take_over_stated(schema: str | None) -> None:
    """The last time that each person stated something of each reward."""
    ledger = sa.table(
        "ledger", sa.column("seq"), sa.column("at", AwareUtc()), sa.column("who"), sa.column("act"),
        sa.column("subject_kind"), sa.column("subject"), sa.column("detail", sa.JSON),
    )  # fmt: skip
    reward = sa.table("reward", sa.column("id"), sa.column("no"), sa.column("state"), schema=schema)
    event = sa.table(
        "reward_event", sa.column("reward_id"), sa.column("seq"), sa.column("at", AwareUtc()),
        sa.column("act"), sa.column("share"), sa.column("by"), sa.column("data", sa.JSON), schema=schema,
    )  # fmt: skip
    database = op.get_bind()
    rows = database.execute(
        sa.select(reward.c.id, ledger.c.who, ledger.c.at, ledger.c.detail)
        .join(reward, reward.c.no == ledger.c.subject)
        .where(
            ledger.c.act == "reward.changed", ledger.c.subject_kind == "reward",
            reward.c.state.not_in(_OVER),
        )
        .order_by(ledger.c.seq)
    )  # fmt: skip
    stated = {(one.id, one.who): one.at for one in rows if one.detail.get("act") == "state"}
    for (reward_id, who), at in stated.items():
        last = database.scalar(sa.select(sa.func.max(event.c.seq)).where(event.c.reward_id == reward_id))
        database.execute(
            event.insert().values(
                reward_id=reward_id, seq=(last or 0) + 1, at=at, act="outcome", share=None, by=who,
                data={"reason": _STATED},
            )
        )  # fmt: skip


def downgrade() -> None:
    """The events stay: nobody may take one away, and they are true."""
    schema = REWARD_SCHEMA if op.get_bind().dialect.name == "postgresql" else None
    for name in _COLUMNS:
        op.drop_column("reward_payment", name, schema=schema)
    op.drop_table("identity_look")
