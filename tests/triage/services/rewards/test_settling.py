"""That the bank did not pay is said by two people, and what it says afterwards is not lost."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connectors import bank_file
from models.vocab_rewards import RewardAct, ShareState
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bank import answer_of, failed, gathered, taken
from tests.triage.services.rewards.bed import SECOND_PAYER, VAULT
from triage.errors import BadInput
from triage.rules.rewards.stepping import StepRefused
from triage.services.rewards import acting, book, claiming
from triage.services.rewards.settling import Taken

if TYPE_CHECKING:
    from triage.services.deps import Deps


async def sent(deps: Deps) -> tuple[str, claiming.Code]:
    """A claim in a batch. Gives its number and the code."""
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    (given,) = await bed.claimed(deps)
    return (await gathered(deps)).no, given


async def state_of(deps: Deps) -> str:
    (share,) = await bed.shares(deps)
    return share.state


async def test_one_payers_word_that_the_bank_did_not_pay_opens_nothing(deps: Deps) -> None:
    no, _ = await sent(deps)
    answer = await answer_of(deps, no, "失败", "销户")
    assert await taken(deps, no, answer) == Taken(0, 0, repeated=False, waiting=1)
    # Again, in whatever file: it is the same person.
    assert (await taken(deps, no, answer)).repeated
    assert (await taken(deps, no, answer + b"\r\n")).failed == 0
    assert await state_of(deps) == ShareState.PAYING
    assert (await taken(deps, no, answer, SECOND_PAYER)).failed == 1
    assert await state_of(deps) == ShareState.FAILED


async def test_the_second_persons_answer_of_the_bank_counts_when_it_says_otherwise(deps: Deps) -> None:
    no, _ = await sent(deps)
    await taken(deps, no, await answer_of(deps, no, "失败", "销户"))
    assert (await taken(deps, no, await answer_of(deps, no), SECOND_PAYER)).paid == 1
    assert await state_of(deps) == ShareState.PAID


async def test_what_was_paid_after_all_is_not_paid_again(deps: Deps) -> None:
    no, given = await sent(deps)
    await failed(deps, no, "销户")
    offer = await bed.offered(deps, given)
    async with deps.db.writes.begin() as session:
        await claiming.claim(session, deps, VAULT, offer, bed.CLAIM, now=NOW)
    answer = await answer_of(deps, no)
    assert (await taken(deps, no, answer)).disputed == 1
    with pytest.raises(BadInput, match="先称失败、后称成功"):
        await gathered(deps)
    # The same person again settles nothing.
    assert (await taken(deps, no, answer)).repeated
    assert await state_of(deps) == ShareState.CLAIMED
    assert (await taken(deps, no, answer, SECOND_PAYER)).paid == 1
    assert await state_of(deps) == ShareState.PAID
    with pytest.raises(BadInput, match="没有已登记待支付的奖励"):
        await gathered(deps)


async def test_that_it_was_paid_after_all_is_taken_back_by_another_person(deps: Deps) -> None:
    no, given = await sent(deps)
    await failed(deps, no, "销户")
    offer = await bed.offered(deps, given)
    async with deps.db.writes.begin() as session:
        await claiming.claim(session, deps, VAULT, offer, bed.CLAIM, now=NOW)
    await taken(deps, no, await answer_of(deps, no))
    right = await answer_of(deps, no, "失败", "销户")
    assert (await taken(deps, no, right)).repeated, "who said that it was paid is not believed alone"
    assert (await taken(deps, no, right, SECOND_PAYER)).cleared == 1
    assert (await taken(deps, no, right, SECOND_PAYER)).repeated
    assert (await gathered(deps)).payments == 1


async def test_what_may_have_been_paid_is_not_waived(lite: Deps) -> None:
    no, _ = await sent(lite)
    await failed(lite, no, "销户")
    await taken(lite, no, await answer_of(lite, no))
    later = bed.at(lite, NOW + timedelta(days=95))
    await bed.tick(later)
    assert await state_of(lite) == ShareState.FAILED
    await taken(later, no, await answer_of(lite, no, "失败", "销户"), SECOND_PAYER)
    await bed.tick(later)
    # Nobody could claim it meanwhile: the whole window is given again.
    assert await state_of(lite) == ShareState.FAILED
    await bed.tick(bed.at(lite, NOW + timedelta(days=95 + 89)))
    assert await state_of(lite) == ShareState.FAILED
    await bed.tick(bed.at(lite, NOW + timedelta(days=95 + 92)))
    assert await state_of(lite) == ShareState.WAIVED


@pytest.mark.parametrize("opened", [False, True])
async def test_what_was_paid_after_its_time_is_paid(lite: Deps, *, opened: bool) -> None:
    no, _ = await sent(lite)
    await failed(lite, no, "销户")
    later = bed.at(lite, NOW + timedelta(days=95))
    await bed.tick(later)
    reward = await bed.the_reward(lite)
    wishes = [book.Wish(reward.no, RewardAct.REOPEN, reward.version, "住院未能按期领取", 1)] * opened
    async with lite.db.writes.begin() as session:
        for wish in wishes:
            await acting.act_share(session, lite.tables, bed.HEAD, wish, now=later.clock.now())
    answer = await answer_of(lite, no)
    assert (await taken(later, no, answer)).disputed == 1
    assert (await taken(later, no, answer, SECOND_PAYER)).paid == 1
    assert await state_of(lite) == ShareState.PAID


async def test_what_was_paid_after_all_and_again_is_told(deps: Deps) -> None:
    no, given = await sent(deps)
    await failed(deps, no, "销户")
    offer = await bed.offered(deps, given)
    async with deps.db.writes.begin() as session:
        await claiming.claim(session, deps, VAULT, offer, bed.CLAIM, now=NOW)
    second = (await gathered(deps)).no
    answer = await answer_of(deps, no)
    assert [(await taken(deps, no, answer, by)).disputed for by in (bed.PAYER, SECOND_PAYER)] == [1, 1]
    assert await state_of(deps) == ShareState.PAYING
    assert (await taken(deps, second, await answer_of(deps, second))).paid == 1
    # What came back of a part that was paid twice is at most both.
    for back, why in ((480_000, "重复支付退回"), (520_000, "后来查实造假，另一笔也退回")):
        await bed.do(deps, bed.HEAD, RewardAct.RECOVER, why)
        told = book.Recovery(back, NOW.date(), "缴款书 2026-77")
        await bed.do(deps, bed.PAYER, RewardAct.RECOVERED, why, recovery=told)
        await bed.do(deps, bed.HANDLER, RewardAct.ARCHIVE)
    with pytest.raises(StepRefused, match="不能再追回"):
        await bed.do(deps, bed.HEAD, RewardAct.RECOVER, "又按了一次追回")


def test_a_checksum_is_compared_when_there_is_one() -> None:
    lines = "\ufeff" + "\r\n".join([",".join(bank_file.IN), "R1,100.00,失败,,销户", ""])
    end = bank_file._sum_of(lines.removeprefix("\ufeff"))
    for told in (end, end.upper(), ""):
        assert len(bank_file.results(f"{lines}合计,1,100.00,{told}\r\n".encode())) == 1
    forged = lines.replace("R1", "R2")
    with pytest.raises(bank_file.BadBankFile, match="校验值"):
        bank_file.results(f"{forged}合计,1,100.00,{end}\r\n".encode())
