"""登记诉求 in a real browser, at a desk's width and a phone's: keys, map, signed out, on to its ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestServer
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright, expect

from models.staff import SignInSession
from tests import browser, signed_in
from tests.factories import TicketIn
from tests.triage.services.test_callers import cases
from tests.triage.web.open311.conftest import read_all
from tests.triage.web.registering.conftest import GOOD, PAGE, PHONE, appeals
from tests.triage.web.test_accessibility import faults_here
from tests.triage.web.test_browser import WIDTHS
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

    from nlp.pipeline import Reader
    from triage.services.deps import Deps


@pytest.fixture(params=WIDTHS)
async def page(request: pytest.FixtureRequest, deps: Deps) -> AsyncIterator[Page]:
    """A page that fails the test on any script error, refused content or request to elsewhere."""
    faults: list[str] = []
    async with TestServer(make_app(deps)) as server, async_playwright() as playwright:
        base = await signed_in.Address.of(server, deps)
        chromium = await playwright.chromium.launch(
            executable_path=browser.executable(), args=list(browser.FLAGS)
        )
        context = await chromium.new_context(
            viewport=WIDTHS[request.param],  # type: ignore[arg-type]
            locale="zh-CN",
            base_url=base,
        )
        await signed_in.enter(context, base)
        found = await context.new_page()
        found.on("console", lambda said: faults.extend([said.text] * (said.type in {"error", "warning"})))
        found.on("pageerror", lambda error: faults.append(str(error)))
        found.on("request", lambda sent: faults.extend([sent.url] * (not sent.url.startswith(base))))
        yield found
        await chromium.close()
    # A browser says of a form that comes back with its faults that it came with 400, or with 409.
    assert [fault for fault in faults if "400 (Bad" not in fault and "409 (Conf" not in fault] == []


async def test_a_case_is_registered_by_keys_and_its_ticket_opens(
    page: Page, deps: Deps, reader: Reader
) -> None:
    await page.goto("/desk")
    await page.keyboard.press("g")
    await page.keyboard.press("c")
    await page.wait_for_url(f"**{PAGE}")
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wide) <= 0
    await page.get_by_label("来访").focus()
    await page.keyboard.press("Space")
    await page.get_by_label("什么事").fill(GOOD["text"])
    await page.locator("#name").fill("李小明")
    await page.locator("#phone").fill("12345")
    await page.keyboard.press("Enter")
    await expect(page.locator(".faults")).to_be_focused()
    await expect(page.locator("p:has(> #phone) > #phone-fault")).to_contain_text("这个电话号码不对")
    await expect(page.get_by_label("什么事")).to_have_value(GOOD["text"])
    await page.locator("#phone").fill(PHONE)
    await page.get_by_text("在地图上点").click()
    await page.locator("#area").select_option("110105")
    box = await page.locator("[data-map]").bounding_box()
    assert box is not None
    await page.locator("[data-map]").click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    await expect(page.locator("[data-spot]")).to_contain_text("您点的位置：朝阳区")
    await page.locator(".do .button").dblclick()
    await page.wait_for_url(f"**{PAGE}/1")
    assert await page.evaluate(wide) <= 0
    (appeal,) = await appeals(deps)
    assert (appeal.channel, (appeal.address or "")[:3]) == ("visit", "朝阳区")
    await read_all(deps, reader)
    await page.wait_for_url("**/desk/tickets/20261123-00000001?done=registered")
    await expect(page.get_by_text("已登记。请核对")).to_be_visible()


async def test_a_session_that_ended_or_a_network_that_is_away_loses_nothing(page: Page, deps: Deps) -> None:
    await page.goto(PAGE)
    await page.get_by_label("什么事").fill(GOOD["text"])
    await page.locator("#phone").fill(PHONE)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(SignInSession).values(ended_at=deps.clock.now()))
    await page.locator(".do .button").click()
    await expect(page.locator("#said")).to_contain_text("登录已过期，还没有登记")
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(SignInSession).values(ended_at=None))
    await expect(page.locator("#phone")).to_have_value(PHONE)
    await page.locator(".do .button").click()
    await page.wait_for_url(f"**{PAGE}/1")
    assert len(await appeals(deps)) == 1
    # Nothing of it stays in the browser.
    kept = await page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    assert [mark for mark in (PHONE, "打桩") if mark in kept] == []


async def test_a_caller_is_looked_up_by_keys_and_the_urge_is_at_hand(page: Page, deps: Deps) -> None:
    first, _ = await cases(deps, TicketIn(), TicketIn(), phone=PHONE)
    await page.goto("/desk")
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await page.locator("#caller").focus()
    await page.keyboard.type("139-1234 0007")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/desk/callers")
    await expect(page.get_by_role("status").filter(has_text="这个电话有 2 件")).to_be_visible()
    assert await faults_here(page, Axe(), "/desk/callers") == []
    await page.get_by_label(f"给 {first} 记催办").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/desk/tickets/{first}?move=urge#move-urge")
    await expect(page.locator("#move-urge")).to_have_attribute("open", "")
    await expect(page.locator("#move-urge textarea").first).to_be_in_viewport()


async def test_the_form_keeps_what_was_typed_while_the_phone_is_looked_up(page: Page, deps: Deps) -> None:
    (no,) = await cases(deps, TicketIn(), phone=PHONE)
    await page.goto(PAGE)
    await page.get_by_label("来访").check()
    await page.get_by_label("什么事").fill(GOOD["text"])
    await page.locator("#phone").fill(PHONE)
    await page.get_by_role("button", name="查这个电话以前的诉求").click()
    await expect(page.locator("#caller")).to_contain_text("这个电话已有 1 件")
    assert await faults_here(page, Axe(), PAGE) == []
    await expect(page.get_by_label("什么事")).to_have_value(GOOD["text"])
    async with page.context.expect_page() as opened:
        await page.locator("#caller").get_by_role("link", name=no, exact=True).click()
    await (await opened.value).close()
    await page.locator(".do .button").click()
    await page.wait_for_url(f"**{PAGE}/2")
    # Not looked up before, it is told by the press that would register.
    await page.goto(PAGE)
    await page.get_by_label("来访").check()
    await page.get_by_label("什么事").fill(GOOD["text"])
    await page.locator("#phone").fill(PHONE)
    await page.locator(".do .button").click()
    await expect(page.locator(".faults")).to_be_focused()
    await expect(page.locator("#caller")).to_contain_text("这个电话已有 2 件")
    await page.locator(".do .button").click()
    await page.wait_for_url(f"**{PAGE}/3")
