"""Who may open what, what a wrong code is told, and the files of the year."""

from __future__ import annotations

import dataclasses
import io
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import docx
import openpyxl
import pytest
import sqlalchemy as sa

from models.ledger import LedgerRow
from models.vocab_rewards import RewardAct, ShareState
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bank import gathered, paid
from tests.triage.web.citizen.steps import track
from triage.services.rewards import acting, book, claiming, inspections, outcomes
from triage.web.rewards import desk, lists, pay, queue

if TYPE_CHECKING:
    from tests.triage.web.citizen.conftest import Citizen, Clock
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

READS = sorted({
    one.route.path.split("{", maxsplit=1)[0]
    for one in (*desk.ROUTES, *pay.ROUTES, *lists.ROUTES)
    if one.route.method == "GET" and "{" not in one.route.path
})  # fmt: skip


@pytest.mark.parametrize("path", READS)
async def test_only_who_works_on_rewards_sees_them(client: Client, path: str) -> None:
    answer = await client.get(path, headers={"Cookie": "who=clerk"})
    assert answer.status == 403
    answer = await client.get(path, allow_redirects=False)
    assert answer.headers["Location"].startswith("/login")


async def test_the_approver_does_not_pay(client: Client) -> None:
    assert (await client.get("/desk/rewards/pay", headers={"Cookie": "who=head"})).status == 403
    assert (await client.get("/desk/rewards", headers={"Cookie": "who=head"})).status == 200


@pytest.mark.parametrize(("who", "status"), [("head", 200), ("chaoyang", 200), ("haidian", 404)])
async def test_who_works_for_a_district_sees_no_others_rewards(
    client: Client, deps: Deps, who: str, status: int
) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    no = (await bed.the_reward(deps)).no
    token = "t" * 43
    cookies = {"Cookie": f"who={who}; jiesu_token={token}"}

    queue = await (await client.get("/desk/rewards", headers=cookies)).text()
    assert (no in queue) is (status == 200)
    assert (await client.get(f"/desk/rewards/of/{no}", headers=cookies)).status == status


@pytest.mark.parametrize("what", ["state", "outcome", "withdraw", "act"])
async def test_nor_changes_them(client: Client, deps: Deps, what: str) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    before = await bed.the_reward(deps)
    form = {
        "token": "t" * 43, "version": str(before.version), "act": "refuse", "reason": "不是本区的事",
        "outcome": "1" if what == "withdraw" else "verified", "via": "report",
    }  # fmt: skip
    cookies = {"Cookie": f"who=haidian; jiesu_token={form['token']}"}
    answer = await client.post(f"/desk/rewards/of/{before.no}/{what}", data=form, headers=cookies)
    after = await bed.the_reward(deps)
    assert (answer.status, after.version, after.state) == (404, before.version, before.state)


async def test_a_wrong_code_opens_nothing_and_is_counted(citizen: Citizen, deps: Deps) -> None:
    await citizen.get("/citizen/reward")
    for _ in range(deps.settings.reward_tries):
        page = await citizen.post("/citizen/reward", {"number": "J2026AAAAAAAAAA", "code": "2" * 12})
        assert citizen.status == 403
        assert "对不上" in page
    page = await citizen.post("/citizen/reward", {"number": "J2026AAAAAAAAAA", "code": "2" * 12})
    assert citizen.status == 429
    await citizen.get("/citizen/reward/claim")
    assert citizen.address == "/citizen/reward"


async def opened(citizen: Citizen, deps: Deps) -> str:
    """A notified reward is opened with its code. Gives its number."""
    await bed.reports(deps.db)
    await bed.sweep(deps)
    reward = await bed.approved(deps)
    (code,) = await bed.codes(deps, reward.winner_appeal_id)
    await citizen.get("/citizen/reward")
    await citizen.post("/citizen/reward", {"number": reward.no, "code": code.code})
    assert citizen.address == "/citizen/reward/claim"
    return reward.no


async def test_no_address_of_a_reporter_stands_in_the_ledger(citizen: Citizen, deps: Deps) -> None:
    no = await opened(citizen, deps)
    await citizen.post("/citizen/reward/claim", vars_of(bed.CLAIM))
    assert "已登记" in citizen.page
    async with deps.db.reads() as session:
        rows = (await session.scalars(sa.select(LedgerRow).where(LedgerRow.subject == no))).all()
    assert [(row.who, row.origin) for row in rows][-2:] == [("reporter", None)] * 2


def vars_of(claim: claiming.Claim) -> dict[str, str]:
    return {one.name: getattr(claim, one.name) for one in dataclasses.fields(claim)}


async def test_a_page_that_the_old_code_opened_is_closed_by_a_new_one(citizen: Citizen, deps: Deps) -> None:
    no = await opened(citizen, deps)
    reward = await bed.the_reward(deps)
    wish = book.Wish(no, RewardAct.RECODE, reward.version, "丢失了领取码", 1)
    async with deps.db.writes.begin() as session:
        await acting.act_share(session, deps.tables, bed.HANDLER, wish, now=deps.clock.now())
    await citizen.post("/citizen/reward/claim", vars_of(bed.CLAIM))
    assert (citizen.status, "领取码已经换过" in citizen.page) == (403, True)
    await citizen.get("/citizen/reward/claim")
    assert citizen.address == "/citizen/reward"
    assert [share.state for share in await bed.shares(deps)] == [ShareState.OPEN]


async def test_the_year_is_a_page_a_workbook_and_a_document(client: Client, deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    await bed.claimed(deps)
    batch = await gathered(deps)
    await paid(deps, batch.no)
    head = {"Cookie": "who=head"}
    text = await (await client.get("/desk/rewards/year?year=2026", headers=head)).text()
    assert "5,000 元" in text
    book = openpyxl.load_workbook(
        io.BytesIO(await (await client.get("/desk/rewards/year/2026.xlsx", headers=head)).read())
    )
    rows = [[cell.value for cell in row] for row in book["按种类"].iter_rows(min_row=4, max_row=5)]
    # One reward of a kind would tell what somebody got: outside the office it is no line of its own.
    folded = "其余种类合计（奖励或支付不足 5 件的合并）"
    assert rows == [[folded, 1, 1, 1, 1, 5000, 0, 0, 1, 5000], ["合计", 1, 1, 1, 1, 5000, 0, 0, 1, 5000]]
    assert "企业污水直排" in text
    told = docx.Document(
        io.BytesIO(await (await client.get("/desk/rewards/year/2026.docx", headers=head)).read())
    )
    assert (
        "批准奖励 1 件、5,000.00 元，追回 0 件、0.00 元，已支付 1 人次、5,000.00 元"
        in told.paragraphs[1].text
    )
    assert (await client.get("/desk/rewards/year?year=2099", headers=head)).status == 400
    secret = (bed.CLAIM.account, bed.CLAIM.name, bed.CLAIM.phone)
    pages = [text, await (await client.get("/citizen/reward/notice")).text()]
    assert [word for page in pages for word in secret if word in page] == []


async def test_the_word_of_a_check_in_person_is_shown_once_and_takes_the_code(
    client: Client, deps: Deps
) -> None:
    (no,) = await bed.reports(deps.db, access=False)
    await bed.named(deps, no)
    await bed.sweep(deps)
    reward = await bed.approved(deps)
    page = f"/desk/rewards/of/{reward.no}"
    form = {
        "token": "t" * 43, "version": str(reward.version), "act": "attest", "reason": "当面看过身份证",
    }  # fmt: skip
    cookies = {"Cookie": f"who=legal; jiesu_token={form['token']}"}
    shown = await (await client.post(f"{page}/act", data=form, headers=cookies)).text()
    (word,) = re.findall(r'<code class="secret">([^<]+)<', shown)
    assert word not in await (await client.get(page, headers=cookies)).text()
    async with deps.db.writes.begin() as session:
        now = deps.clock.now()
        given = await claiming.give(session, deps, reward.winner_appeal_id, word, now=now)
    assert [one.number for one in given] == [1]


async def test_the_page_says_why_there_is_no_code(citizen: Citizen, deps: Deps, clock: Clock) -> None:
    (no,) = await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    clock.later(days=91)
    await bed.tick(deps)
    assert await track(citizen, no, bed.SECRET) == 200
    await citizen.get("/citizen/reward")
    page = await citizen.post("/citizen/reward/code", {"secret": bed.SECRET})
    assert citizen.status == 409
    assert "已视为放弃。有特殊情况的请打 12345" in page


async def test_the_lists_of_what_was_known_are_shown(client: Client, deps: Deps) -> None:
    cookies = {"Cookie": "who=handler"}
    assert "还没有清单" in await (await client.get("/desk/rewards/lists", headers=cookies)).text()
    line = inspections.Listed(2, "某印刷厂", "110105", None, None, date(2026, 3, 1), "京环督〔2026〕1号")
    async with deps.db.writes.begin() as session:
        await inspections.store(session, "春季督察", "清单.csv", [line], by="chen", now=deps.clock.now())
    shown = await (await client.get("/desk/rewards/lists", headers=cookies)).text()
    for told in ("春季督察", "2026-03-01", "京环督〔2026〕1号", "chen"):
        assert told in shown
    assert "某印刷厂" not in shown


async def test_what_is_late_stands_first_in_whatever_state_before_the_notice(
    client: Client, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "PER_PAGE", 1)
    await bed.reports(deps.db, *[bed.REPORT] * 3)
    await bed.sweep(deps)
    late, soon, none = [one.no for one in await bed.rewards(deps)]
    today = deps.clock.now().date()
    for no, days in ((soon, 3), (late, 40)):
        version = {one.no: one for one in await bed.rewards(deps)}[no].version
        decided = dataclasses.replace(bed.FINE, effective_on=today - timedelta(days=days))
        async with deps.db.writes.begin() as session:
            wish = book.Wish(no, RewardAct.OUTCOME, version)
            await outcomes.add(
                session, deps.tables, bed.HANDLER, wish, decided, files=(), hashes=(), now=deps.clock.now()
            )
    address, seen = "/desk/rewards", []
    for _ in range(3):
        text = await (await client.get(address, headers={"Cookie": "who=handler"})).text()
        seen.append((re.findall(r"<code>(J\w+)<", text)[0], 'class="bad"' in text))
        address = (re.findall(r'rel="next" href="([^"]+)"', text) or [address])[0]
    assert seen == [(late, True), (soon, False), (none, False)]
    answer = await client.get("/desk/rewards?before=9999", headers={"Cookie": "who=handler"})
    assert answer.status == 400


@pytest.mark.parametrize("parts", ["9" * 400, "1000000、1"])
async def test_parts_beyond_six_digits_are_refused_in_words(client: Client, deps: Deps, parts: str) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    reward = await bed.the_reward(deps)
    token = "t" * 43
    form = {"token": token, "version": str(reward.version), "reporters": "2", "parts": parts}
    cookies = {"Cookie": f"who=handler; jiesu_token={token}"}
    answer = await client.post(f"/desk/rewards/of/{reward.no}/state", data=form, headers=cookies)
    assert answer.status == 400
    assert "约定的份额应为整数，每份最多 6 位" in await answer.text()


async def test_taking_back_again_is_not_offered_where_it_is_refused(client: Client, deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.refused(deps)
    await bed.do(deps, bed.HANDLER, RewardAct.ARCHIVE)
    reward = await bed.the_reward(deps)
    page = await client.get(f"/desk/rewards/of/{reward.no}", headers={"Cookie": "who=head"})
    assert (page.status, 'value="recover"' in await page.text()) == (200, False)
