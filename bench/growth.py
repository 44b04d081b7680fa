"""How cost grows with the number of tickets: `make growth`, a PostgreSQL of its own for each size.

At each size: seconds to fill, bytes on disk a ticket, the slowest and the median of lists and searches, the
ticket page and the API list (p50 and p99 in milliseconds, through the whole application over HTTP, as
`bench.desk` asks them). Printed: one table, then one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

import triage.tables
from bench import desk
from bench.servers import postgresql
from connectors.vault import Vault
from models.db import open_database
from triage import logs
from triage.clock import FixedClock
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.desk import Figure

#: Which cases of `bench.desk` are told together.
_GROUPS: Final = {
    "列表与筛选": ("list", "filter", "combo", "pages_open", "pages_closed"),
    "检索": ("search", "pages_search"),
    "工单页": ("ticket_page",),
    "接口列表": ("api_list",),
}


async def _size(url: str, rows: int, times: int) -> dict[str, Any]:
    """Fill one database and ask."""
    db = open_database(url)
    deps = Deps(Settings(), FixedClock(desk.NOW), triage.tables.load(), db, Vault({1: bytes(32)}))
    began = time.perf_counter()
    await desk.filled(deps, sa.make_url(url), rows)
    filled = time.perf_counter() - began
    async with db.reads() as session:
        weight = await session.scalar(sa.text("SELECT pg_database_size(current_database())")) or 0
    figures = await desk.measure(deps, desk.Wanted(rows, times))
    await deps.close()
    return {
        "rows": rows,
        "fill_s": round(filled, 1),
        "bytes_per_ticket": round(weight / rows),
        **{name: _of_group(figures, names) for name, names in _GROUPS.items()},
    }


def _of_group(figures: dict[str, Figure], names: Iterable[str]) -> dict[str, Any]:
    found = {case: figure for case, figure in figures.items() if case.startswith(tuple(names))}
    slowest = max(found, key=lambda case: found[case].p99_ms)
    return {
        "p50_ms": round(statistics.median(figure.p50_ms for figure in found.values()), 1),
        "p99_ms": found[slowest].p99_ms,
        "slowest": slowest,
    }


def _printed(found: list[dict[str, Any]]) -> None:
    table = Table("工单数", "写入（秒）", "每件字节", *(f"{name} p50 / 最慢 p99" for name in _GROUPS))
    for size in found:
        table.add_row(
            f"{size['rows']:,}", str(size["fill_s"]), str(size["bytes_per_ticket"]),
            *(f"{size[name]['p50_ms']} / {size[name]['p99_ms']}" for name in _GROUPS),
        )  # fmt: skip
    Console(width=130).print(table)


def main() -> None:
    """Measure every size and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--times", type=int, default=60, help="questions per case")
    options = parser.parse_args()
    logs.set_up(level="ERROR", as_json=False)
    found = []
    for rows in options.rows:
        with postgresql() as url:
            found.append(asyncio.run(_size(url, rows, options.times)))
    _printed(found)
    print(
        json.dumps(
            {"bench": "growth", "sizes": found, "load": round(os.getloadavg()[0], 1)}, ensure_ascii=False
        )
    )


if __name__ == "__main__":
    main()
