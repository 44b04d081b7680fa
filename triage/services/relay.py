"""Hand waiting work to the queue, and hand it out again when nothing came of it.

The outbox row is written with the appeal and removed with its ticket, so whatever is still there is still
to do. At most `depth` jobs wait in the queue at a time: flushing Redis can only lose a hint.

What was tried before and came to nothing goes out in a job of its own: if it was what ended the worker, it
takes no other with it again. Jobs of one and jobs of many take turns, so that neither waits for the other.
"""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

from connectors.ports import JobName
from models.appeals import Appeal
from models.outbox import Outbox
from models.vocab import AppealState
from triage import tracing
from triage.services import processing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.ports import JobQueue


async def relay(session: AsyncSession, queue: JobQueue, *, now: datetime, batch: int, depth: int) -> int:
    """Queue what is pending and due, in at most `batch` ids a job. Gives how many ids. Raises QueueDown."""
    room = depth - await asyncio.to_thread(queue.waiting)
    if room <= 0:
        return 0
    pending = (
        await session.execute(
            sa.select(Outbox.id, Outbox.key, Outbox.attempts, Outbox.trace)
            .where(Outbox.dispatched_at.is_(None), Outbox.available_at <= now)
            .order_by(Outbox.id)
            .limit(batch * room)
            .with_for_update(skip_locked=True)
        )
    ).all()
    alone = await processing.read_alone(session, [row.key for row in pending])
    fresh = [row for row in pending if row.key not in alone]
    many = [fresh[start : start + batch] for start in range(0, len(fresh), batch)]
    turns = zip_longest(([row] for row in pending if row.key in alone), many, fillvalue=())
    parts = [part for turn in turns for part in turn if part][:room]
    for part in parts:
        # Each try has a key of its own: RQ keeps the id of a job whose worker was killed for minutes, and
        # the same key would be taken for a job that still waits.
        tries = max(row.attempts for row in part)
        key = f"read-{part[0].id}-{part[-1].id}-{len(part)}-{tries}"
        with tracing.handing("relay", [row.trace for row in part], appeals=len(part)):
            enqueue = partial(queue.enqueue, key=key, trace=tracing.current())
            await asyncio.to_thread(enqueue, JobName.READ_APPEALS, [row.key for row in part])
    sent = [row.id for part in parts for row in part]
    for ids in _chunks(sent):
        await session.execute(
            sa.update(Outbox)
            .where(Outbox.id.in_(ids))
            .values(dispatched_at=now, attempts=Outbox.attempts + 1)
        )
    return len(sent)


async def sweep(session: AsyncSession, *, now: datetime, resend: timedelta) -> int:
    """Put back what was queued but had no effect within `resend`. Gives how many.

    Covers a killed worker, a flushed Redis and a lost job alike; running it twice does no harm.
    """
    stuck = cast(
        "sa.CursorResult[tuple[()]]",
        await session.execute(
            sa.update(Outbox).where(Outbox.dispatched_at < now - resend).values(dispatched_at=None)
        ),
    )
    # An appeal that waits without an outbox row should not exist; if it does, it is owed one. EXCEPT, not NOT
    # EXISTS: a table that was empty when it was analysed is taken to stay so, and PostgreSQL then compares
    # every waiting appeal with every row of the outbox.
    owed = (
        sa.select(Appeal.id)
        .where(Appeal.state == AppealState.WAITING.value, Appeal.stored_at < now - resend)
        .except_(sa.select(Outbox.key))
        .subquery()
    )
    orphans = cast(
        "sa.CursorResult[tuple[()]]",
        await session.execute(
            sa.insert(Outbox).from_select(
                ["topic", "key", "created_at", "available_at", "attempts"],
                sa.select(
                    sa.literal(JobName.READ_APPEALS.value),
                    owed.c.id,
                    sa.literal(now, Outbox.created_at.type),
                    sa.literal(now, Outbox.created_at.type),
                    sa.literal(0),
                ),
            )
        ),
    )
    return max(stuck.rowcount, 0) + max(orphans.rowcount, 0)


def _chunks(ids: list[int], size: int = 1000) -> Iterable[list[int]]:
    """Slices short enough for one IN list."""
    return (ids[start : start + size] for start in range(0, len(ids), size))
