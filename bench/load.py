"""Jiesu under load: staff, citizens and complaints at once, by a kept load tool, on loopback.

`make load`. PostgreSQL from the wheel with made-up tickets, an embedded Valkey, web and worker processes,
relay and timetable: all as in production. `locust` (in an environment of its own, `.venv-load`) plays the
people of `bench/load_people.py` through three stages: steady, a burst of ten times as many, steady again.
`ARGS="--soak 3600"` adds a stage in which memory must stay flat. Printed: a table by stage and request, what
each kind of process took, how long a complaint waited for its ticket, whether anything that was acknowledged
is missing; then one JSON line. Exit status 1 when something is lost or doubled.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.request import urlopen

import psutil
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

import triage.tables
from bench.desk import quantile
from bench.desk_data import fill
from bench.load_watch import Watch
from bench.servers import BENCH_KEY, Processes, jiesu, postgresql
from connectors.vault import Vault
from models.appeals import Appeal
from models.db import Database, open_database
from models.tickets import Ticket, TicketEvent
from models.units import Unit
from models.vocab import State, Tag
from models.vocab_staff import Role
from tests import signed_in
from triage import logs
from triage.clock import SystemClock
from triage.services import reference
from triage.services.deps import Deps
from triage.services.open311 import keys
from triage.services.trends import refreshing
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLACES: Final = (
    "朝阳区劲松街道",
    "海淀区清河街道",
    "昌平区回龙观街道",
    "丰台区方庄",
    "通州区梨园",
    "东城区安定门",
)
_PORT: Final = 18_430
_READY_SECONDS: Final = 120.0
_DRAIN_SECONDS: Final = 600.0
_SETTLE_SECONDS: Final = 1200.0
_LOOK_SECONDS: Final = 10.0
#: Per cent of a core.
_RESTING: Final = 15.0
_STREETS: Final = 40
#: People of one kind who have a session of their own; several windows share one.
_EACH: Final = {"clerks": 200, "officers": 80, "analysts": 10}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run."""

    rows: int
    people: int
    times: int
    seconds: int
    soak: int
    web: int
    workers: int
    watchers: int
    pace: float
    intake: float
    locust: str

    @property
    def stages(self) -> list[tuple[str, int, int]]:
        """Name, seconds, people."""
        found = [
            ("steady", self.seconds, self.people), ("burst", self.seconds, self.people * self.times),
            ("after", self.seconds, self.people),
        ]  # fmt: skip
        return [*found, ("soak", self.soak, self.people)] if self.soak else found


async def _prepared(deps: Deps, rows: int) -> dict[str, Any]:
    """Fill the database; give what the people know."""
    now = deps.clock.now()
    await reference.sync(deps)
    async with deps.db.engine.begin() as connection:
        await fill(connection, deps.tables, rows=rows, now=now)
        await connection.execute(
            sa.text("SELECT setval(pg_get_serial_sequence('ticket_event', 'id'), max(id)) FROM ticket_event")
        )
        for table in ("appeal", "reading", "ticket"):
            sequence = f"pg_get_serial_sequence('{table}', 'id')"
            await connection.execute(sa.text(f"SELECT setval({sequence}, max(id)) FROM {table}"))  # noqa: S608
    # As in a service that has run for a year: the planner knows the tables, and the sums hold every ticket.
    async with deps.db.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(
            sa.text("VACUUM ANALYZE")
        )
    await refreshing.rebuild(deps)
    async with deps.db.writes.begin() as session:
        key = await keys.make(session, deps.vault, "load", now=now)
        units = (
            await session.execute(
                sa.select(Ticket.unit_code, Unit.name)
                .join(Unit, Unit.code == Ticket.unit_code)
                .where(Ticket.state == State.DISPATCHED.value, Ticket.level == "street")
                .group_by(Ticket.unit_code, Unit.name)
                .order_by(Ticket.unit_code)
                .limit(_STREETS)
            )
        ).all()
        tickets = (
            await session.scalars(sa.select(Ticket.no).where(Ticket.id % max(1, rows // 500) == 0).limit(500))
        ).all()
    people: dict[str, list[dict[str, str]]] = {"clerks": [], "officers": [], "analysts": []}
    for number in range(_EACH["clerks"]):
        people["clerks"].append(
            {"session": await signed_in.sign_in(deps, Role.CLERK, login=f"clerk.{number}")}
        )
    for number in range(_EACH["analysts"]):
        session_of = await signed_in.sign_in(deps, Role.ANALYST, login=f"analyst.{number}")
        people["analysts"].append({"session": session_of})
    for number in range(_EACH["officers"]):
        code, name = units[number % len(units)]
        who = await signed_in.add_person(deps, f"street.{number}", (Role.STREET, code))
        people["officers"].append(
            {
                "session": await signed_in.session_for(deps, who), "unit": code or "", "unit_name": name,
                "token": await signed_in.token_for(deps, who, f"street.{number}"),
            }
        )  # fmt: skip
    return {**people, "key": key, "tickets": list(tickets), "places": _PLACES}


def _ready(host: str) -> None:
    ends = time.monotonic() + _READY_SECONDS
    while True:
        try:
            with urlopen(f"{host}/readyz", timeout=5) as answer:  # noqa: S310  (our own)
                if answer.status == 200:  # noqa: PLR2004
                    return
        except OSError:
            if time.monotonic() > ends:
                raise
        time.sleep(0.2)


def _started(processes: Processes, wanted: Wanted) -> tuple[list[str], dict[str, int]]:
    """Start web, worker, relay and timetable; give the addresses and who is who."""
    hosts, roots = [], {}
    for number in range(wanted.web):
        processes.environment["JIESU_PORT"] = str(_PORT + number)
        roots[f"web.{number}"] = processes.start("serve").pid
        hosts.append(f"http://127.0.0.1:{_PORT + number}")
    for number in range(wanted.workers):
        roots[f"worker.{number}"] = processes.start("work").pid
    roots["relay"] = processes.start("relay").pid
    roots["timetable"] = processes.start("timetable").pid
    for host in hosts:
        _ready(host)
    return hosts, roots


def _settled(root: int) -> float:
    """Wait until the timetable is through with what the filling left to it. Gives the seconds.

    A made-up year has no reminders, parties, words or matters yet; a service that has run for one has.
    """
    began, watched = time.monotonic(), psutil.Process(root)
    watched.cpu_percent()
    while time.monotonic() - began < _SETTLE_SECONDS:
        time.sleep(_LOOK_SECONDS)
        if watched.cpu_percent() < _RESTING:
            break
    return time.monotonic() - began


async def _drained(db: Database, after: datetime) -> tuple[int, list[tuple[datetime, float]]]:
    """Wait until every complaint has its ticket; how many have none, and (when, seconds) of the others."""
    waits = (
        sa.select(Appeal.stored_at, Ticket.opened_at, Appeal.id)
        .join(Ticket, Ticket.appeal_id == Appeal.id, isouter=True)
        .where(Appeal.stored_at >= after)
    )
    ends = time.monotonic() + _DRAIN_SECONDS
    while True:
        async with db.reads() as session:
            rows = (await session.execute(waits)).all()
        open_ones = sum(1 for row in rows if row.opened_at is None)
        if not open_ones or time.monotonic() > ends:
            found = [
                (row.stored_at, (row.opened_at - row.stored_at).total_seconds())
                for row in rows
                if row.opened_at
            ]
            return open_ones, found
        await asyncio.sleep(1)


async def _kept(db: Database, told: Sequence[str], moved: Sequence[str]) -> dict[str, int]:
    """What was acknowledged against what is there: complaints and signatures missing, or there twice."""
    async with db.reads() as session:
        of_appeal = await session.execute(
            sa.select(Ticket.appeal_id, sa.func.count()).group_by(Ticket.appeal_id)
        )
        of_ticket = await session.execute(
            sa.select(Ticket.no, sa.func.count())
            .join(TicketEvent, TicketEvent.ticket_id == Ticket.id)
            .where(TicketEvent.tag == Tag.SIGN.value)
            .group_by(Ticket.no)
        )
        tickets, signed = dict(of_appeal.all()), dict(of_ticket.all())
    asked = [tickets.get(int(number), 0) for number in told]
    acts = [signed.get(no, 0) for no in moved]
    twice = len(told) - len(set(told)) + len(moved) - len(set(moved))
    return {
        "lost": asked.count(0) + acts.count(0),
        "doubled": sum(1 for count in (*asked, *acts) if count > 1) + twice,
    }


def _played(wanted: Wanted, plan: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Let the load tool play the plan; give what it wrote."""
    path, out = folder / "plan.json", folder / "out.json"
    path.write_text(json.dumps({**plan, "out": str(out)}, ensure_ascii=False), encoding="utf-8")
    subprocess.run(
        [wanted.locust, "-f", str(Path(__file__).with_name("load_people.py")), "--headless", "--only-summary",
         "--loglevel", "WARNING", "--stop-timeout", "30"],
        env={**os.environ, "JIESU_LOAD_PLAN": str(path)}, check=False, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return dict(json.loads(out.read_text(encoding="utf-8")))


async def run(wanted: Wanted) -> dict[str, Any]:
    """Start everything, play, look. Gives the figures."""
    with (
        postgresql() as url,
        jiesu(url) as processes,
        tempfile.TemporaryDirectory(prefix="jiesu-load-") as folder,
    ):
        processes.environment["JIESU_OPEN311_PER_HOUR"] = "1000000"
        processes.environment["JIESU_OPEN_PER_ADDRESS"] = "1000000"
        db = open_database(url)
        deps = Deps(Settings(), SystemClock(), triage.tables.load(), db, Vault.parse(BENCH_KEY))
        plan = await _prepared(deps, wanted.rows)
        hosts, roots = _started(processes, wanted)
        server = Path(url.rpartition("host=")[2]) / "postmaster.pid"
        roots["postgresql"] = int(server.read_text().splitlines()[0])
        settled = await asyncio.to_thread(_settled, roots["timetable"])
        began = datetime.now(UTC)
        watch = Watch(roots)
        start = time.monotonic()
        watch.start()
        out = await asyncio.to_thread(
            _played,
            wanted,
            {
                **plan, "hosts": hosts, "stages": wanted.stages, "pace": wanted.pace,
                "watchers": wanted.watchers, "intake_pace": wanted.intake,
            },
            Path(folder),
        )  # fmt: skip
        waiting, waits = await _drained(db, began)
        watch.stop()
        kept = await _kept(db, out["told"], out["moved"])
        await db.close()
    return _figures(wanted, out, watch, (start, began), waits) | kept | {
        "settled_s": round(settled), "waiting": waiting, "complaints": len(out["told"]),
        "signed": len(out["moved"]),
    }  # fmt: skip


def _figures(
    wanted: Wanted,
    out: dict[str, Any],
    watch: Watch,
    begins: tuple[float, datetime],
    waits: list[tuple[datetime, float]],
) -> dict[str, Any]:
    """The tables printed, and what the JSON line says."""
    console = Console(width=120)
    stages: dict[str, Any] = {}
    moment, day = begins
    for name, seconds, people in wanted.stages:
        found, failed, refused = (out[what].get(name, {}) for what in ("found", "failed", "refused"))
        every = [ms for asked, values in found.items() if "实时" not in asked for ms in values]
        cpu = watch.cpu(moment, moment + seconds)
        waited = [value for at, value in waits if day <= at < day + timedelta(seconds=seconds)]
        table = Table(
            "请求",
            "次数",
            "请稍后",
            "失败",
            "p50 毫秒",
            "p99 毫秒",
            title=f"{name}：{people} 人，{seconds} 秒",
        )
        for asked, values in sorted(found.items()):
            bad = sum(failed.get(asked, {}).values())
            table.add_row(
                asked,
                str(len(values)),
                str(refused.get(asked, 0)),
                str(bad),
                f"{quantile(values, 0.5):.0f}",
                f"{quantile(values, 0.99):.0f}",
            )
        console.print(table)
        console.print(
            "CPU（核）：", cpu, "内存（MiB，始、每四分之一、末）：", watch.memory(moment, moment + seconds)
        )
        for asked, reasons in failed.items():
            console.print("失败", asked, reasons)
        stages[name] = {
            "people": people,
            "rps": round(len(every) / seconds, 1),
            "p50_ms": round(quantile(every, 0.5), 1) if every else None,
            "p99_ms": round(quantile(every, 0.99), 1) if every else None,
            "refused": sum(refused.values()),
            "failed": sum(sum(reasons.values()) for reasons in failed.values()),
            "to_ticket_p50_s": round(quantile(waited, 0.5), 1) if waited else None,
            "to_ticket_p99_s": round(quantile(waited, 0.99), 1) if waited else None,
            "cpu": cpu,
            "most_cpu": max(cpu, key=cpu.__getitem__) if cpu else None,
            "memory": watch.memory(moment, moment + seconds),
        }
        moment, day = moment + seconds, day + timedelta(seconds=seconds)
    return {"stages": stages}


def main() -> None:
    """Run once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="tickets in the database")
    parser.add_argument("--people", type=int, default=200, help="windows that are open in the steady stages")
    parser.add_argument("--times", type=int, default=10, help="how many times as many in the burst")
    parser.add_argument("--seconds", type=int, default=120, help="of each stage")
    parser.add_argument("--soak", type=int, default=0, help="seconds of a last stage as steady as the first")
    parser.add_argument("--web", type=int, default=2, help="web processes")
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    parser.add_argument("--watchers", type=int, default=20, help="weight of pages that stay open")
    parser.add_argument("--pace", type=float, default=0.1, help="requests a second of one person")
    parser.add_argument("--intake", type=float, default=0.1, help="complaints a second of one caller")
    parser.add_argument("--locust", default=".venv-load/bin/locust", help="the load tool")
    wanted = Wanted(**vars(parser.parse_args()))
    logs.set_up(level="ERROR", as_json=False)
    figures = asyncio.run(run(wanted))
    steady = figures["stages"]["steady"]
    head = {"bench": "load", "rows": wanted.rows, "web": wanted.web, "workers": wanted.workers,
            "rps": steady["rps"], "p99_ms": steady["p99_ms"], "memory": steady["memory"]}  # fmt: skip
    print(json.dumps({**head, **figures, "load": round(os.getloadavg()[0], 1)}, ensure_ascii=False))
    sys.exit(1 if figures["lost"] or figures["doubled"] else 0)


if __name__ == "__main__":
    main()
