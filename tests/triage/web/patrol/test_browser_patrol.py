"""巡查上报 in a real browser of a phone's width: my place, the network away and back, on to the ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestServer
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright, expect

from models.vocab_staff import Role
from tests import browser, signed_in
from tests.factories import TicketIn, add_tickets
from tests.pictures import jpeg
from tests.triage.web.open311.conftest import read_all
from tests.triage.web.patrol.conftest import GOOD, HANDLED, PAGE, STREET, count, ticket_of
from tests.triage.web.test_accessibility import faults_here
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Page

    from nlp.pipeline import Reader
    from triage.services.deps import Deps

#: In 望京, and in 上海.
HERE = {"longitude": 116.4806, "latitude": 39.9965, "accuracy": 12}
AWAY = {"longitude": 121.5, "latitude": 31.2, "accuracy": 12}


@pytest.fixture
async def page(deps: Deps) -> AsyncIterator[Page]:
    async with TestServer(make_app(deps)) as server, async_playwright() as playwright:
        base = await signed_in.Address.of(server, deps)
        chromium = await playwright.chromium.launch(
            executable_path=browser.executable(), args=list(browser.FLAGS)
        )
        context = await chromium.new_context(
            viewport={"width": 390, "height": 844}, locale="zh-CN", base_url=base,
            geolocation=HERE, permissions=["geolocation"],  # type: ignore[arg-type]
        )  # fmt: skip
        token = await signed_in.sign_in(deps, Role.STREET, unit=STREET, login="wang")
        await context.add_cookies([signed_in.browser_cookie(base, token)])  # type: ignore[list-item]
        found = await context.new_page()
        faults: list[str] = []
        found.on("pageerror", lambda error: faults.append(str(error)))
        yield found
        await chromium.close()
    assert faults == []


async def test_from_ones_place_to_the_ticket_with_the_network_away_between(
    page: Page,
    deps: Deps,
    reader: Reader,
    tmp_path: Path,
) -> None:
    photo = tmp_path / "p.jpg"
    photo.write_bytes(jpeg())
    await page.goto(PAGE)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wide) <= 0
    assert await faults_here(page, Axe(), PAGE) == []
    await expect(page.locator("#note")).to_be_hidden()
    await page.locator("#text").fill(GOOD["text"])
    await page.context.set_geolocation(AWAY)  # type: ignore[arg-type]
    await page.get_by_role("button", name="我的位置").click()
    await expect(page.locator("[data-here-said]")).to_contain_text("不在本市范围内")
    await page.context.set_geolocation(HERE)  # type: ignore[arg-type]
    await page.get_by_role("button", name="我的位置").click()
    await expect(page.locator("[data-here-said]")).to_contain_text("朝阳区")
    await page.get_by_role("radio", name="已当场处理").check()
    await page.locator("#note").fill(HANDLED["note"])
    await page.locator("#after").set_input_files(photo)
    await page.context.set_offline(True)
    await page.locator("main .do .button").click()
    await expect(page.locator("#said")).to_contain_text("已存在本机")
    await page.context.set_offline(False)
    # Opened again, all of it is there; it is sent once.
    await page.goto(PAGE)
    await expect(page.locator("#kept")).to_contain_text("放回来了")
    await expect(page.locator("#text")).to_have_value(GOOD["text"])
    await expect(page.locator("#note")).to_have_value(HANDLED["note"])
    assert await page.locator("#after").evaluate("field => field.files.length") == 1
    await page.locator("main .do .button").click()
    await page.wait_for_url("**/desk/patrol/*")
    assert await count(deps) == 1
    await read_all(deps, reader)
    await page.wait_for_url("**/desk/tickets/*")
    await expect(page.locator("h1")).to_be_visible()
    ticket = await ticket_of(deps)
    assert (ticket.state, ticket.lon) == ("closed", HERE["longitude"])
    await page.goto(PAGE)
    await expect(page.locator("#kept")).to_contain_text("上次那件已经上报")
    await page.goto(PAGE)
    await expect(page.locator("#kept")).to_be_hidden()


async def test_what_is_open_there_is_shown_without_the_form_being_lost(page: Page, deps: Deps) -> None:
    said = TicketIn(text=GOOD["text"], title="垃圾没有清")
    (no,) = await add_tickets(deps.db, said)
    await page.goto(PAGE)
    await page.locator("#text").fill(GOOD["text"])
    await page.locator("#place").fill(GOOD["place"])
    await page.locator("main .do .button").click()
    await expect(page.locator("#around")).to_contain_text(no)
    await expect(page.locator("#said")).to_contain_text("再按一次")
    await page.locator("main .do .button").click()
    await page.wait_for_url("**/desk/patrol/*")
    assert await count(deps) == 2
