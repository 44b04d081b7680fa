"""One violation, one reward, also when a report of it was merged and then archived."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.vocab_rewards import RewardAct, RewardState
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bed import HEAD
from tests.triage.services.rewards.test_anew import news, reviewed, step, verified
from tests.triage.services.rewards.test_flow import aged
from triage.rules.rewards.stepping import StepRefused

if TYPE_CHECKING:
    from triage.services.deps import Deps


async def test_what_was_archived_behind_a_case_makes_no_reward_of_its_own(deps: Deps) -> None:
    head, behind = await bed.reports(deps.db, aged(2), aged(5))
    await bed.merged(deps.db, behind, head)
    await bed.archived(deps.db, behind)
    assert await bed.sweep(deps) == 2
    assert await bed.sweep(deps) == 1, "the head is looked at anew"
    assert await bed.sweep(deps) == 0
    assert (await bed.the_reward(deps)).winner_appeal_id == await bed.appeal_of(deps, behind)


async def test_a_candidate_of_before_it_was_archived_is_joined_and_not_verified(deps: Deps) -> None:
    head, behind = await bed.reports(deps.db, aged(5), aged(2))
    await bed.sweep(deps)
    one, other = [found.no for found in await bed.rewards(deps)]
    await bed.merged(deps.db, behind, head)
    await bed.archived(deps.db, behind)
    with pytest.raises(StepRefused, match="已并入另一工单"):
        await bed.look_again(deps, other)
    await bed.sweep(deps)
    await bed.sweep(deps)
    assert {found.no: found.state for found in await bed.rewards(deps)} == {
        one: RewardState.CANDIDATE, other: RewardState.JOINED
    }  # fmt: skip


async def test_of_two_in_review_neither_is_approved_though_one_was_archived(lite: Deps) -> None:
    first, second = await bed.reports(lite.db, aged(5), aged(2))
    await bed.sweep(lite)
    both = [found.no for found in await bed.rewards(lite)]
    for no in both:
        await verified(lite, no)
        await reviewed(lite, no)
    await bed.merged(lite.db, first, second)
    await bed.archived(lite.db, first)
    for no in both:
        assert "同一违法行为另有奖励" in await news(lite, no)
        with pytest.raises(StepRefused, match="另有奖励"):
            await step(lite, no, HEAD, RewardAct.APPROVE)
