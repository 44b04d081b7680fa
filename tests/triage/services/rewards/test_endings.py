"""No dead ends: a reward that was archived or taken back can be opened again, or ended."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from models.vocab_rewards import RewardAct, RewardState, ShareState
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bank import failed, gathered, paid
from tests.triage.services.rewards.bed import EVERYTHING, HANDLER, HEAD, LEGAL, PAYER
from triage.rules.rewards.stepping import Doer, StepRefused
from triage.services.rewards import acting, announcing, book, yearly

if TYPE_CHECKING:
    from triage.services.deps import Deps

SECOND_HEAD = Doer("head2", HEAD.posts)
FRAUD, BACK = "材料是伪造的", "没有付出，不必退回"


async def reopened(deps: Deps) -> None:
    reward = await bed.the_reward(deps)
    wish = book.Wish(reward.no, RewardAct.REOPEN, reward.version, "住院未能按期领取", 1)
    async with deps.db.writes.begin() as session:
        await acting.act_share(session, deps.tables, HEAD, wish, now=deps.clock.now())


async def waived(deps: Deps) -> Deps:
    """Nobody claimed it. Gives the day after."""
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    later = bed.at(deps, NOW + timedelta(days=91))
    await bed.tick(later)
    return later


async def test_what_was_waived_and_archived_is_opened_again_and_paid(deps: Deps) -> None:
    later = await waived(deps)
    await bed.do(later, HANDLER, RewardAct.ARCHIVE)
    await reopened(later)
    assert (await bed.the_reward(later)).state == RewardState.NOTIFIED
    await bed.claimed(later)
    batch = await gathered(later)
    assert (await paid(later, batch.no)).paid == 1
    assert (await bed.do(later, HANDLER, RewardAct.ARCHIVE)).state == RewardState.ARCHIVED


async def test_what_is_being_taken_back_or_was_is_not_opened_again(lite: Deps) -> None:
    later = await waived(lite)
    await bed.do(later, HEAD, RewardAct.RECOVER, FRAUD)
    with pytest.raises(StepRefused, match="追回中"):
        await reopened(later)
    await bed.do(later, PAYER, RewardAct.RECOVERED, BACK)
    await bed.do(later, HANDLER, RewardAct.ARCHIVE)
    with pytest.raises(StepRefused, match="已经追回"):
        await reopened(later)


async def test_fraud_that_was_found_before_the_payment_is_archived(deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    await bed.claimed(deps)
    await bed.do(deps, HEAD, RewardAct.RECOVER, FRAUD)
    await bed.do(deps, PAYER, RewardAct.RECOVERED, BACK)
    assert (await bed.do(deps, HANDLER, RewardAct.ARCHIVE)).state == RewardState.ARCHIVED


async def test_a_payment_that_is_at_the_bank_is_waited_for(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    await bed.approved(lite)
    await bed.claimed(lite)
    batch = await gathered(lite)
    await bed.do(lite, HEAD, RewardAct.RECOVER, FRAUD)
    await bed.do(lite, PAYER, RewardAct.RECOVERED, BACK)
    with pytest.raises(StepRefused, match="支付中"):
        await bed.do(lite, HANDLER, RewardAct.ARCHIVE)
    await failed(lite, batch.no, "账户已冻结")
    assert [share.state for share in await bed.shares(lite)] == [ShareState.FAILED]
    assert (await bed.do(lite, HANDLER, RewardAct.ARCHIVE)).state == RewardState.ARCHIVED


async def taken_back(deps: Deps) -> None:
    """Paid, and said to be fraud by the head."""
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    await bed.claimed(deps)
    await paid(deps, (await gathered(deps)).no)
    await bed.do(deps, HEAD, RewardAct.RECOVER, FRAUD)


async def test_what_never_comes_back_is_ended_by_somebody_else_and_is_no_reward(deps: Deps) -> None:
    await taken_back(deps)
    both = Doer(HEAD.login, (*HEAD.posts, *PAYER.posts))
    with pytest.raises(StepRefused, match="您办过这一件的“追回”"):
        await bed.do(deps, both, RewardAct.UNRECOVERED, "已无财产可供执行")
    ended = await bed.do(deps, PAYER, RewardAct.UNRECOVERED, "已无财产可供执行")
    assert ended.state == RewardState.RECOVERED
    await bed.do(deps, HANDLER, RewardAct.ARCHIVE)
    async with deps.db.reads() as session:
        year = await yearly.figures(session, deps.tables, NOW.year, EVERYTHING, now=NOW)
        notice = await announcing.told(session, deps.tables, now=NOW)
    total = year.total
    assert (total.verified, total.rewarded, total.recovered, total.returned, total.paid) == (
        1, 0, 0, 0, 500_000
    )  # fmt: skip
    assert notice.numbers == ()
    with pytest.raises(StepRefused, match="未能追回"):
        await reopened(deps)


async def test_what_was_taken_back_by_mistake_is_given_again_by_another_head(deps: Deps) -> None:
    await taken_back(deps)
    for doer, why in ((HEAD, "您办过这一件的“追回”"), (PAYER, "由负责人办理")):
        with pytest.raises(StepRefused, match=why):
            await bed.do(deps, doer, RewardAct.CALL_OFF, "鉴定为真实材料")
    await bed.do(deps, SECOND_HEAD, RewardAct.CALL_OFF, "鉴定为真实材料")
    assert (await bed.do(deps, HANDLER, RewardAct.ARCHIVE)).state == RewardState.ARCHIVED


async def test_the_time_of_a_claim_begins_anew_when_it_is_not_taken_back_after_all(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    await bed.approved(lite)
    await bed.do(lite, HEAD, RewardAct.RECOVER, FRAUD)
    later = bed.at(lite, NOW + timedelta(days=120))
    await bed.tick(later)
    await bed.do(later, SECOND_HEAD, RewardAct.CALL_OFF, "鉴定为真实材料")
    await bed.tick(later)
    (share,) = await bed.shares(lite)
    assert (share.state, share.claim_by) == (ShareState.OPEN, NOW.date() + timedelta(days=210))
    assert len(await bed.claimed(later)) == 1


async def test_nobody_refuses_alone(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    await bed.do(lite, HANDLER, RewardAct.REFUSE, "举报事实不清楚")
    with pytest.raises(StepRefused, match="时不能"):
        await bed.do(lite, HANDLER, RewardAct.ARCHIVE)
    both = Doer(HANDLER.login, (*HANDLER.posts, *HEAD.posts))
    for doer, why in ((PAYER, "由法制复核、负责人办理"), (both, "您已作为经办办过")):
        with pytest.raises(StepRefused, match=why):
            await bed.do(lite, doer, RewardAct.UPHOLD)
    returned = await bed.do(lite, LEGAL, RewardAct.RETURN, "材料里写明了排口")
    assert returned.state == RewardState.CANDIDATE
    await bed.do(lite, HANDLER, RewardAct.REFUSE, "举报事实不清楚")
    assert (await bed.do(lite, HEAD, RewardAct.UPHOLD)).state == RewardState.REFUSED
