"""态势汇总 kept up to date: new events and corrections, batch by batch, as signed deltas; and made anew.

Run by the timetable. What is new is found by number; but on PostgreSQL a transaction that began earlier may
commit smaller numbers later. So everything above a mark is looked at again until every transaction of the
mark's moment has ended, and each ticket's fact says up to which event it was counted: nothing is counted
twice and nothing is missed. Facts are reckoned outside the writing transaction, which checks that nobody
else counted meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.corrections import Correction
from models.db import insert_of
from models.rollups import RollupCursor, RollupTicket
from models.sums import in_demands
from models.tickets import Ticket, TicketEvent
from triage import logs
from triage.services import backlog
from triage.services.trends import applying, gathering, partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps

log = logs.get(__name__)

#: Events looked at in one turn, and corrections.
WINDOW: Final = 2000
CORRECTIONS: Final = 500
#: Between taking a number and being known as a writer a transaction needs a moment.
GRACE: Final = timedelta(seconds=60)
_REBUILT_AT_ONCE: Final = 500
_ONE: Final = 1


@dataclass(frozen=True, slots=True)
class Marks:
    """The newest numbers there are, and PostgreSQL's running transactions."""

    events: int
    corrections: int
    xmax: int
    xmin: int


async def catch_up(deps: Deps) -> bool:
    """One turn of the timetable; whether there may be more. Waits while many appeals are to be read."""
    async with deps.db.reads() as session:
        if await backlog.is_long(session):
            return False
    return await refresh(deps)


async def refresh(deps: Deps) -> bool:
    """Count what is new, up to one window; whether there may be more."""
    now = deps.clock.now()
    cursor = await _cursor(deps, now=now)
    async with deps.db.reads() as session:
        marks = await _marks(session, deps.db.dialect)
        window = await _window(session, cursor.events_seen)
        changed, corrected = await _changed(session, cursor, window)
        found = await gathering.facts(session, [*changed, *corrected])
        lacking = await applying.behind(session, cursor.version)
    more = window.full or len(corrected) == CORRECTIONS
    after = _moved(cursor, window.last, marks, deps.db.dialect, now=now, more=len(corrected) == CORRECTIONS)
    if not found and after == {} and not lacking:
        if not more and now >= cursor.at + GRACE:
            await _still_whole(deps, cursor, now=now)
        return more
    async with deps.db.writes.begin() as session:
        locked = await session.scalar(
            sa.select(RollupCursor.version).where(RollupCursor.id == _ONE).with_for_update()
        )
        if locked != cursor.version:
            return True  # somebody else counted meanwhile: look again
        # Code of before these sums counted last, during a deploy: what it added is not in them.
        await applying.sum_shorter(session, lacking)
        count = await applying.change(session, found)
        # `at` says up to when everything is counted: not while there is more.
        stamp = {} if more else {"at": now}
        await applying.stamp(session, cursor.version + 1)
        await session.execute(
            sa.update(RollupCursor)
            .where(RollupCursor.id == _ONE)
            .values(version=cursor.version + 1, months_version=cursor.version + 1, **after, **stamp)
        )
    if count:
        log.info("rollups_refreshed", tickets=len(found), changed=count)
    return more


async def leave(deps: Deps, ids: Sequence[int]) -> None:
    """Take out of the sums what takes no part in them any more."""
    cursor = await _cursor(deps, now=deps.clock.now())
    async with deps.db.writes.begin() as session:
        version = await session.scalar(
            sa.select(RollupCursor.version).where(RollupCursor.id == _ONE).with_for_update()
        )
        after = (version or cursor.version) + 1
        await applying.sum_shorter(session, await applying.behind(session, after - 1))
        await applying.drop(session, ids)
        await applying.stamp(session, after)
        await session.execute(
            sa.update(RollupCursor).where(RollupCursor.id == _ONE).values(version=after, months_version=after)
        )


async def _still_whole(deps: Deps, cursor: RollupCursor, *, now: datetime) -> None:
    """Nothing happened, and that is known: the day may be over though nobody called since."""
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(RollupCursor)
            .where(RollupCursor.id == _ONE, RollupCursor.version == cursor.version)
            .values(at=now)
        )


@dataclass(frozen=True, slots=True)
class _Window:
    last: int
    full: bool


async def _window(session: AsyncSession, seen: int) -> _Window:
    part = (
        sa.select(TicketEvent.id)
        .where(TicketEvent.id > seen)
        .order_by(TicketEvent.id)
        .limit(WINDOW)
        .subquery()
    )
    last, count = (
        await session.execute(sa.select(sa.func.max(part.c.id), sa.func.count()).select_from(part))
    ).one()
    return _Window(last or seen, count == WINDOW)


async def _changed(
    session: AsyncSession, cursor: RollupCursor, window: _Window
) -> tuple[list[int], list[int]]:
    """The tickets with an event or a correction that their fact does not count yet.

    What takes no part in sums has no fact and never will: it is not looked at again and again.
    """
    since = min(cursor.events_settled, cursor.events_seen)
    events = (
        sa.select(TicketEvent.ticket_id)
        .join(Ticket, Ticket.id == TicketEvent.ticket_id)
        .outerjoin(RollupTicket, RollupTicket.ticket_id == TicketEvent.ticket_id)
        .where(
            in_demands(),
            TicketEvent.id > since,
            TicketEvent.id <= window.last,
            TicketEvent.seq > sa.func.coalesce(RollupTicket.seq, 0),
        )
        .distinct()
    )
    corrections = (
        sa.select(Correction.ticket_id)
        .join(Ticket, Ticket.id == Correction.ticket_id)
        .outerjoin(RollupTicket, RollupTicket.ticket_id == Correction.ticket_id)
        .where(
            in_demands(),
            Correction.id > cursor.corrections_settled,
            Correction.id > sa.func.coalesce(RollupTicket.correction_id, 0),
        )
        .order_by(Correction.id)
        .limit(CORRECTIONS)
    )
    return list(await session.scalars(events)), list(await session.scalars(corrections))


def _moved(
    cursor: RollupCursor, last: int, marks: Marks, dialect: str, *, now: datetime, more: bool
) -> dict[str, Any]:
    """What of the cursor moves on. SQLite has one writer: its numbers appear in order."""
    if dialect != "postgresql":
        after: dict[str, Any] = {"events_seen": last, "events_settled": last}
        if not more:
            after["corrections_settled"] = marks.corrections
    else:
        after = {"events_seen": last}
        if now >= cursor.mark_at + GRACE and marks.xmin >= cursor.mark_xmax:
            after |= {
                "events_settled": cursor.mark_events,
                "mark_events": marks.events, "mark_corrections": marks.corrections,
                "mark_xmax": marks.xmax, "mark_at": now,
            }  # fmt: skip
            if not more:
                after["corrections_settled"] = cursor.mark_corrections
    return {name: value for name, value in after.items() if getattr(cursor, name) != value}


async def _marks(session: AsyncSession, dialect: str) -> Marks:
    # The numbers first: whoever holds one of them began before the transactions are asked for.
    events = await session.scalar(sa.select(sa.func.max(TicketEvent.id))) or 0
    corrections = await session.scalar(sa.select(sa.func.max(Correction.id))) or 0
    if dialect != "postgresql":
        return Marks(events, corrections, 0, 0)
    snapshot = sa.text(
        "SELECT CAST(CAST(pg_snapshot_xmax(s) AS text) AS bigint), "
        "CAST(CAST(pg_snapshot_xmin(s) AS text) AS bigint) FROM pg_current_snapshot() AS s"
    )
    xmax, xmin = (await session.execute(snapshot)).one()
    return Marks(events, corrections, xmax, xmin)


async def _cursor(deps: Deps, *, now: datetime) -> RollupCursor:
    """How far everything is counted; made at the first asking."""
    async with deps.db.reads() as session:
        found = await session.get(RollupCursor, _ONE)
        if found is not None:
            return found
        marks = await _marks(session, deps.db.dialect)
    async with deps.db.writes.begin() as session:
        await session.execute(
            insert_of(session, RollupCursor).on_conflict_do_nothing(),
            {
                "id": _ONE, "version": 1, "months_version": 1, "at": now,
                "events_seen": 0, "events_settled": 0, "corrections_settled": 0, "mark_events": marks.events,
                "mark_xmax": marks.xmax, "mark_corrections": marks.corrections, "mark_at": now,
                "archived_before": None,
            },
        )  # fmt: skip
    async with deps.db.reads() as session:
        return await session.get_one(RollupCursor, _ONE)


async def rebuild(deps: Deps, *, told: Callable[[int], None] = lambda _count: None) -> int:
    """Make every fact and every sum anew from events and corrections. Gives the number of tickets.

    On PostgreSQL pages show the old sums until the new ones are whole, and intake goes on. SQLite has one
    writer: everything is reckoned before it is asked to write.
    """
    now = deps.clock.now()
    cursor = await _cursor(deps, now=now)
    ready: list[dict[int, gathering.Counted]] = []
    async with deps.db.reads() as session:
        marks = await _marks(session, deps.db.dialect)
        if deps.db.dialect != "postgresql":
            last = 0
            while batch := await _batch(session, last):
                ready.append(batch)
                last = max(batch)
    # By itself: hanging a month in holds the rest until its transaction ends, and this one is long.
    await partitions.of_facts(deps)
    count = 0
    async with deps.db.writes.begin() as session:
        version = await session.scalar(
            sa.select(RollupCursor.version).where(RollupCursor.id == _ONE).with_for_update()
        )
        await session.execute(sa.delete(RollupTicket))
        last = 0
        while batch := ready.pop(0) if ready else await _batch(session, last):
            await session.execute(sa.insert(RollupTicket), [_row(n, item) for n, item in batch.items()])
            last = max(batch)
            count += len(batch)
            told(count)
        await applying.sum_up(session)
        await applying.stamp(session, (version or cursor.version) + 1)
        await session.execute(
            sa.update(RollupCursor)
            .where(RollupCursor.id == _ONE)
            .values(
                version=(version or cursor.version) + 1,
                months_version=(version or cursor.version) + 1,
                events_seen=marks.events,
                corrections_settled=0,
                mark_events=marks.events,
                mark_corrections=marks.corrections,
                mark_xmax=marks.xmax,
                mark_at=now,
                at=now,
            )
        )
    return count


async def _batch(session: AsyncSession, after: int) -> dict[int, gathering.Counted]:
    ids = await session.scalars(
        sa.select(Ticket.id)
        .where(Ticket.id > after, in_demands())
        .order_by(Ticket.id)
        .limit(_REBUILT_AT_ONCE)
    )
    return await gathering.facts(session, ids.all())


def _row(number: int, item: gathering.Counted) -> dict[str, Any]:
    return {
        "ticket_id": number, "seq": item.seq, "correction_id": item.correction_id,
        **applying.plain(item.fact),
    }  # fmt: skip
