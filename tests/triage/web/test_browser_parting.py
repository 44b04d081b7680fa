"""A phone whose page ended, what nobody wants to send, what two people wrote, a script that is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from models.vocab import Tag
from tests.triage.web.test_browser_kept import desk, photo, photos
from tests.triage.web.test_browser_phone import SAID, stored, writing
from tests.triage.web.test_browser_waiting import drop, notes

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.triage.web.test_browser_life import Desk, Person

__all__ = ["desk"]

WORDS = "三号楼，已停工"
#: As if the page had ended while photos were made lighter; of another move, say.
CHANGED = """([name, more]) => {
  localStorage.setItem(name, JSON.stringify({ ...JSON.parse(localStorage.getItem(name)), ...more }));
}"""
#: One that was set aside: of this move, by this person, with this key.
KEPT = (
    """([name, one]) => localStorage.setItem(name, JSON.stringify({ title: '反馈结果', files: 0, ...one }))"""
)
#: The form is gone by the time its photos are read.
GONE_MEANWHILE = """() => {
  const get = IDBObjectStore.prototype.get;
  IDBObjectStore.prototype.get = function (...given) {
    document.querySelector('form[data-form=progress]')?.remove();
    return get.apply(this, given);
  };
}"""


async def ended(chromium: Browser, desk: Desk, **more: object) -> tuple[Person, str, list[str]]:
    """An officer whose page ended over a photo, what was sent since, and nothing of it loaded anew yet."""
    officer, no = await writing(chromium, desk, WORDS)
    await officer.page.locator("#progress-attachment-files").set_input_files(photo())
    await officer.page.route("**/moves", drop)
    await officer.send("progress")
    await expect(officer.page.locator(SAID)).to_contain_text("网络中断")
    await officer.page.evaluate(CHANGED, [f"jiesu.pending.{no}", {"raw": True, **more}])
    asked: list[str] = []
    officer.page.on("request", lambda request: asked.extend([request.url] * (request.method == "POST")))
    await officer.page.goto("/desk")
    await officer.page.unroute("**/moves")
    asked.clear()
    return officer, no, asked


async def test_what_a_page_ended_over_is_not_begun_again_by_itself(chromium: Browser, desk: Desk) -> None:
    officer, no, asked = await ended(chromium, desk)
    await officer.page.goto(f"/desk/tickets/{no}")
    await expect(officer.page.locator(SAID)).to_contain_text("“阶段反馈”还没有提交：内容和照片已放回表单")
    assert (asked, await photos(officer, "progress")) == ([], 1)
    await officer.send("progress")
    await expect(officer.page.locator(".hint.good")).to_have_text("已提交阶段反馈。")
    assert (await notes(desk, Tag.PROGRESS), await stored(officer)) == ([WORDS], 0)


async def test_photos_that_are_gone_from_the_machine_are_not_said_to_be_there(
    chromium: Browser, desk: Desk
) -> None:
    officer, no, _ = await ended(chromium, desk)
    await officer.page.evaluate(f"jiesu.dropFiles('jiesu.pending.{no}')")
    await officer.page.goto(f"/desk/tickets/{no}")
    await expect(officer.page.locator(SAID)).to_contain_text("照片已不在本机，请重新选照片")
    await expect(officer.page.locator("#progress-note")).to_have_value(WORDS)


async def test_where_its_form_is_gone_too_its_words_are_shown(chromium: Browser, desk: Desk) -> None:
    officer, no, asked = await ended(chromium, desk, move="feedback", title="反馈结果")
    await officer.page.goto(f"/desk/tickets/{no}")
    kept = officer.page.locator("#kept")
    await expect(kept).to_contain_text("“反馈结果”没有提交，现在也不能做这一步。")
    await expect(kept).to_contain_text(WORDS)
    await expect(kept).to_contain_text("1 个照片或 PDF 还存在本机")
    await expect(officer.page.locator(SAID)).to_be_hidden()
    await officer.page.goto("/desk")
    await expect(officer.page.locator("#unsent")).to_be_hidden()
    assert asked == []


async def test_a_form_that_goes_while_its_photos_are_read_is_the_servers_to_judge(
    chromium: Browser, desk: Desk
) -> None:
    officer, _ = await writing(chromium, desk, WORDS)
    await officer.page.locator("#progress-attachment-files").set_input_files(photo())
    await officer.page.evaluate(GONE_MEANWHILE)
    await officer.send("progress")
    await expect(officer.page.locator(".hint.good")).to_have_text("已提交阶段反馈。")
    assert await notes(desk, Tag.PROGRESS) == [WORDS]


async def test_what_nobody_wants_to_send_any_more_is_named_no_longer(chromium: Browser, desk: Desk) -> None:
    officer, no, asked = await ended(chromium, desk)
    page, unsent = officer.page, officer.page.locator("#unsent")
    await expect(unsent).to_contain_text("“阶段反馈”")
    await unsent.get_by_role("link").click()
    away = page.get_by_role("button", name="不再保留")
    await away.click()
    await expect(page.locator(SAID)).to_have_text("“阶段反馈”不再保留。")
    await expect(away).to_have_count(0)
    await expect(page.locator("#progress-note")).to_have_value("")
    assert (await photos(officer, "progress"), await stored(officer), asked) == (0, 0, [])
    await page.goto("/desk")
    await expect(unsent).to_be_hidden()
    await page.goto(f"/desk/tickets/{no}")
    await expect(page.locator("#progress-note")).to_have_value("")


async def test_what_was_written_since_stays(chromium: Browser, desk: Desk) -> None:
    officer, no, _ = await ended(chromium, desk)
    await officer.page.goto(f"/desk/tickets/{no}")
    await officer.fill("progress", note="五号楼还在施工")
    await officer.page.get_by_role("button", name="不再保留").click()
    await expect(officer.page.locator("#progress-note")).to_have_value("五号楼还在施工")
    # Photos that nobody wants to send go all the same.
    assert await photos(officer, "progress") == 0
    assert await officer.page.evaluate(f"localStorage.getItem('jiesu.pending.{no}')") is None


async def test_photos_that_were_chosen_since_stay_too(chromium: Browser, desk: Desk) -> None:
    officer, no, _ = await ended(chromium, desk)
    await officer.page.goto(f"/desk/tickets/{no}")
    await expect(officer.page.locator(SAID)).to_contain_text("已放回表单")
    await officer.fill("progress", note="五号楼还在施工")
    await officer.page.locator("#progress-attachment-files").set_input_files(photo())
    await officer.page.get_by_role("button", name="不再保留").click()
    await expect(officer.page.locator(SAID)).to_have_text("“阶段反馈”不再保留。")
    assert await photos(officer, "progress") == 1


async def test_one_that_was_set_aside_takes_no_other_ones_place(chromium: Browser, desk: Desk) -> None:
    officer, no, _ = await ended(chromium, desk, move="feedback", title="反馈结果")
    page, name = officer.page, f"jiesu.kept.{no}.feedback"
    first = {"move": "feedback", "body": "key=k1", "words": [["办理结果", "别人写的"]], "who": "别人"}
    await page.evaluate(KEPT, [name, first])
    await page.goto(f"/desk/tickets/{no}")
    kept = page.locator("#kept")
    await expect(kept).to_contain_text(WORDS)
    await expect(kept).not_to_contain_text("别人写的")
    me = await page.locator(".who a").text_content()
    await page.evaluate(CHANGED, [name, {"who": me}])
    await page.reload()
    await expect(kept).to_contain_text("别人写的")
    await expect(kept).to_contain_text(WORDS)
    # Each leaves by itself.
    await kept.locator("div").filter(has_text="别人写的").get_by_role("button", name="不再保留").click()
    await page.reload()
    await expect(kept).to_contain_text("1 个照片或 PDF 还存在本机")
    await expect(kept).not_to_contain_text("别人写的")


async def test_another_one_of_the_same_move_takes_none_along(chromium: Browser, desk: Desk) -> None:
    officer, no = await writing(chromium, desk, WORDS)
    page, note = officer.page, officer.page.locator("#progress-note")
    me = await page.locator(".who a").text_content()
    first = {
        "move": "progress", "body": "key=k1", "words": [["情况说明", "五号楼还在施工"]], "who": me,
        "draft": '{"note":"五号楼还在施工"}', "title": "阶段反馈",
    }  # fmt: skip
    await page.evaluate(KEPT, [f"jiesu.kept.{no}.progress", first])
    await page.reload()
    await expect(page.locator("#kept")).to_contain_text("表单里是另一次写的")
    await expect(note).to_have_value(WORDS)
    await officer.open("progress")
    await officer.send("progress")
    await expect(page.locator(".hint.good")).to_have_text("已提交阶段反馈。")
    await expect(note).to_have_value("五号楼还在施工")
    await expect(page.locator(SAID)).to_contain_text("“阶段反馈”还没有提交：内容已放回表单")


@pytest.mark.parametrize("script", ["shelf", "unsent", "drafts", "kept"])
async def test_a_script_that_did_not_arrive_leaves_the_form_to_itself(
    chromium: Browser, desk: Desk, script: str
) -> None:
    officer, no = await writing(chromium, desk, WORDS)
    await officer.page.route(f"**/{script}*.js*", drop)
    await officer.page.goto("/desk")
    await officer.page.goto(f"/desk/tickets/{no}")
    await officer.open("progress")
    await officer.fill("progress", note=WORDS)
    await officer.send("progress")
    await expect(officer.page.locator(".hint.good")).to_have_text("已提交阶段反馈。")
    assert await notes(desk, Tag.PROGRESS) == [WORDS]
