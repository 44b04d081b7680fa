"""A million open tickets for the sweep of reminders, written by the database itself.

Only what the sweep reads: the ticket by its key, its events, when to look again. Appeals, texts, readings and
the indexes of the desk's list are left out: the sweep asks for none of them, and writes no ticket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.vocab import Level

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from triage.rules.rows import Tables

#: Opened over so many days: of every grade some are fresh, some near their end and some long over.
DAYS: Final = 20
_STATEMENTS: Final = (
    # No triggers and no foreign keys while filling: the tickets here have no appeals.
    "SET LOCAL session_replication_role = replica",
    """
    CREATE UNLOGGED TABLE bench_draw AS
    SELECT g AS id, CAST(:now AS timestamptz) - CAST(:days AS int) * interval '1 day' * random() AS at,
      floor(CAST(:units AS float8) * random() ^ 2)::int AS unit, random() AS u
    FROM generate_series(1, CAST(:rows AS int)) g
    """,
    """
    INSERT INTO ticket(id, no, appeal_id, version, state, level, unit_code, title, environmental, kind,
      appeal_type, urgency, district_code, street_code, flagged, received_at, opened_at, dispatched_at,
      answer_by, due_at, table_version, decision)
    SELECT x.id, '20261101-' || lpad(x.id::text, 8, '0'), x.id, 1, 'dispatched', x.level, x.code, '夜间施工',
      true, 'NOI-01', '投诉', x.urgency, x.district, x.street, false, x.at, x.at, x.at, x.due, x.due,
      'bench', '{}'
    FROM (
      SELECT w.id, w.at, u.*, w.urgency, w.at + CASE w.urgency WHEN 'U1' THEN interval '2 hours'
        WHEN 'U2' THEN interval '24 hours' WHEN 'U3' THEN interval '7 days' ELSE interval '15 days' END AS due
      FROM (SELECT *, CASE WHEN u < 0.02 THEN 'U1' WHEN u < 0.14 THEN 'U2' WHEN u < 0.94 THEN 'U3'
        ELSE 'U4' END AS urgency FROM bench_draw) w JOIN bench_unit u ON u.n = w.unit
    ) x
    """,
    """
    INSERT INTO ticket_event(id, ticket_id, seq, at, tag, data)
    SELECT id * 2 + n, id, n, at, CASE n WHEN 1 THEN 'appeal:received' ELSE 'ticket:dispatched' END, '{}'
    FROM bench_draw, generate_series(1, 2) n
    """,
    "INSERT INTO ticket_watch(ticket_id, next_at) SELECT id, at FROM bench_draw",
    "SET LOCAL session_replication_role = origin",
    "SELECT setval(pg_get_serial_sequence('ticket_event', 'id'), max(id)) FROM ticket_event",
    "DROP TABLE bench_draw, bench_unit",
    "ANALYZE ticket",
    "ANALYZE ticket_event",
    "ANALYZE ticket_watch",
)


async def fill_open(connection: AsyncConnection, tables: Tables, *, rows: int, now: datetime) -> None:
    """Write `rows` open tickets, all to be looked at. The tables must be empty."""
    listing = (
        await connection.execute(
            sa.text(
                "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() "
                "AND tablename = 'ticket' AND indexname LIKE 'ix_%'"
            )
        )
    ).scalars()
    for name in listing.all():
        await connection.execute(sa.text(f'DROP INDEX "{name}"'))
    leads = [u for u in tables.units.values() if u.level in {Level.STREET, Level.BUREAU} and u.district_code]
    await connection.execute(
        sa.text(
            "CREATE UNLOGGED TABLE bench_unit(n int PRIMARY KEY, code text, level text, district text, "
            "street text)"
        )
    )
    await connection.execute(
        sa.text("INSERT INTO bench_unit VALUES (:n, :code, :level, :district, :street)"),
        [
            {
                "n": n, "code": u.code, "level": u.level.value, "district": u.district_code,
                "street": u.street_code,
            }
            for n, u in enumerate(leads)
        ],
    )  # fmt: skip
    values = {"rows": rows, "now": now, "units": len(leads), "days": DAYS}
    await connection.execute(sa.text("SELECT setseed(0.1)"))
    for statement in _STATEMENTS:
        await connection.execute(sa.text(statement), values)
