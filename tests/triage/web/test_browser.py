"""The desk in a real browser, at a desk's width and a phone's: keys, filters, picker, refresh, no errors."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from tests import signed_in
from tests.factories import add_tickets
from tests.triage.web.samples import SAMPLES, SITE
from triage.services import reference
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page, Route

    from models.db import Database
    from triage.services.deps import Deps

FILTERED = re.compile(r"/desk/list\?")
WIDTHS = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough here: what differs is tested below the browser."""
    return sqlite_db


@pytest.fixture
async def address(deps: Deps) -> AsyncIterator[signed_in.Address]:
    await add_tickets(deps.db, *SAMPLES)
    await reference.sync(deps)
    async with TestServer(make_app(deps)) as server:
        yield await signed_in.Address.of(server, deps)


@pytest.fixture(params=WIDTHS)
async def page(
    request: pytest.FixtureRequest, chromium: Browser, address: signed_in.Address
) -> AsyncIterator[Page]:
    """A page that fails the test on any script error, refused content or request to elsewhere."""
    context = await chromium.new_context(
        viewport=WIDTHS[request.param],  # type: ignore[arg-type]
        locale="zh-CN",
        base_url=address,
    )
    await signed_in.enter(context, address)
    found = await context.new_page()
    faults: list[str] = []
    found.on(
        "console", lambda message: faults.extend([message.text] * (message.type in {"error", "warning"}))
    )
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.on("request", lambda sent: faults.extend([sent.url] * (not sent.url.startswith(address))))
    yield found
    await context.close()
    assert faults == []


async def fits(page: Page) -> bool:
    """Nothing sticks out to the right."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


async def test_the_list_is_read_and_walked_by_keys(page: Page) -> None:
    await page.goto("/desk")
    rows = page.locator("tr[data-no]")
    await expect(rows).to_have_count(len(SAMPLES))
    await expect(rows.first).to_contain_text("超期 1 天 2 小时")
    assert await fits(page)
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await expect(rows.nth(1).locator(".c-title a")).to_be_focused()
    await page.keyboard.press("k")
    await expect(rows.nth(0).locator(".c-title a")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("雨水口倒泔水")
    await page.wait_for_load_state("load")  # its keys are bound by then
    await page.keyboard.press("g")
    await page.keyboard.press("d")
    await expect(page.locator("#list")).to_be_visible()


async def test_slash_searches_and_the_way_back_keeps_the_search(page: Page) -> None:
    await page.goto("/desk")
    await page.keyboard.press("/")
    await expect(page.locator("#q")).to_be_focused()
    await page.keyboard.type("油烟")
    await page.keyboard.press("Enter")
    await expect(page.locator("tr[data-no]")).to_have_count(1)
    await expect(page.locator("mark.found").first).to_have_text("油烟")
    assert "q=" in page.url
    await page.locator(".c-title a").click()
    await page.locator("[data-back]").click()
    await expect(page.locator("#q")).to_have_value("油烟")
    await expect(page.locator("tr[data-no]")).to_have_count(1)


async def unfold(page: Page) -> None:
    """Open the filters: on a phone they are folded."""
    await page.evaluate("document.querySelector('#fold').click()")


async def test_a_filter_changes_the_list_without_a_reload(page: Page) -> None:
    await page.goto("/desk")
    await unfold(page)
    await page.evaluate("window.stayed = true")
    await page.locator("select[name=urgency]").select_option("U2")
    await expect(page.locator("tr[data-no]")).to_have_count(2)
    assert await page.evaluate("window.stayed")
    assert page.url.endswith("/desk?urgency=U2")
    await page.reload()
    await expect(page.locator("select[name=urgency]")).to_have_value("U2")
    await unfold(page)
    await page.locator("#clear").click()
    await expect(page.locator("tr[data-no]")).to_have_count(len(SAMPLES))


async def test_the_unit_picker_asks_the_server(page: Page) -> None:
    await page.goto("/desk")
    await unfold(page)
    await page.locator("#unit-text").press_sequentially("望京")
    await expect(page.locator("#unit-options li[data-option]").first).to_contain_text("望京街道办事处")
    await page.keyboard.press("Enter")
    await expect(page.locator("#unit-text")).to_have_value("望京街道办事处")
    await expect(page.locator("tr[data-no]")).to_have_count(4)
    await page.locator("#unit-text").fill("")
    await expect(page.locator("tr[data-no]")).to_have_count(len(SAMPLES))


async def test_enter_before_the_suggestions_takes_the_first_of_them(page: Page) -> None:
    await page.goto("/desk")
    await unfold(page)
    await page.locator("#unit-text").press_sequentially("望京")
    await page.keyboard.press("Enter")
    await expect(page.locator("#unit-text")).to_have_value("望京街道办事处")
    await expect(page.locator("tr[data-no]")).to_have_count(4)


async def test_escape_leaves_the_search_and_keeps_it(page: Page) -> None:
    await page.goto("/desk?q=油烟")
    await page.locator("#q").focus()
    await page.keyboard.press("Escape")
    await expect(page.locator("#q")).not_to_be_focused()
    await expect(page.locator("#q")).to_have_value("油烟")
    await expect(page.locator("tr[data-no]")).to_have_count(1)


async def test_enter_searches_once(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.extend(re.findall("/desk/list", request.url)))
    await page.goto("/desk")
    await page.locator("#q").fill("油烟")
    await page.locator("#q").press("Enter")
    await expect(page.locator("tr[data-no]")).to_have_count(1)
    await page.wait_for_load_state("networkidle")
    assert sent == ["/desk/list"]
    assert await page.evaluate("history.length") == 3  # about:blank, the list, the search


async def test_half_a_unit_name_is_no_filter(page: Page) -> None:
    await page.goto("/desk")
    await unfold(page)
    await page.locator("#unit-text").press_sequentially("没有这个单位")
    await expect(page.locator("#unit-options")).to_contain_text("没有这个名称的单位")
    await page.keyboard.press("Tab")
    await expect(page.locator("#unit-text")).to_have_value("")


async def test_a_refresh_brings_new_tickets_and_moves_nobody(page: Page, db: Database) -> None:
    await page.clock.install()
    await page.goto("/desk")
    await page.keyboard.press("j")
    focused = await page.evaluate("document.activeElement.closest('tr').dataset.no")
    await add_tickets(db, replace(SAMPLES[1], title="新来的一件", due=SAMPLES[1].due and SAMPLES[1].due * 2))
    await page.clock.fast_forward(31_000)
    await expect(page.locator("tr[data-no]")).to_have_count(len(SAMPLES) + 1)
    await expect(page.locator("tr[data-no]").first).to_contain_text("新来的一件")
    assert await page.evaluate("document.activeElement.closest('tr')?.dataset.no") == focused


async def test_a_refresh_throws_no_filter_away(chromium: Browser, address: signed_in.Address) -> None:
    context = await chromium.new_context(base_url=address, viewport=WIDTHS["desk"])  # type: ignore[arg-type]
    await signed_in.enter(context, address)
    page = await context.new_page()
    await page.clock.install()
    await page.goto("/desk")
    slow = asyncio.Event()

    async def late(route: Route) -> None:
        await slow.wait()
        await route.continue_()

    # The clock strikes while the answer to a filter is under way.
    await page.route(FILTERED, late, times=1)
    await page.locator("select[name=urgency]").select_option("U2")
    await page.clock.fast_forward(31_000)
    slow.set()
    await expect(page.locator("tr[data-no]")).to_have_count(2)
    # A filter whose answer never came is asked for again, and meanwhile nothing is done with what is shown.
    await page.route(FILTERED, lambda route: route.abort(), times=1)
    await page.locator("select[name=urgency]").select_option("U1")
    await expect(page.locator("#as-of")).to_contain_text("网络中断")
    await page.locator("#bulk-go").click()
    await expect(page.locator("#as-of")).to_contain_text("更新后再批量办理")
    await expect(page.locator("tr[data-no]")).to_have_count(2)
    await page.clock.fast_forward(31_000)
    await expect(page.locator("tr[data-no]")).to_have_count(1)
    await expect(page.locator("#said")).to_have_text("1 张工单")
    await page.locator("#bulk-go").click()
    await page.wait_for_url("**/desk/bulk/new?urgency=U1")
    await context.close()


async def test_the_ticket_page_marks_what_decided(page: Page) -> None:
    await page.goto("/desk?q=浇混凝土")
    await page.locator(".c-title a").click()
    await expect(page.locator(".words")).to_contain_text(SITE.text)
    await expect(page.locator("mark.h-kind", has_text="夜间施工")).to_have_attribute(
        "title", re.compile("建筑施工噪声")
    )
    both = page.locator("mark.h-kind.h-when")
    await expect(both).to_have_text("凌晨一点到四点")
    await expect(page.locator(".c-side")).to_contain_text("已登记，已加密")
    assert await fits(page)


async def test_help_opens_and_closes_by_keys(page: Page) -> None:
    await page.goto("/desk")
    await page.keyboard.press("?")
    await expect(page.locator("#help")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#help")).to_be_hidden()


async def test_a_search_without_hits_says_so(page: Page) -> None:
    await page.goto("/desk?q=没有这样的事")
    await expect(page.locator(".empty h2")).to_have_text("没有找到")
    assert await fits(page)


async def test_without_script_filters_still_work(chromium: Browser, address: signed_in.Address) -> None:
    context = await chromium.new_context(java_script_enabled=False, base_url=address)
    await signed_in.enter(context, address)
    page = await context.new_page()
    await page.goto("/desk")
    await page.locator("select[name=urgency]").select_option("U1")
    await page.locator("noscript button").click()
    await expect(page.locator("tr[data-no]")).to_have_count(1)
    await context.close()


ENDLESS = replace(SAMPLES[0], title="A" * 3000, text="噪声" + "B" * 3000)


@pytest.mark.parametrize("width", [320, 375, 760, 761, 800, 914, 1081, 1280])
async def test_no_width_and_no_word_makes_a_page_wider_than_the_screen(
    chromium: Browser, address: signed_in.Address, db: Database, width: int
) -> None:
    (no,) = await add_tickets(db, ENDLESS)
    context = await chromium.new_context(base_url=address, viewport={"width": width, "height": 800})
    await signed_in.enter(context, address)
    page = await context.new_page()
    wide: list[str] = []
    for path in ("/desk", "/desk?state=all&q=噪声", "/desk?q=BBBB", f"/desk/tickets/{no}"):
        await page.goto(path)
        wide += [path] * (not await fits(page))
    await context.close()
    assert wide == []


async def test_a_phone_gives_the_title_the_whole_card(chromium: Browser, address: signed_in.Address) -> None:
    context = await chromium.new_context(base_url=address, viewport={"width": 375, "height": 800})
    await signed_in.enter(context, address)
    page = await context.new_page()
    await page.goto("/desk")
    card, title = await page.evaluate(
        "['tr[data-no]', '.c-title'].map((part) => document.querySelector(part).clientWidth)"
    )
    await context.close()
    assert title > card * 0.9
