"""街道 and 受理日期 in a real browser, on a phone: choices that follow the district, a wrong field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from tests import signed_in
from tests.factories import TicketIn, add_tickets
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

    from models.db import Database
    from triage.services.deps import Deps


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough here."""
    return sqlite_db


@pytest.fixture
async def page(chromium: Browser, deps: Deps) -> AsyncIterator[Page]:
    """The list on a phone, two tickets in it."""
    await add_tickets(deps.db, TicketIn(), TicketIn(district="110108", street="110108010"))
    async with TestServer(make_app(deps)) as server:
        address = await signed_in.Address.of(server, deps)
        context = await chromium.new_context(base_url=address, viewport={"width": 390, "height": 844})
        await signed_in.enter(context, address)
        found = await context.new_page()
        await found.goto("/desk")
        await found.evaluate("document.querySelector('#fold').click()")
        yield found
        await context.close()


async def test_streets_follow_the_district_and_a_wrong_day_keeps_the_form(page: Page) -> None:
    rows, street = page.locator("tr[data-no]"), page.locator("select[name=street]")
    await expect(street.locator("option")).to_have_text(["先选区"])
    await page.locator("select[name=district]").select_option("110108")
    await expect(rows).to_have_count(1)
    await street.select_option("110108010")
    await expect(page.locator("#fold-count")).to_have_text("（2 项）")
    # Of the other district it is no street: it is let go, not refused.
    await page.locator("select[name=district]").select_option("110105")
    await expect(street.locator("option[value='110105026']")).to_have_count(1)
    await expect(street).to_have_value("")
    assert page.url.endswith("/desk?district=110105")
    await page.locator("input[name=received_from]").fill("2026-11-23")
    await expect(rows).to_have_count(1)
    await page.locator("input[name=received_to]").fill("2026-11-01")
    await expect(page.locator("#filter-faults")).to_contain_text("受理日期止早于受理日期起")
    until = page.locator("input[name=received_to]")
    await expect(until).to_have_attribute("aria-invalid", "true")
    await expect(until).to_have_attribute("aria-describedby", "filter-faults")
    await expect(rows).to_have_count(0)
    await expect(page.locator("select[name=district]")).to_have_value("110105")
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    # The whole page of that address says the same, unfolded, and is put right there.
    await page.reload()
    await expect(page.locator("input[name=received_from]")).to_have_value("2026-11-23")
    await expect(until).to_have_attribute("aria-invalid", "true")
    await until.fill("2026-11-23")
    await expect(rows).to_have_count(1)
    await expect(page.locator("#filter-faults")).to_have_count(0)
    await expect(page.locator("[aria-invalid], [aria-describedby=filter-faults]")).to_have_count(0)


async def test_a_refresh_of_a_wrong_field_lists_nothing(page: Page) -> None:
    await page.goto("/desk?received_from=2026-11-30&received_to=2026-11-01")
    faults = page.locator("#filter-faults")
    await faults.evaluate("(one) => { one.dataset.first = '1'; }")
    async with page.expect_response("**/desk/list?*") as came:
        await page.evaluate("window.dispatchEvent(new Event('online'))")
    assert (await came.value).status == 400
    await page.evaluate("new Promise((done) => setTimeout(done, 100))")
    await expect(page.locator("tr[data-no], #exports, #bulk")).to_have_count(0)
    # It stands as it was: an alert that is put there anew is read out anew.
    await expect(faults).to_have_attribute("data-first", "1")


async def test_a_date_typed_by_keys_is_asked_for_once(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("/desk/list")[2]))
    since = page.locator(".filters [name=received_from]")
    length = await page.evaluate("history.length")
    await since.focus()
    await page.keyboard.type("11232026", delay=30)
    await expect(page.locator("#fold-count")).to_have_text("（1 项）")
    assert [one for one in asked if one] == ["?received_from=2026-11-23"]
    assert await page.evaluate("history.length") == length + 1
    # Half a year is not asked for while the field has the focus; what is left so is.
    await since.blur()
    await since.focus()
    await page.keyboard.type("1122202", delay=30)
    await page.evaluate("new Promise((done) => setTimeout(done, 900))")
    assert [one for one in asked if one] == ["?received_from=2026-11-23"]
    await since.blur()
    await expect(page.locator("#filter-faults")).to_contain_text("受理日期起不在可查的年份里")
    # Enter does not wait.
    await since.focus()
    await page.keyboard.type("11222026")
    await page.keyboard.press("Enter")
    await expect(page.locator("#filter-faults")).to_have_count(0)
    assert [one for one in asked if one][1:] == ["?received_from=0202-11-22", "?received_from=2026-11-22"]


async def test_half_a_date_that_is_left_is_no_filter(page: Page) -> None:
    since = page.locator(".filters [name=received_from]")
    await since.fill("2026-11-23")
    await expect(page.locator("#fold-count")).to_have_text("（1 项）")
    await since.focus()
    await page.keyboard.press("Backspace")
    await since.blur()
    await expect(page.locator("#fold-count")).to_have_text("")
    assert await since.evaluate("(one) => one.validity.badInput") is False
    assert page.url.endswith("/desk")
