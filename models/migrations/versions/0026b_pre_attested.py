"""Who saw a reporter's identity card before a reward's code was taken. Only adds columns that may be null."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import REWARD_SCHEMA, AwareUtc

revision = "0026b"
down_revision = "0026"
branch_labels = None
depends_on = None

_WAS = "keyed, of the code an anonymous sender was shown once; null: by phone"
_IS = "keyed, of the code that the sender was shown once; null: by phone alone"
_BY = "login: who saw the reporter's identity card, and never looked them up"


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    schema = REWARD_SCHEMA if on_postgresql else None
    op.add_column(
        "reward", sa.Column("attested_by", sa.String(64), nullable=True, comment=_BY), schema=schema
    )
    op.add_column("reward", sa.Column("attested_at", AwareUtc(), nullable=True), schema=schema)
    if on_postgresql:
        op.alter_column("citizen_access", "code_hash", comment=_IS, existing_comment=_WAS)


def downgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    schema = REWARD_SCHEMA if on_postgresql else None
    if on_postgresql:
        op.alter_column("citizen_access", "code_hash", comment=_WAS, existing_comment=_IS)
    op.drop_column("reward", "attested_at", schema=schema)
    op.drop_column("reward", "attested_by", schema=schema)
