"""Proposals of a ticket that is closed are on no list and read by none, until it is opened again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.vault import Vault
from models.matters import WAITS, MatterPair
from models.tickets import Ticket
from models.vocab import Move, State
from tests.factories import NOW, TicketIn
from tests.plans import plans
from tests.triage.services.repeats.test_following import TABLES, act
from tests.triage.services.repeats.test_passing_on import listed, proposed
from tests.triage.services.test_moving import HOTLINE, ready
from triage.clock import FixedClock
from triage.services.deps import Deps
from triage.services.repeats import resting
from triage.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

SENT_AWAY = {"divert": "explain", "reason": "解释说明即可", "told_citizen": "phone"}


def deps_of(db: Database) -> Deps:
    return Deps(settings=Settings(), clock=FixedClock(NOW), tables=TABLES, db=db, vault=Vault({1: bytes(32)}))


async def resting_ones(db: Database) -> set[tuple[int, int]]:
    async with db.reads() as session:
        rows = await session.execute(
            sa.select(MatterPair.ticket_id, MatterPair.head_id).where(MatterPair.resting)
        )
        return {(row.ticket_id, row.head_id) for row in rows}


@dataclass
class Moving:
    """A clock that the test moves on."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


async def put(db: Database, ticket_id: int, state: State) -> None:
    """As code does that knows nothing of rest."""
    async with db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.id == ticket_id).values(state=state.value))


async def close(db: Database, ticket_id: int) -> None:
    await put(db, ticket_id, State.CLOSED)


@pytest.mark.parametrize("closed", [1, 2], ids=["the earlier one", "the later one"])
async def test_what_is_closed_takes_its_proposals_off_the_list_and_brings_them_back(
    db: Database, closed: int
) -> None:
    numbers = await ready(db, TABLES, *[TicketIn(state=State.REVIEW, unit=None, assist=())] * 3)
    await proposed(db, (2, 1), (3, closed))
    deps = deps_of(db)
    assert not await resting.rest(deps)
    assert await resting_ones(db) == set()
    await act(db, numbers[closed - 1], HOTLINE, Move.DIVERT, SENT_AWAY)
    await resting.rest(deps)
    assert await resting_ones(db) == {(2, 1), (3, closed)}
    assert await listed(db) == set()
    await act(db, numbers[closed - 1], HOTLINE, Move.ACCEPT, {"reason": "分流有误"})
    assert await listed(db) == {(2, 1), (3, closed)}
    await resting.rest(deps)
    assert await resting_ones(db) == set()


async def test_they_rest_batch_by_batch(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await ready(db, TABLES, *[TicketIn()] * 4)
    await proposed(db, (2, 1), (3, 1), (4, 1), (4, 3))
    await close(db, 1)
    monkeypatch.setattr(resting, "BATCH", 2)
    rounds = [await resting.rest(deps_of(db)) for _ in range(3)]
    assert rounds == [True, False, False]
    assert await resting_ones(db) == {(2, 1), (3, 1), (4, 1)}
    assert await listed(db) == {(4, 3)}


async def test_what_code_of_before_opened_again_is_found_when_the_timetable_begins(db: Database) -> None:
    await ready(db, TABLES, *[TicketIn()] * 3)
    await proposed(db, (2, 1), (3, 1))
    async with db.writes.begin() as session:
        await session.execute(sa.update(MatterPair).values(resting=True))
    await close(db, 3)
    assert not await resting.Rester(deps_of(db)).keep()
    assert await resting_ones(db) == {(3, 1)}
    assert await listed(db) == {(2, 1)}


async def test_what_it_opens_again_once_the_timetable_runs_is_found_within_the_hour(db: Database) -> None:
    """While a release is laid out the timetable begins before the processes of before have ended."""
    await ready(db, TABLES, *[TicketIn()] * 2)
    await proposed(db, (2, 1))
    await close(db, 1)
    clock = Moving()
    rester = resting.Rester(replace(deps_of(db), clock=clock))
    await rester.keep()
    assert await resting_ones(db) == {(2, 1)}
    await put(db, 1, State.DISPATCHED)
    clock.moment += timedelta(minutes=55)
    await rester.keep()
    assert await resting_ones(db) == {(2, 1)}
    clock.moment += timedelta(minutes=5)
    await rester.keep()
    assert await listed(db) == {(2, 1)}


async def test_one_on_which_somebody_works_is_left_for_the_next_round(postgres_db: Database) -> None:
    """Else it might be opened again in between, and its proposals stay off the list."""
    db = postgres_db
    await ready(db, TABLES, *[TicketIn()] * 2)
    await proposed(db, (2, 1))
    await close(db, 1)
    async with db.writes.begin() as session:
        await session.execute(sa.select(Ticket.id).where(Ticket.id == 1).with_for_update())
        assert not await resting.rest(deps_of(db))
        assert await resting_ones(db) == set()
    await resting.rest(deps_of(db))
    assert await resting_ones(db) == {(2, 1)}


async def test_the_list_is_read_by_its_own_index(db: Database) -> None:
    await ready(db, TABLES, *[TicketIn()] * 2)
    await proposed(db, (2, 1))

    async def ask(session: AsyncSession) -> None:
        order = (MatterPair.p.desc(), MatterPair.ticket_id.desc(), MatterPair.head_id.desc())
        found = sa.select(MatterPair.p).where(WAITS).order_by(*order).limit(5)
        assert list(await session.scalars(found)) == [0.9]

    (plan,) = await plans(db, ask)
    assert "ix_matter_pair_open" in plan
