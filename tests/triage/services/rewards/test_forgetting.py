"""删除领奖人信息: what is settled and past its time goes; what is not, stays; nobody trips over what went."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.rewards import Reward, RewardPayment, RewardShare
from models.vocab_ledger import LedgerAct
from models.vocab_retention import Kept
from models.vocab_rewards import RewardState
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bank import failed, fetched, gathered, paid
from triage.rules import retention_rows
from triage.services.auditing import reading
from triage.services.identities import rotating
from triage.services.rewards import paying
from triage.services.rewards.forgetting import Forgetter
from triage.services.rewards.sealed_places import PLACES

if TYPE_CHECKING:
    from models.rewards import RewardBatch
    from triage.services.deps import Deps


async def sent(deps: Deps) -> RewardBatch:
    """A batch with the part of the one reward."""
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    await bed.claimed(deps)
    return await gathered(deps)


async def later(deps: Deps, days: int) -> None:
    """So many days after the time to keep claims, the timetable has its turn."""
    row = retention_rows.row_of(deps.tables.retention, Kept.REWARD, NOW)
    await Forgetter(bed.at(deps, NOW + timedelta(days=row.keep_days + days))).keep()


async def held(deps: Deps) -> tuple[bool, bool]:
    """Whether the part still has its claimant, and the payments theirs."""
    async with deps.db.reads() as session:
        claimants = list(await session.scalars(sa.select(RewardShare.claimant)))
        payees = list(await session.scalars(sa.select(RewardPayment.payee)))
    return any(claimants), any(payees)


async def test_who_was_paid_goes_when_the_time_is_over_and_not_before(deps: Deps) -> None:
    batch = await sent(deps)
    await paid(deps, batch.no)
    reward = await bed.the_reward(deps)
    await later(deps, -1)
    assert await held(deps) == (True, True)
    await later(deps, 1)
    assert await held(deps) == (False, False)
    (row,) = [row async for row in reading.every(deps.db, reading.LedgerFilter(act=LedgerAct.ERASED))]
    assert (row.subject, row.reason) == (reward.no, "keep.reward")
    assert row.detail == {"parts": ["claimant"], "share": 1, "payments": 1}
    with pytest.raises(paying.BankFileRefused, match="已到期删除"):
        await fetched(deps, batch.no)
    # Neither the count of keys nor their rotation stumbles over what is empty.
    async with deps.db.writes.begin() as session:
        assert await rotating.uses(session, PLACES) == {}
        for place in PLACES:
            assert (await rotating.step(session, bed.VAULT, place, now=NOW)).unopened == 0


async def test_who_must_still_be_found_stays(lite: Deps) -> None:
    batch = await sent(lite)
    await later(lite, 1)
    assert await held(lite) == (True, True)
    await failed(lite, batch.no, "账号不存在")
    await later(lite, 1)
    assert await held(lite) == (True, True)
    async with lite.db.writes.begin() as session:
        await session.execute(sa.update(RewardShare).values(state="paid"))
        await session.execute(sa.update(Reward).values(state=RewardState.RECOVERING.value))
    await later(lite, 1)
    assert await held(lite) == (True, True)
    async with lite.db.writes.begin() as session:
        await session.execute(sa.update(Reward).values(state=RewardState.RECOVERED.value))
    await later(lite, 1)
    assert await held(lite) == (False, False)
