"""Candidates for one new appeal among many open cases: `python -m bench.repeats_index --url DB --cases N`.

Makes that many open tickets with keys as real texts have them (18 keys, of which a few are shared by
thousands: a compound, a road), then asks for the candidates of new ones. p50 and p99 of the query, and of
reading and weighing what it found (up to six texts, all of them near), in milliseconds. The database must
be empty; it is left as it is for another look.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import sqlalchemy as sa

from models import matters, migrate
from models.appeals import Appeal
from models.db import open_database
from models.matters import MatterKey
from models.tickets import Ticket
from tests.factories import NOW, TicketIn, add_reference, add_tickets
from triage.services import near
from triage.services.repeats.looking import pair_reader
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database

KEYS: Final = 18
#: Of them this many are names that many cases share.
SHARED: Final = 4
NAMES: Final = 3_000
_BLOCK: Final = 5_000


async def fill(db: Database, cases: int, random: np.random.Generator) -> None:
    """Copy one ticket many times over, each with keys of its own."""
    await migrate.upgrade(db)
    await add_reference(db)
    await add_tickets(db, TicketIn(text=_text(1)))
    async with db.reads() as session:
        appeal = dict((await session.execute(sa.select(Appeal.__table__))).mappings().one())
        ticket = dict((await session.execute(sa.select(Ticket.__table__))).mappings().one())
    ticket.pop("search", None)
    for start in range(2, cases + 2, _BLOCK):
        ids = range(start, min(start + _BLOCK, cases + 2))
        shared = random.zipf(1.3, (len(ids), SHARED)) % NAMES
        own = random.integers(NAMES, 2**62, (len(ids), KEYS - SHARED))
        keys = np.concatenate([shared, own], axis=1)
        async with db.writes.begin() as session:
            await session.execute(sa.insert(Appeal), [_appeal(appeal, at) for at in ids])
            await session.execute(
                sa.insert(Ticket),
                [{**ticket, "id": at, "no": f"20261123-{at:08d}", "appeal_id": at} for at in ids],
            )
            rows = [
                {"key": key, "ticket_id": at}
                for at, mine in zip(ids, keys.tolist(), strict=True)
                for key in set(mine)
            ]
            await session.execute(sa.insert(MatterKey), rows)


def _text(at: int) -> str:
    """As long as a call is written down, no two alike: each is read anew, and all are near enough for it."""
    return (
        f"来电人反映：望京西园四区{at % 60 + 1}号楼底商烧烤店每晚油烟熏人，"
        f"窗户都不敢开，{at % 11 + 2}月起一直如此。"
        f"店家说装了净化器，但是排烟管道就对着{at % 17 + 2}层住户的厨房，老人闻了咳嗽。"
        f"此前打过{at % 5 + 1}次电话，回复说已经整改，当晚又照旧。要求尽快到现场检查，并答复{at}号来电。"
    )


def _appeal(row: dict[str, Any], at: int) -> dict[str, Any]:
    return {**row, "id": at, "text": _text(at), "external_id": f"B-{at}", "dedupe_key": f"x:B-{at}"}


async def measure(db: Database, cases: int, random: np.random.Generator, asked: int) -> dict[str, Any]:
    """Ask for the candidates of new appeals."""
    found, weighed = [], []
    pairs = pair_reader(Settings())
    for number in range(asked):
        keys = [*(random.zipf(1.3, SHARED) % NAMES).tolist(), *random.integers(NAMES, 2**62, 14).tolist()]
        begun = time.perf_counter()
        async with db.reads() as session:
            ids = await near.cases(session, cases + 9, keys, since=NOW - timedelta(days=30))
            found.append((time.perf_counter() - begun) * 1000)
            told = await matters.told_of(session, ids)
        mine = pairs.profile("望京西园四区烧烤", f"楼下烧烤店油烟扰民，一直没解决。{_text(cases + number)}")
        for item in told.values():
            pairs.likeness(pairs.profile(item.title, item.text, item.received_at), mine)
        weighed.append((time.perf_counter() - begun) * 1000)
    return {
        "cases": cases,
        "database": db.dialect,
        "query_p50_ms": round(float(np.percentile(found, 50)), 2),
        "query_p99_ms": round(float(np.percentile(found, 99)), 2),
        "p50_ms": round(float(np.percentile(weighed, 50)), 2),
        "p99_ms": round(float(np.percentile(weighed, 99)), 2),
    }


async def run(url: str, cases: int, asked: int) -> dict[str, Any]:
    """Fill and measure."""
    db = open_database(url, durable=False)
    random = np.random.default_rng(1)
    try:
        await fill(db, cases, random)
        return await measure(db, cases, random, asked)
    finally:
        await db.close()


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="an empty database")
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--asked", type=int, default=300)
    parser.add_argument("--keep", type=Path, help="write the figures there too: `bench.repeats --index`")
    given = parser.parse_args()
    told = asyncio.run(run(given.url, given.cases, given.asked))
    if given.keep is not None:
        given.keep.write_text(json.dumps(told), encoding="utf-8")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
