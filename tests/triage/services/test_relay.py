"""Relay and sweep: what is pending is queued once, what had no effect is queued again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.fakes import MemoryQueue
from connectors.ports import QueueDown
from connectors.vault import Vault
from models.appeals import Appeal
from models.filters import all_seeing
from models.outbox import DeadLetter, Outbox
from models.vocab import AppealState
from triage.services import intake, processing, relay, retrying

if TYPE_CHECKING:
    from models.db import Database

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
RESEND = timedelta(seconds=30)


async def load(db: Database, count: int) -> None:
    items = [
        intake.NewAppeal(source="测试", external_id=str(number), text="河水发黑发臭", received_at=NOW)
        for number in range(count)
    ]
    async with db.writes.begin() as session:
        await intake.receive(session, Vault({1: bytes(32)}), items, now=NOW)


async def send(db: Database, queue: MemoryQueue, *, batch: int = 4, depth: int = 2) -> int:
    async with db.writes.begin() as session:
        return await relay.relay(session, queue, now=NOW, batch=batch, depth=depth)


async def pending(db: Database) -> int:
    async with db.reads() as session:
        return await session.scalar(sa.select(sa.func.count()).where(Outbox.dispatched_at.is_(None))) or 0


async def test_pending_ids_go_out_in_batches_up_to_the_depth(db: Database) -> None:
    await load(db, 11)
    queue = MemoryQueue()
    assert await send(db, queue) == 8
    assert [len(ids) for _, ids in queue.jobs.values()] == [4, 4]
    assert await send(db, queue) == 0
    assert await pending(db) == 3


async def test_room_in_the_queue_lets_the_rest_out(db: Database) -> None:
    await load(db, 11)
    queue = MemoryQueue()
    await send(db, queue)
    queue.jobs.clear()
    assert await send(db, queue) == 3
    assert await pending(db) == 0


async def lose(db: Database, count: int) -> list[int]:
    """A worker takes the oldest appeals and never comes back; they are put back. Gives their ids."""
    async with db.writes.begin() as session:
        ids = list(await session.scalars(sa.select(Appeal.id).order_by(Appeal.id).limit(count)))
        await processing.claim(session, ids, now=NOW, until=NOW + RESEND)
        await session.execute(sa.update(Outbox).values(dispatched_at=None))
    return ids


async def test_what_was_tried_before_goes_out_alone_and_holds_up_nothing(db: Database) -> None:
    """One text that ended its worker sent the whole batch to the dead letters, three tries later."""
    await load(db, 10)
    tried = await lose(db, 3)
    queue = MemoryQueue()
    assert await send(db, queue, depth=4) == 1 + 4 + 1 + 3
    assert [len(ids) for _, ids in queue.jobs.values()] == [1, 4, 1, 3]
    assert await pending(db) == 1
    queue.jobs.clear()
    assert await send(db, queue) == 1
    assert [ids for _, ids in queue.jobs.values()] == [(tried[2],)]


async def test_what_once_ended_its_workers_is_alone_when_it_is_run_again(db: Database) -> None:
    await load(db, 3)
    async with db.writes.begin() as session:
        ids = sorted(await session.scalars(sa.select(Appeal.id)))
        await session.execute(sa.delete(Outbox))
        await session.execute(sa.update(Appeal).values(state=AppealState.DEAD.value, attempts=3))
        reasons = ["WorkerLost @ ?", "ValueError @ read:3", "ValueError @ read:3"]
        for number, reason in zip(ids, reasons, strict=True):
            letter = DeadLetter(topic="read_appeals", key=number, reason=reason, detail={}, created_at=NOW)
            session.add(letter)
        await session.flush()
        assert await retrying.retry(session, all_seeing("me"), now=NOW) == 3
    queue = MemoryQueue()
    await send(db, queue)
    assert [ids for _, ids in queue.jobs.values()] == [(ids[0],), (ids[1], ids[2])]


async def test_a_dead_queue_leaves_everything_pending(db: Database) -> None:
    await load(db, 3)
    with pytest.raises(QueueDown):
        await send(db, MemoryQueue(down=True))
    assert await pending(db) == 3


async def test_what_had_no_effect_is_put_back_after_a_while_and_not_before(db: Database) -> None:
    await load(db, 3)
    await send(db, MemoryQueue())
    async with db.writes.begin() as session:
        assert await relay.sweep(session, now=NOW + RESEND, resend=RESEND) == 0
    async with db.writes.begin() as session:
        assert await relay.sweep(session, now=NOW + RESEND + timedelta(seconds=1), resend=RESEND) == 3
    assert await pending(db) == 3


async def test_what_is_sent_again_has_a_key_of_its_own(db: Database) -> None:
    """RQ holds the id of a killed worker's job: the same key would be dropped as a duplicate."""
    await load(db, 3)
    queue = MemoryQueue()
    await send(db, queue)
    async with db.writes.begin() as session:
        await relay.sweep(session, now=NOW + RESEND * 2, resend=RESEND)
    await send(db, queue)
    assert len(queue.jobs) == 2


async def test_an_appeal_without_its_outbox_row_gets_one(db: Database) -> None:
    await load(db, 2)
    async with db.writes.begin() as session:
        await session.execute(sa.delete(Outbox))
    async with db.writes.begin() as session:
        assert await relay.sweep(session, now=NOW + RESEND * 2, resend=RESEND) == 2
    async with db.reads() as session:
        keys = set(await session.scalars(sa.select(Outbox.key)))
        ids = set(await session.scalars(sa.select(Appeal.id)))
    assert keys == ids
