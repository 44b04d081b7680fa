"""What rewards keep for good: it cannot be changed, and it names nobody, whatever staff typed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from models.rewards import RewardEvent, RewardOutcomeRow
from models.vocab_rewards import RewardAct
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bed import HANDLER, HEAD
from triage.services.rewards import acting, book, outcomes

if TYPE_CHECKING:
    from triage.services.deps import Deps


async def test_events_cannot_be_changed_and_hold_nobody(deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    # What staff type of somebody is masked: none of it can be taken away again.
    typed = f"本人{bed.CLAIM.phone}，身份证{bed.CLAIM.id_number}，账号{bed.CLAIM.account}"
    refused = await bed.do(deps, HANDLER, RewardAct.REFUSE, typed)
    await bed.do(deps, HEAD, RewardAct.RETURN, typed)
    reward = await bed.the_reward(deps)
    numbered = dataclasses.replace(bed.FINE, document_no=f"回访 {bed.CLAIM.phone}")
    async with deps.db.writes.begin() as session:
        wish = book.Wish(reward.no, RewardAct.OUTCOME, reward.version)
        await outcomes.add(session, deps.tables, HANDLER, wish, numbered, files=(), hashes=(), now=NOW)
    await bed.approved(deps)
    await bed.claimed(deps)
    reward = await bed.the_reward(deps)
    wish = book.Wish(reward.no, RewardAct.RECOVER, reward.version, typed)
    async with deps.db.writes.begin() as session:
        await acting.act(session, deps.tables, HEAD, wish, now=NOW)
    async with deps.db.reads() as session:
        events = [row.data for row in await session.scalars(sa.select(RewardEvent))]
        rows = [row.document_no for row in await session.scalars(sa.select(RewardOutcomeRow))]
    told = orjson.dumps([events, rows, refused.verdict]).decode()
    secret = (bed.CLAIM.name, bed.CLAIM.account, bed.CLAIM.id_number, bed.CLAIM.phone)
    assert [word for word in secret if word in told] == []
    for statement in (sa.update(RewardEvent).values(at=NOW), sa.delete(RewardEvent)):
        with pytest.raises(DBAPIError, match="append-only"):
            async with deps.db.writes.begin() as session:
                await session.execute(statement)
