"""审核台 in a real Chromium: what a clerk typed stays; the queue and the page do not go from under them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests import signed_in
from tests.factories import add_tickets
from tests.triage.web.desks.conftest import waiting
from tests.triage.web.desks.test_browser_desks import page

if TYPE_CHECKING:
    from playwright.async_api import Page

    from triage.services.deps import Deps

__all__ = ["page"]

REFRESH = "document.dispatchEvent(new CustomEvent('tickets-changed'))"


@pytest.fixture(autouse=True)
def _patient() -> None:
    expect.set_options(timeout=20_000)


async def test_each_unit_that_was_typed_stays_with_another_kind(page: Page, deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, waiting(30))
    unit, assist = page.locator("#review-unit"), page.locator("#review-assist")
    await page.goto(f"/desk/review/{no}")
    await assist.fill("上地街道办事处")
    await page.locator("[data-key='2']").check()
    await expect(unit).to_have_value("朝阳区生态环境局")
    await expect(assist).to_have_value("上地街道办事处")
    # Of another kind, asked for.
    await page.locator("#other-kind").select_option("WAT-01")
    await expect(page.locator("#said")).to_contain_text("承办单位")
    await expect(assist).to_have_value("上地街道办事处")
    await page.locator("[data-key='1']").check()
    await expect(unit).not_to_have_value("朝阳区生态环境局")
    await unit.fill("上地街道办事处")
    await page.locator("[data-key='2']").check()
    await expect(unit).to_have_value("上地街道办事处")


async def test_after_a_refusal_what_was_typed_is_so_still(page: Page, deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, waiting(30))
    unit, assist = page.locator("#review-unit"), page.locator("#review-assist")
    await page.goto(f"/desk/review/{no}")
    await unit.fill("上地街道办事处")
    await assist.fill("没有这个单位")
    await page.locator("#decide .button").first.click()
    await expect(page.locator("#review-error")).to_contain_text("没有这个单位")
    await page.locator("[data-key='2']").check()
    await expect(unit).to_have_value("上地街道办事处")


async def test_after_the_session_the_queue_says_so(page: Page, deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, waiting(30))
    await page.goto(f"/desk/review/{no}")
    (kept,) = [one for one in await page.context.cookies() if one["name"] == signed_in.COOKIE]
    await page.context.clear_cookies()
    await page.evaluate(REFRESH)
    await expect(page.locator("#as-of")).to_contain_text("登录已过期")
    await page.context.add_cookies([kept])  # type: ignore[list-item]
    await page.evaluate(REFRESH)
    await expect(page.locator("#as-of")).not_to_contain_text("登录已过期")
    await expect(page.locator("#queue a[aria-current]")).to_have_count(1)


async def test_a_refresh_leaves_the_focus_where_it_is(page: Page, deps: Deps) -> None:
    first, second = await add_tickets(deps.db, waiting(30), waiting(60))
    await page.goto(f"/desk/review/{first}")
    link = page.locator(f"#queue a[href='/desk/review/{second}']")
    await link.focus()
    await page.locator("#queue").evaluate("(queue) => { queue.dataset.old = '1'; }")
    await page.evaluate(REFRESH)
    await expect(page.locator("#queue[data-old]")).to_have_count(0)
    await expect(link).to_be_focused()


async def test_skipping_to_the_text_and_back_keeps_what_is_typed(page: Page, deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, waiting(30))
    await page.goto(f"/desk/review/{no}")
    note = page.locator("#review-note")
    await note.fill("请先联系物业")
    await page.locator(".skip").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_timeout(500)
    await page.go_back()
    await page.wait_for_timeout(500)
    await expect(note).to_have_value("请先联系物业")
    await page.goto("/desk")
    await page.locator("#q").fill("打桩")
    await page.locator(".skip").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_timeout(500)
    await expect(page.locator("#q")).to_have_value("打桩")


async def test_large_type_and_single_keys_change_in_place(page: Page, deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, waiting(30))
    await page.goto(f"/desk/review/{no}")
    html, note = page.locator("html"), page.locator("#review-note")
    await note.fill("请先联系物业")
    await page.get_by_role("button", name="大字").click()
    await expect(html).to_have_class("large")
    await page.locator("[data-help]").click()
    async with page.expect_response("**/desk/keys"):
        await page.get_by_text("关掉单键快捷键").click()
    await expect(html).to_have_attribute("data-keys", "off")
    await expect(note).to_have_value("请先联系物业")
    # Both are remembered.
    await page.reload()
    await expect(html).to_have_class("large")
    await expect(html).to_have_attribute("data-keys", "off")
    await page.locator("[data-help]").click()
    await expect(page.get_by_text("单个字母和数字的快捷键已关掉")).to_be_visible()
