"""Which clock ends at a ticket's due time (签收, 首次联系, 办理…): the list says it beside the time.

Only adds a column that may be null, so yesterday's code works with it. Tickets whose clock runs get theirs
from what their events told; where none of them told of that moment it stays null, until the next move.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

#: The clock that an event said would end at the ticket's due time, the last such event first: a move tells
#: those it starts, the opening those that run from the dispatch.
_TOLD_POSTGRESQL = """
SELECT told.key FROM ticket_event e
CROSS JOIN LATERAL coalesce(e.data->'clocks'->'start', e.data->'opening'->'clocks') AS clocks
CROSS JOIN LATERAL json_each(CASE WHEN json_typeof(clocks) = 'object' THEN clocks END) AS told
WHERE e.ticket_id = ticket.id AND (told.value->>'due')::timestamptz = ticket.due_at
ORDER BY e.seq DESC LIMIT 1
"""
_TOLD_SQLITE = """
SELECT told.key FROM ticket_event e,
json_each(
  coalesce(json_extract(e.data, '$.clocks.start'), json_extract(e.data, '$.opening.clocks'), '{}')
) told
WHERE e.ticket_id = ticket.id
AND strftime('%Y-%m-%d %H:%M:%f', json_extract(told.value, '$.due'))
  = strftime('%Y-%m-%d %H:%M:%f', ticket.due_at)
ORDER BY e.seq DESC LIMIT 1
"""


def upgrade() -> None:
    op.add_column(
        "ticket",
        sa.Column("due_clock", sa.String(16), nullable=True, comment="vocab.Clock: which one ends at due_at"),
    )
    told = _TOLD_POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _TOLD_SQLITE
    # The limits of dispatch and answer stand in the row itself.
    op.execute(
        f"""
        UPDATE ticket SET due_clock = CASE
          WHEN state = 'review' AND due_at = dispatch_by THEN 'dispatch'
          WHEN due_at = answer_by THEN 'answer'
          ELSE ({told}) END
        WHERE due_at IS NOT NULL
        """  # noqa: S608  (our own words)
    )


def downgrade() -> None:
    op.drop_column("ticket", "due_clock")
