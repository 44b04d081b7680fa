"""A deploy with its migrations under traffic, from the release before: part of `make faults`.

The release before is a fixed commit (`PREVIOUS`, the last before accounts; its schema is 0017). Its code is
taken from git into a folder of its own and run with the same libraries. It fills a database through its own
pages, workers and timetable. Then

1. on a copy: `db upgrade`, every row of every old table compared column by column (nothing of it may change);
   one migration back and forward again, compared as well;
2. on the original, under traffic: `db upgrade` while the old web, worker, relay and timetable go on; traffic
   goes on with the old code on the new schema, then the new code starts, takes the traffic over (clients that
   wait ask it with the same keys), and the old ends;
3. the independent checker compares what clients were told, by old code and by new, with what is there.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import sqlalchemy as sa

from bench.fault_bed import SETTINGS, USUAL, Bed, units_token
from bench.fault_check import Findings, check
from bench.fault_clients import Clients
from bench.fault_process import FILE, set_to
from bench.fault_rest import REST_SECONDS, at_rest
from bench.hotline import free_port
from bench.servers import BENCH_KEY, Processes, postgresql
from models import migrate, revision
from models.db import Database, open_database

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The last commit before accounts (2026-11-26 05:55): migrations up to 0017.
PREVIOUS: Final = "a40721c"
ROOT: Final = Path(__file__).parents[1]
#: The old code runs with today's libraries, and those have `ahocorasick_rs` in the place of pyahocorasick.
STAND_IN: Final = """
import ahocorasick_rs


class Automaton:
    def __init__(self):
        self._words = {}

    def add_word(self, word, value):
        self._words[word] = value

    def make_automaton(self):
        self._values = list(self._words.values())
        self._automaton = ahocorasick_rs.AhoCorasick(list(self._words), store_patterns=False)

    def iter(self, text):
        found = self._automaton.find_matches_as_indexes(text, overlapping=True)
        return ((end - 1, self._values[which]) for which, _, end in found)
"""
FILL_SECONDS: Final = 12.0
GO_ON_SECONDS: Final = 10.0
#: A migration that does not get its locks gives up after seconds; whoever deploys tries again.
TRIES: Final = 10
#: Kept beside the rows, by the database itself or by hand.
_UNCOMPARED: Final = ("alembic_version", "ticket_search")


@dataclass
class Deployed:
    """What a deploy showed."""

    findings: Findings = field(default_factory=Findings)
    figures: dict[str, Any] = field(default_factory=dict)


def take_out(commit: str, folder: Path) -> Path:
    """The code of a commit, in a folder of its own. Raises CalledProcessError when git does not have it."""
    folder.mkdir(parents=True)
    (folder / "ahocorasick.py").write_text(STAND_IN, encoding="utf-8")
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x"], cwd=folder, check=True, input=packed.stdout)
    return folder


def rows_of(
    connection: sa.Connection, columns: dict[str, list[str]] | None = None
) -> dict[str, Counter[str]]:
    """Every table's rows, as texts of the columns named (all when none are): counted, in no order."""
    inspector = sa.inspect(connection)
    found = {}
    for table in inspector.get_table_names():
        if table.startswith(_UNCOMPARED) or (columns is not None and table not in columns):
            continue
        names = columns[table] if columns is not None else columns_of(connection)[table]
        chosen: Any = sa.select(*[sa.column(name) for name in names]).select_from(sa.table(table))
        found[table] = Counter(_text(row) for row in connection.execute(chosen))
    return found


#: What a migration changes on purpose: 0041 takes the names out of what citizens' photos are called.
_MEANT: Final = {"attachment": {"name"}}


def columns_of(connection: sa.Connection) -> dict[str, list[str]]:
    """Table → its columns, in order of name."""
    inspector = sa.inspect(connection)
    return {
        table: sorted({column["name"] for column in inspector.get_columns(table)} - _MEANT.get(table, set()))
        for table in inspector.get_table_names()
        if not table.startswith(_UNCOMPARED)
    }


def _text(row: Any) -> str:  # noqa: ANN401  (a row)
    return json.dumps([_plain(value) for value in row], sort_keys=True, default=repr)


def _plain(value: Any) -> Any:  # noqa: ANN401  (of a column)
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) and value.tzinfo else value


def changed(before: dict[str, Counter[str]], after: dict[str, Counter[str]]) -> dict[str, int]:
    """Table → how many rows of before are not there as they were; tables that are gone as well."""
    lost = {table: (rows - after.get(table, Counter())).total() for table, rows in before.items()}
    return {table: count for table, count in lost.items() if count}


async def on_copy(url: str, deployed: Deployed) -> None:
    """Upgrade, one back and forward again on a copy: what was there is there."""
    db = open_database(url)
    try:
        before, columns = await _both(db)
        began = time.monotonic()
        await migrate.upgrade(db)
        deployed.figures["upgrade_at_rest_s"] = round(time.monotonic() - began, 2)
        upgraded = await _rows(db, columns)
        whole, all_columns = await _both(db)
        await migrate.downgrade(db, "-1")
        deployed.figures["one_back"] = await revision.current_revision(db)
        back = await _rows(db, columns)
        await migrate.upgrade(db)
        again = await _rows(db, all_columns)
        differences = await migrate.differences(db)
    finally:
        await db.close()
    deployed.figures["rows_compared"] = sum(rows.total() for rows in before.values())
    deployed.figures["tables_compared"] = len(before)
    for what, one, other in (
        ("upgrade", before, upgraded),
        ("one back", before, back),
        ("forward", whole, again),
    ):
        deployed.findings.lost |= {
            f"{what}: {count} rows of {table}" for table, count in changed(one, other).items()
        }
    deployed.findings.lost |= {f"schema differs: {one}" for one in differences}


async def _both(db: Database) -> tuple[dict[str, Counter[str]], dict[str, list[str]]]:
    async with db.engine.connect() as connection:
        return await connection.run_sync(rows_of), await connection.run_sync(columns_of)


async def _rows(db: Database, columns: dict[str, list[str]]) -> dict[str, Counter[str]]:
    async with db.engine.connect() as connection:
        there = await connection.run_sync(columns_of)
        kept = {
            table: [name for name in names if name in there[table]]
            for table, names in columns.items()
            if table in there
        }
        return await connection.run_sync(lambda c: rows_of(c, kept))


async def copied(url: str, directory: Path) -> str:
    """A copy of a database that nobody uses now. Gives its address."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        copy = directory / "copy.db"
        shutil.copy(str(parsed.database), copy)
        return f"sqlite+aiosqlite:///{copy}"
    connection = await asyncpg.connect(
        user=parsed.username, database="postgres", host=str(parsed.query["host"])
    )
    try:
        await connection.execute(f"CREATE DATABASE copy TEMPLATE {parsed.database}")
    finally:
        await connection.close()
    return parsed.set(database="copy").render_as_string(hide_password=False)


@contextlib.contextmanager
def two_releases(directory: Path, url: str | None) -> Iterator[tuple[Bed, Bed]]:
    """The old release and the new one over one database, one data directory and one Valkey, at two ports."""
    data = directory / "data"
    environment = {
        **os.environ,
        **SETTINGS,
        "JIESU_DATA_DIR": str(data),
        "JIESU_VAULT_KEYS": BENCH_KEY,
        "JIESU_LOG_LEVEL": "WARNING",
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / f"jiesu-faults-pycache-{os.getuid()}"),
        FILE: str(directory / "clock"),
    }
    if url:
        environment["JIESU_DATABASE_URL"] = url
    set_to(directory / "clock", 0)
    address = url or f"sqlite+aiosqlite:///{data}/jiesu.db"
    folder = take_out(PREVIOUS, directory / "old")
    beds = []
    for name, where in (("old", folder), ("new", ROOT)):
        processes = Processes({**environment, "PYTHONPATH": str(where), "JIESU_PORT": str(free_port())})
        processes.folder, processes.log = where, directory / f"{name}.log"
        beds.append(Bed(processes, address, None))
    old, new = beds
    try:
        yield old, new
    finally:
        new.kill(*new.running)
        old.kill(*old.running)


async def under_traffic(old: Bed, new: Bed, clients: Clients, deployed: Deployed) -> None:
    """Upgrade while the old code serves, go on with it on the new schema, then let the new take over."""
    told, figures = clients.told, deployed.figures
    taken, moved, broken = _counts(clients)
    began = time.monotonic()
    tries = 1
    while not await asyncio.to_thread(_upgrade, new):
        if tries == TRIES:
            raise RuntimeError(f"the migration never got its locks: see {new.processes.log}")
        tries += 1
        await asyncio.sleep(2)
    figures["upgrade_under_traffic_s"], figures["upgrade_tries"] = round(time.monotonic() - began, 2), tries
    figures["old_readyz"] = await old.readiness()
    figures["old_meanwhile"] = _since(clients, taken, moved, broken)
    taken, moved, broken = _counts(clients)
    await asyncio.sleep(GO_ON_SECONDS)
    figures["old_on_new_schema"] = _since(clients, taken, moved, broken)
    taken, moved, broken = _counts(clients)
    # Both at once, as in a rolling deploy: the new beside the old, then the clients, then the old ends.
    new.start("serve", "work", "relay", "timetable")
    await new.ready()
    clients.go_to(new.address, await units_token(new.url))
    await asyncio.sleep(GO_ON_SECONDS)
    old.kill("serve", "work", "relay", "timetable")
    await asyncio.sleep(GO_ON_SECONDS / 2)
    figures["new"] = _since(clients, taken, moved, broken)
    if not await clients.rest(REST_SECONDS):
        deployed.findings.lost.add("somebody never got an answer")
    if not await at_rest(new.url, at=datetime.now(UTC)):
        deployed.findings.lost.add("work was left")
    found = await check(new.url, told, new.folder / "files", at=datetime.now(UTC))
    for kept, more in (("lost", found.lost), ("doubled", found.doubled), ("missed", found.missed)):
        getattr(deployed.findings, kept).update(more)
    deployed.findings.compared = found.compared


def _upgrade(bed: Bed) -> bool:
    """`jiesu db upgrade` of the new code, once."""
    arguments = [sys.executable, "-m", "triage.cli", "db", "upgrade"]
    processes = bed.processes
    with (processes.log or Path(os.devnull)).open("ab") as log:
        done = subprocess.run(
            arguments, env=processes.environment, cwd=processes.folder, stdout=log, stderr=log, check=False
        )
    return done.returncode == 0


def _counts(clients: Clients) -> tuple[int, int, int]:
    told = clients.told
    return (
        sum(one.taken for one in told.complaints),
        sum(one.version is not None for one in told.moves),
        len(told.broken),
    )


def _since(clients: Clients, taken: int, moved: int, broken: int) -> dict[str, Any]:
    now = _counts(clients)
    return {
        "taken": now[0] - taken,
        "moves": now[1] - moved,
        "answers_500": dict(Counter(clients.told.broken[broken:])),
    }


async def deployed_on(directory: Path, url: str | None) -> Deployed:
    """The whole of it on one database."""
    deployed = Deployed()
    with two_releases(directory, url) as (old, new):
        old.start("valkey")
        await old.valkey_ready()
        old.processes.call("db", "upgrade")
        old.start(*USUAL[1:])
        await old.ready()
        async with Clients(old.address, None, pause=0.3) as clients:
            clients.start(citizens=3, units=2)
            await asyncio.sleep(FILL_SECONDS)
            await clients.rest(REST_SECONDS)
            await at_rest(old.url, at=datetime.now(UTC))
            # Nobody may use a database while it is copied.
            old.kill(*USUAL[1:])
            await on_copy(await copied(old.url, directory), deployed)
            old.start(*USUAL[1:])
            await old.ready()
            clients.resume()
            await asyncio.sleep(FILL_SECONDS / 2)
            await under_traffic(old, new, clients, deployed)
    return deployed


async def deploy(directory: Path, *, sqlite: bool) -> Deployed:
    """One deploy, on a database of its own."""
    directory.mkdir(mode=0o755, parents=True)  # noqa: ASYNC240  (before anything runs)
    if sqlite:
        return await deployed_on(directory, None)
    with postgresql(directory / "pg") as url:
        return await deployed_on(directory, url)


def main() -> None:
    """Both databases, or the one asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=("postgresql", "sqlite"), default=("postgresql", "sqlite")
    )
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it, logs included")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="jiesu-migrations-") as name:
        directory = options.keep or Path(name)
        Path(name).chmod(0o755)
        for which in options.only:
            done = asyncio.run(deploy(directory / which, sqlite=which == "sqlite"))
            found = done.findings
            wrong += len(found.lost) + len(found.doubled) + len(found.missed)
            figures[which] = {
                **done.figures, "compared": found.compared.total(), "lost": sorted(found.lost)[:20],
                "doubled": sorted(found.doubled)[:20], "missed": sorted(found.missed)[:20],
            }  # fmt: skip
            print(which, json.dumps(figures[which], ensure_ascii=False), flush=True)
    print(json.dumps(figures, ensure_ascii=False), flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
