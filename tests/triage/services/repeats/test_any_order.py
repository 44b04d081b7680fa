"""合并 and 撤销合并 over real rows, in any order among other work: nothing of any caller is lost or changed.

`JIESU_TEST_EXAMPLES=500` looks at that many orders instead of a few.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import triage.tables
from connectors.vault import Vault
from models.appeals import Appeal
from models.citizens import CitizenRating
from models.db import Database, open_database
from models.rewards import Reward
from models.tickets import Ticket, TicketEvent
from models.vocab import Move
from tests.factories import NOW, TicketIn
from tests.triage.services.test_moving import CALLER, HOTLINE, REACHED, STREET, do, holds, ready
from triage.clock import FixedClock
from triage.errors import TriageError
from triage.rules.fields import Refusal
from triage.services.citizen import cases
from triage.services.rewards import finding

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TABLES = triage.tables.load()
VAULT = Vault({1: bytes(32)})
TICKETS = 4
CLOCK = FixedClock(NOW)
RATED = {"outcome": "reached", "contacted": "yes", "solved": "no", "satisfaction": "dissatisfied"}
ANSWER = {"note": "已到现场处理", "attachment": "照片 1", "told_citizen": "phone"}
#: What a person does with one ticket; of two where another is needed.
MOVES: dict[Move, tuple[Any, dict[str, Any]]] = {
    Move.SPLIT: (HOTLINE, {"reason": "不是同一处的烧烤店"}),
    Move.URGE: (HOTLINE, {"note": "诉求人又来电"}),
    Move.SIGN: (STREET, {}),
    Move.CONTACT: (STREET, REACHED),
    Move.FEEDBACK: (STREET, ANSWER),
    Move.FOLLOW_UP: (CALLER, RATED),
    Move.UNDO: (STREET, {"reason": "点错了一张工单"}),
}
STEPS = st.lists(
    st.tuples(
        # Merges and their undoing twice as often as the rest.
        st.sampled_from([Move.MERGE, Move.SPLIT, Move.MERGE, *MOVES, "rate", "sweep"]),
        st.integers(0, TICKETS - 1),
        st.integers(0, TICKETS - 1),
    ),
    min_size=6,
    max_size=22,
)


@dataclass
class Bed:
    """Four reports (举报) about one works, and what was done to each."""

    db: Database
    numbers: list[str]
    appeals: list[tuple[Any, ...]] = field(default_factory=list)
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    rated: dict[tuple[int, int], str] = field(default_factory=dict)
    candidates: set[int] = field(default_factory=set)
    step: int = 0

    async def rows(self, query: Any) -> list[Any]:  # noqa: ANN401  (a Select of whatever columns)
        async with self.db.reads() as session:
            return list((await session.execute(query)).all())

    async def moved(self, move: Move, no: str, values: dict[str, Any], person: Any) -> None:  # noqa: ANN401  (a Person)
        ((version,),) = await self.rows(sa.select(Ticket.version).where(Ticket.no == no))
        at = NOW + timedelta(minutes=self.step)
        await do(self.db, TABLES, no, person, move, version, values, key=f"k{self.step}", at=at)
        self.done[no, move.value] += 1

    async def rate(self, no: str) -> None:
        ((appeal_id,),) = await self.rows(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        async with self.db.writes.begin() as session:
            await cases.rate(
                session, VAULT, appeal_id, solved="yes", satisfaction="satisfied", note="", now=CLOCK.now()
            )

    async def sweep(self, _no: str) -> None:
        async with self.db.writes.begin() as session:
            await finding.sweep(session, TABLES, now=CLOCK.now(), batch=50)

    async def act(self, what: Move | str, one: int, other: int) -> bool:
        """Do it; whether it was allowed."""
        self.step += 1
        no = self.numbers[one]
        special: dict[Move | str, Callable[[], Awaitable[None]]] = {
            "rate": lambda: self.rate(no),
            "sweep": lambda: self.sweep(no),
            Move.MERGE: lambda: self.moved(
                Move.MERGE, no, {"other_ticket": self.numbers[other], "reason": "同一处同一事项"}, HOTLINE
            ),
        }
        try:
            await special.get(what, lambda: self._plain(what, no))()
        except (Refusal, TriageError):
            return False
        return True

    async def _plain(self, what: Move | str, no: str) -> None:
        move = Move(what)
        person, values = MOVES[move]
        await self.moved(move, no, values, person)

    async def looked_at(self) -> None:
        """Everything of every caller is as it was, and what was added is there once."""
        assert await self.rows(sa.select(*Appeal.__table__.c).order_by(Appeal.id)) == self.appeals
        counted = await self.rows(
            sa.select(Ticket.no, TicketEvent.tag, sa.func.count())
            .join(TicketEvent, TicketEvent.ticket_id == Ticket.id)
            .where(TicketEvent.tag.in_([f"ticket:{move.value}" for move in (Move.FOLLOW_UP, Move.URGE)]))
            .group_by(Ticket.no, TicketEvent.tag)
        )
        wanted = {
            (no, f"ticket:{move}"): count
            for (no, move), count in self.done.items()
            if move in {Move.FOLLOW_UP.value, Move.URGE.value}
        }
        assert {(no, tag): count for no, tag, count in counted} == wanted
        rated = await self.rows(
            sa.select(CitizenRating.appeal_id, CitizenRating.answer, CitizenRating.satisfaction)
        )
        now_rated = {(appeal, answer): said for appeal, answer, said in rated}
        assert self.rated.items() <= now_rated.items()
        self.rated = now_rated
        found = {root for (root,) in await self.rows(sa.select(Reward.root_ticket_id))}
        assert found >= self.candidates, "a candidate for a reward does not go away"
        self.candidates = found
        # One that nobody moved yet has no event that opens its life.
        for (no,) in await self.rows(sa.select(Ticket.no).where(Ticket.version > 1)):
            await holds(self.db, TABLES, no)


async def _lived(path: Path, steps: list[tuple[Move | str, int, int]]) -> Counter[str]:
    db = open_database(f"sqlite+aiosqlite:///{path}", durable=False)
    try:
        items = [
            TicketIn(kind="WAT-02", text=f"印刷厂夜里排黑水，第{number}次反映。") for number in range(TICKETS)
        ]
        bed = Bed(db, await ready(db, TABLES, *items))
        async with db.writes.begin() as session:
            await session.execute(sa.update(Ticket).values(appeal_type="举报"))
        bed.appeals = await bed.rows(sa.select(*Appeal.__table__.c).order_by(Appeal.id))
        made: Counter[str] = Counter()
        for what, one, other in steps:
            made[str(what)] += await bed.act(what, one, other)
            await bed.looked_at()
        # Undo every merge that still stands: each is a ticket of its own again, with its own urges.
        for number in range(TICKETS):
            await bed.act(Move.SPLIT, number, number)
            await bed.looked_at()
        left = await bed.rows(sa.select(Ticket.no, Ticket.state, Ticket.urges).order_by(Ticket.no))
        assert all(state != "merged" for _, state, _ in left)
        assert [urges for _, _, urges in left] == [bed.done[no, "urge"] for no in sorted(bed.numbers)]
        return made
    finally:
        await db.close()


@pytest.fixture(scope="module")
def seen() -> Counter[str]:
    return Counter()


@settings(
    max_examples=int(os.environ.get("JIESU_TEST_EXAMPLES", "6")), deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(steps=STEPS)
def test_any_order_leaves_everything_of_every_caller(
    sqlite_template: Path, seen: Counter[str], steps: list[tuple[Move | str, int, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jiesu.db"
        shutil.copyfile(sqlite_template, path)
        seen.update(asyncio.run(_lived(path, steps)))


def test_merges_and_their_undoing_were_among_them(seen: Counter[str]) -> None:
    assert min(seen["merge"], seen["split"]) > 0
