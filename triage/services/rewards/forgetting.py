"""删除领奖人信息: who claimed a reward goes once it is settled and its time is over (个保法 art. 19).

The part, its sum, its events and the payment's reference stay; the sealed name, ID number, phone, bank and
account go from the part and from every payment of it. An emptied payment says so (`paying.fetch`): its
batch's file can never be made again. Each is an entry of the ledger, by candidate number.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.rewards import Reward, RewardEvent, RewardPayment, RewardShare
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_retention import Kept
from models.vocab_rewards import RewardState, ShareState
from triage import logs
from triage.rules import retention_rows
from triage.services import ledger

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps

log = logs.get(__name__)

BATCH: Final = 200
EVERY: Final = timedelta(hours=1)
#: Nothing more is to be paid. A failed payment is not among them: its claim is corrected, or lapses.
_SETTLED: Final = tuple(state.value for state in (ShareState.PAID, ShareState.WAIVED, ShareState.DECLINED))


async def forget(session: AsyncSession, *, before: datetime, now: datetime, why: str) -> int:
    """Empty a batch of claims whose reward was last touched before a moment (UTC). Gives how many parts.

    `why` is the row of `retention.yaml`. In the caller's transaction; what another holds waits for the next.
    """
    last = (
        sa.select(sa.func.max(RewardEvent.at))
        .where(RewardEvent.reward_id == Reward.id)
        .correlate(Reward)
        .scalar_subquery()
    )
    rows = await session.execute(
        sa.select(Reward.no, RewardShare)
        .join(RewardShare, RewardShare.reward_id == Reward.id)
        .where(
            RewardShare.claimant.is_not(None),
            RewardShare.state.in_(_SETTLED),
            # While money is taken back its receiver must be found.
            Reward.state != RewardState.RECOVERING.value,
            last < before,
        )
        .order_by(Reward.id, RewardShare.number)
        .limit(BATCH)
        .with_for_update(of=(Reward, RewardShare), skip_locked=True)
        .execution_options(populate_existing=True)
    )
    done = 0
    for no, share in rows.all():
        share.claimant = None
        payments = await session.execute(
            sa.update(RewardPayment)
            .where(RewardPayment.share_id == share.id)
            .values(payee=b"")
            .returning(RewardPayment.id)
            .execution_options(synchronize_session=False)
        )
        ledger.write(
            session, who="system", act=LedgerAct.ERASED, now=now, reason=why,
            subject=ledger.Subject(SubjectKind.REWARD, no),
            detail={"parts": ["claimant"], "share": share.number, "payments": len(payments.all())},
        )  # fmt: skip
        done += 1
    return done


class Forgetter:
    """What the timetable runs: once an hour, in batches."""

    def __init__(self, deps: Deps) -> None:
        """Start with nothing done."""
        self._deps = deps
        self._done_at: datetime | None = None

    async def keep(self) -> bool:
        """Empty a batch of what is due. Gives whether there may be more at once. Raises NoRule."""
        deps, now = self._deps, self._deps.clock.now()
        if self._done_at is not None and now - self._done_at < EVERY:
            return False
        row = retention_rows.row_of(deps.tables.retention, Kept.REWARD, now)
        async with deps.db.writes.begin() as session:
            done = await forget(session, before=row.before(now), now=now, why=row.id)
        if done:
            log.info("claimants_erased", count=done)
        if done < BATCH:
            self._done_at = now
        return done == BATCH
