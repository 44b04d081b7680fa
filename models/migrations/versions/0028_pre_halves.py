"""Half a password for each of two administrators; the word of 当面核验. Open requests are void."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import REWARD_SCHEMA

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_HALF = "sealed: the asker's half of the password to come; forgotten once over"
_HASH = "argon2id, set once it is confirmed; forgotten once it is decided"
_WORD = "keyed, of the one-time word that was handed over; null once used"
#: Without a half nothing can be confirmed, and the way back has no hash.
_VOID = "UPDATE account_request SET until = asked_at WHERE decided_at IS NULL"


def upgrade() -> None:
    schema = REWARD_SCHEMA if op.get_bind().dialect.name == "postgresql" else None
    op.execute(_VOID)
    op.add_column("account_request", sa.Column("half", sa.LargeBinary(), nullable=True, comment=_HALF))
    op.drop_column("account_request", "password_hash")
    op.add_column(
        "reward", sa.Column("attested_word", sa.String(64), nullable=True, comment=_WORD), schema=schema
    )


def downgrade() -> None:
    schema = REWARD_SCHEMA if op.get_bind().dialect.name == "postgresql" else None
    op.drop_column("reward", "attested_word", schema=schema)
    op.execute(_VOID)
    op.add_column("account_request", sa.Column("password_hash", sa.String(200), nullable=True, comment=_HASH))
    op.drop_column("account_request", "half")
