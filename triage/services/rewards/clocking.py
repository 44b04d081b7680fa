"""What the timetable does for rewards: candidates, reminders of a claim, and 逾期视为放弃.

A reminder is an event of the reward and is shown on the queue. What is sent of it (`telling`) is in no queue
of notices, so that nothing outside this schema says that somebody is to be rewarded.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.rewards import Reward, RewardShare
from models.tickets import TicketEvent
from models.vocab_rewards import RewardAct, RewardState, ShareState
from triage import logs
from triage.clock import local
from triage.services import backlog
from triage.services.rewards import book, finding, paying, telling

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.services.deps import Deps

log = logs.get(__name__)

#: What a reporter may still claim: never paid yet, or sent back by the bank.
_CLAIMABLE: Final = (ShareState.OPEN.value, ShareState.FAILED.value)

BATCH: Final = 50
#: Numbers of events looked back over: a transaction that began earlier may end later.
OVERLAP: Final = 2_000
#: How often all cases are gone through: their number grows for years, and what moved is known by its events.
WHOLE_EVERY: Final = timedelta(hours=1)


class Ticker:
    """What the timetable runs: looks at what moved, and now and then at everything. One per process."""

    def __init__(self, deps: Deps) -> None:
        """Begin with everything: what moved while no process ran."""
        self._deps = deps
        self._mark = 0
        self._whole_at = deps.clock.now()

    async def tick(self) -> bool:
        """One round. Gives whether there is more at once. Waits while many appeals are to be read."""
        now = self._deps.clock.now()
        whole = now >= self._whole_at
        async with self._deps.db.reads() as session:
            if await backlog.is_long(session):
                return False
            newest = await session.scalar(sa.select(sa.func.max(TicketEvent.id))) or 0
        more = await tick(self._deps, since=None if whole else self._mark - OVERLAP)
        if not more:
            self._mark = newest
            if whole:
                self._whole_at = now + WHOLE_EVERY
        return more


async def tick(deps: Deps, *, since: int | None = None) -> bool:
    """One round, each part in a transaction of its own. Gives whether there is more at once."""
    now = deps.clock.now()
    async with deps.db.writes.begin() as session:
        looked = await finding.sweep(session, deps.tables, now=now, batch=BATCH, since=since)
    async with deps.db.writes.begin() as session:
        passed = await waive(session, deps.tables, now=now, batch=BATCH)
    async with deps.db.writes.begin() as session:
        reminded = await remind(session, deps.tables, now=now, batch=BATCH)
    if looked or passed or reminded:
        log.info("rewards_looked_at", looked=looked, waived=passed, reminded=reminded)
    return BATCH in {looked, passed, reminded}


async def _due(
    session: AsyncSession, condition: sa.ColumnElement[bool], batch: int
) -> list[tuple[Reward, RewardShare]]:
    rows = await session.execute(
        sa.select(Reward, RewardShare)
        .join(RewardShare, RewardShare.reward_id == Reward.id)
        .where(Reward.state == RewardState.NOTIFIED.value, condition)
        .order_by(Reward.id, RewardShare.number)
        .limit(batch)
        .with_for_update(of=(Reward, RewardShare), skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return [(reward, share) for reward, share in rows]


async def waive(session: AsyncSession, tables: Tables, *, now: datetime, batch: int) -> int:
    """逾期视为放弃: the last day is over, and the bank did not perhaps pay after all. Gives how many."""
    over = sa.and_(
        RewardShare.state.in_(_CLAIMABLE),
        ~paying.disputed(),
        RewardShare.claim_by < local(now).date(),
    )
    found = await _due(session, over, batch)
    for reward, share in found:
        book.step_share(tables, reward, share, RewardAct.WAIVE, book.SYSTEM, now=now)
        await book.note(session, reward, RewardAct.WAIVE, "", now, share=share.number)
    return len(found)


async def remind(session: AsyncSession, tables: Tables, *, now: datetime, batch: int) -> int:
    """Note that a claim is due soon, once for each row of the table. Gives how many."""
    today = local(now).date()
    count = 0
    for number, row in enumerate(tables.rewards.reminders(today), start=1):
        near = sa.and_(
            RewardShare.state.in_(_CLAIMABLE),
            RewardShare.reminders < number,
            RewardShare.claim_by <= today + timedelta(days=row.days),
            ~paying.disputed(),
        )
        for reward, share in await _due(session, near, batch - count):
            book.step_share(tables, reward, share, RewardAct.REMIND, book.SYSTEM, now=now)
            share.reminders = number
            await book.note(session, reward, RewardAct.REMIND, "", now, share=share.number, row=row.id)
            if share.number == 1:
                await telling.write(session, tables, reward, now=now)
            count += 1
    return count
