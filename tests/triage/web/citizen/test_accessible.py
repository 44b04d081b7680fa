"""无障碍声明: what it says of the pages that no plain address opens, and of the keyboard, is so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestServer
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.triage.web.citizen.conftest import GOOD
from tests.triage.web.citizen.steps import answered, contacted
from tests.triage.web.open311.conftest import read_all
from tests.triage.web.test_accessibility import WIDTHS, faults_here
from triage.services.open_data import publishing
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

    from nlp.pipeline import Reader
    from tests.triage.web.citizen.conftest import Citizen, Clock
    from triage.services.deps import Deps


#: What has the focus: its id, or what a button says.
FOCUSED = "document.activeElement.id || document.activeElement.textContent.trim()"


async def test_every_page_leads_to_it_and_to_what_is_open_to_all(citizen: Citizen) -> None:
    for path in ("/citizen", "/citizen/report", "/citizen/track", "/citizen/accessibility"):
        foot = (await citizen.get(path)).partition("<footer>")[2]
        assert '<a href="/citizen/accessibility">' in foot, path
        assert '<a href="/open">' in foot, path
    assert '<a href="/citizen/accessibility">' in (await citizen.get("/open")).partition("<footer>")[2]


@pytest.fixture(params=range(len(WIDTHS)), ids=["desk", "phone"])
async def page(request: pytest.FixtureRequest, chromium: Browser, deps: Deps) -> AsyncIterator[Page]:
    async with TestServer(make_app(deps)) as server:
        context = await chromium.new_context(
            viewport=WIDTHS[request.param],  # type: ignore[arg-type]
            locale="zh-CN",
            base_url=str(server.make_url("/")),
        )
        yield await context.new_page()
        await context.close()


async def tab_to(page: Page, name: str) -> None:
    """Go on by the Tab key until the field (or the button) of this name has the focus."""
    pressed = 0
    while await page.evaluate(FOCUSED) != name:
        await page.keyboard.press("Tab")
        pressed += 1
        assert pressed < 60, f"{name}: not reached"


async def test_by_the_keyboard_alone_and_without_a_fault_of_axe(
    page: Page, deps: Deps, reader: Reader, clock: Clock
) -> None:
    axe, told = Axe(), []
    await page.goto("/citizen/report")
    await tab_to(page, "text")
    await page.keyboard.type(GOOD["text"])
    await tab_to(page, "place")
    await page.keyboard.type(GOOD["place"])
    await tab_to(page, "name")
    await page.keyboard.type(GOOD["name"])
    await page.keyboard.press("Enter")
    await expect(page.locator("#phone-fault")).to_be_visible()
    told += await faults_here(page, axe, "a form with a fault")
    await tab_to(page, "phone")
    await page.keyboard.type(GOOD["phone"])
    await tab_to(page, "提交")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("已收到")
    told += await faults_here(page, axe, "the receipt")
    await read_all(deps, reader)
    await page.goto("/citizen/case")
    told += await faults_here(page, axe, "the case")
    await contacted(deps)
    await answered(deps)
    await page.reload()
    await expect(page.locator("#rate")).to_be_visible()
    told += await faults_here(page, axe, "the answered case")
    clock.later(days=40)
    async with deps.db.writes.begin() as session:
        await publishing.publish(session, deps.tables, "2026-11", now=clock.now())
    await page.goto("/open")
    await expect(page.locator("table")).to_be_visible()
    told += await faults_here(page, axe, "open data")
    assert told == []
