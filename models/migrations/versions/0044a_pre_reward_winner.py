"""The rewards that a report won are found by the report: whoever looks at a violation asks for them.

An index; and every case is looked at anew, for what a clerk corrected before makes a report too (or none).
The timetable goes through them, and comes to the same where nothing was corrected.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.db import REWARD_SCHEMA

revision = "0044a"
down_revision = "0043"
branch_labels = None
depends_on = None

_NAME = "ix_reward_winner_appeal_id"


def _schema() -> str | None:
    return REWARD_SCHEMA if op.get_bind().dialect.name == "postgresql" else None


def upgrade() -> None:
    op.create_index(_NAME, "reward", ["winner_appeal_id"], schema=_schema())
    op.execute(sa.delete(sa.table("reward_seen", schema=_schema())))


def downgrade() -> None:
    op.drop_index(_NAME, "reward", schema=_schema())
