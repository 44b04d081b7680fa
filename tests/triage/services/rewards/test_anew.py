"""One violation, one reward: looked at anew when it is decided, sent back, or joined with another."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from models.rewards import RewardInspection
from models.vocab_rewards import RewardAct, RewardState
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bed import FINANCE, HANDLER, HEAD, LEGAL
from tests.triage.services.rewards.test_flow import aged
from triage.rules.rewards.stepping import StepRefused
from triage.services.rewards import acting, book, finding, outcomes

if TYPE_CHECKING:
    from triage.rules.rewards.stepping import Doer
    from triage.services.deps import Deps


async def step(deps: Deps, no: str, doer: Doer, act: RewardAct, reason: str = "") -> str:
    """One step of one of several. Gives the state."""
    found = {one.no: one for one in await bed.rewards(deps)}[no]
    wish = book.Wish(no, act, found.version, reason)
    async with deps.db.writes.begin() as session:
        reward = await acting.act(session, deps.tables, doer, wish, now=NOW)
    return reward.state


async def verified(deps: Deps, no: str) -> None:
    """With its fine, as far as the review."""
    await bed.look_again(deps, no)
    found = {one.no: one for one in await bed.rewards(deps)}[no]
    async with deps.db.writes.begin() as session:
        wish = book.Wish(no, RewardAct.OUTCOME, found.version)
        await outcomes.add(session, deps.tables, HANDLER, wish, bed.FINE, files=(), hashes=(), now=NOW)
    found = {one.no: one for one in await bed.rewards(deps)}[no]
    async with deps.db.writes.begin() as session:
        wish = book.Wish(no, RewardAct.VERIFY, found.version)
        await acting.state(session, deps.tables, HANDLER, wish, acting.Stated("CQ-2025"), now=NOW)
    await step(deps, no, HANDLER, RewardAct.VERIFY)


async def reviewed(deps: Deps, no: str) -> None:
    """As far as the head."""
    await step(deps, no, LEGAL, RewardAct.LEGAL_PASS)
    await step(deps, no, FINANCE, RewardAct.FINANCE_PASS)


async def news(deps: Deps, no: str) -> str:
    found = {one.no: one for one in await bed.rewards(deps)}[no]
    async with deps.db.reads() as session:
        return "\n".join(await finding.news(session, deps.tables, found, now=NOW))


async def test_sent_back_it_goes_to_who_was_first_by_then(deps: Deps) -> None:
    (late,) = await bed.reports(deps.db, aged(2))
    await bed.sweep(deps)
    no = (await bed.the_reward(deps)).no
    await verified(deps, no)
    (early,) = await bed.reports(deps.db, aged(5))
    await bed.merged(deps.db, early, late)
    await bed.sweep(deps)
    await reviewed(deps, no)
    assert "第一有效举报不是这一件" in await news(deps, no)
    await step(deps, no, HEAD, RewardAct.RETURN, "并入了更早的举报")
    with pytest.raises(book.RewardChanged, match="首报或核查提示"):
        await step(deps, no, HANDLER, RewardAct.VERIFY)
    assert await bed.sweep(deps) == 1
    assert (await bed.the_reward(deps)).winner_appeal_id == await bed.appeal_of(deps, early)
    assert await step(deps, no, HANDLER, RewardAct.VERIFY) == RewardState.REVIEWING


async def test_a_refused_one_that_is_taken_up_again_is_looked_at_anew(lite: Deps) -> None:
    (late,) = await bed.reports(lite.db, aged(2))
    await bed.sweep(lite)
    no = (await bed.the_reward(lite)).no
    await bed.refused(lite)
    (early,) = await bed.reports(lite.db, aged(5), access=False)
    await bed.merged(lite.db, early, late)
    await bed.sweep(lite)
    await step(lite, no, HANDLER, RewardAct.REVIVE, "补充了材料")
    assert await bed.sweep(lite) == 1
    assert (await bed.the_reward(lite)).winner_appeal_id == await bed.appeal_of(lite, early)


async def test_a_list_that_came_since_is_seen_before_it_is_verified_and_in_review(lite: Deps) -> None:
    await bed.reports(lite.db, aged(2))
    await bed.sweep(lite)
    no = (await bed.the_reward(lite)).no

    async def listed(line: int) -> None:
        async with lite.db.writes.begin() as session:
            session.add(RewardInspection(
                list="市级督察", line=line, listed_on=NOW.date() - timedelta(days=9), party="某印刷厂",
                kind="WAT-02", district_code="110105", street_code="110105026",
            ))  # fmt: skip

    await listed(1)
    await bed.fined(lite)
    await bed.state(lite, ruleset="CQ-2025")
    with pytest.raises(book.RewardChanged):
        await step(lite, no, HANDLER, RewardAct.VERIFY)
    assert await bed.look_again(lite, no)
    await step(lite, no, HANDLER, RewardAct.VERIFY)
    assert await news(lite, no) == ""
    await listed(2)
    assert "核验以后新查到：检查清单“市级督察”第 2 行" in await news(lite, no)


async def test_what_joins_a_decided_one_is_joined_and_parted_again(deps: Deps) -> None:
    first, second = await bed.reports(deps.db, aged(5), aged(2))
    await bed.sweep(deps)
    one, other = [found.no for found in await bed.rewards(deps)]
    await verified(deps, one)
    # The case whose reward is under way goes into one that still has a candidate.
    await bed.merged(deps.db, first, second)
    with pytest.raises(StepRefused, match=f"另有奖励 {one}"):
        await verified(deps, other)
    await bed.sweep(deps)
    assert {found.no: found.state for found in await bed.rewards(deps)} == {
        one: RewardState.REVIEWING, other: RewardState.JOINED
    }  # fmt: skip
    await bed.split(deps.db, first, second)
    await bed.sweep(deps)
    assert {found.no: found.state for found in await bed.rewards(deps)}[other] == RewardState.CANDIDATE


async def test_a_refused_one_makes_way_for_a_candidate(lite: Deps) -> None:
    first, second = await bed.reports(lite.db, aged(5), aged(2))
    await bed.sweep(lite)
    one, other = [found.no for found in await bed.rewards(lite)]
    await step(lite, one, HANDLER, RewardAct.REFUSE, "举报人不符合条件")
    await step(lite, one, LEGAL, RewardAct.UPHOLD)
    await bed.merged(lite.db, first, second)
    await bed.sweep(lite)
    winner = {found.no: found for found in await bed.rewards(lite)}[other]
    assert (winner.state, winner.winner_appeal_id) == (
        RewardState.CANDIDATE, await bed.appeal_of(lite, first)
    )  # fmt: skip


async def test_of_two_in_review_neither_is_approved_until_one_is_sent_back(lite: Deps) -> None:
    first, second = await bed.reports(lite.db, aged(5), aged(2))
    await bed.sweep(lite)
    one, other = [found.no for found in await bed.rewards(lite)]
    for no in (one, other):
        await verified(lite, no)
        await reviewed(lite, no)
    await bed.merged(lite.db, first, second)
    await bed.sweep(lite)
    for no in (one, other):
        assert "同一违法行为另有奖励" in await news(lite, no)
        with pytest.raises(StepRefused, match="另有奖励"):
            await step(lite, no, HEAD, RewardAct.APPROVE)
    await step(lite, other, HEAD, RewardAct.RETURN, "与另一件是同一违法行为")
    assert await step(lite, one, HEAD, RewardAct.APPROVE) == RewardState.APPROVED
    await bed.sweep(lite)
    assert {found.no: found.state for found in await bed.rewards(lite)}[other] == RewardState.JOINED
