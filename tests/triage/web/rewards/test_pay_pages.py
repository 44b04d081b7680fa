"""支付批次 as pages: what somebody of a district is shown, and what they may fetch."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from models.vocab_rewards import RewardAct
from models.vocab_staff import Permission
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bank import answer_of, failed, gathered, taken
from tests.triage.web.rewards.conftest import STAFF
from triage.services.backup import rewarded
from triage.services.rewards import claiming

if TYPE_CHECKING:
    import pytest

    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

TOKEN = "t" * 43


async def test_who_pays_for_a_district_sees_no_others_batches(client: Client, deps: Deps) -> None:
    (no,) = await bed.reports(deps.db)
    await bed.named(deps, no, name="司马测试")
    await bed.sweep(deps)
    reward = await bed.approved(deps)
    await bed.claimed(deps)
    ours, theirs = ({"Cookie": f"who={who}; jiesu_token={TOKEN}"} for who in ("payer", "haidian-payer"))
    shown = [
        await (await client.get("/desk/rewards/pay", headers=cookies)).text() for cookies in (ours, theirs)
    ]
    assert [reward.no in text for text in shown] == [True, False]
    answer = await client.post("/desk/rewards/pay", data={"token": TOKEN}, headers=theirs)
    assert (answer.status, "没有已登记待支付的奖励" in await answer.text()) == (400, True)


async def test_nor_fetches_them(client: Client, deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    await bed.claimed(deps)
    batch = (await gathered(deps)).no
    theirs = {"Cookie": f"who=haidian-payer; jiesu_token={TOKEN}"}
    assert batch not in await (await client.get("/desk/rewards/pay", headers=theirs)).text()
    file = await client.post(f"/desk/rewards/pay/{batch}/file", data={"token": TOKEN}, headers=theirs)
    assert file.status == 404
    year = await (await client.get("/desk/rewards/year?year=2026", headers=theirs)).text()
    assert "5,000 元" not in year


async def test_what_may_have_been_paid_is_not_counted_as_ready(client: Client, deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    (given,) = await bed.claimed(deps)
    batch = (await gathered(deps)).no
    await failed(deps, batch, "销户")
    offer, ours = await bed.offered(deps, given), {"Cookie": "who=payer"}
    async with deps.db.writes.begin() as session:
        await claiming.claim(session, deps, bed.VAULT, offer, bed.CLAIM, now=deps.clock.now())
    before = await (await client.get("/desk/rewards/pay", headers=ours)).text()
    await taken(deps, batch, await answer_of(deps, batch))
    after = await (await client.get("/desk/rewards/pay", headers=ours)).text()
    assert ["可列入 <b>1</b> 份" in page for page in (before, after)] == [True, False]


async def test_a_payment_of_before_a_restore_says_how_its_answer_is_taken(client: Client, deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    no = (await bed.approved(deps)).no
    await bed.claimed(deps)
    async with deps.db.writes.begin() as session:
        went = rewarded.Went(no, 1, RewardAct.EXPORT, deps.clock.now() + timedelta(hours=1))
        (held,) = (await rewarded.hold(session, [went], by="root", now=deps.clock.now())).held
    reference = held.partition("流水号 ")[2].rstrip("）")
    page = await (await client.get("/desk/rewards/pay", headers={"Cookie": "who=payer"})).text()
    assert f"{no} 第 1 份，流水号 {reference}，" in page
    assert "可列入 <b>0</b> 份" in page
    assert ["取支付文件" in page, "导入银行结果" in page, "SHA-256" in page] == [False, True, False]


async def test_what_others_must_pay_is_not_offered(
    client: Client, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    await bed.claimed(deps)
    monkeypatch.setitem(STAFF, "head", {Permission.REWARD_APPROVE, Permission.REWARD_PAY})
    theirs, ours = [
        await (await client.get("/desk/rewards/pay", headers={"Cookie": f"who={who}"})).text()
        for who in ("head", "payer")
    ]
    assert (
        "可列入 <b>0</b> 份，共 <b>0 元</b>。另有 1 份是您经办、复核或审批过的，要由另外的人支付。" in theirs
    )
    assert ["生成支付批次" in theirs, "生成支付批次" in ours] == [False, True]
    assert ["另外的人支付" in ours, "把 1 份、共 5,000 元 列入" in ours] == [False, True]
