"""Two windows on one ticket lose nothing of each other; limits of photos are told before an upload."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING

import sqlalchemy as sa
from PIL import Image
from playwright.async_api import expect

from models.files import Attachment
from models.vocab import Tag
from tests.factories import TicketIn, add_tickets
from tests.triage.web.test_browser_kept import an_officer, desk, photo, photos
from tests.triage.web.test_browser_life import Person
from tests.triage.web.test_browser_phone import SAID, stored, writing
from tests.triage.web.test_browser_waiting import drop, notes

if TYPE_CHECKING:
    from playwright.async_api import Browser, FilePayload

    from tests.triage.web.test_browser_life import Desk

__all__ = ["desk"]

#: The bytes of a photo, made lighter as often as asked.
LIGHTER = """async ([bytes, times]) => {
  const photo = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
  let files = [new File([photo], 'IMG_1.jpg', { type: 'image/jpeg' })];
  const made = [];
  for (let n = 0; n < times; n += 1) {
    files = await jiesu.lighterAll(files);
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await files[0].arrayBuffer()));
    made.push([files[0].size, hash.join()]);
  }
  return made;
}"""


def noise(wide: int = 3000, high: int = 2000) -> bytes:
    """A photo that does not get small."""
    made = BytesIO()
    Image.effect_noise((wide, high), 120).convert("RGB").save(made, "JPEG", quality=95)
    return made.getvalue()


def pdf(size: int) -> FilePayload:
    return {"name": "记录.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7\n" + bytes(size)}


async def two_windows(chromium: Browser, desk: Desk) -> tuple[Person, Person, str]:
    """The second was open before the first one waits: it does not send it by itself."""
    one, no = await writing(chromium, desk, "三号楼，已停工")
    two = Person(await one.page.context.new_page())
    await two.page.goto(f"/desk/tickets/{no}")
    await one.page.route("**/moves", drop)
    return one, two, no


async def test_what_waits_in_one_window_comes_back_after_another_move_in_the_other(
    chromium: Browser, desk: Desk
) -> None:
    one, two, _ = await two_windows(chromium, desk)
    await one.send("progress")
    await expect(one.page.locator(SAID)).to_contain_text("网络中断")
    await two.choose("contact", outcome="已联系上", told_citizen="电话")
    await two.send("contact")
    await expect(two.page.locator(SAID)).to_contain_text("“阶段反馈”还没有提交：内容已放回表单")
    await expect(two.page.locator("#progress-note")).to_have_value("三号楼，已停工")
    # The first one no longer says that it will be sent from there.
    await expect(one.page.locator(SAID)).to_contain_text("已由另一个窗口提交或放下", timeout=20_000)
    await two.open("progress")
    await two.send("progress")
    await expect(two.page.locator(".hint.good")).to_have_text("已提交阶段反馈。")
    assert (await notes(desk, Tag.PROGRESS), await stored(two)) == (["三号楼，已停工"], 0)


async def test_the_same_move_in_both_windows_loses_neither(chromium: Browser, desk: Desk) -> None:
    one, two, _ = await two_windows(chromium, desk)
    await one.page.locator("#progress-attachment-files").set_input_files(photo())
    await one.send("progress")
    await expect(one.page.locator(SAID)).to_contain_text("网络中断")
    await two.open("progress")
    await two.fill("progress", note="五号楼还在施工")
    await two.send("progress")
    await expect(two.page.locator(".hint.good")).to_have_text("已提交阶段反馈。")
    await expect(two.page.locator(SAID)).to_contain_text("“阶段反馈”还没有提交：内容和照片已放回表单")
    await expect(two.page.locator("#progress-note")).to_have_value("三号楼，已停工")
    assert await photos(two, "progress") == 1
    await two.open("progress")
    await two.send("progress")
    await expect(two.page.locator(".timeline")).to_contain_text("附件 1 个")
    assert await notes(desk, Tag.PROGRESS) == ["五号楼还在施工", "三号楼，已停工"]
    assert await stored(two) == 0


async def test_while_the_other_window_writes_the_same_form_the_first_words_stand_beside_it(
    chromium: Browser, desk: Desk
) -> None:
    one, two, _ = await two_windows(chromium, desk)
    await one.send("progress")
    await expect(one.page.locator(SAID)).to_contain_text("网络中断")
    await two.open("progress")
    await two.fill("progress", note="好")
    await two.send("progress")
    kept = two.page.locator("#kept")
    await expect(kept).to_contain_text("“阶段反馈”还没有提交，表单里是另一次写的")
    await expect(kept).to_contain_text("三号楼，已停工")
    await expect(two.page.locator("#progress-note")).to_have_value("好")
    await kept.get_by_role("button", name="不再保留").click()
    await expect(kept).to_have_count(0)
    await two.page.reload()
    await expect(two.page.locator("#progress-note")).to_have_value("好")


async def test_limits_are_told_in_the_form_before_anything_is_sent(chromium: Browser, desk: Desk) -> None:
    officer, no = await writing(chromium, desk, "已到现场，照片如附")
    asked: list[str] = []
    officer.page.on("request", lambda request: asked.extend([request.url] * (request.method == "POST")))
    most = desk.deps.settings.upload_files
    field = officer.page.locator("#progress-attachment-files")
    await expect(officer.page.locator("label[for=progress-attachment-files]")).to_contain_text(
        f"一次最多 {most} 个，每个最多 {desk.deps.settings.upload_megabytes} MB"
    )
    await field.set_input_files([photo()] * (most + 1))
    await officer.send("progress")
    said = officer.page.locator(SAID)
    await expect(said).to_contain_text(f"一次最多 {most} 个，现在选了 {most + 1} 个")
    await field.set_input_files(pdf(desk.deps.settings.upload_megabytes * 1_000_000))
    await expect(said).to_be_hidden()
    await officer.send("progress")
    await expect(said).to_contain_text("“记录.pdf”超过")
    # What is too large even when it was made lighter: found after it was kept, and kept no longer.
    await field.evaluate("(input) => { input.dataset.megabytes = '0.0001'; }")
    await field.set_input_files(photo())
    await officer.send("progress")
    await expect(said).to_contain_text("“IMG_7.jpg”超过")
    assert (asked, await photos(officer, "progress")) == ([], 1)
    assert await officer.page.evaluate(f"localStorage.getItem('jiesu.pending.{no}')") is None
    await field.evaluate("(input) => { input.dataset.megabytes = '10'; }")
    await field.set_input_files(photo())
    await officer.send("progress")
    await expect(officer.page.locator(".hint.good")).to_have_text("已提交阶段反馈。")


async def test_a_photo_that_was_made_lighter_stays_as_it_is(chromium: Browser, desk: Desk) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await an_officer(chromium, desk, no)
    large = noise()
    first, second = await officer.page.evaluate(LIGHTER, [base64.b64encode(large).decode(), 2])
    assert 1_500_000 < first[0] < len(large)
    assert second == first


async def test_photos_for_the_ticket_are_made_lighter_too(chromium: Browser, desk: Desk) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await an_officer(chromium, desk, no)
    await officer.page.goto(f"/desk/tickets/{no}/files")
    field, message = officer.page.locator("#files"), "(input) => input.validationMessage"
    await field.set_input_files(pdf(desk.deps.settings.upload_megabytes * 1_000_000))
    assert "“记录.pdf”超过" in await field.evaluate(message)
    await field.set_input_files({"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": noise()})
    await expect(field).to_have_js_property("validationMessage", "")
    await officer.tap(".upload .button")
    await expect(officer.page.locator(".filelist li")).to_have_count(1)
    async with desk.deps.db.reads() as session:
        assert await session.scalar(sa.select(Attachment.width)) == 2560
