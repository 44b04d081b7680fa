"""Two hundred feeds at once, sixty-five of them bad: `make bench-feeds`.

The media houses (`bench.feeds_server`, a process of its own) stand at two hundred loopback addresses. All are
pulled at once by one process into a PostgreSQL of ours, then every good one twice more at the same time. The
last line printed is one JSON object:

sent       items of the good feeds
stored     of them, rows of `lead_item`; lost: the others
doubled    leads and repeats beyond one an item
refused    bad feeds that ended with a sentence for staff
harmed     items of bad feeds stored, and times the trap was asked
peak_mib   of the process that pulls; base_mib before the first pull
seconds    until the last good feed was in; all_seconds until the last bad one had ended
repeated   items that the second and third pull stored

It ends with status 1 when anything was lost, doubled or harmed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bench.feeds_server import FEEDS, GOOD, KINDS, TRAP_PORT_BESIDE, host_of, items_of, kind_of
from bench.servers import BENCH_KEY, jiesu, postgresql
from connectors.feeds.items import FeedItem
from models.leads import Lead, LeadItem
from triage.clock import SystemClock
from triage.services.leads.addresses import item_hash
from triage.services.leads.pulling import pull_feed
from triage.services.sources.ports import Settled, SourceFault
from triage.settings import Settings
from triage.wiring import build

if TYPE_CHECKING:
    from triage.services.deps import Deps

#: Pulls of one feed until it says there is no more: more of them is a fault of ours.
_MOST_PULLS: Final = 20


@dataclass
class Run:
    """What came of the pulls."""

    faults: dict[int, str] = field(default_factory=dict)
    ended: dict[int, float] = field(default_factory=dict)
    stored: int = 0


def _source(number: int, port: int) -> Settled:
    url = f"http://{host_of(number)}:{port}/feed"
    return Settled(number, f"feed-{number}", f"feed-{number}", {"url": url, "articles": "no"}, {})


async def _pull(deps: Deps, number: int, port: int, run: Run) -> None:
    """Pull a feed until it has no more, as the runner would."""
    started = time.perf_counter()
    cursor: Any = None
    try:
        for _ in range(_MOST_PULLS):
            outcome = await pull_feed(deps, _source(number, port), cursor, now=deps.clock.now())
            cursor = outcome.cursor
            run.stored += outcome.stored
            if not outcome.more:
                break
    except SourceFault as fault:
        run.faults[number] = fault.detail
    run.ended[number] = time.perf_counter() - started


def _peak_mib() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


async def _measure(settings: Settings, port: int) -> dict[str, Any]:
    deps = build(settings, clock=SystemClock())
    base = _peak_mib()
    first, again = Run(), Run()
    await asyncio.gather(*(_pull(deps, number, port, first) for number in range(FEEDS)))
    peak = _peak_mib()
    good = [number for number in range(FEEDS) if kind_of(number) in GOOD]
    await asyncio.gather(*(_pull(deps, number, port, again) for number in good for _ in range(2)))
    wanted = {
        item_hash(f"feed-{number}", FeedItem(url, title, text, None))
        for number in good
        for url, title, text in items_of(number, port)
    }
    async with deps.db.reads() as session:
        kept = set(await session.scalars(sa.select(LeadItem.url_hash)))
        counted = await session.scalar(sa.select(sa.func.count(Lead.id) + sa.func.sum(Lead.repeats)))
    await deps.close()
    bad = [number for number in range(FEEDS) if number not in good]
    hits = await asyncio.to_thread(_hits, port)
    return {
        "feeds": FEEDS,
        "good": len(good),
        "sent": len(wanted),
        "stored": len(wanted & kept),
        "doubled": int(counted or 0) - len(kept),
        "lost": len(wanted - kept),
        "refused": sum(number in first.faults for number in bad),
        "good_refused": sum(number in first.faults for number in good),
        "harmed": len(kept - wanted) + hits,
        "repeated": again.stored,
        "peak_mib": peak,
        "base_mib": base,
        "seconds": round(max(first.ended[number] for number in good), 1),
        "all_seconds": round(max(first.ended.values()), 1),
        "why": _why(first, bad),
    }


def _hits(port: int) -> int:
    """How often the trap was asked."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port + TRAP_PORT_BESIDE}/hits") as answer:
        return int(answer.read())


def _why(run: Run, bad: list[int]) -> dict[str, list[str]]:
    """By kind of bad feed, the sentences that staff would read."""
    found: dict[str, set[str]] = {}
    for number in bad:
        found.setdefault(kind_of(number), set()).add(run.faults.get(number, "（取完了，没有条目）"))
    return {kind: sorted(words) for kind, words in found.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=18_300)
    port = parser.parse_args().port
    if sum(KINDS.values()) != FEEDS:
        raise ValueError(sum(KINDS.values()))
    with postgresql() as url, jiesu(url):
        server = subprocess.Popen(
            [sys.executable, "-m", "bench.feeds_server", str(port)], stdout=subprocess.PIPE, text=True
        )
        try:
            if server.stdout is None or server.stdout.readline().strip() != "ready":
                raise RuntimeError("the media houses did not open")
            hosts = ",".join(f"{host_of(number)}:{port}" for number in range(FEEDS))
            settings = Settings(database_url=url, vault_keys=BENCH_KEY, feed_private_hosts=hosts)
            found = asyncio.run(_measure(settings, port))
        finally:
            server.kill()
            server.wait()
    why = found.pop("why")
    for kind, words in why.items():
        print(f"{kind}：{'；'.join(words)}", file=sys.stderr)
    print(json.dumps(found))
    sys.exit(bool(found["lost"] or found["doubled"] or found["harmed"] or found["good_refused"]))


if __name__ == "__main__":
    main()
