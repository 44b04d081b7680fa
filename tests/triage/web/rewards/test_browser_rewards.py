"""An anonymous report becomes a paid claim, in a real browser: citizen without a script, staff with one."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from connectors import bank_file
from models.rewards import Reward, RewardShare
from models.tickets import Ticket
from models.vocab import State
from tests import pictures
from tests.triage.web.open311.conftest import read_all
from triage.services.rewards import clocking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web
    from playwright.async_api import Browser, BrowserContext, Page, ViewportSize

    from nlp.pipeline import Reader
    from triage.services.deps import Deps

WIDTHS: dict[str, ViewportSize] = {
    "phone": {"width": 390, "height": 844},
    "desk": {"width": 1280, "height": 900},
}
TEXT = "举报：望京北路某印刷厂每天后半夜从雨水口偷排黑色废水，气味刺鼻，已经一个多星期了。"


@pytest.fixture
async def address(app: web.Application) -> AsyncIterator[str]:
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/")


async def context_of(
    chromium: Browser, address: str, width: str, login: str = "", *, script: bool = True
) -> BrowserContext:
    found = await chromium.new_context(
        viewport=WIDTHS[width], locale="zh-CN", base_url=address, java_script_enabled=script,
        accept_downloads=True,
    )  # fmt: skip
    await found.add_cookies([{"name": "who", "value": login, "url": address}] * bool(login))
    return found


async def look(page: Page, name: str, width: str) -> None:
    """Nothing sticks out; a picture for people when `JIESU_TEST_PICTURES` names a folder."""
    box = await page.locator("main").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= WIDTHS[width]["width"]
    folder = os.environ.get("JIESU_TEST_PICTURES", "")
    shot = await page.screenshot(full_page=True)
    for path in [Path(folder) / f"{name}-{width}.png"] * bool(folder):
        path.write_bytes(shot)


def lines_of(path: Path) -> list[str]:
    return path.read_text("utf-8-sig").splitlines()


async def press(chromium: Browser, address: str, no: str, login: str, button: str) -> None:
    """Somebody opens the reward and takes a step."""
    width = "desk"
    context = await context_of(chromium, address, width, login)
    page = await context.new_page()
    await page.goto(f"/desk/rewards/of/{no}")
    await page.get_by_role("button", name=button, exact=True).click()
    await expect(page.locator("[role=alert]")).to_have_count(0)
    await look(page, f"one-{login}", width)
    await context.close()


async def test_from_an_anonymous_report_to_a_paid_claim(  # noqa: PLR0915  (one way, in its order)
    chromium: Browser, address: str, deps: Deps, reader: Reader, tmp_path: Path
) -> None:
    width, small = "desk", "phone"
    citizen = await context_of(chromium, address, small, script=False)
    page = await citizen.new_page()
    await page.goto("/citizen/report")
    await page.locator("#text").fill(TEXT)
    await page.locator("#place").fill("朝阳区望京街道望京北路12号院")
    await page.get_by_text("匿名").first.click()
    await page.locator("main .button").click()
    receipt, code = [await page.locator(".number").nth(number).inner_text() for number in (0, 1)]
    await read_all(deps, reader)
    # The unit has answered: what that takes is tested elsewhere.
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(Ticket).values(state=State.FEEDBACK.value, kind="WAT-02", appeal_type="举报")
        )
    await clocking.tick(deps)
    async with deps.db.reads() as session:
        no = (await session.scalars(sa.select(Reward.no))).one()

    handler = await context_of(chromium, address, width, "handler")
    desk = await handler.new_page()
    await desk.goto("/desk/rewards")
    await look(desk, "queue", width)
    await desk.get_by_role("link", name=no).click()
    await expect(desk.locator(".why .bad")).to_contain_text(["须实名", "还没有生效的处理决定", "不予奖励"])
    letter = tmp_path / "决定书.jpg"
    letter.write_bytes(pictures.jpeg())
    await desk.locator("[name=title]").fill("通过雨水口排放水污染物")
    await desk.locator("[name=document_no]").fill("京环罚〔2026〕7号")
    await desk.locator("[name=effective_on]").fill("2026-11-20")
    await desk.locator("[name=fine]").fill("100000")
    await desk.locator("[name=files]").set_input_files(letter)
    await desk.get_by_role("button", name="登记", exact=True).click()
    await expect(desk.locator(".results")).to_contain_text("罚款 100,000 元")
    await desk.locator("[name=ruleset]").select_option("CQ-2025")
    await desk.get_by_role("button", name="保存，重新计算").click()
    await expect(desk.locator(".why .good").last).to_be_visible()
    await expect(desk.locator(".why").first).to_contain_text("结论：奖励 5,000 元")
    await look(desk, "candidate", width)
    await desk.get_by_role("button", name="核验并提出奖励").click()
    await handler.close()
    await press(chromium, address, no, "legal", "法制复核通过")
    await press(chromium, address, no, "finance", "财务复核通过")
    await press(chromium, address, no, "head", "批准")
    await press(chromium, address, no, "handler", "通知")

    await page.goto("/citizen/track")
    await page.locator("#number").fill(receipt)
    await page.locator("#secret").fill(code)
    await page.get_by_role("button", name="查看").click()
    await page.get_by_role("link", name="举报领奖").click()
    await page.locator("#secret").fill(code)
    await page.get_by_role("button", name="取领取码").click()
    given = await page.locator(".number").nth(1).inner_text()
    assert await page.locator(".number").first.inner_text() == no
    await look(page, "code", small)
    await page.locator("#number").fill(no)
    await page.locator("#code").fill(given)
    await page.get_by_role("button", name="下一步").click()
    await page.locator("#name").fill("欧阳测试")
    await page.locator("#id_number").fill("110105199001010011")
    await page.locator("#phone").fill("13912340007")
    await page.locator("#bank").fill("测试银行北京望京支行")
    await page.locator("#account").fill("6222 0202 0001 2345 678")
    await page.locator("main .button").click()
    await expect(page.locator("#id_number-fault")).to_contain_text("身份证号不对")
    await expect(page.locator("#account")).to_have_value("6222 0202 0001 2345 678")
    await look(page, "claim-fault", small)
    await page.locator("#id_number").fill("110105199001010010")
    await page.locator("main .button").click()
    await expect(page.locator("h1")).to_have_text("已登记")

    payer = await context_of(chromium, address, width, "payer")
    pay = await payer.new_page()
    await pay.goto("/desk/rewards/pay")
    # Asked first: a batch cannot be unmade.
    pay.once("dialog", lambda dialog: dialog.accept())
    await pay.get_by_role("button", name="生成支付批次").click()
    await expect(pay.locator(".batches")).to_contain_text("已列入批次 1")
    async with pay.expect_download() as download:
        await pay.get_by_role("button", name="取支付文件").click()
    saved = await (await download.value).path()
    line = lines_of(Path(saved))[1].split(",")
    assert line[1:5] == ["欧阳测试", "测试银行北京望京支行", "6222020200012345678", "5000.00"]
    answer = tmp_path / "结果.csv"
    answer.write_text("\r\n".join([",".join(bank_file.IN), f"{line[0]},5000.00,成功,B1,", ""]), "utf-8")
    for told in ("结果已导入", "没有改动"):
        await pay.locator("[name=files]").set_input_files(answer)
        await pay.get_by_role("button", name="导入银行结果").click()
        await expect(pay.locator(".hint.done")).to_contain_text(told)
    await expect(pay.locator(".batches")).to_contain_text("已支付 1")
    assert "6222" not in await pay.content()
    await look(pay, "pay", width)
    await pay.goto("/desk/rewards/year")
    await expect(pay.locator("table").first).to_contain_text("5,000 元")
    await look(pay, "year", width)
    await payer.close()

    await page.reload()
    await expect(page.locator("h1")).to_have_text("已支付")
    await look(page, "paid", small)
    await page.goto("/citizen/reward/notice")
    await expect(page.locator(".announced")).to_have_text([no])
    await expect(page.locator("main")).not_to_contain_text("5,000")
    await look(page, "notice", small)
    assert re.search(r"J2026|W\d|139", page.url) is None
    await citizen.close()
    async with deps.db.reads() as session:
        assert list(await session.scalars(sa.select(RewardShare.state))) == ["paid"]
