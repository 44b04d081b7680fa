"""Faults at every boundary, and what became of what clients were told: `make faults`.

Web, relay, worker and timetable are processes of ours on a PostgreSQL and a Valkey of ours. Citizens send
forms with photos, units sign and report, all through a fault; whoever gets no answer asks again with the same
key. After each run everything comes to rest and `bench.fault_check` compares. Prints boundary × runs × lost ×
doubled × missed, and one JSON object as the last line; status 1 when anything was lost, doubled or missed.

`make faults ARGS="--only mid-job relay --runs 10"`; `--redis-away 300 --database-away 60` are the full
outages. Disk full and the deploy with a migration have beds of their own (`bench.fault_disk`,
`bench.migrations`) and come last.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bench import fault_disk, migrations
from bench.fault_bed import bed
from bench.fault_cases import CASES, Scene
from bench.fault_check import Findings, check
from bench.fault_clients import Clients
from bench.fault_rest import REST_SECONDS, at_rest

RUNS: Final = 3
DISK: Final = "disk-full"
DEPLOY: Final = ("deploy-postgresql", "deploy-sqlite")
EVERY: Final = (*CASES, DISK, *DEPLOY)
REDIS_AWAY_SECONDS: Final = 20.0
DATABASE_AWAY_SECONDS: Final = 15.0
_CITIZENS: Final = 3
_UNITS: Final = 2
_PAUSE_SECONDS: Final = 0.3


@dataclass
class Row:
    """What became of the runs of one boundary. `rest`: the longest that it took until nothing waited."""

    name: str
    runs: int = 0
    findings: Findings = field(default_factory=Findings)
    rest: float = 0.0
    told: int = 0


async def judged(scene: Scene, row: Row, known: Findings) -> None:
    """Come to rest after a run, compare, and go on."""
    began = time.monotonic()
    answered = await scene.clients.rest(REST_SECONDS)
    now = datetime.now(UTC) + timedelta(seconds=scene.clock)
    rested = await at_rest(scene.bed.url, at=now)
    row.rest = max(row.rest, time.monotonic() - began)
    found = await check(
        scene.bed.url, scene.clients.told, scene.bed.folder / "files",
        at=now, steps=scene.steps,
    )  # fmt: skip
    if not answered:
        found.lost.add(f"{row.name} {row.runs}: somebody never got an answer")
    if not rested:
        found.lost.add(f"{row.name} {row.runs}: work was left")
    new = found.without(known)
    for kept, more in ((row.findings, new), (known, new)):
        kept.lost |= more.lost
        kept.doubled |= more.doubled
        kept.missed |= more.missed
    row.told = found.compared.total()
    scene.clients.resume()


async def on_postgresql(options: argparse.Namespace, names: list[str], directory: Path) -> list[Row]:
    """The boundaries that share one bed."""
    rows = []
    known = Findings()
    async with bed(directory) as made, Clients(made.address, made.token, pause=_PAUSE_SECONDS) as clients:
        clients.start(citizens=_CITIZENS, units=_UNITS)
        scene = Scene(made, clients, options)
        for name in names:
            row = Row(name)
            rows.append(row)
            for scene.number in range(options.runs):
                began = time.monotonic()
                await scene.a_while()
                await CASES[name](scene)
                await scene.a_while()
                row.runs += 1
                await judged(scene, row, known)
                _say(name, row, time.monotonic() - began)
        if clients.told.broken:
            rows[-1].findings.lost.add(f"answers 500: {len(clients.told.broken)} {set(clients.told.broken)}")
    return rows


def _say(name: str, row: Row, seconds: float) -> None:
    found = row.findings
    wrong = sorted(found.lost | found.doubled | found.missed)
    print(f"{name} {row.runs}: {seconds:.1f} s, {row.told} compared {'; '.join(wrong[:5])}", flush=True)


def table(rows: list[Row]) -> str:
    """Boundary × runs × lost × doubled × missed."""
    lines = [
        "| Boundary | Runs | Lost | Doubled | Missed | Longest rest, s |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.name} | {row.runs} | {len(row.findings.lost)} | {len(row.findings.doubled)} "
        f"| {len(row.findings.missed)} | {row.rest:.1f} |"
        for row in rows
    ]
    return "\n".join(lines)


async def run(options: argparse.Namespace, directory: Path) -> list[Row]:
    """All that were asked for."""
    rows: list[Row] = []
    if names := [name for name in CASES if name in options.only]:
        rows += await on_postgresql(options, names, directory)
    if DISK in options.only:
        row = Row(DISK)
        for row.runs in range(1, options.runs + 1):
            found, how = await fault_disk.run(directory / f"disk-{row.runs}")
            row.findings.lost |= found.lost
            row.findings.doubled |= found.doubled
            row.findings.missed |= found.missed
            row.told = found.compared.total()
            print(how, flush=True)
            _say(DISK, row, 0)
        rows.append(row)
    for name in DEPLOY:
        if name in options.only:
            row = Row(name, runs=1)
            done = await migrations.deploy(directory / name, sqlite=name.endswith("sqlite"))
            row.findings, row.told = done.findings, done.findings.compared.total()
            print(name, json.dumps(done.figures, ensure_ascii=False), flush=True)
            _say(name, row, 0)
            rows.append(row)
    return rows


def main() -> None:
    """Hurt, compare, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=EVERY, default=EVERY, metavar="BOUNDARY")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each boundary")
    parser.add_argument("--redis-away", type=float, default=REDIS_AWAY_SECONDS, help="seconds")
    parser.add_argument("--database-away", type=float, default=DATABASE_AWAY_SECONDS, help="seconds")
    parser.add_argument("--log", type=Path, help="keep the processes' logs in this file")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jiesu-faults-") as name:
        directory = Path(name)
        # PostgreSQL runs as another user when we are root: it must reach what lies below.
        directory.chmod(0o755)
        try:
            rows = asyncio.run(run(options, directory))
        finally:
            if options.log and (directory / "faults.log").exists():
                options.log.write_bytes((directory / "faults.log").read_bytes())
    print(f"\n{table(rows)}\n", flush=True)
    figures: dict[str, Any] = {
        "boundaries": len(rows),
        "runs": sum(row.runs for row in rows),
        "lost": sum(len(row.findings.lost) for row in rows),
        "doubled": sum(len(row.findings.doubled) for row in rows),
        "missed": sum(len(row.findings.missed) for row in rows),
        "compared": max((row.told for row in rows), default=0),
        "longest_rest_s": round(max((row.rest for row in rows), default=0), 1),
        "seconds": round(time.monotonic() - began, 1),
        "wrong": sorted(
            set().union(*(r.findings.lost | r.findings.doubled | r.findings.missed for r in rows))
        )[:20],
    }
    print(json.dumps(figures, ensure_ascii=False), flush=True)
    sys.exit(1 if figures["lost"] or figures["doubled"] or figures["missed"] else 0)


if __name__ == "__main__":
    main()
