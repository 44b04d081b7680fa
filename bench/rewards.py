"""有奖举报 under pressure: who wins a race, what is paid when everything is killed, what leaks.

`make bench-rewards`. The last line printed is one JSON object (races, double_winners, double_payments,
leaks).
A race is 50 first reports of one violation in the same second, stored and merged at once while several
processes look for candidates. It is run on both databases; the same race must have the same winner on each.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

import triage.tables
from bench import rewards_kills, rewards_leaks
from bench.servers import postgresql
from connectors.vault import Vault
from models import migrate
from models.appeals import Appeal
from models.db import Database, open_database
from models.rewards import Reward
from models.tickets import Ticket, TicketEvent
from models.vocab import State, Tag
from models.vocab_rewards import RewardState
from tests.factories import NOW, TicketIn, add_reference, add_tickets
from triage.clock import FixedClock, local
from triage.rules.rewards import first
from triage.services.deps import Deps
from triage.services.rewards import finding, reports
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

#: So many reports race, and so many look for candidates meanwhile.
REPORTS: Final = 50
LOOKERS: Final = 4
_TEXT: Final = "望京北路某印刷厂每天后半夜从雨水口排黑水，气味刺鼻，已经一个多星期了。"


@dataclass(slots=True)
class Raced:
    """What came of the races on one database: the winner of each, by its place in the race."""

    winners: list[int | None]
    doubled: int = 0
    moved: int = 0


def _deps(db: Database) -> Deps:
    return Deps(Settings(reward_hash_kib=8), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))


async def _stored(db: Database, dice: random.Random) -> list[str]:
    """Fifty reports within a second; some too short to be valid."""
    items = []
    for _ in range(REPORTS):
        short = dice.random() < 0.2  # noqa: PLR2004  (a fifth)
        age = timedelta(hours=1, milliseconds=dice.randrange(1000))
        items.append(TicketIn(
            title=None, text="臭" if short else _TEXT, state=State.FEEDBACK, kind="WAT-02", due=None, age=age,
        ))  # fmt: skip
    numbers = await add_tickets(db, *items)
    async with db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no.in_(numbers)).values(appeal_type="举报"))
    return numbers


async def _merge(db: Database, no: str, into: str) -> None:
    async with db.writes.begin() as session:
        head = (await session.scalars(sa.select(Ticket).where(Ticket.no == into).with_for_update())).one()
        last = await session.scalar(
            sa.select(sa.func.max(TicketEvent.seq)).where(TicketEvent.ticket_id == head.id)
        )
        head.version += 1
        session.add(TicketEvent(
            ticket_id=head.id, seq=(last or 0) + 1, at=NOW, tag=Tag.JOINED.value, data={"joined": no}
        ))  # fmt: skip
        await session.execute(sa.update(Ticket).where(Ticket.no == no).values(state=State.MERGED.value))


async def _look(deps: Deps, stop: asyncio.Event) -> None:
    while not stop.is_set():
        async with deps.db.writes.begin() as session:
            await finding.sweep(session, deps.tables, now=NOW, batch=5)
        await asyncio.sleep(0)


async def _race(deps: Deps, number: int, raced: Raced) -> None:
    dice = random.Random(number)
    numbers = await _stored(deps.db, dice)
    head, rest = numbers[0], numbers[1:]
    dice.shuffle(rest)
    stop = asyncio.Event()
    lookers = [asyncio.create_task(_look(deps, stop)) for _ in range(LOOKERS)]
    await asyncio.gather(*(_merge(deps.db, no, head) for no in rest))
    stop.set()
    await asyncio.gather(*lookers)
    while True:
        async with deps.db.writes.begin() as session:
            if not await finding.sweep(session, deps.tables, now=NOW, batch=REPORTS):
                break
    async with deps.db.reads() as session:
        rows = await session.execute(
            sa.select(Ticket.no, Ticket.id, Appeal.id)
            .join(Appeal, Appeal.id == Ticket.appeal_id)
            .where(Ticket.no.in_(numbers))
        )
        by_no = {no: (ticket_id, appeal_id) for no, ticket_id, appeal_id in rows}
        live = list(
            await session.scalars(
                sa.select(Reward).where(
                    Reward.root_ticket_id.in_([one for one, _ in by_no.values()]),
                    Reward.state != RewardState.JOINED.value,
                )
            )
        )
        root = (await session.scalars(sa.select(Ticket).where(Ticket.no == head))).one()
        again = first.order(
            deps.tables.rewards.first_of(local(root.received_at).date()),
            [reports.report_of(one) for one in await reports.group(session, root)],
        )
    raced.doubled += len(live) != 1
    places = {by_no[no][1]: place for place, no in enumerate(numbers)}
    winner = live[0].winner_appeal_id if live else None
    raced.winners.append(None if winner is None else places[winner])
    # Played again from what is stored, it is the same.
    raced.moved += winner != next((one.report.appeal_id for one in again if one.place == 1), None)


async def races(db: Database, count: int) -> Raced:
    """Run them one after the other."""
    deps, raced = _deps(db), Raced([])
    await add_reference(db)
    for number in range(count):
        await _race(deps, number, raced)
    return raced


@contextlib.contextmanager
def lite() -> Iterator[str]:
    """An SQLite file of our own."""
    with tempfile.TemporaryDirectory(prefix="jiesu-rewards-") as directory:
        yield f"sqlite+aiosqlite:///{Path(directory) / 'jiesu.db'}"


async def _on(url: str, count: int, kills: int) -> tuple[Raced, int, int, int]:
    db = open_database(url, pool_size=8)
    try:
        await migrate.upgrade(db)
        raced = await races(db, count)
        wrong = await rewards_kills.run(url, kills)
        # Last: its bank says no to one of two, the other's never does.
        leaks, looked = await rewards_leaks.run(db)
    finally:
        await db.close()
    return raced, wrong, leaks, looked


def main() -> None:
    """Run everything on both databases and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=20, help="races on each database")
    parser.add_argument("--kills", type=int, default=2, help="rounds of kills on each database")
    options = parser.parse_args()
    found, seconds = {}, {}
    for name, server in (("postgresql", postgresql()), ("sqlite", lite())):
        with server as url:
            print(
                f"{name}: {options.races} races, {options.kills} rounds of kills", file=sys.stderr, flush=True
            )
            began = time.monotonic()
            found[name] = asyncio.run(_on(url, options.races, options.kills))
            seconds[name] = round(time.monotonic() - began, 1)
    one, other = found["postgresql"][0], found["sqlite"][0]
    print(json.dumps({
        "bench": "rewards",
        "races": 2 * options.races,
        "reports_a_race": REPORTS,
        "double_winners": one.doubled + other.doubled,
        "other_winner_on_replay": one.moved + other.moved,
        "other_winner_on_the_other_database": sum(
            a != b for a, b in zip(one.winners, other.winners, strict=True)
        ),
        "kills": 2 * options.kills * len(rewards_kills.POINTS),
        "double_payments": sum(each[1] for each in found.values()),
        "leaks": sum(each[2] for each in found.values()),
        "bytes_looked_at": sum(each[3] for each in found.values()),
        "seconds": seconds,
        "load": round(os.getloadavg()[0], 1),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
