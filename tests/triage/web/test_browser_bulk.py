"""批量办理 in a real browser: ticks that outlive a refresh, a draft, progress by itself, and no script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

import triage.tables
from connectors.vault import Vault
from models.tickets import Ticket
from models.vocab import State
from tests import signed_in
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import FixedClock
from triage.services import reference
from triage.services.bulk import running
from triage.services.deps import Deps
from triage.settings import Settings
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

    from models.db import Database

JOB = re.compile(r"/desk/bulk/(\d+)$")


@pytest.fixture
async def deps(sqlite_db: Database) -> Deps:
    found = Deps(Settings(), FixedClock(NOW), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    await reference.sync(found)
    await add_tickets(sqlite_db, *[TicketIn(title=f"第{n}处工地夜里施工") for n in range(1, 6)])
    return found


@pytest.fixture
async def address(deps: Deps) -> AsyncIterator[signed_in.Address]:
    async with TestServer(make_app(deps)) as server:
        yield await signed_in.Address.of(server, deps)


async def number(page: Page) -> int:
    await page.wait_for_url(JOB)
    found = JOB.search(page.url)
    assert found is not None
    return int(found[1])


async def test_ticks_by_key_a_draft_and_progress_that_refreshes_itself(
    chromium: Browser, deps: Deps, address: signed_in.Address
) -> None:
    context = await chromium.new_context(
        viewport={"width": 390, "height": 740}, base_url=address, locale="zh-CN"
    )
    await signed_in.enter(context, address)
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto("/desk")
    for _ in range(2):
        await page.keyboard.press("j")
        await page.keyboard.press("x")
    await expect(page.locator("#bulk-go")).to_have_text("批量办理选中的 2 张")
    # What a refresh brings stays ticked.
    await page.evaluate("document.querySelector('[name=urgency]').dispatchEvent(new Event('change'))")
    await expect(page.locator("#list.busy")).to_have_count(0)
    await expect(page.locator(".c-pick input:checked")).to_have_count(2)
    await page.keyboard.press("b")
    await page.wait_for_url("**/desk/bulk/new?**")
    await expect(page.locator(".bulk")).to_contain_text("选中了 2 张工单")
    await page.locator("[name=move][data-sends]").select_option(label="催办")
    await page.locator("#urge-note").fill("季度末统一催办")
    await page.locator("form[data-form=urge] button").click()
    job = await number(page)
    await expect(page.locator(".big")).to_contain_text("可以办理 2 张")
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await page.locator("[data-main]").click()
    await expect(page.locator("#job")).to_have_attribute("data-state", "running")
    await running.run(deps, job, seconds=60)
    await expect(page.locator("#job")).to_have_attribute("data-state", "done", timeout=15_000)
    await expect(page.locator(".big")).to_contain_text("已办理 2 张")
    await expect(page.locator(".tally")).to_contain_text("望京街道办事处 2")
    assert faults == []
    await context.close()


async def test_ticks_that_vanish_do_not_turn_into_everything(
    chromium: Browser, deps: Deps, address: signed_in.Address
) -> None:
    context = await chromium.new_context(base_url=address)
    await signed_in.enter(context, address)
    page = await context.new_page()
    await page.clock.install()
    await page.goto("/desk")
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await expect(page.locator("#bulk-go")).to_have_text("批量办理选中的 1 张")
    no = await page.locator(".c-pick input:checked").get_attribute("value")
    # A colleague closes it, and the list refreshes.
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no == no).values(state=State.ARCHIVED.value))
    await page.clock.fast_forward(31_000)
    await expect(page.locator("tr[data-no]")).to_have_count(4)
    await expect(page.locator("#bulk-go")).to_have_text("选中的 1 张已不在列表里")
    await expect(page.locator("#bulk-said")).to_contain_text("可能别人已经办理")
    await page.locator("#bulk-go").click()
    await expect(page.locator("#bulk-said")).to_contain_text("再按一次，就是符合条件的全部工单")
    assert page.url.endswith("/desk")
    await page.locator("#bulk-go").click()
    await expect(page.locator(".bulk")).to_contain_text("符合条件的全部工单：全部未结")
    await context.close()


async def test_without_script_a_whole_filter_is_worked_off(
    chromium: Browser, deps: Deps, address: signed_in.Address
) -> None:
    context = await chromium.new_context(java_script_enabled=False, base_url=address)
    await signed_in.enter(context, address)
    page = await context.new_page()
    await page.goto("/desk?district=110105")
    await page.locator("#bulk-go").click()
    await expect(page.locator(".bulk")).to_contain_text("全部未结，朝阳区")
    await page.locator("[name=move][data-sends]").select_option(label="催办")
    await page.locator("#bulk-move button").click()
    await page.locator("#urge-note").fill("季度末统一催办")
    await page.locator("form[data-form=urge] button").click()
    job = await number(page)
    await page.locator("[data-main]").click()
    await expect(page.locator("#job")).to_have_attribute("data-state", "running")
    await running.run(deps, job, seconds=60)
    await page.reload()
    await expect(page.locator(".big")).to_contain_text("已办理 5 张")
    await context.close()


async def test_a_draft_and_a_form_that_waits_belong_to_their_selection(
    chromium: Browser, address: signed_in.Address
) -> None:
    context = await chromium.new_context(base_url=address)
    await signed_in.enter(context, address)
    page = await context.new_page()
    await page.goto("/desk")
    one, two, *_ = await page.locator(".c-pick input").evaluate_all("(boxes) => boxes.map((b) => b.value)")
    note, said = page.locator("#urge-note"), page.locator("#move-said")
    await page.goto(f"/desk/bulk/new?move=urge&no={one}")
    await note.fill("只催这一张")
    await page.route("**/desk/bulk", lambda route: route.abort(), times=1)
    await page.locator("form[data-form=urge] button").click()
    await expect(said).to_contain_text("网络中断")
    await page.goto(f"/desk/bulk/new?move=urge&no={two}")
    unsent = page.locator("#unsent")
    await expect(unsent).to_contain_text("（批量办理）还没有提交")
    await expect(note).to_have_value("")
    # Where its page no longer opens its words are shown there.
    gone = "/desk/bulk/new?nonsense=1"
    held = "Object.entries(localStorage).find(([name]) => name.startsWith('jiesu.pending.'))"
    whole = await page.evaluate(held)
    moved = (
        "([name, held, page]) => localStorage.setItem(name, JSON.stringify({ ...JSON.parse(held), page }))"
    )
    await page.evaluate(moved, [*whole, gone])
    await page.goto(gone)
    await expect(unsent).to_contain_text("不清楚是否已经送到。这一批现在打不开。")
    await expect(unsent).to_contain_text("只催这一张")
    await page.evaluate("([name, held]) => localStorage.setItem(name, held)", whole)
    await page.goto("/desk")
    await unsent.locator("a").click()
    await number(page)
    await expect(page.locator(".bulk")).to_contain_text("只催这一张")
    await context.close()
