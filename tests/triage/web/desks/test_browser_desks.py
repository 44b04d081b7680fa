"""A clerk's and an officer's task by the keyboard alone, in a real Chromium; the mouse is never moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestServer
from playwright.async_api import async_playwright, expect

from models.corrections import Correction
from models.tickets import Ticket, TicketEvent
from models.vocab import Post, State
from tests import browser, signed_in
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.web.desks.conftest import waiting
from triage.services import reference
from triage.web import acting, guard
from triage.web.app import make_app
from triage.web.desks import live
from triage.web.desks.live import BOARD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

    from triage.services.deps import Deps

SITE = TicketIn()


@pytest.fixture
async def page(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Page]:
    """A page of a running desk that fails the test on any script error."""
    monkeypatch.setattr(live, "ALONE_SECONDS", 0.2)
    await reference.sync(deps)
    faults: list[str] = []
    app = make_app(deps)
    async with TestServer(app) as server, async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=browser.executable(), args=list(browser.FLAGS)
        )
        context = await chromium.new_context(
            viewport={"width": 1280, "height": 800}, base_url=str(server.make_url("/")).rstrip("/")
        )
        await signed_in.enter(context, await signed_in.Address.of(server, deps))
        found = await context.new_page()
        found.set_default_timeout(60_000)
        found.on("pageerror", lambda error: faults.append(str(error)))
        yield found
        await app[BOARD].close()
        await chromium.close()
    assert faults == []


async def be(page: Page, post: Post, unit: str) -> None:
    """As if it had been chosen on the page."""
    await page.goto("/healthz")
    await page.context.add_cookies([{"name": acting.COOKIE, "value": f"{post}|{unit}|", "url": page.url}])


async def test_a_clerk_receives_reviews_corrects_and_dispatches(page: Page, deps: Deps) -> None:
    expect.set_options(timeout=60_000)
    await page.goto("/desk")
    await expect(page.locator("tr[data-no]")).to_have_count(0)
    # Received: it comes to the list by itself.
    first, second = await add_tickets(deps.db, waiting(30), waiting(60))
    async with deps.db.writes.begin() as session:
        session.add(TicketEvent(ticket_id=1, seq=60, at=NOW, tag="ticket:remark", data={}))
    await expect(page.locator("tr[data-no]")).to_have_count(2)
    await page.keyboard.press("g")
    await page.keyboard.press("r")
    await expect(page.locator("#review")).to_have_attribute("data-no", first)
    await expect(page.locator("#ready")).to_have_text("下一张已备好")
    await page.keyboard.press("2")
    await expect(page.locator("[data-key='2']")).to_be_checked()
    await expect(page.locator("#review-unit")).to_have_value("朝阳区生态环境局")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#review")).to_have_attribute("data-no", second)
    await expect(page.locator(".hint.good")).to_have_text(f"工单 {first} 已派单。")
    assert page.url.endswith(f"/desk/review/{second}")
    await expect(page.locator("#queue a[aria-current]")).to_have_attribute("href", f"/desk/review/{second}")
    await page.keyboard.press("u")
    await expect(page.locator("#review-unit")).to_be_focused()
    await page.keyboard.type("没有这个单位")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#review-error")).to_contain_text("没有这个单位")
    await page.keyboard.press("1")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".empty h1")).to_have_text("没有等待审核的工单")
    async with deps.db.reads() as session:
        units = list(await session.scalars(sa.select(Ticket.unit_code).order_by(Ticket.id)))
        kinds = list(await session.scalars(sa.select(Correction.new)))
    assert (units, kinds) == (["110105-ecology", "110105026"], ["NOI-02"])


async def test_what_a_unit_sends_back_comes_to_whoever_has_nothing_to_review(page: Page, deps: Deps) -> None:
    expect.set_options(timeout=60_000)
    await page.goto("/desk/review")
    await expect(page.locator(".empty h1")).to_have_text("没有等待审核的工单")
    (no,) = await add_tickets(deps.db, TicketIn(state=State.OBJECTED))
    async with deps.db.writes.begin() as session:
        session.add(TicketEvent(ticket_id=1, seq=60, at=NOW, tag="ticket:object", data={}))
    await expect(page.locator("#queue h3")).to_have_text("退单，请审核 1")
    await page.locator(f"#queue a[href='/desk/tickets/{no}']").click()
    await expect(page.locator("[data-form='object_uphold']")).to_have_count(1)


async def test_what_was_filled_in_goes_out_after_signing_in_in_another_window(page: Page, deps: Deps) -> None:
    expect.set_options(timeout=60_000)
    first, second = await add_tickets(deps.db, waiting(30), waiting(60))
    await page.goto(f"/desk/review/{first}")
    await page.keyboard.press("2")
    (kept,) = [one for one in await page.context.cookies() if one["name"] == signed_in.COOKIE]
    await page.context.clear_cookies()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#review-said")).to_contain_text("登录已过期")
    await page.context.add_cookies([kept])  # type: ignore[list-item]
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#review")).to_have_attribute("data-no", second)
    # The ticket's page, the same.
    (site,) = await add_tickets(deps.db, SITE)
    await be(page, Post.UNIT, "110105026")
    await page.goto(f"/desk/tickets/{site}")
    acting_as = [one for one in await page.context.cookies() if one["name"] != guard.COOKIE]
    await page.context.clear_cookies()
    await page.keyboard.press("n")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#move-said")).to_contain_text("登录已过期")
    await page.context.add_cookies(acting_as)  # type: ignore[arg-type]
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".thead .state")).to_have_text("已签收")


async def dispatched(deps: Deps) -> list[str]:
    """The tickets that wait no more."""
    async with deps.db.reads() as session:
        found = await session.scalars(
            sa.select(Ticket.no).where(Ticket.state == State.DISPATCHED).order_by(Ticket.id)
        )
        return list(found)


async def test_a_key_held_or_pressed_twice_dispatches_what_was_read_alone(page: Page, deps: Deps) -> None:
    expect.set_options(timeout=60_000)
    first, second, third = await add_tickets(deps.db, waiting(30), waiting(60), waiting(90))
    await page.goto(f"/desk/review/{first}")
    await expect(page.locator("#ready")).to_have_text("下一张已备好")
    # A hand that rests on the keys: the second press of a key that was not released is a repeat.
    await page.keyboard.down("Control")
    await page.keyboard.down("Enter")
    await page.keyboard.down("Enter")
    await expect(page.locator("#review")).to_have_attribute("data-no", second)
    await page.wait_for_timeout(700)
    await page.keyboard.down("Enter")
    await page.keyboard.up("Enter")
    await page.keyboard.up("Control")
    assert await dispatched(deps) == [first]
    # Two presses, and one more the moment the next ticket stands there.
    await page.evaluate("""() => {
      const press = () => document.body.dispatchEvent(
        new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, bubbles: true }));
      press();
      press();
      const shown = new MutationObserver(() => setTimeout(press, 50));
      shown.observe(document.querySelector("#review").parentElement, { childList: true });
    }""")
    await expect(page.locator("#review")).to_have_attribute("data-no", third)
    await expect(page.locator("#review-said")).to_contain_text("看过再按一次")
    assert await dispatched(deps) == [first, second]
    # Whoever has looked is not kept waiting.
    await page.keyboard.press("u")
    await expect(page.locator("#review-said")).to_be_hidden()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".empty h1")).to_have_text("没有等待审核的工单")


async def test_the_next_ticket_is_shown_as_it_is_now(page: Page, deps: Deps) -> None:
    expect.set_options(timeout=60_000)
    first, second = await add_tickets(deps.db, waiting(30), waiting(60))
    await page.goto(f"/desk/review/{first}")
    await expect(page.locator("#ready")).to_have_text("下一张已备好")
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no == second).values(title="改过的标题"))
        session.add(TicketEvent(ticket_id=2, seq=60, at=NOW, tag="ticket:remark", data={}))
    await expect(page.locator("#queue")).to_contain_text("改过的标题")
    await page.keyboard.press("2")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#review")).to_have_attribute("data-no", second)
    await expect(page.locator("h1")).to_have_text("改过的标题")


async def test_single_keys_can_be_switched_off(page: Page, deps: Deps) -> None:
    expect.set_options(timeout=60_000)
    first, second = await add_tickets(deps.db, waiting(30), waiting(60))
    await page.goto(f"/desk/review/{first}")
    await page.keyboard.press("?")
    await page.get_by_text("关掉单键快捷键").click()
    await expect(page.locator("html")).to_have_attribute("data-keys", "off")
    assert page.url.endswith(f"/desk/review/{first}")
    for key in ("2", "s", "u", "?", "g", "d", "x", "b"):
        await page.keyboard.press(key)
    await expect(page.locator("[data-key='1']")).to_be_checked()
    await expect(page.locator("#help")).not_to_be_visible()
    await expect(page.locator("#review-unit")).not_to_be_focused()
    # What is typed is typed, and two keys at once are what they were.
    await page.locator("#review-note").focus()
    await page.keyboard.type("2su")
    await expect(page.locator("#review-note")).to_have_value("2su")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#review")).to_have_attribute("data-no", second)
    await page.locator("[data-help]").click()
    await page.get_by_text("打开单键快捷键").click()
    await expect(page.locator("#help")).not_to_be_visible()
    await expect(page.locator("#review")).to_have_attribute("data-no", second)
    await page.keyboard.press("2")
    await expect(page.locator("[data-key='2']")).to_be_checked()


async def stands(page: Page, words: str) -> None:
    """The ticket stands so, and its page hears keys: what is pressed before its script runs is lost."""
    await expect(page.locator(".thead .state")).to_have_text(words)
    await page.wait_for_load_state("load")


async def test_an_officer_signs_contacts_and_answers(page: Page, deps: Deps) -> None:
    expect.set_options(timeout=60_000)
    (no,) = await add_tickets(deps.db, SITE)
    await be(page, Post.UNIT, "110105026")
    await page.goto("/desk/due")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.locator(".thead h1")).to_have_text(str(SITE.title))
    await page.wait_for_load_state("load")
    await page.keyboard.press("n")
    await page.keyboard.press("Control+Enter")
    await stands(page, "已签收")
    await page.keyboard.press("n")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Control+Enter")
    await stands(page, "已联系")
    await page.keyboard.press("n")
    await page.keyboard.type("已到场核实并责令停工")
    await page.keyboard.press("Control+Enter")
    # What is missing is asked for where the cursor stands.
    await expect(page.locator("details[data-move=feedback]")).to_have_attribute("open", "")
    await page.locator("#feedback-attachment").focus()
    await page.keyboard.type("照片 1 号")
    await page.locator("#feedback-told_citizen").focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Control+Enter")
    await stands(page, "待回访")
    async with deps.db.reads() as session:
        found = await session.scalar(sa.select(Ticket.state).where(Ticket.no == no))
    assert found == "feedback"


async def test_a_question_is_answered_by_the_keyboard_and_not_dispatched(page: Page, deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, waiting(30, appeal_type="咨询"))
    await be(page, Post.HOTLINE, "")
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.goto(f"/desk/review/{no}")
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, "nothing runs over the edge of a phone"
    note = page.locator("#answer-note")
    await note.fill("街道受理。")
    await page.get_by_text("多久答复", exact=True).click()
    await page.get_by_label("填入当场答复：多久答复").click()
    words = await note.input_value()
    assert (words.startswith("街道受理。\n"), len(words) > 20) == (True, True)
    await page.locator("#answer-told").select_option("phone")
    await note.press("Control+Enter")
    await expect(page.locator(".hint.good")).to_contain_text("已当场答复")
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(Ticket.state)) == State.CLOSED
