"""How a database goes about what is asked of it: for tests that hold a plan."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

#: A small table is scanned whatever indexes it has: told not to, PostgreSQL still does where none fits.
_BEFORE: Final = {
    "postgresql": ("SET enable_seqscan = off", "SET hash_mem_multiplier = 1", "SET work_mem = '{}'"),
    "sqlite": (),
}
_EXPLAIN: Final = {"postgresql": "EXPLAIN ", "sqlite": "EXPLAIN QUERY PLAN "}


@contextmanager
def heard(db: Database) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are sent meanwhile, with their parameters."""
    found: list[tuple[str, Any]] = []

    def note(*said: Any) -> None:  # noqa: ANN401  (connection, cursor, statement, parameters, …)
        found.append((said[2], said[3]))

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", note)


async def plans(
    db: Database, ask: Callable[[AsyncSession], Awaitable[object]], *, memory: str = "4MB"
) -> list[str]:
    """The plans of the statements that read, with their own parameters; `memory` is PostgreSQL's."""
    with heard(db) as said:
        async with db.reads() as session:
            await ask(session)
    found = []
    async with db.engine.connect() as connection:
        for setting in _BEFORE[db.dialect]:
            await connection.exec_driver_sql(setting.format(memory))
        for statement, values in [one for one in said if one[0].lstrip().startswith(("SELECT", "WITH"))]:
            rows = await connection.exec_driver_sql(f"{_EXPLAIN[db.dialect]}{statement}", values)
            found.append("\n".join(str(row[-1]) for row in rows))
        # What was set must not outlast the question.
        await connection.rollback()
    return found


def scanned(plan: str, table: str) -> bool:
    """Whether the plan reads a table (or its other name) from end to end, by an index or not."""
    whole = re.compile(
        rf"^SCAN {table}\b|Seq Scan on (\w+ )?{table} |"
        rf"Index (Only )?Scan.* on (\w+ )?{table}  \(.*\)\n(?! *Index Cond)",
        re.MULTILINE,
    )
    return whole.search(f"{plan}\n") is not None
