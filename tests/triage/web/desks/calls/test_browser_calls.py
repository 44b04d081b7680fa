"""A call by the keyboard alone, in a real Chromium: number, result, next; left, it is anybody's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestServer
from playwright.async_api import async_playwright, expect

from models.ringing import CallAfter, FollowUpHold
from models.tickets import Ticket
from models.vocab import State
from models.vocab_staff import Role
from tests import browser, signed_in
from tests.triage.web.desks.calls.conftest import DESK, LATER, PHONE
from triage.web.app import make_app
from triage.web.desks.live import BOARD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

    from triage.services.deps import Deps


@pytest.fixture
async def page(deps: Deps) -> AsyncIterator[Page]:
    """A page as narrow as a phone, that fails the test on any script error."""
    faults: list[str] = []
    app = make_app(deps)
    async with TestServer(app) as server, async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=browser.executable(), args=list(browser.FLAGS)
        )
        address = await signed_in.Address.of(server, deps, Role.FOLLOW_UP)
        context = await chromium.new_context(viewport={"width": 390, "height": 800}, base_url=address)
        await signed_in.enter(context, address)
        found = await context.new_page()
        found.set_default_timeout(60_000)
        found.on("pageerror", lambda error: faults.append(str(error)))
        yield found
        await app[BOARD].close()
        await chromium.close()
    assert faults == []


async def test_a_call_by_keys(page: Page, deps: Deps, cases: list[str]) -> None:
    expect.set_options(timeout=60_000)
    await page.goto("/desk")
    await page.keyboard.press("g")
    await page.keyboard.press("f")
    await page.wait_for_url(f"**{DESK}/{cases[0]}")
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    await page.keyboard.press("p")
    await expect(page.locator(".dialled b")).to_have_text(PHONE)
    # Looked at, it is still this person's call.
    assert await holds(deps) == [cases[0]]
    for key in ("1", "1", "2"):
        await page.keyboard.press(key)
    await page.keyboard.press("Backspace")
    await page.keyboard.press("1")
    await page.keyboard.press("2")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_url(f"**{DESK}/{cases[1]}?**")
    await expect(page.locator(".hint.good")).to_contain_text("已记录回访")
    # Nobody answered: nothing more is asked.
    await page.keyboard.press("2")
    await expect(page.locator("[data-ask=solved]")).to_be_hidden()
    await page.keyboard.press("Control+Enter")
    await page.wait_for_url(f"**{DESK}/{cases[2]}?**")
    await page.keyboard.press("a")
    await expect(page.locator("#after-at")).to_be_focused()
    await page.locator("#after-at").fill("2026-11-24T17:00")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#nothing h1")).to_have_text("现在没有可以打的")
    async with deps.db.reads() as session:
        states = list(await session.scalars(sa.select(Ticket.state).order_by(Ticket.id)))
        assert await session.scalar(sa.select(sa.func.count()).select_from(CallAfter)) == 1
    assert states == [State.FOLLOWED_UP, State.FEEDBACK, State.FEEDBACK]


@dataclass
class Ticking:
    """A clock that goes on a little whenever it is asked."""

    moment: datetime = LATER

    def now(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment


async def test_leaving_the_page_lets_go_and_reloading_does_not(
    page: Page, deps: Deps, cases: list[str]
) -> None:
    expect.set_options(timeout=60_000)
    object.__setattr__(deps, "clock", Ticking())
    await page.goto(DESK)
    await page.reload()
    await expect(page.locator("#result")).to_be_visible()
    assert await holds(deps) == [cases[0]]
    await page.goto("/desk")
    async with asyncio.timeout(30):
        while await holds(deps):  # noqa: ASYNC110  (another process of the browser does it)
            await asyncio.sleep(0.05)


async def test_the_page_without_a_case_takes_none_by_itself(page: Page, deps: Deps, cases: list[str]) -> None:
    expect.set_options(timeout=60_000)
    async with deps.db.writes.begin() as session:
        ids = list(await session.scalars(sa.select(Ticket.id)))
        until = LATER + timedelta(minutes=5)
        session.add_all(FollowUpHold(ticket_id=number, by="bert", until=until) for number in ids)
    await page.clock.install()
    await page.goto(DESK)
    await expect(page.locator("#nothing h1")).to_have_text("现在没有可以打的")
    async with deps.db.writes.begin() as session:
        await session.execute(sa.delete(FollowUpHold))
    await page.clock.fast_forward(61_000)
    await expect(page.locator("#ready")).to_have_text("有 3 张可以打")
    assert await holds(deps) == []
    await page.locator("#nothing a.button").click()
    await page.wait_for_url(f"**{DESK}/{cases[0]}")


async def holds(deps: Deps) -> list[str]:
    async with deps.db.reads() as session:
        found = await session.scalars(
            sa.select(Ticket.no).join(FollowUpHold, FollowUpHold.ticket_id == Ticket.id)
        )
        return list(found)
