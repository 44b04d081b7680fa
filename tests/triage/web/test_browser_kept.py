"""What an officer wrote and photographed stays at hand: a form gone, a session over, a field emptied."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestServer
from PIL import Image
from playwright.async_api import expect

import triage.tables
from connectors.vault import Vault
from models.filters import all_seeing
from tests import signed_in
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.web.test_browser_life import DESK, PHONE, WAITING, Desk, Hands, Person, person
from triage.services import reference
from triage.services.correcting import correct
from triage.services.deps import Deps
from triage.settings import Settings
from triage.web import guard
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, FilePayload

    from models.db import Database


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


def photo() -> FilePayload:
    made = BytesIO()
    Image.new("RGB", (64, 48), "green").save(made, "JPEG")
    return {"name": "IMG_7.jpg", "mimeType": "image/jpeg", "buffer": made.getvalue()}


async def photos(who: Person, move: str) -> int:
    """Photos that stand in the form."""
    return int(await who.page.locator(f"#{move}-attachment-files").evaluate("(input) => input.files.length"))


async def an_officer(chromium: Browser, desk: Desk, no: str) -> Person:
    """In the street, the ticket signed."""
    officer = await person(chromium, desk, PHONE)
    await officer.page.goto(f"/desk/tickets/{no}")
    await officer.be("承办单位", "望京街道办事处", "外勤二")
    await officer.send("sign")
    await expect(officer.page.locator(".thead .state")).to_have_text("已签收")
    await officer.page.wait_for_load_state("load")
    return officer


async def test_an_answer_whose_form_is_gone_is_shown_and_its_photo_comes_back(
    chromium: Browser, desk: Desk
) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await an_officer(chromium, desk, no)
    await officer.choose("contact", outcome="已联系上", told_citizen="电话")
    await officer.send("contact")
    await expect(officer.page.locator(".thead .state")).to_have_text("已联系")
    await officer.page.wait_for_load_state("load")
    await officer.fill("feedback", note="已责令停工")
    await officer.choose("feedback", told_citizen="电话")
    await officer.page.locator("#feedback-attachment-files").set_input_files(photo())
    # Meanwhile it is supervised: nobody answers before somebody was there.
    clerk = await person(chromium, desk, DESK)
    await clerk.page.goto(f"/desk/tickets/{no}")
    await clerk.be("热线坐席", name="坐席一")
    await clerk.open("supervise")
    await clerk.fill("supervise", reason="重复来电", until="2026-11-25T09:00")
    await clerk.send("supervise")
    await expect(clerk.page.locator(".hint.good")).to_be_visible()
    await officer.send("feedback")
    kept = officer.page.locator("#kept")
    await expect(kept).to_contain_text("已责令停工")
    await expect(kept).to_contain_text("1 个照片或 PDF 还存在本机")
    await officer.page.reload()
    await expect(kept).to_contain_text("已责令停工")
    await officer.open("onsite")
    await officer.fill("onsite", note="已到场核实", attachment="照片 P-1")
    await officer.send("onsite")
    await expect(officer.page.locator("#move-said")).to_contain_text("照片已放回表单")
    await expect(officer.page.locator("#feedback-note")).to_have_value("已责令停工")
    await expect(kept).to_have_count(0)
    assert await photos(officer, "feedback") == 1
    await officer.send("feedback")
    await expect(officer.page.locator(".thead .state")).to_have_text("待回访")
    assert await officer.page.evaluate("localStorage.length") == 0


async def test_what_waited_over_night_goes_out_by_a_press_of_the_same_person(
    chromium: Browser, desk: Desk
) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await an_officer(chromium, desk, no)
    await officer.open("progress")
    await officer.fill("progress", note="已到现场，照片如附")
    await officer.page.locator("#progress-attachment-files").set_input_files(photo())
    await officer.page.context.set_offline(True)
    await officer.send("progress")
    await expect(officer.page.locator("#move-said")).to_contain_text("网络中断")
    # In the morning: signed in anew, which gives the forms another token.
    context = officer.page.context
    await officer.page.close()
    await context.set_offline(False)
    await context.add_cookies([{"name": guard.COOKIE, "value": "of-this-morning", "url": desk.address}])
    officer = Person(await context.new_page())
    await officer.page.goto(f"/desk/tickets/{no}")
    await expect(officer.page.locator("#move-said")).to_contain_text("内容和照片已放回表单")
    await officer.page.reload()
    await expect(officer.page.locator("#move-said")).to_contain_text("核对后请再按一次")
    await expect(officer.page.locator("#progress-note")).to_have_value("已到现场，照片如附")
    assert await photos(officer, "progress") == 1
    await officer.send("progress")
    await expect(officer.page.locator(".hint.good")).to_have_text("已提交阶段反馈。")
    await expect(officer.page.locator(".timeline")).to_contain_text("附件 1 个")
    assert await officer.page.evaluate("localStorage.length") == 0


async def test_an_emptied_field_stays_empty_and_an_untouched_one_follows_the_page(
    chromium: Browser, desk: Desk
) -> None:
    (no,) = await add_tickets(desk.deps.db, WAITING)
    clerk = await person(chromium, desk, DESK)
    unit, note = clerk.page.locator("#dispatch-unit"), clerk.page.locator("#dispatch-note")
    await clerk.page.goto(f"/desk/tickets/{no}")
    await clerk.be("热线坐席", name="坐席一")
    await clerk.page.wait_for_load_state("load")
    await note.fill("先看一下")
    # The place is put right meanwhile: a draft of the note brings no old unit back.
    async with desk.deps.db.writes.begin() as session:
        await correct(session, desk.deps.tables, all_seeing("x"), no, {"place": "110108022"}, at=NOW)
    await clerk.page.reload()
    await expect(note).to_have_value("先看一下")
    await expect(unit).to_have_value("上地街道办事处")
    await unit.fill("")
    await clerk.page.reload()
    await expect(note).to_have_value("先看一下")
    await expect(unit).to_have_value("")
