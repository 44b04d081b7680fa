"""A form that waits for the network: words corrected meanwhile are not lost, and no machine is a dead end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from playwright.async_api import expect

from models.files import Attachment
from models.tickets import TicketEvent
from models.vocab import Tag
from tests.factories import TicketIn, add_tickets
from tests.triage.web.test_browser_kept import an_officer, desk, photo, photos
from tests.triage.web.test_browser_life import tags

if TYPE_CHECKING:
    from playwright.async_api import Browser, Route

    from tests.triage.web.test_browser_life import Desk, Person

__all__ = ["desk"]

BACK = "#move-back"
#: A private window, and a machine that is full.
NO_ROOM = {
    "private": "Object.defineProperty(window, 'indexedDB', { get() { throw new DOMException('no'); } })",
    "full": "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }",
}


async def notes(desk: Desk, tag: Tag) -> list[str]:
    """What the moves of that name say."""
    async with desk.deps.db.reads() as session:
        found = await session.scalars(
            sa.select(TicketEvent.data).where(TicketEvent.tag == tag.value).order_by(TicketEvent.seq)
        )
        return [data["values"]["note"] for data in found]


async def inert(who: Person, move: str) -> bool:
    return bool(await who.page.locator(f"form[data-form={move}]").evaluate("(form) => form.inert"))


async def lose_answers(route: Route) -> None:
    """The server does it; nobody is told."""
    await route.fetch(max_redirects=0)
    await route.abort()


async def drop(route: Route) -> None:
    await route.abort()


async def test_words_corrected_while_it_waits_are_what_goes_out(chromium: Browser, desk: Desk) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await an_officer(chromium, desk, no)
    await officer.open("progress")
    await officer.fill("progress", note="三号楼，已停工")
    await officer.page.locator("#progress-attachment-files").set_input_files(photo())
    await officer.page.context.set_offline(True)
    await officer.send("progress")
    await expect(officer.page.locator("#move-said")).to_contain_text("网络中断")
    assert await inert(officer, "progress")
    await officer.tap(BACK)
    await expect(officer.page.locator("#move-said")).to_contain_text("可以接着改")
    assert (await inert(officer, "progress"), await photos(officer, "progress")) == (False, 1)
    await officer.fill("progress", note="五号楼，已停工")
    await officer.page.context.set_offline(False)
    await officer.page.wait_for_timeout(5_000)
    assert await notes(desk, Tag.PROGRESS) == []
    await officer.send("progress")
    await expect(officer.page.locator(".hint.good")).to_have_text("已提交阶段反馈。")
    assert await notes(desk, Tag.PROGRESS) == ["五号楼，已停工"]
    assert await officer.page.evaluate("localStorage.length") == 0


async def test_after_a_reload_it_waits_as_before(chromium: Browser, desk: Desk) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await an_officer(chromium, desk, no)
    await officer.open("progress")
    await officer.fill("progress", note="三号楼，已停工")
    await officer.page.locator("#progress-attachment-files").set_input_files(photo())
    await officer.page.route("**/moves", drop)
    await officer.send("progress")
    await expect(officer.page.locator("#move-said")).to_contain_text("网络中断")
    await officer.page.reload()
    await officer.tap(BACK)
    await officer.open("progress")
    await officer.fill("progress", note="五号楼，已停工")
    assert await photos(officer, "progress") == 1
    await officer.page.unroute("**/moves")
    await officer.send("progress")
    await expect(officer.page.locator(".hint.good")).to_have_text("已提交阶段反馈。")
    assert await notes(desk, Tag.PROGRESS) == ["五号楼，已停工"]


async def test_where_the_first_one_had_arrived_the_corrected_one_is_told_so(
    chromium: Browser, desk: Desk
) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await an_officer(chromium, desk, no)
    await officer.open("progress")
    await officer.fill("progress", note="三号楼，已停工")
    await officer.page.route("**/moves", lose_answers)
    await officer.send("progress")
    await officer.tap(BACK)
    await officer.fill("progress", note="五号楼，已停工")
    await officer.page.unroute("**/moves")
    await officer.send("progress")
    box = officer.page.locator("details[data-move=progress]")
    await expect(box.get_by_role("alert")).to_contain_text("先前提交的那次已经收到，这次改过的没有提交")
    await expect(officer.page.locator("#progress-note")).to_have_value("五号楼，已停工")
    assert await notes(desk, Tag.PROGRESS) == ["三号楼，已停工"]
    await officer.send("progress")
    await expect(officer.page.locator(".hint.good")).to_have_text("已提交阶段反馈。")
    assert await notes(desk, Tag.PROGRESS) == ["三号楼，已停工", "五号楼，已停工"]


async def test_where_it_had_arrived_and_its_form_is_gone_nothing_says_it_was_not_sent(
    chromium: Browser, desk: Desk
) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await an_officer(chromium, desk, no)
    await officer.choose("contact", outcome="已联系上", told_citizen="电话")
    await officer.send("contact")
    await expect(officer.page.locator(".thead .state")).to_have_text("已联系")
    await officer.page.wait_for_load_state("load")
    await officer.fill("feedback", note="已责令停工", attachment="照片 P-1")
    await officer.choose("feedback", told_citizen="电话")
    await officer.page.route("**/moves", lose_answers)
    await officer.send("feedback")
    await officer.tap(BACK)
    await officer.fill("feedback", note="已责令五号楼停工")
    await officer.page.unroute("**/moves")
    await officer.send("feedback")
    kept = officer.page.locator("#kept")
    await expect(kept).to_contain_text("先前提交的那次已经收到，后来改的没有提交")
    await expect(kept).to_contain_text("已责令五号楼停工")
    assert await notes(desk, Tag.FEEDBACK) == ["已责令停工"]


async def test_what_another_window_wrote_meanwhile_stays(chromium: Browser, desk: Desk) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await an_officer(chromium, desk, no)
    await officer.open("progress")
    await officer.fill("progress", note="三号楼，已停工")
    other = await officer.page.context.new_page()
    await other.goto(f"/desk/tickets/{no}")
    await officer.page.route("**/moves", drop)
    await officer.send("progress")
    await expect(officer.page.locator("#move-said")).to_contain_text("网络中断")
    await other.evaluate("document.querySelector('details[data-move=progress]').open = true")
    await other.locator("#progress-note").fill("五号楼还在施工")
    await officer.page.unroute("**/moves")
    await expect(officer.page.locator(".hint.good")).to_have_text("已提交阶段反馈。", timeout=15_000)
    await expect(officer.page.locator("#progress-note")).to_have_value("五号楼还在施工")


@pytest.mark.parametrize("why", NO_ROOM)
async def test_a_machine_that_keeps_no_photo_sends_it_all_the_same(
    chromium: Browser, desk: Desk, why: str
) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await an_officer(chromium, desk, no)
    await officer.page.add_init_script(NO_ROOM[why])
    await officer.page.reload()
    await officer.open("progress")
    await officer.fill("progress", note="已到现场，照片如附")
    await officer.page.locator("#progress-attachment-files").set_input_files(photo())
    await officer.page.context.set_offline(True)
    await officer.send("progress")
    await expect(officer.page.locator("#move-said")).to_contain_text("内容存不进本机")
    await officer.page.context.set_offline(False)
    # Refused, it keeps its photo too.
    await officer.fill("progress", note="好")
    await officer.send("progress")
    box = officer.page.locator("details[data-move=progress]")
    await expect(box.get_by_role("alert")).to_contain_text("太短")
    assert await photos(officer, "progress") == 1
    await officer.fill("progress", note="已到现场，照片如附")
    await officer.send("progress")
    await expect(officer.page.locator(".hint.good")).to_have_text("已提交阶段反馈。")
    async with desk.deps.db.reads() as session:
        names = list(await session.scalars(sa.select(Attachment.name)))
    assert (await tags(desk), names) == (
        ["ticket:adopted", "ticket:sign", "ticket:progress"],
        ["IMG_7.jpg"],
    )


async def test_a_photo_that_is_gone_from_the_machine_is_asked_for(chromium: Browser, desk: Desk) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await an_officer(chromium, desk, no)
    await officer.open("progress")
    await officer.fill("progress", note="已到现场，照片如附")
    await officer.page.locator("#progress-attachment-files").set_input_files(photo())
    await officer.page.route("**/moves", drop)
    await officer.send("progress")
    await expect(officer.page.locator("#move-said")).to_contain_text("网络中断")
    # The browser made room for others.
    await officer.page.evaluate(f"jiesu.dropFiles('jiesu.pending.{no}')")
    await officer.page.unroute("**/moves")
    await officer.page.reload()
    await expect(officer.page.locator("#move-said")).to_contain_text("请重新选照片")
    await expect(officer.page.locator("#progress-note")).to_have_value("已到现场，照片如附")
    assert await notes(desk, Tag.PROGRESS) == []
