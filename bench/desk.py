"""How fast the desk answers at a million tickets: list, filters, search, ticket page, over HTTP.

`python -m bench.desk --rows 1000000`: starts a PostgreSQL of its own from the wheel, fills it with made-up
tickets, then asks for pages through the whole application (client and server share this process). Counts and
the summary are never answered from the cache. The last line is one JSON object: milliseconds per case.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy.ext.asyncio import create_async_engine

import triage.tables
from bench.desk_data import fill
from bench.servers import postgresql
from connectors.vault import Vault
from models import migrate
from models.db import open_database
from triage import logs
from triage.clock import FixedClock
from triage.services import reference
from triage.services.deps import Deps
from triage.settings import Settings
from triage.web.app import make_app
from triage.web.keys import CACHES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.rules.rows import Tables

NOW: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of question with variants that are asked in turn."""

    name: str
    addresses: tuple[str, ...]


def cases(tables: Tables, rows: int) -> list[Case]:
    """What staff do, and what is known to be hard."""
    units = sorted(tables.units)[20:400:25]
    districts = [code for code, unit in sorted(tables.units.items()) if code == unit.district_code]
    kinds = sorted(tables.kinds)

    def each(pattern: str, values: Sequence[object]) -> tuple[str, ...]:
        return tuple(pattern.format(value) for value in values)

    return [
        Case("list_open", ("/desk",)),
        Case(
            "list_states", each("/desk?state={}", ["review", "dispatched", "diverted", "handed_over", "all"])
        ),
        Case("filter_unit", each("/desk?unit={}", units)),
        Case("filter_district", each("/desk?district={}", districts)),
        Case("filter_kind", each("/desk?kind={}", kinds)),
        Case("filter_urgency", each("/desk?urgency={}", ["U1", "U2", "U3", "U4"])),
        Case("filter_due", each("/desk?due={}", ["2h", "today", "overdue"])),
        Case("filter_review", ("/desk?review=1",)),
        Case(
            "combo_district_kind",
            tuple(f"/desk?district={d}&kind={k}" for d in districts[::3] for k in kinds[::9]),
        ),
        Case("combo_unit_urgency", each("/desk?urgency=U1&unit={}", units)),
        Case(
            "combo_all",
            tuple(
                f"/desk?state=review&urgency=U2&district={d}&kind={k}"
                for d in districts[::4]
                for k in kinds[::12]
            ),
        ),
        Case("combo_all_states_unit", each("/desk?state=all&unit={}", units)),
        Case("search_common", each("/desk?q={}", ["小区", "噪声", "工地", "处理", "请", "号院"])),
        Case("search_middling", each("/desk?q={}", ["望京", "蓝", "水泵", "魏公村", "狗叫"])),
        Case("search_rare", each("/desk?q={}", ["磷化氢", "石棉瓦", "铅酸电瓶", "没有的词组"])),
        Case(
            "search_phrase",
            each("/desk?q={}", ["刺鼻气味", "整栋楼都受影响", "反映多次没有结果", "小区里狗叫"]),
        ),
        Case(
            "search_two_words", each("/desk?q={}", ["望京 狗叫", "噪声 河水发绿", "方庄 焦糊味", "小区 处理"])
        ),
        Case("search_filtered", each("/desk?q=噪声&unit={}", units)),
        Case("search_rare_filtered", each("/desk?q=磷化氢&district={}", districts)),
        Case("search_all_states", each("/desk?state=all&q={}", ["小区", "磷化氢", "望京 狗叫"])),
        Case("search_number", each("/desk?q={}", [f"20260101-{rows // 2:08d}", rows // 3, 7])),
        Case("ticket_page", ()),
        Case("api_list", ("/api/v1/tickets?limit=100",)),
    ]


def quantile(values: list[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


async def _timed(client: TestClient, address: str) -> float:  # type: ignore[type-arg]
    app = client.app
    assert app is not None  # noqa: S101  (a TestClient over an application)
    app[CACHES].counts.clear()
    app[CACHES].today.clear()
    started = time.perf_counter()
    response = await client.get(address)
    await response.read()
    spent = (time.perf_counter() - started) * 1000
    if response.status != 200:  # noqa: PLR2004
        raise RuntimeError(f"{address}: {response.status}")
    return spent


async def measure(deps: Deps, rows: int, times: int) -> dict[str, dict[str, float]]:
    """Ask every case at least `times` times, variants in turn."""
    figures: dict[str, dict[str, float]] = {}
    async with TestClient(TestServer(make_app(deps))) as client:
        for case in cases(deps.tables, rows):
            addresses = case.addresses or await _tickets(deps)
            for address in addresses[:3]:
                await _timed(client, address)
            spent = [
                (await _timed(client, addresses[n % len(addresses)]), addresses[n % len(addresses)])
                for n in range(max(times, len(addresses)))
            ]
            worst = max(spent)
            values = [ms for ms, _ in spent]
            figures[case.name] = {
                "p50_ms": round(quantile(values, 0.5), 1),
                "p99_ms": round(quantile(values, 0.99), 1),
            }
            print(f"{case.name:24}{figures[case.name]}  worst: {worst[1]}", file=sys.stderr, flush=True)
        figures["pages_forward"] = await _walk(client, times)
    return figures


async def _walk(client: TestClient, times: int) -> dict[str, float]:  # type: ignore[type-arg]
    """Page after page of the open list: the last must cost what the first did."""
    spent: list[float] = []
    after = ""
    for _ in range(times):
        started = time.perf_counter()
        response = await client.get(f"/api/v1/tickets?after={after}" if after else "/api/v1/tickets")
        after = (await response.json())["after"]
        spent.append((time.perf_counter() - started) * 1000)
    return {"p50_ms": round(quantile(spent, 0.5), 1), "p99_ms": round(quantile(spent, 0.99), 1)}


async def _tickets(deps: Deps) -> tuple[str, ...]:
    async with deps.db.reads() as session:
        found = await session.scalars(
            sa.text("SELECT no FROM ticket WHERE id % 997 = 0 ORDER BY id LIMIT 50")
        )
        return tuple(f"/desk/tickets/{no}" for no in found)


async def run(url: sa.URL, rows: int, times: int) -> dict[str, object]:
    """Fill an empty database and measure."""
    tables = triage.tables.load()
    db = open_database(url.render_as_string(hide_password=False))
    deps = Deps(settings=Settings(), clock=FixedClock(NOW), tables=tables, db=db, vault=Vault({1: bytes(32)}))
    await migrate.upgrade(db)
    await reference.sync(deps)
    started = time.perf_counter()
    async with db.engine.begin() as connection:
        await fill(connection, tables, rows=rows, now=NOW)
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(sa.text("VACUUM ANALYZE"))
    await engine.dispose()
    print(f"filled {rows} tickets in {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    return {"rows": rows, "times": times, "cases": await measure(deps, rows, times)}


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=60, help="questions per case")
    parser.add_argument("--url", help="an empty PostgreSQL database instead of one of our own")
    arguments = parser.parse_args()
    logs.set_up(level="ERROR", as_json=False)
    if arguments.url:
        print(json.dumps(asyncio.run(run(sa.make_url(arguments.url), arguments.rows, arguments.times))))
        return
    with postgresql() as url:
        figures = asyncio.run(run(sa.make_url(url), arguments.rows, arguments.times))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
