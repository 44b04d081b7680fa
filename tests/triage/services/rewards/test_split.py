"""撤销合并 after a reward was decided: one report is rewarded once, whichever ticket the reward stands by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.rewards import Reward, RewardShare
from models.vocab_rewards import RewardAct, RewardState, ShareState
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bank import gathered, paid
from tests.triage.services.rewards.bed import HANDLER, HEAD
from tests.triage.services.rewards.test_anew import news, reviewed, step, verified
from tests.triage.services.rewards.test_flow import aged
from triage.rules.rewards.stepping import StepRefused
from triage.services.rewards import claiming

if TYPE_CHECKING:
    from triage.services.deps import Deps


async def joint(deps: Deps) -> tuple[str, str]:
    """Two reports of which the earlier was merged into the later one, and won. Gives the head first."""
    head, early = await bed.reports(deps.db, aged(2), aged(5))
    await bed.merged(deps.db, early, head)
    await bed.sweep(deps)
    assert (await bed.the_reward(deps)).winner_appeal_id == await bed.appeal_of(deps, early)
    return head, early


async def swept(deps: Deps) -> dict[int, str]:
    """The states of all rewards by the appeal that won, once everything was looked at."""
    await bed.sweep(deps)
    await bed.sweep(deps)
    return {one.winner_appeal_id: one.state for one in await bed.rewards(deps)}


async def test_a_report_that_was_paid_is_not_rewarded_again_when_its_merge_is_undone(deps: Deps) -> None:
    head, early = await joint(deps)
    await bed.approved(deps)
    await bed.claimed(deps)
    await paid(deps, (await gathered(deps)).no)
    await bed.split(deps.db, early, head)
    await swept(deps)
    assert (await bed.the_reward(deps)).state == RewardState.NOTIFIED
    assert [one.state for one in await bed.shares(deps)] == [ShareState.PAID]


async def test_nor_while_the_first_one_is_in_review(lite: Deps) -> None:
    head, early = await joint(lite)
    await verified(lite, (await bed.the_reward(lite)).no)
    await bed.split(lite.db, early, head)
    await swept(lite)
    assert (await bed.the_reward(lite)).state == RewardState.REVIEWING


async def test_sent_back_it_leaves_the_report_to_a_reward_of_its_own(deps: Deps) -> None:
    head, early = await joint(deps)
    no = (await bed.the_reward(deps)).no
    await verified(deps, no)
    await bed.split(deps.db, early, head)
    await swept(deps)
    await step(deps, no, bed.LEGAL, RewardAct.RETURN, "撤销合并了第一有效举报")
    own, others = await bed.appeal_of(deps, early), await bed.appeal_of(deps, head)
    assert await swept(deps) == {own: RewardState.CANDIDATE, others: RewardState.CANDIDATE}


async def approved_twice(deps: Deps) -> tuple[str, str]:
    """As before this was looked at: two approved rewards of one report. Gives both, the first one first."""
    head, early = await joint(deps)
    first = (await bed.the_reward(deps)).no
    await bed.split(deps.db, early, head)
    await swept(deps)
    for one in await bed.rewards(deps):
        await verified(deps, one.no)
        await reviewed(deps, one.no)
    async with deps.db.writes.begin() as session:
        won = await bed.appeal_of(deps, early)
        await session.execute(sa.update(Reward).values(winner_appeal_id=won))
    return first, next(one.no for one in await bed.rewards(deps) if one.no != first)


async def test_of_two_of_one_report_in_review_neither_is_approved_until_one_is_sent_back(lite: Deps) -> None:
    first, second = await approved_twice(lite)
    for no, other in ((first, second), (second, first)):
        assert f"同一违法行为另有奖励 {other}" in await news(lite, no)
        with pytest.raises(StepRefused, match=f"另有奖励 {other}"):
            await step(lite, no, HEAD, RewardAct.APPROVE)


async def test_of_two_that_were_told_of_before_the_first_alone_gives_a_code(lite: Deps) -> None:
    first, second = await approved_twice(lite)
    async with lite.db.writes.begin() as session:
        await session.execute(sa.update(Reward).values(state=RewardState.APPROVED.value))
    for no in (first, second):
        await step(lite, no, HANDLER, RewardAct.NOTIFY)
    async with lite.db.writes.begin() as session:
        session.add_all([
            RewardShare(reward_id=one.id, number=1, state="open", amount_fen=100, reminders=0)
            for one in await bed.rewards(lite)
        ])  # fmt: skip
    won = (await bed.rewards(lite))[0].winner_appeal_id
    assert [code.reward_no for code in await bed.codes(lite, won)] == [first]
    async with lite.db.writes.begin() as session:
        over = sa.update(Reward).where(Reward.no == first).values(state=RewardState.ARCHIVED.value)
        await session.execute(over)
    with pytest.raises(claiming.NothingToClaim):
        await bed.codes(lite, won)
