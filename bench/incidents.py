"""突发的发现, measured: `make bench-incidents`. One JSON line.

Thirty normal days on a simulated clock, then a day with 200 calls in ten minutes about one event among its
normal traffic, all through the real watch over a real database (SQLite in a temporary folder, or `--url`, an
empty one). Told: how many incidents the event became, after how many seconds its alert was written (from its
first call; and the real time that the watch took), how many of its calls it holds, and how many incidents
there were that day and in the thirty days without any event.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import sqlalchemy as sa

import triage.tables
from bench import incident_traffic as traffic
from connectors.vault import Vault
from models import migrate
from models.appeals import Source
from models.db import open_database
from models.incidents import Incident, IncidentCall
from models.notices import Notice
from nlp.gazetteer import Gazetteer
from nlp.pipeline import Reader
from triage.clock import FixedClock
from triage.services import reference
from triage.services.deps import Deps
from triage.services.incidents import watching
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.incident_traffic import Made
    from models.db import Database

#: Midnight in Beijing of the first day.
START: Final = datetime(2026, 10, 19, 16, 0, tzinfo=UTC)
_NORMAL_STEP: Final = timedelta(minutes=10)
_EVENT_STEP: Final = timedelta(seconds=2)
_EVENT_HOUR: Final = 10


class Bench:
    """A database with a clock of its own."""

    def __init__(self, db: Database, source: int) -> None:
        self._db, self._source, self._next = db, source, 1
        self._tables = triage.tables.load()
        self._vault = Vault({1: bytes(32)})
        #: Real milliseconds of each look that saw tickets, and how many it saw.
        self.looks: list[tuple[float, int]] = []
        #: Ids of the tickets of the event.
        self.event: set[int] = set()

    async def run(self, items: Sequence[Made], begin: datetime, end: datetime, step: timedelta) -> None:
        """Let the time pass: store what was said in each step, and look."""
        waiting = list(items)
        now = begin
        while now < end:
            now = min(now + step, end)
            said = [one for one in waiting if one.at <= now]
            waiting = waiting[len(said) :]
            if not said:
                continue
            await traffic.store(self._db, self._source, self._next, said)
            self.event |= {number for number, one in enumerate(said, self._next) if one.event}
            self._next += len(said)
            deps = Deps(Settings(), FixedClock(now), self._tables, self._db, self._vault)
            begun = time.perf_counter()
            while await watching.watch(deps):
                pass
            self.looks.append(((time.perf_counter() - begun) * 1000, len(said)))


async def measure(db: Database, days: int, calls: int, *, daily: int, seed: int) -> dict[str, Any]:
    """Thirty days, then the day of the event."""
    await migrate.upgrade(db)
    async with db.writes.begin() as session:
        row = {"key": "bench", "name": "bench", "created_at": START}
        source = (await session.execute(sa.insert(Source).returning(Source.id), row)).scalar_one()
    random = np.random.default_rng(seed)
    gazetteer = Gazetteer.load()
    bench = Bench(db, source)
    deps = Deps(Settings(), FixedClock(START), triage.tables.load(), db, Vault({1: bytes(32)}))
    await reference.sync(deps)
    await watching.watch(deps)
    for day in range(days):
        begin = START + timedelta(days=day)
        items = traffic.normal_day(gazetteer, begin, random, daily=daily)
        await bench.run(items, begin, begin + timedelta(days=1), _NORMAL_STEP)
    begin = START + timedelta(days=days)
    async with db.reads() as session:
        false_before = int(await session.scalar(sa.select(sa.func.count()).select_from(Incident)) or 0)
    starts = begin + timedelta(hours=_EVENT_HOUR)
    items = [
        *traffic.normal_day(gazetteer, begin, random, daily=daily),
        *traffic.event(Reader.load(), starts, calls, 10, random),
    ]
    items.sort(key=lambda one: one.at)
    before = [one for one in items if one.at <= starts]
    during = [one for one in items if starts < one.at <= starts + timedelta(minutes=15)]
    after = [one for one in items if one.at > starts + timedelta(minutes=15)]
    await bench.run(before, begin, starts, _NORMAL_STEP)
    normal_looks = len(bench.looks)
    await bench.run(during, starts, starts + timedelta(minutes=15), _EVENT_STEP)
    event_looks = bench.looks[normal_looks:]
    await bench.run(after, starts + timedelta(minutes=15), begin + timedelta(days=1), _NORMAL_STEP)
    found = await _found(db, bench, begin, starts)
    spent = [ms for ms, _ in event_looks]
    return {
        "days": days, "daily": daily, "calls": calls, **found,
        "false_in_normal_days": false_before,
        "look_ms_p50": round(float(np.percentile(spent, 50)), 1),
        "look_ms_p99": round(float(np.percentile(spent, 99)), 1),
        "ms_a_ticket": round(sum(ms for ms, _ in bench.looks) / sum(n for _, n in bench.looks), 2),
        "database": db.dialect,
    }  # fmt: skip


async def _found(db: Database, bench: Bench, begin: datetime, starts: datetime) -> dict[str, Any]:
    async with db.reads() as session:
        incidents = list(await session.scalars(sa.select(Incident).where(Incident.opened_at >= begin)))
        rows = await session.execute(
            sa.select(IncidentCall.ticket_id, IncidentCall.incident_id).where(
                IncidentCall.incident_id.is_not(None)
            )
        )
        homes = {row.ticket_id: row.incident_id for row in rows}
        noticed = list(
            await session.scalars(
                sa.select(Notice.created_at)
                .where(Notice.template == "incident_opened", Notice.created_at >= starts)
                .order_by(Notice.created_at)
            )
        )
    of_event = {homes[number] for number in bench.event if number in homes}
    mine = [incident for incident in incidents if incident.id in of_event]
    held = sum(number in homes for number in bench.event)
    foreign = sum(home in of_event and number not in bench.event for number, home in homes.items())
    delay = (noticed[0] - starts).total_seconds() if noticed else None
    return {
        "event_incidents": len(mine),
        "alert_delay_s": delay,
        "alerted": len(noticed),
        "event_calls_held": held,
        "other_calls_held": foreign,
        "false_that_day": len(incidents) - len(mine),
    }


async def run(url: str, given: argparse.Namespace) -> dict[str, Any]:
    """Open, measure, close."""
    db = open_database(url, durable=False)
    try:
        return await measure(db, given.days, given.calls, daily=given.daily, seed=given.seed)
    finally:
        await db.close()


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="an empty database; without it SQLite in a temporary folder")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--daily", type=int, default=traffic.DAILY)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.url or f"sqlite+aiosqlite:///{Path(folder) / 'bench.db'}"
        print(json.dumps(asyncio.run(run(url, given))))


if __name__ == "__main__":
    main()
