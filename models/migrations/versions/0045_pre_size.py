"""What grows for years is read by indexes, and proposals of which a ticket is closed rest.

Events by time (a month that is closed, 办理记录 by days), notices that reached nobody, appeals without a
number by what they say. Code of before inserts pairs as it did, and reads their list without its index.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044a"
branch_labels = None
depends_on = None

_NO_CONTACT = "state = 'no_contact'"
_NO_NUMBER = "dedupe_key LIKE 'h:%'"
_OPEN = "ix_matter_pair_open"


def upgrade() -> None:
    op.create_index("ix_ticket_event_at", "ticket_event", ["at", "id"])
    _partial("ix_notice_no_contact", "notice", ["created_at"], _NO_CONTACT)
    _partial("ix_appeal_no_number", "appeal", ["dedupe_key"], _NO_NUMBER)
    op.add_column(
        "matter_pair",
        sa.Column(
            "resting", sa.Boolean(), nullable=False, server_default=sa.false(),
            comment="one of the two was not open when it was last looked at: on no list until it is again",
        ),
    )  # fmt: skip
    op.drop_index(_OPEN, "matter_pair")
    _partial(_OPEN, "matter_pair", ["p", "ticket_id", "head_id"], "state = 'proposed' AND NOT resting")


def downgrade() -> None:
    op.drop_index(_OPEN, "matter_pair")
    op.drop_column("matter_pair", "resting")
    _partial(_OPEN, "matter_pair", ["p", "ticket_id"], "state = 'proposed'")
    op.drop_index("ix_appeal_no_number", "appeal")
    op.drop_index("ix_notice_no_contact", "notice")
    op.drop_index("ix_ticket_event_at", "ticket_event")


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where)
