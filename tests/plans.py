"""How a database goes about what is asked of it: for tests that hold a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

#: A small table is scanned whatever indexes it has: told not to, PostgreSQL still does where none fits.
_BEFORE: Final = {"postgresql": "SET enable_seqscan = off", "sqlite": "SELECT 1"}
_EXPLAIN: Final = {"postgresql": "EXPLAIN ", "sqlite": "EXPLAIN QUERY PLAN "}


async def plans(db: Database, ask: Callable[[AsyncSession], Awaitable[object]]) -> list[str]:
    """The plans of the statements that read, as they are made with their own parameters, in order."""
    made: list[tuple[str, Any]] = []

    def note(*heard: Any) -> None:  # noqa: ANN401  (connection, cursor, statement, parameters, …)
        made.append((heard[2], heard[3]))

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    async with db.reads() as session:
        await ask(session)
    event.remove(db.engine.sync_engine, "before_cursor_execute", note)
    found = []
    async with db.engine.connect() as connection:
        await connection.exec_driver_sql(_BEFORE[db.dialect])
        for statement, values in [one for one in made if one[0].lstrip().startswith(("SELECT", "WITH"))]:
            rows = await connection.exec_driver_sql(f"{_EXPLAIN[db.dialect]}{statement}", values)
            found.append("\n".join(str(row[-1]) for row in rows))
        # What was set must not outlast the test's question.
        await connection.rollback()
    return found


def scanned(plan: str, table: str) -> bool:
    """Whether the plan reads a table from end to end."""
    return any(
        line.strip(" ->").startswith((f"Seq Scan on {table} ", f"SCAN {table}")) for line in plan.split("\n")
    )
