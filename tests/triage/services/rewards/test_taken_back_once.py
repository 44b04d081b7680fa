"""追回 is pressed again: nothing is given back after fraud, and no more returns than was paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.vocab_rewards import RewardAct, RewardState
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bank import gathered, paid
from tests.triage.services.rewards.bed import EVERYTHING, HANDLER, HEAD, PAYER
from triage.errors import BadInput
from triage.rules.rewards.stepping import Doer, StepRefused
from triage.services.rewards import book, yearly

if TYPE_CHECKING:
    from triage.services.deps import Deps

SECOND_HEAD = Doer("head2", HEAD.posts)
FRAUD = "材料是伪造的"


async def rewarded(deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)


async def returned(deps: Deps) -> int:
    async with deps.db.reads() as session:
        found = await yearly.figures(session, deps.tables, NOW.year, EVERYTHING, now=NOW)
    return found.total.returned


async def test_what_was_taken_back_before_it_was_paid_is_not_taken_back_again(deps: Deps) -> None:
    await rewarded(deps)
    await bed.do(deps, HEAD, RewardAct.RECOVER, FRAUD)
    await bed.do(deps, PAYER, RewardAct.RECOVERED, "没有付出，不必退回")
    await bed.do(deps, HANDLER, RewardAct.ARCHIVE)
    with pytest.raises(StepRefused, match="不能再追回"):
        await bed.do(deps, HEAD, RewardAct.RECOVER, "又按了一次追回")
    assert (await bed.the_reward(deps)).state == RewardState.ARCHIVED


async def test_the_rest_may_come_back_later_and_never_more_than_that(deps: Deps) -> None:
    await rewarded(deps)
    await bed.claimed(deps)
    await paid(deps, (await gathered(deps)).no)
    await bed.do(deps, HEAD, RewardAct.RECOVER, FRAUD)
    await bed.do(deps, PAYER, RewardAct.RECOVERED, "先退回一部分", recovery=bed.BACK)
    await bed.do(deps, HANDLER, RewardAct.ARCHIVE)
    await bed.do(deps, HEAD, RewardAct.RECOVER, "又查到可退的钱")
    with pytest.raises(StepRefused, match="不能撤回追回"):
        await bed.do(deps, SECOND_HEAD, RewardAct.CALL_OFF, "不必再追了")
    with pytest.raises(BadInput, match="以前已退回 4,800 元，不能多于余下的"):
        await bed.do(deps, PAYER, RewardAct.RECOVERED, "又退回了", recovery=bed.BACK)
    rest = book.Recovery(20_000, NOW.date(), "缴款书 2026-78")
    await bed.do(deps, PAYER, RewardAct.RECOVERED, "余下的也退回了", recovery=rest)
    assert await returned(deps) == 500_000
    await bed.do(deps, HANDLER, RewardAct.ARCHIVE)
    with pytest.raises(StepRefused, match="不能再追回"):
        await bed.do(deps, HEAD, RewardAct.RECOVER, "又按了一次追回")


async def test_a_second_try_that_is_given_up_ends_as_not_recovered(lite: Deps) -> None:
    await rewarded(lite)
    await bed.claimed(lite)
    await paid(lite, (await gathered(lite)).no)
    await bed.do(lite, HEAD, RewardAct.RECOVER, FRAUD)
    await bed.do(lite, PAYER, RewardAct.UNRECOVERED, "已无财产可供执行")
    await bed.do(lite, HANDLER, RewardAct.ARCHIVE)
    await bed.do(lite, HEAD, RewardAct.RECOVER, "查到了财产")
    await bed.do(lite, PAYER, RewardAct.UNRECOVERED, "仍无财产可供执行")
    assert (await bed.do(lite, HANDLER, RewardAct.ARCHIVE)).state == RewardState.ARCHIVED


async def test_nothing_is_taken_back_of_what_was_refused(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    await bed.refused(lite)
    await bed.do(lite, HANDLER, RewardAct.ARCHIVE)
    with pytest.raises(StepRefused, match="没有给过奖励"):
        await bed.do(lite, HEAD, RewardAct.RECOVER, "按错了这一件")
