"""Trends at size: building and refreshing the sums, the page, rebuild against deltas, planted signals.

`python -m bench.trends` starts a PostgreSQL of its own from the wheel. JIESU_BENCH_TICKETS demands (500,000;
24,000,000 is a city-year of calls) over two years, with 40 planted signals. The last line is one JSON object.

- build_s: facts copied and every sum made from them; size_mb: what sums and facts take.
- refresh_s: 2,000 real tickets, 10,000 events, counted as deltas.
- rebuild_equal: all sums made anew from the facts are the same, and so is every fact made anew from events.
- p50_ms, p99_ms: the page and its charts over HTTP, other filters each time; one process for both ends.
- recall: of everything that was planted; false_alarms: bursts that were not, a week; beside a z-score over 28
  days (above 3). noticed_besides: what the last night raised by sort and nobody planted (planted ones show in
  the city's sums too).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import asyncpg
import numpy as np
import sqlalchemy as sa
from aiohttp.test_utils import TestClient, TestServer

import triage.tables
from bench.servers import postgresql
from bench.trends_data import COLUMNS, City, csv
from connectors.vault import Vault
from models import migrate
from models.db import open_database
from models.signals import Signal
from models.tickets import Ticket
from models.vocab_trends import SignalKind
from tests import signed_in
from tests.factories import TicketIn, add_tickets
from triage import logs, memory
from triage.clock import FixedClock
from triage.rules.trends import season
from triage.rules.trends.rows import row_of
from triage.services import reference
from triage.services.deps import Deps
from triage.services.trends import applying, gathering, noticing, partitions, refreshing, tidying
from triage.settings import Settings
from triage.web.app import make_app
from triage.web.trends.pages import PANELS

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.trends.facts import Fact

NOW: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LAST: Final = date(2026, 11, 22)
FIRST: Final = LAST - timedelta(days=729)
WINDOW: Final = 28
EVENTS: Final = 10_000
PLANTS: Final = {"bursts": 24, "rises": 6, "hot": 5, "chronic": 5}
_Z: Final = 3.0


def main() -> None:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tickets", type=int, default=int(os.environ.get("JIESU_BENCH_TICKETS", "500000")),
        help="demands of two years together (500,000, or JIESU_BENCH_TICKETS; a city has 24,000,000 a year)",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=60, help="pages asked for")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--keep",
        type=Path,
        help="where the data stays; a city that is there already is asked for pages alone",
    )
    arguments = parser.parse_args()
    logs.set_up(level="WARNING", as_json=False)
    with postgresql(arguments.keep) as url:
        print(json.dumps(asyncio.run(measure(url, arguments))))


async def measure(url: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything, over a fresh database."""
    db = open_database(url)
    await migrate.upgrade(db)
    tables = triage.tables.load()
    deps = Deps(Settings(), FixedClock(NOW), tables, db, Vault({1: bytes(32)}))
    await reference.sync(deps)
    async with db.reads() as session:
        there = await session.scalar(sa.text("SELECT count(*) FROM rollup_ticket")) or 0
    if there:
        asked = await pages(deps, arguments.rounds)
        await db.close()
        return {"tickets": there, "load": os.getloadavg()[0]} | asked
    city = City(tables, tickets=arguments.tickets, first=FIRST, last=LAST, seed=arguments.seed)
    city.plant(**PLANTS, window=WINDOW)
    found: dict[str, Any] = {"tickets": city.size, "cores": os.cpu_count(), "load": os.getloadavg()[0]}
    found |= await build(deps, url, city)
    found |= await refresh(deps)
    found |= await signals(deps, city)
    found |= await pages(deps, arguments.rounds)
    await db.close()
    return found


async def build(deps: Deps, url: str, city: City) -> dict[str, Any]:
    """Copy the facts, sum them up, and see how much room they take."""
    started = time.perf_counter()
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    made = 0.0
    facts = city.facts()
    while True:
        before = time.perf_counter()
        item = next(facts, None)
        made += time.perf_counter() - before
        if item is None:
            break
        if item[1]:
            await connection.copy_to_table(
                "rollup_ticket", source=csv(item[1]), columns=COLUMNS, format="text", null="\\N"
            )
    copied = time.perf_counter() - started - made
    before = time.perf_counter()
    await partitions.of_facts(deps)
    async with deps.db.writes.begin() as session:
        await applying.sum_up(session)
    summed = time.perf_counter() - before
    await connection.execute("VACUUM ANALYZE rollup_ticket")
    await tidying.tidy(deps.db)
    sizes = {
        # A table of months has no room of its own: that of its months counts.
        name: await connection.fetchval(
            "SELECT sum(pg_total_relation_size(relid))::bigint FROM pg_partition_tree($1::text::regclass)",
            name,
        )
        or await connection.fetchval("SELECT pg_total_relation_size($1::text::regclass)", name)
        for name in ("rollup_ticket", *applying.SUMS)
    }
    rows = await connection.fetchval("SELECT count(*) FROM rollup_day")
    months = await connection.fetchval(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'rollup_day'::regclass"
    )
    await connection.close()
    return {
        "make_s": round(made, 1), "build_s": round(copied + summed, 1), "sum_s": round(summed, 1),
        "size_mb": round(sum(sizes.values()) / 1e6), "facts_mb": round(sizes["rollup_ticket"] / 1e6),
        "rollup_day_rows": rows, "months": months,
    }  # fmt: skip


async def refresh(deps: Deps) -> dict[str, Any]:
    """10,000 new events as deltas; then everything anew, and compared."""
    await refreshing.refresh(deps)
    await add_tickets(deps.db, *(TicketIn(kind=k) for k in ("NOI-01", "AIR-01") * (EVENTS // 10)))
    started = time.perf_counter()
    while await refreshing.refresh(deps):
        pass
    took = time.perf_counter() - started
    before = await digests(deps.db)
    async with deps.db.writes.begin() as session:
        await applying.sum_up(session)
    async with deps.db.reads() as session:
        ids = list(await session.scalars(sa.select(Ticket.id)))
        again: dict[int, gathering.Counted] = {}
        for start in range(0, len(ids), 500):
            again |= await gathering.facts(session, ids[start : start + 500])
        kept: dict[int, Fact] = {}
        for start in range(0, len(ids), 500):
            kept |= await applying.counted(session, ids[start : start + 500])
    # As `jiesu trends rebuild` does.
    await tidying.tidy(deps.db)
    same = before == await digests(deps.db) and kept == {n: item.fact for n, item in again.items()}
    return {"events": EVENTS, "refresh_s": round(took, 2), "rebuild_equal": same}


async def digests(db: Database) -> dict[str, str]:
    """Rows and the sum of their hashes, of each sum: a text of all rows would be longer than one may be."""
    async with db.reads() as session:
        found = {}
        for name in applying.SUMS:
            told = sa.text(
                f"SELECT count(*) || ' ' || sum(hashtextextended(t::text, 0)::numeric) FROM {name} t"  # noqa: S608
            )
            found[name] = str(await session.scalar(told))
        return found


async def signals(deps: Deps, city: City) -> dict[str, Any]:
    """Planted signals found and false alarms a week, beside a plain z-score."""
    rows = {what: row for what in SignalKind if (row := row_of(deps.tables.signals, what, LAST))}
    async with deps.db.reads() as session:
        series = await noticing.daily(session, rows, LAST)
    wanted = {(p.kind, p.district, p.day) for p in city.planted if p.what is SignalKind.BURST}
    lifted = {(p.kind, p.district) for p in city.planted if p.what is SignalKind.RISING}
    burst = rows[SignalKind.BURST]
    alarms: dict[str, set[tuple[str, str, date]]] = {"model": set(), "z": set()}
    started = time.perf_counter()
    sorts = season.sorts_of(deps.tables.calendar)
    for (kind, district), (first, counts) in series.items():
        if not district:
            continue
        fit = season.fit(first, counts[:-WINDOW], sorts)
        for back in range(WINDOW):
            upto = counts[: len(counts) - back]
            day = LAST - timedelta(days=back)
            if fit is not None and noticing.tested(fit, burst, upto, day, len(series)):
                alarms["model"].add((kind, district, day))
            past = np.array(upto[-29:-1])
            if upto[-1] >= burst.least and upto[-1] > past.mean() + _Z * max(float(past.std()), 1e-9):
                alarms["z"].add((kind, district, day))
    fitted = time.perf_counter() - started
    started = time.perf_counter()
    await noticing.notice(deps, LAST)
    noticed = time.perf_counter() - started
    async with deps.db.reads() as session:
        kept = {(s.what, s.kind, s.district, s.place) for s in await session.scalars(sa.select(Signal))}
    rest = [p for p in city.planted if p.what is not SignalKind.BURST]
    hits = dict.fromkeys(SignalKind, 0)
    for p in rest:
        key = (p.what.value, p.kind, p.district, p.place)
        place = any(k[0] == p.what.value and k[3] == p.place for k in kept) if p.place else key in kept
        hits[p.what] += place
    hits[SignalKind.BURST] = len(wanted & alarms["model"])
    meant = {(p.what.value, p.place or (p.kind, p.district)) for p in city.planted}
    meant |= {(SignalKind.BURST.value, (p.kind, p.district)) for p in city.planted if not p.place}
    found = [(what, place or (kind, district)) for what, kind, district, place in kept]
    others = Counter(one[0] for one in found if one not in meant)
    planted = {what: sum(p.what is what for p in city.planted) for what in SignalKind}
    # A day of a series that was lifted for four weeks is no false alarm.
    false = {
        name: sum((k, d) not in lifted and (k, d, day) not in wanted for k, d, day in raised)
        for name, raised in alarms.items()
    }
    return {
        "series": len(series), "recall": round(sum(hits.values()) / len(city.planted), 3),
        "recall_by": {what.value: [hits[what], planted[what]] for what in SignalKind if planted[what]},
        "noticed_besides": dict(sorted(others.items())),
        "false_alarms": round(false["model"] / WINDOW * 7, 2),
        "z_recall": round(len(wanted & alarms["z"]) / max(len(wanted), 1), 3),
        "burst_recall": round(hits[SignalKind.BURST] / max(len(wanted), 1), 3),
        "z_false_alarms": round(false["z"] / WINDOW * 7, 2),
        "fit_s": round(fitted, 1), "notice_s": round(noticed, 1),
    }  # fmt: skip


async def pages(deps: Deps, rounds: int) -> dict[str, Any]:
    """The page and its charts, with other filters each time."""
    asks = (
        "", "?from=2026-11-16&to=2026-11-22", "?district=110105", "?kind=大气", "?channel=phone",
        "?district=110108&kind=噪声", "?from=2025-11-01&to=2026-10-31",
        "?from=2025-11-01&to=2026-10-31&district=110105",
        "?street=110105026", "?from=2026-06-01&to=2026-08-31&kind=NOI-01",
        "?from=2025-11-01&to=2026-10-31&kind=大气", "?from=2025-11-01&to=2026-10-31&channel=phone",
    )  # fmt: skip
    took: dict[str, list[float]] = {"page": [], "charts": []}
    slowest: dict[str, float] = {}
    app = make_app(deps)
    # Without a session every page is the one to sign in on.
    cookies = {signed_in.COOKIE: await signed_in.sign_in(deps, login=f"analyst.{uuid4().hex[:8]}")}
    memory.settle()  # as `jiesu serve` does
    async with TestClient(TestServer(app), cookies=cookies) as client:
        for number in range(-len(asks), rounds):
            ask = asks[number % len(asks)]
            # Each page is made anew, as after any new event; its charts then come from what it made.
            app[PANELS].clear()
            for name, path in (("page", "/desk/trends"), ("charts", "/desk/trends/charts.json")):
                started = time.perf_counter()
                async with client.get(path + ask, allow_redirects=False) as answer:
                    await answer.read()
                    if answer.status != 200:  # noqa: PLR2004
                        raise RuntimeError(f"{path}{ask}: {answer.status}")
                if number >= 0:
                    millis = (time.perf_counter() - started) * 1000
                    took[name].append(millis)
                    slowest[ask] = max(slowest.get(ask, 0.0), millis)
    every = np.array(took["page"] + took["charts"])
    return {
        "p50_ms": round(float(np.percentile(every, 50)), 1),
        "p99_ms": round(float(np.percentile(every, 99)), 1),
        "slowest": {a: round(ms) for a, ms in sorted(slowest.items(), key=lambda item: -item[1])[:3]},
    }  # fmt: skip


if __name__ == "__main__":
    main()
