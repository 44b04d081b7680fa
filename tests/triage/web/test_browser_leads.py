"""媒体线索 and 外发通知 in a real browser, at a desk's width and a phone's: keys, several at once, undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import async_playwright, expect

from tests import browser, factories, signed_in
from tests.triage.web.test_browser import WIDTHS
from tests.triage.web.test_leads import TEXTS, add, states
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

    from models.db import Database
    from triage.services.deps import Deps


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough here."""
    return sqlite_db


@pytest.fixture(params=WIDTHS)
async def page(request: pytest.FixtureRequest, deps: Deps) -> AsyncIterator[Page]:
    """A page that fails the test on any script error, refused content or request to elsewhere."""
    await factories.add_reference(deps.db)
    await add(deps, *TEXTS)
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
    assert faults == []


async def fits(page: Page) -> bool:
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return bool(wide <= 0)


async def test_by_keys_and_several_at_once_and_back(page: Page, deps: Deps) -> None:
    await page.goto("/desk/leads")
    assert await fits(page)
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await expect(page.locator(".lead summary").nth(1)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".lead details").nth(1)).to_have_attribute("open", "")
    await page.keyboard.press("x")
    await page.keyboard.press("k")
    await page.keyboard.press("x")
    await expect(page.locator(".pick input:checked")).to_have_count(2)
    await page.select_option("#bulk select", "advert")
    await page.click("#bulk button")
    await expect(page.locator(".undo")).to_contain_text("已处理 2 条线索")
    await expect(page.locator(".lead")).to_have_count(1)
    assert await fits(page)
    await page.click(".undo button")
    await expect(page.locator(".lead")).to_have_count(3)
    assert set((await states(deps)).values()) == {"waiting"}


async def test_one_is_confirmed(page: Page, deps: Deps) -> None:
    await page.goto("/desk/leads")
    await page.locator(".lead").first.get_by_role("button", name="转为诉求").click()
    await expect(page.locator(".lead")).to_have_count(2)
    assert sorted((await states(deps)).values()) == ["confirmed", "waiting", "waiting"]


async def test_an_address_is_set_and_shown_masked(page: Page) -> None:
    await page.goto("/desk/notices?unit=110105026")
    assert await fits(page)
    await page.fill("input[name=address]", "13800001234")
    await page.click("#contact button")
    await expect(page.locator("#contact")).to_contain_text("138****234")
    await expect(page.locator("main [role=status]").first).to_contain_text("已保存")
