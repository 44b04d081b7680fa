"""What the page offers a payer is what their batch will hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.rewards import Reward, RewardShare
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bed import EVERYTHING, PAYER, VAULT
from triage.services.rewards import paying
from triage.services.rewards.claiming import place_of
from triage.services.rewards.paying import Overview

if TYPE_CHECKING:
    from models.rewards import RewardBatch
    from triage.services.deps import Deps


async def another(deps: Deps, reward: Reward, no: str, **values: str | int | None) -> int:
    """Another reward in the same state, claimed by its one reporter. Gives the part's id."""
    async with deps.db.writes.begin() as session:
        copy = {c.name: getattr(reward, c.name) for c in Reward.__table__.columns if c.name != "id"}
        other = Reward(
            **{**copy, "no": no, "root_ticket_id": 10_000 + reward.root_ticket_id + ord(no), **values}
        )
        session.add(other)
        await session.flush()
        part = (await session.scalars(sa.select(RewardShare).where(RewardShare.reward_id == reward.id))).one()
        copied = {c.name: getattr(part, c.name) for c in RewardShare.__table__.columns if c.name != "id"}
        share = RewardShare(**{**copied, "reward_id": other.id})
        session.add(share)
        await session.flush()
        told = VAULT.open(part.claimant or b"", belongs_to=place_of(part.id))
        share.claimant = VAULT.seal(told, belongs_to=place_of(share.id))
        return share.id


async def overview(deps: Deps, most: int = 1000) -> Overview:
    async with deps.db.reads() as session:
        now = deps.clock.now()
        return await paying.overview(session, deps.tables, PAYER, viewer=EVERYTHING, now=now, most=most)


async def gather(deps: Deps, most: int = 1000) -> RewardBatch:
    async with deps.db.writes.begin() as session:
        now = deps.clock.now()
        return await paying.gather(session, deps.tables, VAULT, PAYER, viewer=EVERYTHING, now=now, most=most)


async def test_what_a_payer_is_offered_is_what_they_get(deps: Deps) -> None:
    assert await overview(deps) == Overview(0, 0, 0, 0, ())
    await bed.reports(deps.db)
    await bed.sweep(deps)
    reward = await bed.approved(deps)
    await bed.claimed(deps)
    await another(deps, reward, "B")
    await another(deps, reward, "C", handler=PAYER.login)
    differing = await another(deps, reward, "D", head=PAYER.login)
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(RewardShare).where(RewardShare.id == differing).values(same_name=False)
        )
    one = reward.amount_fen or 0
    assert await overview(deps) == Overview(2, 2 * one, 0, 1, (("D", 1),))
    for later in (1, 0):
        offered, batch = await overview(deps, 1), await gather(deps, 1)
        assert (offered.ready, offered.fen, offered.later) == (batch.payments, batch.total_fen, later)
    assert await overview(deps) == Overview(0, 0, 0, 1, (("D", 1),))
