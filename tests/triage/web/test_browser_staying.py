"""A list that brings itself up to date moves nobody and says when it cannot; paper leaves nothing out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from playwright.async_api import expect

from models.tickets import Ticket
from models.vocab import State
from tests import signed_in
from tests.factories import TicketIn, add_tickets
from tests.triage.web.test_browser import address, db

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page, Route

    from triage.services.deps import Deps

__all__ = ["address", "db"]

MINUTE = 61_000
MARK = "(part) => { part.dataset.old = '1'; }"


@pytest.fixture
async def page(chromium: Browser, address: signed_in.Address) -> AsyncIterator[Page]:
    context = await chromium.new_context(
        viewport={"width": 1280, "height": 800}, locale="zh-CN", base_url=address
    )
    await signed_in.enter(context, address)
    found = await context.new_page()
    faults: list[str] = []
    found.on("pageerror", lambda error: faults.append(str(error)))
    await found.clock.install()
    yield found
    await context.close()
    assert faults == []


async def passes(page: Page, part: str) -> None:
    """A minute, after which the part is a new one."""
    await page.locator(part).evaluate(MARK)
    await page.clock.fast_forward(MINUTE)
    await expect(page.locator(f"{part}[data-old]")).to_have_count(0)


@pytest.mark.parametrize(
    "place",
    [
        "tr[data-no]:nth-child(2) .c-title a",
        "tr[data-no]:nth-child(2) .c-pick input",
        "#bulk-go",
        "#exports a:nth-child(2)",
        ".tile:nth-child(3)",
    ],
)
async def test_a_refresh_of_the_list_leaves_the_focus_on_what_it_was(page: Page, place: str) -> None:
    await page.goto("/desk")
    await page.locator(place).focus()
    await passes(page, "#list")
    await expect(page.locator(place)).to_be_focused()


async def test_the_row_that_is_gone_leaves_the_focus_to_the_next(page: Page, deps: Deps) -> None:
    await page.goto("/desk")
    rows = page.locator("tr[data-no]")
    gone, following = [await rows.nth(n).get_attribute("data-no") for n in (4, 5)]
    await rows.nth(4).locator(".c-title a").focus()
    closed = sa.update(Ticket).values(state=State.ARCHIVED.value, flagged=False)
    async with deps.db.writes.begin() as session:
        await session.execute(closed.where(Ticket.no == gone))
    await passes(page, "#list")
    await expect(page.locator(f"tr[data-no='{following}'] .c-title a")).to_be_focused()
    await expect(page.locator("#said")).to_have_text("原来那张已不在列表里")
    # The last of them: there is no row to go to.
    async with deps.db.writes.begin() as session:
        await session.execute(closed)
    await passes(page, "#list")
    await expect(page.locator("#list")).to_be_focused()


async def test_what_falls_due_is_brought_up_to_date_under_the_keyboard(page: Page, deps: Deps) -> None:
    await add_tickets(deps.db, TicketIn(title="一件快到期的"), TicketIn(title="另一件快到期的"))
    await page.goto("/desk/due?hours=72")
    await page.locator(".bydistrict summary").click()
    link = page.locator(".duelist .c-first a").nth(1)
    href = await link.get_attribute("href")
    await link.focus()
    await passes(page, "#due")
    await expect(link).to_be_focused()
    assert await link.get_attribute("href") == href
    await expect(page.locator(".bydistrict")).to_have_attribute("open", "")
    await page.locator(".bydistrict summary").focus()
    await passes(page, "#due")
    await expect(page.locator(".bydistrict summary")).to_be_focused()


async def test_what_falls_due_says_when_it_could_not_be_brought_up_to_date(page: Page) -> None:
    async def away(route: Route) -> None:
        await route.fulfill(status=503, content_type="text/html", body="<main><p>暂时无法服务。</p></main>")

    async def dropped(route: Route) -> None:
        await route.abort()

    await page.goto("/desk/due?hours=72")
    as_of, said = page.locator("[data-as-of]"), page.locator("#page-said")
    await expect(as_of).to_contain_text("更新于")
    for handler, words in (
        (away, "没有更新，稍后会再试：暂时无法服务。"),
        (dropped, "网络中断，没有更新；稍后会再试。"),
    ):
        await page.route("**/desk/due?*", handler, times=1)
        await page.clock.fast_forward(MINUTE)
        await expect(as_of).to_have_text(words)
        await expect(said).to_have_text(words)
    await page.clock.fast_forward(MINUTE)
    await expect(as_of).to_contain_text("更新于")
    await expect(said).to_have_text("")
    await page.context.clear_cookies()
    await page.clock.fast_forward(MINUTE)
    await expect(as_of).to_have_text("登录已过期，没有更新：请刷新页面重新登录。")


@pytest.mark.parametrize("wide", [718, 1047])
async def test_on_paper_the_list_has_its_kinds_and_due_moments(page: Page, deps: Deps, wide: int) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    await page.set_viewport_size({"width": wide, "height": 1000})
    await page.goto("/desk")
    await page.evaluate("document.querySelector('#fold').checked = true")
    await page.emulate_media(media="print")
    row = page.locator(f"tr[data-no='{no}']")
    await expect(row.locator(".c-due time")).to_be_visible()
    await expect(row.locator(".c-kind")).to_be_visible()
    await expect(row.locator(".c-no")).to_be_visible()
    for hidden in (".bulkbar", ".foldlabel", ".filters", ".c-pick", ".top"):
        await expect(page.locator(hidden).first).to_be_hidden()
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
