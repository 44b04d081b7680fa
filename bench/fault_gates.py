"""Hold a process of ours at an exact boundary, without a line of it knowing: a PostgreSQL trigger that waits.

A gate is a trigger `BEFORE INSERT OR UPDATE` that takes an advisory lock which this side holds. Whoever comes
to the boundary stands there, in its own transaction, until it is killed or the gate opens. Nothing here is
part of the schema: gates are made and removed by a run.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import asyncpg
import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_LOCK: Final = 20_261_126
PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where to stand: before this statement on this table, for rows of which `when` is true."""

    table: str
    verb: str
    when: str = "true"


#: The relay gave the ids to Redis and has not marked the rows yet.
BEFORE_MARK: Final = Boundary(
    "outbox", "UPDATE", "NEW.dispatched_at IS NOT NULL AND OLD.dispatched_at IS NULL"
)
#: A worker has claimed and read a batch, and begins to store it.
MID_JOB: Final = Boundary("reading", "INSERT")
#: The web process has stored the appeal of a form, and not committed.
MID_POST: Final = Boundary("citizen_access", "INSERT")
#: The web process has checked a move and writes its event.
MID_MOVE: Final = Boundary("ticket_event", "INSERT", "NEW.tag LIKE 'ticket:%' AND NEW.staff_id IS NOT NULL")
#: The timetable writes a reminder.
MID_SWEEP: Final = Boundary("reminder", "INSERT")


async def connect(url: str) -> asyncpg.Connection:
    """A connection of this side's own."""
    parsed = sa.make_url(url)
    return await asyncpg.connect(
        user=parsed.username, database=parsed.database, host=str(parsed.query["host"])
    )


class Gate:
    """A gate that is shut."""

    def __init__(self, connection: asyncpg.Connection, boundary: Boundary) -> None:
        """Take the connection that holds the lock."""
        self._connection, self._boundary = connection, boundary
        self._open = False

    async def shut(self) -> None:
        """From now on whoever comes stands there."""
        await self._connection.execute(f"SELECT pg_advisory_lock({_LOCK})")
        await self._connection.execute(
            "CREATE OR REPLACE FUNCTION bench_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"PERFORM pg_advisory_xact_lock_shared({_LOCK}); RETURN NEW; END $$"
        )
        at = self._boundary
        await self._connection.execute(
            f"CREATE TRIGGER bench_gate BEFORE {at.verb} ON {at.table} FOR EACH ROW WHEN ({at.when}) "
            "EXECUTE FUNCTION bench_gate()"
        )

    async def reached(self) -> None:
        """Wait until somebody stands there. Raises TimeoutError when nobody comes."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not await self._connection.fetchval(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ):
            if time.monotonic() > deadline:
                raise TimeoutError(f"nobody came to {self._boundary}")
            await asyncio.sleep(0.02)

    async def open(self) -> None:
        """Let everyone through and take the gate away."""
        if self._open:
            return
        self._open = True
        await self._connection.execute(f"SELECT pg_advisory_unlock({_LOCK})")
        await self._connection.execute(f"DROP TRIGGER IF EXISTS bench_gate ON {self._boundary.table}")


@contextlib.asynccontextmanager
async def gate(url: str, boundary: Boundary) -> AsyncIterator[Gate]:
    """Shut a gate; it is open when this ends, however it ends."""
    connection = await connect(url)
    made = Gate(connection, boundary)
    try:
        await made.shut()
        yield made
    finally:
        await made.open()
        await connection.close()
