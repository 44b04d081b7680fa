"""Signing in on a phone, in a real browser: from the login to the list, with nothing but a thumb."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestServer
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright, expect

from models.vocab_staff import Role
from tests import browser
from tests.factories import TicketIn, add_tickets
from tests.triage.services.staff.helpers import PASSWORD, code_at, enrolled, person
from tests.triage.web.test_accessibility import faults_here
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

    from triage.services.deps import Deps

WANGJING = "110105026"


@pytest.fixture
async def phone(deps: Deps) -> AsyncIterator[Page]:
    """A page that fails the test on any script error, refused content or request to elsewhere."""
    faults: list[str] = []
    async with TestServer(make_app(deps)) as server, async_playwright() as playwright:
        base = str(server.make_url("/")).rstrip("/")
        chromium = await playwright.chromium.launch(
            executable_path=browser.executable(), args=list(browser.FLAGS)
        )
        context = await chromium.new_context(
            viewport={"width": 390, "height": 844}, locale="zh-CN", base_url=base
        )
        found = await context.new_page()
        found.on("console", lambda said: faults.extend([said.text] * (said.type in {"error", "warning"})))
        found.on("pageerror", lambda error: faults.append(str(error)))
        found.on("request", lambda sent: faults.extend([sent.url] * (not sent.url.startswith(base))))
        yield found
        await chromium.close()
    assert faults == []


async def fits(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


async def test_from_the_login_to_the_list_and_out(phone: Page, deps: Deps) -> None:
    await add_tickets(
        deps.db,
        TicketIn(title="本街道的一张工单"),
        TicketIn(title="别处的", unit="110108010", copies=(), assist=()),
    )
    number = await person(deps, "wangjing", (Role.STREET, WANGJING))
    app, _ = await enrolled(deps, number)
    deps.clock.later(seconds=60)  # type: ignore[attr-defined]

    await phone.goto("/desk")
    assert await fits(phone)
    await phone.get_by_label("账号").fill("wangjing")
    await phone.get_by_label("密码").fill(PASSWORD)
    await phone.get_by_role("button", name="登录").click()
    await expect(phone.get_by_label("动态验证码")).to_be_focused()
    assert await fits(phone)
    assert await faults_here(phone, Axe(), "/login/code") == []
    await phone.keyboard.type(code_at(app, deps.clock.now()))
    await phone.keyboard.press("Enter")

    await expect(phone.get_by_text("本街道的一张工单").first).to_be_visible()
    assert await phone.get_by_text("别处的").count() == 0
    await phone.get_by_role("button", name="退出").click()
    await expect(phone.get_by_text("已退出")).to_be_visible()
    await phone.goto("/desk")
    await expect(phone.get_by_label("密码")).to_be_visible()
