"""How many rows each table has and a checksum over them: equal before and after means equal contents.

PostgreSQL sums a 64-bit hash of every row as text, so the order of rows is none of it; SQLite's rows are
hashed in the order they lie in. This finds what was lost or changed by accident; against intent the seal
of the file stands.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, TypeAlias

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

#: Table → rows and checksum.
Measured: TypeAlias = "dict[str, list[int | str]]"


async def of_postgresql(connection: AsyncConnection, told: Callable[[str], None]) -> Measured:
    """Every table of ours in the transaction at hand."""
    await connection.execute(sa.text("SET LOCAL TimeZone = 'UTC'"))
    await connection.execute(sa.text("SET LOCAL extra_float_digits = 1"))
    names = await connection.execute(
        sa.text(
            "SELECT schemaname, tablename FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
        )
    )
    found: Measured = {}
    quote = connection.dialect.identifier_preparer.quote
    for schema, name in names.all():
        told(name)
        table = f"{quote(schema)}.{quote(name)}"
        counted = f"SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {table} t"  # noqa: S608
        row = await connection.execute(sa.text(counted))
        count, total = row.one()
        found[f"{schema}.{name}"] = [count, str(total)]
    return found


def of_sqlite(file: Path, told: Callable[[str], None]) -> Measured:
    """Every table of a file that nobody writes to. Raises sqlite3.DatabaseError on a damaged one."""
    found: Measured = {}
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as base:
        names = base.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%' "
            "AND name NOT LIKE 'sqlite_%' ORDER BY name"
        ).fetchall()
        for (name,) in names:
            told(name)
            whole, count = hashlib.sha256(), 0
            for row in base.execute(f'SELECT * FROM "{name}"'):  # noqa: S608  (a table of ours)
                whole.update(repr(row).encode())
                count += 1
            found[name] = [count, whole.hexdigest()]
    return found


def different(wanted: Measured, found: Measured) -> list[str]:
    """The tables that are not what they should be, each in words."""
    lines: list[str] = []
    for name in sorted({*wanted, *found}):
        mine, theirs = wanted.get(name), found.get(name)
        if mine == theirs:
            continue
        if mine is None or theirs is None:
            lines.append(f"{name}：{'多出' if mine is None else '缺少'}这张表")
        elif mine[0] != theirs[0]:
            lines.append(f"{name}：应有 {mine[0]} 行，实有 {theirs[0]} 行")
        else:
            lines.append(f"{name}：{mine[0]} 行，内容不同")
    return lines
