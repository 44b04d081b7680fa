"""领取 by a code: what is counted, and what a code that was replaced opens."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from models.vocab_rewards import RewardAct, ShareState
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bank import fetched, gathered, paid
from tests.triage.services.rewards.bed import HANDLER, HEAD, PAYER, VAULT
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


@pytest.mark.parametrize("name", ["欧阳测试", "李〇一", "王\U0002b5e7", "张\U000311a5", "阿卜杜拉·测试"])
def test_whatever_an_identity_card_writes_is_a_name(name: str) -> None:
    assert claiming.check(replace(bed.CLAIM, name=name)) == {}


@pytest.mark.parametrize("name", ["王", "王5", "王\u200b五", "<王五>", "김오"])
def test_other_signs_are_none(name: str) -> None:
    assert list(claiming.check(replace(bed.CLAIM, name=name))) == ["name"]


async def test_a_claim_in_rare_characters_reaches_the_bank(lite: Deps) -> None:
    await notified(lite)
    told = replace(bed.CLAIM, name="王\U0002b5e7", bank="测试银行\U0002b5e7村支行")
    assert claiming.check(told) == {}
    await bed.claimed(lite, told)
    file = await fetched(lite, (await gathered(lite)).no)
    assert "王\U0002b5e7,测试银行\U0002b5e7村支行," in file.decode("utf-8-sig")


async def why(deps: Deps, secret: str = bed.SECRET) -> str:
    """Why there is no code for the one report there is."""
    with pytest.raises(claiming.NothingToClaim) as told:
        async with deps.db.writes.begin() as session:
            await claiming.give(session, deps, 1, secret, now=deps.clock.now())
    return told.value.detail


async def notified(deps: Deps, **stated: object) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps, **stated)


async def test_one_who_never_took_the_code_is_told_that_its_time_is_over(lite: Deps) -> None:
    await notified(lite)
    later = bed.at(lite, NOW + timedelta(days=91))
    await bed.tick(later)
    (share,) = await bed.shares(lite)
    assert share.claim_by is not None
    assert f"领取期限到 {share.claim_by.isoformat()} 为止，已视为放弃" in await why(later)
    await bed.do(later, HANDLER, RewardAct.ARCHIVE)
    assert "已视为放弃" in await why(later)


async def test_each_part_says_where_it_stands(lite: Deps) -> None:
    await notified(lite, reporters=2)
    reward = await bed.the_reward(lite)
    wish = book.Wish(reward.no, RewardAct.DECLINE, reward.version, "本人来电放弃", 1)
    async with lite.db.writes.begin() as session:
        await acting.act_share(session, lite.tables, HEAD, wish, now=NOW)
    await bed.claimed(lite)
    told = await why(lite)
    assert told.startswith("第 1 份：已登记为本人放弃。")
    assert "第 2 份：已经登记领取，正在安排支付。" in told


async def test_what_was_paid_and_what_was_taken_back_says_so(lite: Deps) -> None:
    await notified(lite)
    await bed.claimed(lite)
    await paid(lite, (await gathered(lite)).no)
    assert await why(lite) == "已经支付到登记的账号。"
    await bed.do(lite, HEAD, RewardAct.RECOVER, "材料是伪造的")
    assert "追回" in await why(lite)
    await bed.do(lite, PAYER, RewardAct.RECOVERED, "已退回财政账户", recovery=bed.BACK)
    await bed.do(lite, HANDLER, RewardAct.ARCHIVE)
    assert "追回" in await why(lite)


async def test_that_none_was_given_is_told_with_the_query_code_alone(lite: Deps) -> None:
    await bed.reports(lite.db)
    assert "查实并批准奖励的，会在这里给您领取码" in await why(lite)
    await bed.sweep(lite)
    undecided = await why(lite)
    await bed.refused(lite)
    assert await why(lite, "WRONG234") == undecided
    assert "没有给予奖励" in await why(lite)
    await bed.do(lite, HANDLER, RewardAct.ARCHIVE)
    assert "没有给予奖励" in await why(lite)
