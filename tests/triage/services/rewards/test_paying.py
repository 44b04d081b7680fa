"""Batches and results: a part is in one batch, a file is the same every time, a result is taken once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from models.rewards import Reward, RewardBatch, RewardPayment
from models.vocab_rewards import RewardAct, ShareState
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bank import answer_of, failed, fetched, gathered, paid, taken
from tests.triage.services.rewards.bed import EVERYTHING, FINANCE, HANDLER, HEAD, LEGAL, PAYER, VAULT
from triage.errors import BadInput, NotFound
from triage.rules.rewards.stepping import Doer, StepRefused
from triage.services.rewards import acting, book, claiming, paying, settling

if TYPE_CHECKING:
    from triage.services.deps import Deps


async def test_the_file_is_the_same_and_a_part_is_in_one_batch(deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    await bed.claimed(deps)
    found = await asyncio.gather(*(gathered(deps) for _ in range(3)), return_exceptions=True)
    made = [one for one in found if isinstance(one, RewardBatch)]
    assert len(made) == 1
    assert sum(isinstance(one, BadInput) for one in found) == 2
    once, again = await fetched(deps, made[0].no), await fetched(deps, made[0].no)
    assert once == again
    assert bed.CLAIM.account in once.decode("utf-8-sig")
    async with deps.db.reads() as session:
        held = (await session.scalars(sa.select(RewardPayment))).one()
    assert bed.CLAIM.account.encode() not in held.payee
    copy = {c.name: getattr(held, c.name) for c in RewardPayment.__table__.columns if c.name != "id"}
    second = sa.insert(RewardPayment).values({**copy, "line": 9, "reference": "other"})
    with pytest.raises(DBAPIError):
        async with deps.db.writes.begin() as session:
            await session.execute(second)


async def test_whoever_had_a_part_in_it_does_not_pay_it(deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    await bed.claimed(deps)
    for one in (HANDLER, LEGAL, FINANCE, HEAD):
        both = Doer(one.login, (*one.posts, *PAYER.posts))
        async with deps.db.writes.begin() as session:
            with pytest.raises(BadInput, match="要由另外的人支付"):
                await paying.gather(session, deps.tables, VAULT, both, viewer=EVERYTHING, now=NOW)
    assert (await gathered(deps)).payments == 1


async def test_whoever_decided_on_one_of_a_batch_sees_neither_its_accounts_nor_the_answer(deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    await bed.claimed(deps)
    # A head who is no longer named on it: a return cleared that.
    async with deps.db.writes.begin() as session:
        reward = (await session.scalars(sa.select(Reward))).one()
        await book.note(session, reward, RewardAct.RETURN, "former", NOW, reason="金额不符")
    batch = await gathered(deps)
    answer = await answer_of(deps, batch.no)
    for one in (HANDLER, LEGAL, FINANCE, HEAD, Doer("former", HEAD.posts)):
        both = Doer(one.login, (*one.posts, *PAYER.posts))
        async with deps.db.writes.begin() as session:
            with pytest.raises(StepRefused, match="要由另外的人办理"):
                await paying.fetch(session, deps.tables, VAULT, both, batch.no, viewer=EVERYTHING, now=NOW)
            with pytest.raises(StepRefused, match="要由另外的人办理"):
                await settling.take(session, deps.tables, both, batch.no, answer, viewer=EVERYTHING, now=NOW)
    assert (await taken(deps, batch.no, answer)).paid == 1


async def test_another_name_than_the_reports_waits_until_a_reviewer_confirms_it(deps: Deps) -> None:
    (no,) = await bed.reports(deps.db)
    await bed.named(deps, no, name="司马测试")
    await bed.sweep(deps)
    await bed.approved(deps)
    (given,) = await bed.claimed(deps)

    async def confirmed(doer: Doer, reason: str = "户口簿：举报后改名") -> None:
        reward = await bed.the_reward(deps)
        wish = book.Wish(reward.no, RewardAct.CONFIRM, reward.version, reason, 1)
        async with deps.db.writes.begin() as session:
            await acting.act_share(session, deps.tables, doer, wish, now=NOW)

    with pytest.raises(BadInput, match="要先由法制或财务"):
        await gathered(deps)
    for doer, reason, why in ((HANDLER, "改名", "由法制复核、财务复核办理"), (LEGAL, "", "必须写明理由")):
        with pytest.raises(StepRefused, match=why):
            await confirmed(doer, reason)
    await confirmed(LEGAL)
    batch = await gathered(deps)
    # Sent back and claimed anew, it is another name to be confirmed.
    await failed(deps, batch.no, "户名不符")
    offer = await bed.offered(deps, given)
    async with deps.db.writes.begin() as session:
        await claiming.claim(session, deps, VAULT, offer, bed.CLAIM, now=NOW)
    with pytest.raises(BadInput, match="要先由法制或财务"):
        await gathered(deps)


async def test_a_name_that_is_the_reports_is_not_confirmed(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    await bed.approved(lite)
    await bed.claimed(lite)
    reward = await bed.the_reward(lite)
    wish = book.Wish(reward.no, RewardAct.CONFIRM, reward.version, "核对过身份证", 1)
    async with lite.db.writes.begin() as session:
        with pytest.raises(StepRefused, match="不必确认"):
            await acting.act_share(session, lite.tables, LEGAL, wish, now=NOW)


async def test_results_are_taken_once_and_whole(deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps, reporters=2)
    await bed.claimed(deps)
    batch = await gathered(deps)
    good = await answer_of(deps, batch.no)
    for bad, why in (
        (good.replace(b"-0002", b"-0009"), "不属于这个批次"),
        (good.replace(b"2500.00", b"2500.01", 1), "不符"),
        (good.replace("成功".encode(), b"ok", 1), "只能是"),
        (good.replace(b"-0002", b"-0001"), "出现两次"),
        (b"x", "表头"),
    ):
        with pytest.raises(paying.BankFileRefused, match=why):
            await taken(deps, batch.no, bad)
    assert {share.state for share in await bed.shares(deps)} == {ShareState.PAYING}
    assert await taken(deps, batch.no, good) == settling.Taken(2, 0, repeated=False)
    assert await taken(deps, batch.no, good) == settling.Taken(2, 0, repeated=True)
    other = good + b"\r\n"
    assert await taken(deps, batch.no, other) == settling.Taken(0, 0, repeated=False)
    against = await answer_of(deps, batch.no, "失败", "销户")
    with pytest.raises(paying.BankFileRefused, match="相反"):
        await taken(deps, batch.no, against)
    assert (await bed.acts(deps)).count("pay") == 2


async def test_what_the_bank_refuses_is_corrected_and_paid(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    await bed.approved(lite)
    (given,) = await bed.claimed(lite)
    batch = await gathered(lite)
    await failed(lite, batch.no, "账号不存在")
    (share,) = await bed.shares(lite)
    assert (share.state, share.why) == (ShareState.FAILED, "账号不存在")
    offer = await bed.offered(lite, given)
    async with lite.db.writes.begin() as session:
        await claiming.claim(session, lite, VAULT, offer, bed.CLAIM, now=NOW)
    second = await gathered(lite)
    assert await paid(lite, second.no) == settling.Taken(1, 0, repeated=False)


async def test_only_the_payer_pays(lite: Deps) -> None:
    async with lite.db.writes.begin() as session:
        for doer in (HANDLER, LEGAL, HEAD):
            with pytest.raises(StepRefused):
                await paying.gather(session, lite.tables, VAULT, doer, viewer=EVERYTHING, now=NOW)
            with pytest.raises(StepRefused):
                await paying.fetch(session, lite.tables, VAULT, doer, "P1", viewer=EVERYTHING, now=NOW)
            with pytest.raises(StepRefused):
                await settling.take(session, lite.tables, doer, "P1", b"", viewer=EVERYTHING, now=NOW)
        with pytest.raises(NotFound):
            await paying.fetch(session, lite.tables, VAULT, PAYER, "P1", viewer=EVERYTHING, now=NOW)
