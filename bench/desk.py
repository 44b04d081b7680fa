"""How fast the desk answers at a million tickets: list, filters, search, ticket page, over HTTP.

`python -m bench.desk`: starts a PostgreSQL of its own from the wheel, fills it with made-up tickets, then
asks for pages through the whole application (client and server share this process). Counts and the summary
are never answered from the cache. `--keep DIR` fills that directory once and measures it again each time;
`--only search` asks only cases whose name holds the word; `--role bureau --unit 110105` asks as somebody of
that role and unit instead of one who sees all. The last line is one JSON object: milliseconds per case, the
worst case, and the cases whose p99 missed the aim.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy.ext.asyncio import create_async_engine

import triage.tables
from bench.desk_cases import Case, list_cases, search_cases
from bench.desk_data import fill
from bench.servers import postgresql
from connectors.vault import Vault
from models import migrate
from models.db import open_database
from models.tickets import Ticket
from models.vocab_staff import Role
from tests import signed_in
from triage import logs, memory
from triage.clock import FixedClock
from triage.services import reference
from triage.services.deps import Deps
from triage.settings import Settings
from triage.web.app import make_app
from triage.web.keys import CACHES

NOW: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
#: The aim of issue 2: p99 at the server, in milliseconds.
AIM_MS: Final = 100.0
#: A case is asked no longer than this, however often was wanted: the whole run stays within minutes.
CASE_SECONDS: Final = 20.0
#: Every variant is asked this often, whatever it takes.
LEAST_ROUNDS: Final = 2
#: So many pages on a reader leafs.
PAGES: Final = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure: how many tickets, questions per case, and which cases (a part of their name)."""

    rows: int
    times: int
    only: str = ""
    role: Role | None = None
    unit: str | None = None

    async def sign_in(self, deps: Deps) -> str:
        """Somebody new at each run, since a kept database knows the last one's. Gives the cookie's value."""
        login = f"bench-{uuid.uuid4().hex[:8]}"
        roles = (self.role,) if self.role else ()
        return await signed_in.sign_in(deps, *roles, unit=self.unit, login=login)


@dataclass(frozen=True, slots=True)
class Figure:
    """What a case took: quantiles in milliseconds, how often it was asked, and its slowest variant."""

    p50_ms: float
    p99_ms: float
    asked: int
    slowest: str

    @classmethod
    def of(cls, spent: list[tuple[float, str]]) -> Figure:
        """Of (milliseconds, address) pairs. The slowest variant is that with the greatest median."""
        by_address: dict[str, list[float]] = {}
        for ms, address in spent:
            by_address.setdefault(address, []).append(ms)
        medians = {address: quantile(values, 0.5) for address, values in by_address.items()}
        slowest = max(medians, key=medians.__getitem__)
        values = [ms for ms, _ in spent]
        return cls(
            p50_ms=round(quantile(values, 0.5), 1),
            p99_ms=round(quantile(values, 0.99), 1),
            asked=len(spent),
            slowest=f"{slowest} ({medians[slowest]:.1f} ms)",
        )


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


async def _ask(client: TestClient, case: Case, times: int) -> Figure:  # type: ignore[type-arg]
    """Ask the variants in turn, `times` in all but no longer than CASE_SECONDS."""
    for address in case.addresses[:3]:
        await _timed(client, address)
    spent: list[tuple[float, str]] = []
    ends = time.monotonic() + CASE_SECONDS
    least = LEAST_ROUNDS * len(case.addresses)
    while len(spent) < least or (len(spent) < times and time.monotonic() < ends):
        address = case.addresses[len(spent) % len(case.addresses)]
        spent.append((await _timed(client, address), address))
    return Figure.of(spent)


async def measure(deps: Deps, wanted: Wanted) -> dict[str, Figure]:
    """Ask every case that is wanted."""
    cases = [
        *list_cases(deps.tables),
        *search_cases(deps.tables, wanted.rows),
        Case("ticket_page", await _tickets(deps, wanted.unit)),
        Case("api_list", ("/api/v1/tickets?limit=100", "/api/v1/tickets?limit=200&state=all")),
    ]
    figures: dict[str, Figure] = {}
    cookies = {signed_in.COOKIE: await wanted.sign_in(deps)}
    app = make_app(deps)
    memory.settle()  # as `jiesu serve` does
    async with TestClient(TestServer(app), cookies=cookies) as client:
        cases += [
            Case("pages_open", await _forward(client, "/api/v1/tickets?")),
            Case("pages_closed", await _forward(client, "/api/v1/tickets?state=handed_over&")),
            Case("pages_search", await _forward(client, "/api/v1/tickets?q=小区&")),
        ]
        for case in cases:
            # Who sees few has no second page to turn to.
            if wanted.only in case.name and case.addresses:
                figures[case.name] = figure = await _ask(client, case, wanted.times)
                print(
                    f"{case.name:24} p50 {figure.p50_ms:6.1f}  p99 {figure.p99_ms:6.1f}  {figure.slowest}",
                    file=sys.stderr,
                    flush=True,
                )
    return figures


async def _forward(client: TestClient, address: str) -> tuple[str, ...]:  # type: ignore[type-arg]
    """The addresses of the pages after the first, if there are: the last must cost what the first did."""
    found: list[str] = []
    for _ in range(PAGES):
        response = await client.get(found[-1] if found else address)
        after = (await response.json()).get("after")
        if after is None:
            break
        found.append(f"{address}after={after}")
    return tuple(found)


async def _tickets(deps: Deps, unit: str | None) -> tuple[str, ...]:
    """Fifty tickets, of all or of those that a unit handles."""
    narrow = "unit_code = :unit" if unit else "id % 997 = 0"
    async with deps.db.reads() as session:
        found = await session.scalars(
            sa.text(f"SELECT no FROM ticket WHERE {narrow} ORDER BY id LIMIT 50"),  # noqa: S608  (our own words)
            {"unit": unit} if unit else {},
        )
        return tuple(f"/desk/tickets/{no}" for no in found)


async def filled(deps: Deps, url: sa.URL, rows: int) -> None:
    """Migrate, and fill the database when it is empty. Raises RuntimeError when it holds another number."""
    await migrate.upgrade(deps.db)
    await reference.sync(deps)
    async with deps.db.reads() as session:
        there = await session.scalar(sa.select(sa.func.count()).select_from(Ticket)) or 0
    if there not in {0, rows}:
        raise RuntimeError(f"the database holds {there} tickets, not {rows}")
    if there:
        return
    started = time.perf_counter()
    async with deps.db.engine.begin() as connection:
        await fill(connection, deps.tables, rows=rows, now=NOW)
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(sa.text("VACUUM ANALYZE"))
    await engine.dispose()
    print(f"filled {rows} tickets in {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)


async def run(url: sa.URL, wanted: Wanted) -> dict[str, object]:
    """Fill an empty database and measure."""
    db = open_database(url.render_as_string(hide_password=False))
    deps = Deps(
        settings=Settings(),
        clock=FixedClock(NOW),
        tables=triage.tables.load(),
        db=db,
        vault=Vault({1: bytes(32)}),
    )
    await filled(deps, url, wanted.rows)
    figures = await measure(deps, wanted)
    worst = max(figures, key=lambda name: figures[name].p99_ms)
    return {
        "rows": wanted.rows,
        "times": wanted.times,
        "aim_p99_ms": AIM_MS,
        "worst": {"case": worst, "p99_ms": figures[worst].p99_ms, "slowest": figures[worst].slowest},
        "missed": [name for name, figure in figures.items() if figure.p99_ms >= AIM_MS],
        "p50_ms": {name: figure.p50_ms for name, figure in figures.items()},
        "p99_ms": {name: figure.p99_ms for name, figure in figures.items()},
    }


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=200, help="questions per case")
    parser.add_argument("--only", default="", help="only cases whose name holds this")
    parser.add_argument("--role", type=Role, help="who asks: a role, for --unit; else one who sees all")
    parser.add_argument("--unit", help="the unit of --role: 110105, 110105026 …")
    parser.add_argument(
        "--url", help="a PostgreSQL database, empty or filled by us, instead of one of our own"
    )
    parser.add_argument("--keep", type=Path, help="a directory for the database: filled once, used again")
    arguments = parser.parse_args()
    logs.set_up(level="ERROR", as_json=False)
    wanted = Wanted(arguments.rows, arguments.times, arguments.only, arguments.role, arguments.unit)
    if arguments.url:
        print(json.dumps(asyncio.run(run(sa.make_url(arguments.url), wanted)), ensure_ascii=False))
        return
    with postgresql(arguments.keep) as url:
        figures = asyncio.run(run(sa.make_url(url), wanted))
    print(json.dumps(figures, ensure_ascii=False))


if __name__ == "__main__":
    main()
