"""Nobody gets money out alone: who fixed a sum, or led somebody to a code, does not do the next step too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models import migrate
from models.rewards import RewardEvent
from models.tickets import Ticket, TicketEvent
from models.units import Staff
from models.vocab import Tag
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_rewards import RewardAct, RewardState, ShareState
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bank import gathered
from tests.triage.services.rewards.bed import EVERYTHING, FINANCE, HANDLER, HEAD, LEGAL, PAYER, VAULT
from triage.errors import BadInput
from triage.rules.rewards.stepping import Doer, StepRefused
from triage.services import ledger
from triage.services.rewards import acting, book, claiming, owning, paying

if TYPE_CHECKING:
    from triage.services.deps import Deps

#: The role of rewards carries everything.
ALL_POSTS = (*HANDLER.posts, *LEGAL.posts, *HEAD.posts, *PAYER.posts)
X = Doer("x", ALL_POSTS)


async def share_step(deps: Deps, doer: Doer, act: RewardAct, reason: str = "本人来电说丢失了") -> None:
    reward = await bed.the_reward(deps)
    async with deps.db.writes.begin() as session:
        wish = book.Wish(reward.no, act, reward.version, reason, 1)
        await acting.act_share(session, deps.tables, doer, wish, now=deps.clock.now())


async def attested(deps: Deps, doer: Doer) -> str:
    reward = await bed.the_reward(deps)
    wish = book.Wish(reward.no, RewardAct.ATTEST, reward.version, "当面看过身份证")
    async with deps.db.writes.begin() as session:
        return owning.hand_over(deps, await acting.act(session, deps.tables, doer, wish, now=NOW))


async def claimed_with(deps: Deps, secret: str, name: str) -> None:
    """Whoever holds the word takes the code and claims."""
    reward = await bed.the_reward(deps)
    async with deps.db.writes.begin() as session:
        (given,) = await claiming.give(session, deps, reward.winner_appeal_id, secret, now=NOW)
    offer = await bed.offered(deps, given)
    async with deps.db.writes.begin() as session:
        await claiming.claim(session, deps, VAULT, offer, replace(bed.CLAIM, name=name), now=NOW)


async def test_one_officer_alone_does_not_take_a_reporters_money(deps: Deps) -> None:
    (no,) = await bed.reports(deps.db, access=False)
    await bed.named(deps, no)
    await bed.sweep(deps)
    await bed.approved(deps)
    await share_step(deps, X, RewardAct.RECODE)
    with pytest.raises(StepRefused, match="“重发领取码”，“当面核验本人”要由另外的人办理"):
        await attested(deps, X)
    # The other way round: whoever attested sends no new code.
    y = Doer("y", ALL_POSTS)
    word = await attested(deps, y)
    with pytest.raises(StepRefused, match="“当面核验本人”，“重发领取码”要由另外的人办理"):
        await share_step(deps, y, RewardAct.RECODE)
    await claimed_with(deps, word, "司马测试")
    for doer in (X, y):
        with pytest.raises(StepRefused, match="“确认姓名”要由另外的人办理"):
            await share_step(deps, doer, RewardAct.CONFIRM, "户口簿：改名")
    with pytest.raises(BadInput, match="要先由法制或财务"):
        await gathered(deps)
    await share_step(deps, FINANCE, RewardAct.CONFIRM, "户口簿：改名")
    assert (await gathered(deps)).payments == 1


async def test_who_worked_on_a_reward_does_not_end_it_as_declined(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    reward = await bed.the_reward(lite)
    wish = book.Wish(reward.no, RewardAct.STATE, reward.version)
    async with lite.db.writes.begin() as session:
        await acting.state(session, lite.tables, X, wish, acting.Stated(), now=NOW)
    await bed.approved(lite)
    for doer, why in (
        (HANDLER, "由举报人、法制复核、负责人办理"),
        (Doer(HANDLER.login, ALL_POSTS), "您已作为经办办过"),
        (X, "您办过这一件的“填写认定”"),
    ):
        with pytest.raises(StepRefused, match=why):
            await share_step(lite, doer, RewardAct.DECLINE, "本人来电放弃")
    await share_step(lite, LEGAL, RewardAct.DECLINE, "本人来电放弃")
    assert [one.state for one in await bed.shares(lite)] == [ShareState.DECLINED]


async def test_a_claim_by_ones_word_alone_is_confirmed_though_there_is_no_name_to_compare(deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    await claimed_with(deps, await attested(deps, X), "司马测试")
    with pytest.raises(BadInput, match="要先由法制或财务"):
        await gathered(deps)
    with pytest.raises(StepRefused, match="“确认姓名”要由另外的人办理"):
        await share_step(deps, X, RewardAct.CONFIRM, "看过身份证")
    await share_step(deps, LEGAL, RewardAct.CONFIRM, "看过身份证")
    assert (await gathered(deps)).payments == 1


async def test_who_handled_the_case_does_not_attest(deps: Deps) -> None:
    (no,) = await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    async with deps.db.writes.begin() as session:
        made = Staff(login="x", name="某", active=True, created_at=NOW)
        session.add(made)
        await session.flush()
        ticket = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        session.add(TicketEvent(
            ticket_id=ticket, seq=90, at=NOW, tag=Tag.FOLLOW_UP.value, staff_id=made.id, data={}
        ))  # fmt: skip
    with pytest.raises(StepRefused, match="您办理过这一件的工单"):
        await attested(deps, X)
    with pytest.raises(StepRefused, match="您已作为经办办过"):
        await attested(deps, Doer(HANDLER.login, ALL_POSTS))


async def test_who_stated_what_the_sum_comes_from_neither_reviews_nor_pays_it(deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    reward = await bed.the_reward(deps)
    wish = book.Wish(reward.no, RewardAct.STATE, reward.version)
    said = acting.Stated(ruleset="CQ-2025", insider=True)
    async with deps.db.writes.begin() as session:
        await acting.state(session, deps.tables, X, wish, said, now=NOW)
    await bed.fined(deps)
    await bed.do(deps, HANDLER, RewardAct.VERIFY)
    for act in (RewardAct.LEGAL_PASS, RewardAct.FINANCE_PASS):
        with pytest.raises(StepRefused, match="“填写认定”"):
            await bed.do(deps, X, act)
    await bed.do(deps, LEGAL, RewardAct.LEGAL_PASS)
    await bed.do(deps, FINANCE, RewardAct.FINANCE_PASS)
    with pytest.raises(StepRefused, match="“填写认定”"):
        await bed.do(deps, X, RewardAct.APPROVE)
    await bed.do(deps, HEAD, RewardAct.APPROVE)
    await bed.do(deps, HANDLER, RewardAct.NOTIFY)
    await bed.claimed(deps)
    async with deps.db.writes.begin() as session:
        with pytest.raises(BadInput, match="要由另外的人支付"):
            await paying.gather(session, deps.tables, VAULT, X, viewer=EVERYTHING, now=NOW)
        stated = sa.select(RewardEvent).where(RewardEvent.act == RewardAct.STATE.value)
        event = (await session.scalars(stated)).one()
    assert (event.by, event.data["insider"]) == ("x", True)


async def test_who_verified_it_before_it_was_returned_does_not_review_it(deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.fined(deps)
    await bed.state(deps, ruleset="CQ-2025")
    await bed.do(deps, X, RewardAct.VERIFY)
    await bed.do(deps, LEGAL, RewardAct.RETURN, "罚款金额再核对")
    await bed.do(deps, HANDLER, RewardAct.VERIFY)
    for act in (RewardAct.LEGAL_PASS, RewardAct.FINANCE_PASS):
        with pytest.raises(StepRefused, match="“核验并提出奖励”"):
            await bed.do(deps, X, act)
    assert (await bed.do(deps, LEGAL, RewardAct.LEGAL_PASS)).state == RewardState.LEGAL_PASSED


async def test_who_stated_it_before_the_upgrade_is_taken_over_from_the_ledger(deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    reward = await bed.the_reward(deps)
    async with deps.db.writes.begin() as session:
        for act in ("outcome", "state", "state"):
            ledger.write(
                session, who="x", act=LedgerAct.REWARD_CHANGED, now=NOW,
                subject=ledger.Subject(SubjectKind.REWARD, reward.no), detail={"act": act},
            )  # fmt: skip
    await migrate.downgrade(deps.db, "0039")
    await migrate.upgrade(deps.db)
    assert (await bed.acts(deps)).count("outcome") == 1
    await bed.fined(deps)
    await bed.state(deps, ruleset="CQ-2025")
    await bed.do(deps, HANDLER, RewardAct.VERIFY)
    with pytest.raises(StepRefused, match="要由另外的人办理"):
        await bed.do(deps, X, RewardAct.LEGAL_PASS)
