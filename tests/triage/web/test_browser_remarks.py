"""内部备注 in a real browser: by keys, without a network, and seen by a colleague whose page is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestServer
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

import triage.tables
from connectors.vault import Vault
from models.remarks import TicketRemark
from tests import signed_in
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.web.test_accessibility import WIDTHS, faults_here
from tests.triage.web.test_browser_life import DESK, PHONE, Desk, Hands, person
from triage.services import reference
from triage.services.deps import Deps
from triage.settings import Settings
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

    from models.db import Database

CALLED = "去过三次，门卫说晚上才有人"


@pytest.fixture
async def desk(sqlite_db: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    clock = Hands(NOW)
    deps = Deps(
        Settings(files_dir=tmp_path / "files"), clock, triage.tables.load(), sqlite_db, Vault({1: bytes(32)})
    )
    await reference.sync(deps)
    expect.set_options(timeout=60_000)
    async with TestServer(make_app(deps)) as server:
        yield Desk(await signed_in.Address.of(server, deps), clock, deps)


async def kept(desk: Desk) -> int:
    async with desk.deps.db.reads() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(TicketRemark)) or 0


async def test_written_by_keys_and_a_colleague_sees_it_when_they_look_again(
    chromium: Browser, desk: Desk
) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    one, other = await person(chromium, desk, DESK), await person(chromium, desk, DESK)
    streams: list[str] = []
    other.page.on("request", lambda one: streams.append(one.url))
    for who in (one, other):
        await who.page.goto(f"/desk/tickets/{no}")
    await expect(other.page.locator("#remark-list")).to_be_attached()
    await one.page.keyboard.press("w")
    await one.page.keyboard.type(CALLED)
    await one.page.keyboard.press("Control+Enter")
    await expect(one.page.locator("#remark-list .words")).to_have_text(CALLED)
    await other.page.evaluate("window.dispatchEvent(new Event('focus'))")
    await expect(other.page.locator("#remark-list .words")).to_have_text(CALLED, timeout=12_000)
    assert [one for one in streams if one.endswith("/desk/changes")] == []
    assert (
        await one.page.evaluate("Object.keys(localStorage).filter((name) => name.includes('remark'))") == []
    )
    assert (one.faults, other.faults, await kept(desk)) == ([], [], 1)


async def test_without_a_network_it_is_kept_and_sent_once(chromium: Browser, desk: Desk) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    who = await person(chromium, desk, PHONE)
    await who.page.goto(f"/desk/tickets/{no}")
    await who.page.locator(".remark-new summary").click()
    await who.fill("remark", text=CALLED)
    await who.page.reload()
    await expect(who.page.locator("#remark-text")).to_have_value(CALLED)
    await who.page.context.set_offline(True)
    await who.page.locator(".remark-new summary").click()
    await who.send("remark")
    await expect(who.page.locator("#move-said")).to_contain_text("网络中断")
    assert await kept(desk) == 0
    await who.page.context.set_offline(False)
    await expect(who.page.locator("#remark-list .words")).to_have_text(CALLED)
    assert await kept(desk) == 1


async def test_what_is_refused_stays_in_its_form(chromium: Browser, desk: Desk) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    who = await person(chromium, desk, PHONE)
    await who.page.goto(f"/desk/tickets/{no}")
    await who.page.locator(".remark-new summary").click()
    await who.page.locator("#remark-text").evaluate("(field) => field.removeAttribute('maxlength')")
    await who.fill("remark", text="长" * 501)
    await who.choose("remark", audience="所有看得到这张工单的人")
    await who.send("remark")
    await expect(who.page.locator("#remark-error")).to_contain_text("现在是 501 个字")
    await expect(who.page.locator("#remark-audience")).to_have_value("all")
    assert await who.page.locator("#remark-text").input_value() == "长" * 501
    await who.fill("remark", text=CALLED)
    await who.send("remark")
    await expect(who.page.locator("#remark-list .words")).to_have_text(CALLED)


async def test_remarks_and_handover_are_within_reach_of_everyone(chromium: Browser, desk: Desk) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    who, axe = await person(chromium, desk, PHONE), Axe()
    await who.page.goto(f"/desk/tickets/{no}")
    for number in range(4):
        await who.page.locator(".remark-new summary").click()
        await who.fill("remark", text=f"{'很长的备注' * 30}{number}")
        await who.send("remark")
        await expect(who.page.locator("#remark-list .words").first).to_contain_text(f"备注{number}")
        await who.page.wait_for_load_state("load")
    found = []
    for size in WIDTHS:
        await who.page.set_viewport_size(size)  # type: ignore[arg-type]
        await who.page.goto(f"/desk/tickets/{no}")
        found += await faults_here(who.page, axe, "remarks")
    await who.page.goto("/desk/handover")
    await who.page.locator("#shift-text").fill(f"{'交班' * 200} {no}")
    await who.page.locator(".shift-new button").click()
    await expect(who.page.locator(".shift-tickets a")).to_have_text(no)
    for size in WIDTHS:
        await who.page.set_viewport_size(size)  # type: ignore[arg-type]
        await who.page.goto("/desk/handover")
        found += await faults_here(who.page, axe, "handover")
    await who.page.locator("button", has_text="接班").first.click()
    await expect(who.page.locator("button", has_text="撤销接班")).to_be_visible()
    assert (found, who.faults) == ([], [])


async def test_after_a_refused_press_the_handover_page_follows_on(chromium: Browser, desk: Desk) -> None:
    one, other = await person(chromium, desk, DESK), await person(chromium, desk, DESK)
    await one.page.goto("/desk/handover")
    await one.page.locator("#shift-text").fill("补登的还没有核对")
    await one.page.locator(".shift-new button").click()
    await expect(one.page.locator(".shift-notes .words")).to_have_text("补登的还没有核对")
    await other.page.clock.install()
    await other.page.goto("/desk/handover")
    await one.page.locator("button", has_text="撤回").click()
    await expect(one.page.locator(".shift-notes")).to_contain_text("已撤回")
    await other.page.locator("button", has_text="接班").click()
    await expect(other.page.locator("p[role=alert]").first).to_contain_text("刚刚被撤回")
    await one.page.locator("#shift-text").fill("另一条")
    await one.page.locator(".shift-new button").click()
    await expect(one.page.locator(".shift-notes .words")).to_have_text("另一条")
    await other.page.clock.fast_forward(31_000)
    await expect(other.page.locator(".shift-notes .words")).to_have_text("另一条")
