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
    await expect(page.locator("#filter-faults")).to_contain_text("受理日期止（received_to）早于受理日期起")
    await expect(rows).to_have_count(0)
    await expect(page.locator("select[name=district]")).to_have_value("110105")
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    # The whole page of that address says the same, unfolded, and is put right there.
    await page.reload()
    await expect(page.locator("input[name=received_from]")).to_have_value("2026-11-23")
    await page.locator("input[name=received_to]").fill("2026-11-23")
    await expect(rows).to_have_count(1)
    await expect(page.locator("#filter-faults")).to_have_count(0)
