"""When to look at a ticket next, and the reminders written. A trigger marks what something happened to.

Only adds tables and a trigger, so yesterday's code works with it. Tickets whose clock runs are marked once.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

#: What is written at intake before a ticket has a clock, and what the sweep itself writes, marks nothing.
_MARKS = "NEW.tag LIKE 'ticket:%' AND NEW.tag NOT IN ('ticket:opened', 'ticket:reminded')"


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "ticket_watch",
        sa.Column("ticket_id", big, nullable=False),
        sa.Column("next_at", moment, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_ticket_watch_ticket_id"),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_ticket_watch"),
    )
    op.create_index("ix_ticket_watch_next_at", "ticket_watch", ["next_at"])
    op.create_table(
        "reminder",
        sa.Column("id", big, nullable=False),
        sa.Column("ticket_id", big, nullable=False),
        sa.Column("clock", sa.String(length=16), nullable=False, comment="rows.ClockName"),
        sa.Column("run", sa.Integer(), nullable=False, comment="1, 2 … : each start of the clock is a run"),
        sa.Column("percent", sa.Integer(), nullable=False, comment="share of the limit that had run"),
        sa.Column("point", moment, nullable=False, comment="the moment it tells of"),
        sa.Column("written_at", moment, nullable=False),
        sa.Column("folded", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_reminder_ticket_id"),
        sa.PrimaryKeyConstraint("id", name="pk_reminder"),
        sa.UniqueConstraint(
            "ticket_id", "clock", "run", "percent", name="uq_reminder_ticket_id_clock_run_percent"
        ),
    )
    op.execute(
        "INSERT INTO ticket_watch(ticket_id, next_at) "
        "SELECT id, opened_at FROM ticket WHERE due_at IS NOT NULL"
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            """
            CREATE FUNCTION ticket_watch_mark() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              INSERT INTO ticket_watch(ticket_id, next_at) VALUES (NEW.ticket_id, NEW.at)
              ON CONFLICT (ticket_id) DO UPDATE SET next_at = LEAST(ticket_watch.next_at, EXCLUDED.next_at);
              RETURN NULL;
            END $$
            """
        )
        op.execute(
            f"CREATE TRIGGER ticket_watch_mark AFTER INSERT ON ticket_event FOR EACH ROW WHEN ({_MARKS}) "
            "EXECUTE FUNCTION ticket_watch_mark()"
        )
    else:
        op.execute(
            f"CREATE TRIGGER ticket_watch_mark AFTER INSERT ON ticket_event WHEN {_MARKS} BEGIN "  # noqa: S608
            "INSERT INTO ticket_watch(ticket_id, next_at) VALUES (NEW.ticket_id, NEW.at) "
            "ON CONFLICT (ticket_id) DO UPDATE SET next_at = min(next_at, excluded.next_at); END"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER ticket_watch_mark ON ticket_event")
        op.execute("DROP FUNCTION ticket_watch_mark()")
    else:
        op.execute("DROP TRIGGER ticket_watch_mark")
    op.drop_table("reminder")
    op.drop_table("ticket_watch")
