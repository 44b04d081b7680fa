"""The independent checker of fault runs: what clients were told against what the database holds.

It uses SQL of its own over the tables, none of the services' functions, and reads the warning points from
`clocks.yaml` itself. Every finding has a name of its own, so that one found twice is one finding.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
import yaml
from sqlalchemy.ext.asyncio import create_async_engine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from bench.fault_clients import Told

_MARKED: Final = re.compile(r"第(\d{6})件")
_CLOCKS: Final = Path(__file__).parents[1] / "triage" / "tables" / "clocks.yaml"
_BREACH: Final = 100
#: Between deciding and storing: a job's time.
_BATCH_SECONDS: Final = 10.0
#: Quiet hours of the night may hold a reminder back so long; what is due later than this is not asked for.
QUIET: Final = timedelta(hours=24)
#: What moves of people are called, beside the events of the system itself.
_MOVES: Final = "e.staff_id IS NOT NULL AND e.tag LIKE 'ticket:%'"
#: What there may be once at most: what it is, and the statement that finds it more often.
_ONCE: Final = {
    "tickets of an appeal": "SELECT appeal_id FROM ticket GROUP BY appeal_id HAVING count(*) > 1",
    "openings of a ticket": "SELECT ticket_id FROM ticket_event WHERE tag = 'ticket:opened'"
    " GROUP BY ticket_id HAVING count(*) > 1",
    "events of a number": "SELECT ticket_id, seq FROM ticket_event GROUP BY ticket_id, seq"
    " HAVING count(*) > 1",
    "readings of an appeal": "SELECT appeal_id FROM reading GROUP BY appeal_id HAVING count(*) > 1",
    "notices to one recipient": "SELECT key FROM notice GROUP BY key HAVING count(*) > 1",
    "reminders of a point": "SELECT ticket_id, clock, run, percent FROM reminder"
    " GROUP BY ticket_id, clock, run, percent HAVING count(*) > 1",
    "actions of an order": "SELECT source_id, order_no, seq FROM hotline_action"
    " GROUP BY source_id, order_no, seq HAVING count(*) > 1",
    "actions of an event": "SELECT source_id, ticket_id, event_seq FROM hotline_action"
    " GROUP BY source_id, ticket_id, event_seq HAVING count(*) > 1",
    "photos of an appeal": "SELECT appeal_id, sha256 FROM attachment WHERE owner = 'appeal'"
    " GROUP BY appeal_id, sha256 HAVING count(*) > 1",
}
#: What must not be left once everything is at rest.
_LEFT: Final = {
    "appeal waits": "SELECT id FROM appeal WHERE state = 'waiting'",
    "appeal given up": "SELECT id FROM appeal WHERE state = 'dead'",
    "appeal done without ticket": "SELECT a.id FROM appeal a LEFT JOIN ticket t ON t.appeal_id = a.id"
    " WHERE a.state = 'done' AND t.id IS NULL",
    "work left in the outbox": "SELECT id FROM outbox",
    "dispatch told nobody": "SELECT e.ticket_id, e.seq FROM ticket_event e"
    " JOIN ticket t ON t.id = e.ticket_id"
    " JOIN ticket_unit u ON u.ticket_id = t.id AND u.role = 'lead' WHERE e.tag = 'ticket:dispatched'"
    " AND NOT EXISTS (SELECT 1 FROM notice n WHERE n.recipient = u.unit_code AND n.template = 'dispatched'"
    " AND n.key LIKE t.no || ':' || e.seq || ':%')",
    "reminder without event": "SELECT r.ticket_id, r.clock, r.run, r.percent FROM reminder r"
    " WHERE NOT r.folded AND NOT EXISTS (SELECT 1 FROM ticket_event e"
    " WHERE e.ticket_id = r.ticket_id AND e.tag = 'ticket:reminded')",
}


@dataclass
class Findings:
    """What is wrong, each by a name of its own; `sound` counts what was compared and right."""

    lost: set[str] = field(default_factory=set)
    doubled: set[str] = field(default_factory=set)
    missed: set[str] = field(default_factory=set)
    compared: Counter[str] = field(default_factory=Counter)

    def without(self, other: Findings) -> Findings:
        """What was not known before."""
        return Findings(
            self.lost - other.lost, self.doubled - other.doubled, self.missed - other.missed, self.compared
        )


async def check(url: str, told: Told, files: Path, *, at: datetime, steps: Sequence[float] = ()) -> Findings:
    """Compare everything; `at` is the moment by the clock of the processes, `steps` what it was set by.

    Due times count from the moment of deciding and reminders from that of storing: a batch lies between, and
    with it any step of the clock that falls into it.
    """
    engine = create_async_engine(url)
    found = Findings()
    try:
        async with engine.connect() as connection:
            for what, statement in _ONCE.items():
                found.doubled |= {f"{what}: {_named(row)}" for row in await _rows(connection, statement)}
            for what, statement in _LEFT.items():
                found.lost |= {f"{what}: {_named(row)}" for row in await _rows(connection, statement)}
            await _complaints(connection, told, files, found)
            await _moves(connection, told, found)
            await _reminded(connection, found)
            await _clocks(connection, found, at, steps)
    finally:
        await engine.dispose()
    return found


async def _rows(connection: AsyncConnection, statement: str) -> Sequence[Any]:
    return (await connection.execute(sa.text(statement))).all()


def _named(row: Iterable[object]) -> str:
    return "/".join(str(value) for value in row)


async def _complaints(connection: AsyncConnection, told: Told, files: Path, found: Findings) -> None:
    """Every form that was taken is there once, under the number that was told, with its photo."""
    kept: dict[int, list[tuple[int, str]]] = {}
    for number, external, text in await _rows(connection, "SELECT id, external_id, text FROM appeal"):
        if marked := _MARKED.search(text):
            kept.setdefault(int(marked[1]), []).append((number, external))
    found.doubled |= {f"form: {serial}" for serial, rows in kept.items() if len(rows) > 1}
    photos = dict(await _rows(connection, "SELECT appeal_id, sha256 FROM attachment WHERE owner = 'appeal'"))
    for one in told.complaints:
        rows = kept.get(one.serial, [])
        if not one.taken:
            continue
        found.compared["complaints"] += 1
        if not rows:
            found.lost.add(f"form: {one.serial}")
        elif one.receipt is not None and one.receipt not in {external for _, external in rows}:
            found.lost.add(f"receipt: {one.serial}")
        elif one.photo and not _is_kept(files, photos.get(rows[0][0])):
            found.lost.add(f"photo: {one.serial}")
    unknown = set(kept) - {one.serial for one in told.complaints}
    found.doubled |= {f"form nobody sent: {serial}" for serial in unknown}


def _is_kept(files: Path, sha256: str | None) -> bool:
    """Whether the file lies there, and is what its name says."""
    if sha256 is None:
        return False
    path = files / sha256[:2] / sha256
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


async def _moves(connection: AsyncConnection, told: Told, found: Findings) -> None:
    """Every move that was granted is one event with the version that was told; no event has no wish."""
    events = Counter[tuple[str, str, int]]()
    rows = await _rows(
        connection,
        f"SELECT t.no, e.tag, e.data FROM ticket_event e JOIN ticket t ON t.id = e.ticket_id WHERE {_MOVES}",  # noqa: S608
    )
    for no, tag, data in rows:
        events[no, tag, int(_data(data)["version"])] += 1
    keys = {
        (no, key): version
        for no, key, version in await _rows(
            connection,
            "SELECT t.no, m.key, m.version FROM move_request m JOIN ticket t ON t.id = m.ticket_id",
        )
    }
    wished = Counter[tuple[str, str]]((one.no, f"ticket:{one.move}") for one in told.moves)
    for no, tag, version in (one for one, times in events.items() if times > 1):
        found.doubled.add(f"move: {no} {tag} {version}")
    made = Counter[tuple[str, str]]()
    for (no, tag, _), times in events.items():
        made[no, tag] += times
    found.doubled |= {f"moves: {no} {tag}" for (no, tag), times in made.items() if times > wished[no, tag]}
    for one in told.moves:
        if one.version is None:
            continue
        found.compared["moves"] += 1
        if (
            not events[one.no, f"ticket:{one.move}", one.version]
            or keys.get((one.no, one.key)) != one.version
        ):
            found.lost.add(f"move: {one.no} {one.move} {one.key}")
    versions = await _rows(
        connection,
        f"SELECT t.no FROM ticket t JOIN ticket_event e ON e.ticket_id = t.id WHERE {_MOVES}"  # noqa: S608
        " GROUP BY t.no, t.version HAVING count(*) + 1 <> t.version",
    )
    found.lost |= {f"row behind its events: {_named(row)}" for row in versions}


async def _reminded(connection: AsyncConnection, found: Findings) -> None:
    """No reminder is told of by two events."""
    told = Counter[tuple[object, ...]]()
    rows = await _rows(connection, "SELECT ticket_id, data FROM ticket_event WHERE tag = 'ticket:reminded'")
    for ticket, data in rows:
        said = _data(data)
        told.update((ticket, said["clock"], said["run"], share) for share in (said["percent"], *said["also"]))
    found.doubled |= {f"reminded: {_named(key)}" for key, times in told.items() if times > 1}


async def _clocks(connection: AsyncConnection, found: Findings, at: datetime, steps: Sequence[float]) -> None:
    """Every clock that ran out has each of its warnings and its breach, at the moment that was promised."""
    points = [
        row["percent"]
        for row in yaml.safe_load(_CLOCKS.read_text("utf-8"))["warnings"]
        if row["percent"] <= _BREACH and not row.get("valid_to")
    ]
    written: dict[tuple[int, str, int], datetime] = {
        (ticket, clock, percent): _moment(point)
        for ticket, clock, percent, point in await _rows(
            connection, "SELECT ticket_id, clock, percent, point FROM reminder"
        )
    }
    running: dict[tuple[int, str], datetime] = {}
    rows = await _rows(connection, "SELECT ticket_id, at, data FROM ticket_event ORDER BY ticket_id, seq")
    for ticket, when, data in rows:
        said = _data(data)
        told = said.get("clocks") or {}
        started = {**((said.get("opening") or {}).get("clocks") or {}), **(told.get("start") or {})}
        for clock in told.get("stop") or ():
            # Stopped long after its end, it was breached: to be told of, however late.
            if (due := running.get((ticket, clock))) is not None and due > _moment(when) - QUIET:
                del running[ticket, clock]
        for clock, limit in started.items():
            running[ticket, clock] = _moment(limit["due"])
    for (ticket, clock), due in running.items():
        if due > at - QUIET:
            continue
        found.compared["clocks"] += 1
        lacking = [share for share in points if (ticket, clock, share) not in written]
        if lacking:
            found.missed.add(f"clock: {ticket} {clock} {lacking}")
        elif not any(
            abs((written[ticket, clock, _BREACH] - due).total_seconds() - step) < _BATCH_SECONDS
            for step in (0.0, *steps)
        ):
            found.missed.add(f"clock told of another moment: {ticket} {clock}")


def _data(data: Any) -> dict[str, Any]:  # noqa: ANN401  (SQLite gives text)
    found: dict[str, Any] = json.loads(data) if isinstance(data, str) else data
    return found


def _moment(value: Any) -> datetime:  # noqa: ANN401  (text or moment, by database)
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
