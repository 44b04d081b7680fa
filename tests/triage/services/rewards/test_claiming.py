"""领取 by a code: what is counted, and what a code that was replaced opens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models.vocab_rewards import RewardAct, ShareState
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bed import HANDLER, VAULT
from triage.rules.rewards.rows import BoundName
from triage.services.limiting import TooOften
from triage.services.rewards import acting, book, claiming

if TYPE_CHECKING:
    from triage.services.deps import Deps

NO = "J2026AAAAAAAAAA"


async def tried(deps: Deps, no: str, address: str) -> None:
    async with deps.db.writes.begin() as session:
        await claiming.count_try(session, deps, no, address, now=NOW)


async def test_guessing_is_counted_by_where_it_comes_from(lite: Deps) -> None:
    for _ in range(lite.settings.reward_tries):
        await tried(lite, NO, "127.0.0.1")
    with pytest.raises(TooOften):
        await tried(lite, "J2026BBBBBBBBBB", "127.0.0.1")


async def test_nobody_keeps_the_owner_out_by_trying_a_public_number(lite: Deps) -> None:
    for last in range(3 * lite.settings.reward_tries):
        await tried(lite, NO, f"203.0.113.{last}")
    await tried(lite, NO, "192.0.2.1")


async def test_tries_of_one_number_are_bounded_for_the_work_they_are(lite: Deps) -> None:
    (row,) = lite.tables.rewards.bounds
    assert row.name is BoundName.TRIES
    few = replace(lite.tables.rewards, bounds=(replace(row, value=2),))
    deps = replace(lite, tables=replace(lite.tables, rewards=few))
    for last in range(2):
        await tried(deps, NO, f"203.0.113.{last}")
    with pytest.raises(TooOften):
        await tried(deps, NO, "203.0.113.9")


async def test_what_a_replaced_code_opened_takes_no_claim(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    reward = await bed.approved(lite)
    (code,) = await bed.codes(lite, reward.winner_appeal_id)
    offer = await bed.offered(lite, code)
    assert offer.mark not in repr(offer)
    reward = await bed.the_reward(lite)
    wish = book.Wish(reward.no, RewardAct.RECODE, reward.version, "丢失了领取码", 1)
    async with lite.db.writes.begin() as session:
        await acting.act_share(session, lite.tables, HANDLER, wish, now=NOW)
    async with lite.db.writes.begin() as session:
        with pytest.raises(claiming.NothingToClaim, match="已经换过"):
            await claiming.claim(session, lite, VAULT, offer, bed.CLAIM, now=NOW)
    assert [share.state for share in await bed.shares(lite)] == [ShareState.OPEN]
