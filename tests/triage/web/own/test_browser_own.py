"""本单位数据 in a real browser: at a phone's width, without a script, by keys, on paper."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from models.vocab_staff import Role
from tests import signed_in
from tests.factories import TicketIn, add_tickets
from tests.triage.services.own.living import BAD, GOOD, WANGJING, lived
from triage.services import reference
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

    from models.db import Database
    from triage.services.deps import Deps

PHONE = {"width": 390, "height": 844}
LONG = "望京街道阜通东大街与花家地街交叉口西北角一处没有名字的长长的工地夜里一直在打桩" * 3


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough here."""
    return sqlite_db


@pytest.fixture
async def address(deps: Deps) -> AsyncIterator[str]:
    await reference.sync(deps)
    await lived(deps.db, timedelta(days=10), GOOD, BAD, BAD, title=LONG)
    await add_tickets(deps.db, TicketIn(title=LONG, due=-timedelta(hours=1)), TicketIn())
    async with TestServer(make_app(deps)) as server:
        yield str(server.make_url("")).rstrip("/")


async def opened(chromium: Browser, deps: Deps, address: str, *, script: bool = True) -> Page:
    token = await signed_in.sign_in(deps, Role.STREET, unit=WANGJING)
    context = await chromium.new_context(
        viewport=PHONE, locale="zh-CN", base_url=address, java_script_enabled=script  # type: ignore[arg-type]
    )  # fmt: skip
    await context.add_cookies([signed_in.browser_cookie(address, token)])  # type: ignore[list-item]
    return await context.new_page()


async def test_nothing_sticks_out_on_a_phone_and_it_is_two_presses_away(
    chromium: Browser, deps: Deps, address: str
) -> None:
    page = await opened(chromium, deps, address)
    await page.goto("/")
    await page.locator("main").get_by_role("link", name="本单位数据").click()
    await expect(page.locator("h1")).to_contain_text("本单位数据")
    for one in await page.locator("details").all():
        await one.evaluate("one => one.open = true")
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await page.emulate_media(media="print")
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await expect(page.locator(".ownmonth")).to_be_hidden()
    await page.context.close()


async def test_a_month_is_chosen_without_a_script(chromium: Browser, deps: Deps, address: str) -> None:
    page = await opened(chromium, deps, address, script=False)
    await page.goto("/desk/own")
    await page.locator("select[name=month]").select_option("2026-10")
    await page.get_by_role("button", name="看", exact=True).click()
    await expect(page.locator("h1")).to_contain_text("2026-10")
    await page.get_by_role("link", name="2026-11 →").click()
    await page.locator("#short-unsolved summary").click()
    await expect(page.locator("#short-unsolved a").first).to_be_visible()
    await page.context.close()


async def test_it_is_found_by_keys(chromium: Browser, deps: Deps, address: str) -> None:
    page = await opened(chromium, deps, address)
    await page.goto("/desk/due")
    await page.keyboard.press("g")
    await page.keyboard.press("o")
    await expect(page.locator("h1")).to_contain_text("本单位数据")
    await page.context.close()
