"""A street officer on a phone: what waits is found, a failing server says so, a refusal is at its field."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.async_api import expect

from models.vocab import Tag
from tests.factories import TicketIn, add_tickets
from tests.triage.web.test_browser_kept import an_officer, desk, photo, photos
from tests.triage.web.test_browser_life import DESK, person
from tests.triage.web.test_browser_waiting import drop, inert, notes

if TYPE_CHECKING:
    from playwright.async_api import Browser, Route

    from tests.triage.web.test_browser_life import Desk, Person

__all__ = ["desk"]

SAID = "#move-said"
NOBODYS = "20261123-99999999"
#: The first answer to a move is cut off on its way.
CUT_OFF = """() => {
  const whole = Response.prototype.text;
  let left = 1;
  Response.prototype.text = function () {
    const cut = this.url.endsWith('/moves') && left-- > 0;
    return cut ? Promise.reject(new TypeError('network error')) : whole.call(this);
  };
}"""
#: As if another one had pressed it.
OF_SOMEBODY = """([name, who]) => {
  localStorage.setItem(name, JSON.stringify({ ...JSON.parse(localStorage.getItem(name)), who }));
}"""
#: As if it had been written on another ticket.
OF_ANOTHER = """([from, to]) => {
  for (const [name, held] of Object.entries(localStorage)) {
    localStorage.removeItem(name);
    localStorage.setItem(name.replace(from, to), held);
  }
}"""
AWAY = "<main><p>附件库暂时无法写入，请稍后再试。</p></main>"


class Failing:
    """A server that answers moves with an error, and how often it was asked."""

    def __init__(self, status: int, **headers: str) -> None:
        self.status, self.headers, self.asked = status, headers, 0

    async def __call__(self, route: Route) -> None:
        self.asked += 1
        headers = {"X-Request-Id": "r-77", "Content-Type": "text/html; charset=utf-8", **self.headers}
        await route.fulfill(status=self.status, headers=headers, body=AWAY)


async def writing(chromium: Browser, desk: Desk, note: str) -> tuple[Person, str]:
    """An officer who has filled in 阶段反馈."""
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await an_officer(chromium, desk, no)
    await officer.open("progress")
    await officer.fill("progress", note=note)
    return officer, no


async def stored(who: Person) -> int:
    return int(await who.page.evaluate("localStorage.length"))


async def test_what_waits_is_named_on_every_page_and_sent_from_its_own(chromium: Browser, desk: Desk) -> None:
    officer, no = await writing(chromium, desk, "三号楼，已停工")
    page, unsent = officer.page, officer.page.locator("#unsent")
    await page.route("**/moves", drop)
    await officer.send("progress")
    await expect(page.locator(SAID)).to_contain_text("请留在本页")
    await expect(unsent).to_be_hidden()
    await page.goto("/desk/due")
    await expect(unsent).to_contain_text(f"“阶段反馈”（工单 {no}）还没有提交")
    assert await officer.fits()
    # Nobody else is told of it.
    name = f"jiesu.pending.{no}"
    await page.evaluate(OF_SOMEBODY, [name, "别人"])
    await page.reload()
    await expect(unsent).to_be_hidden()
    me = await page.locator(".who a").text_content()
    await page.evaluate(OF_SOMEBODY, [name, me])
    await page.unroute("**/moves")
    await page.goto("/desk")
    await unsent.get_by_role("link").click()
    await expect(page.locator(".hint.good")).to_have_text("已提交阶段反馈。")
    assert await notes(desk, Tag.PROGRESS) == ["三号楼，已停工"]
    await page.goto("/desk")
    await expect(unsent).to_be_hidden()


async def test_where_the_ticket_no_longer_opens_its_words_can_be_read(chromium: Browser, desk: Desk) -> None:
    officer, no = await writing(chromium, desk, "三号楼，已停工")
    page, unsent = officer.page, officer.page.locator("#unsent")
    await page.locator("#progress-attachment-files").set_input_files(photo())
    await page.route("**/moves", drop)
    await officer.send("progress")
    await expect(page.locator(SAID)).to_contain_text("网络中断")
    # As if it had gone to another unit: its page is there no more.
    await page.evaluate(OF_ANOTHER, [no, NOBODYS])
    answer = await page.goto(f"/desk/tickets/{NOBODYS}")
    assert answer is not None
    assert answer.status == 404
    await expect(unsent).to_contain_text("没有收到回音，不清楚是否已经送到。这张工单现在打不开。")
    await expect(unsent).to_contain_text("三号楼，已停工")
    await expect(unsent).to_contain_text("1 个照片或 PDF 还存在本机")
    await unsent.get_by_role("button", name="不再保留").click()
    await expect(unsent).to_be_hidden()
    assert await stored(officer) == 0


async def test_an_answer_that_is_cut_off_is_none(chromium: Browser, desk: Desk) -> None:
    officer, _ = await writing(chromium, desk, "好")
    await officer.page.evaluate(CUT_OFF)
    await officer.send("progress")
    await expect(officer.page.locator(SAID)).to_contain_text("网络中断：已存在本机")
    box = officer.page.locator("details[data-move=progress]")
    await expect(box.get_by_role("alert")).to_contain_text("太短", timeout=15_000)


async def test_a_server_that_fails_over_it_says_so_and_is_asked_again_by_a_press(
    chromium: Browser, desk: Desk
) -> None:
    officer, _ = await writing(chromium, desk, "三号楼，已停工")
    page, said, failing = officer.page, officer.page.locator(SAID), Failing(500)
    await page.locator("#progress-attachment-files").set_input_files(photo())
    await page.route("**/moves", failing)
    await officer.send("progress")
    await expect(said).to_contain_text(
        "附件库暂时无法写入，请稍后再试。（请求编号 r-77）“阶段反馈”还没有提交"
    )
    assert not await inert(officer, "progress")
    await page.wait_for_timeout(5_000)
    await page.evaluate("window.dispatchEvent(new Event('online'))")
    await page.reload()
    await expect(said).to_contain_text("“阶段反馈”还没有提交：内容和照片已放回表单")
    assert (await photos(officer, "progress"), failing.asked) == (1, 1)
    await page.unroute("**/moves")
    await officer.send("progress")
    await expect(page.locator(".hint.good")).to_have_text("已提交阶段反馈。")
    assert (await notes(desk, Tag.PROGRESS), await stored(officer)) == (["三号楼，已停工"], 0)


async def test_a_server_that_is_away_is_asked_when_it_says_and_then_less_often(
    chromium: Browser, desk: Desk
) -> None:
    officer, _ = await writing(chromium, desk, "三号楼，已停工")
    page, failing = officer.page, Failing(503, **{"Retry-After": "30"})
    await page.clock.install()
    await page.reload()
    await officer.open("progress")
    await page.route("**/moves", failing)
    await officer.send("progress")
    said = page.locator(SAID)
    await expect(said).to_contain_text(
        "附件库暂时无法写入，请稍后再试。（请求编号 r-77）已存在本机，过一会儿自动提交"
    )
    await page.clock.fast_forward(25_000)
    await page.wait_for_timeout(500)
    assert failing.asked == 1
    failing.headers = {}
    await page.clock.fast_forward(6_000)
    await page.wait_for_timeout(500)
    assert failing.asked == 2
    # Without a word of it: twice as long as the first time.
    await page.clock.fast_forward(4_500)
    await page.wait_for_timeout(500)
    assert failing.asked == 2
    await page.unroute("**/moves")
    await page.evaluate("window.dispatchEvent(new Event('online'))")
    await expect(page.locator(".hint.good")).to_have_text("已提交阶段反馈。")


async def test_a_refusal_brings_the_record_along_and_takes_nothing_that_is_typed(
    chromium: Browser, desk: Desk
) -> None:
    officer, no = await writing(chromium, desk, "三号楼，已停工")
    clerk = await person(chromium, desk, DESK)
    await clerk.page.goto(f"/desk/tickets/{no}")
    await clerk.be("热线坐席", name="坐席一")
    await clerk.open("urge")
    await clerk.fill("urge", note="诉求人第三次来电")
    await clerk.send("urge")
    await expect(clerk.page.locator(".hint.good")).to_have_text("已催办。")
    # Somebody's unfinished line in another part of the page.
    side = officer.page.locator(".c-side")
    await side.evaluate("(side) => side.append(Object.assign(document.createElement('input'), {id: 'half'}))")
    await officer.page.locator("#half").fill("还没写完")
    await officer.send("progress")
    box = officer.page.locator("details[data-move=progress]")
    await expect(box.get_by_role("alert")).to_contain_text("坐席一：催办")
    await expect(officer.page.locator(".timeline")).to_contain_text("催办")
    await expect(officer.page.locator(".thead .urged")).to_have_text("催办 1 次")
    await expect(officer.page.locator("#half")).to_have_value("还没写完")
    await expect(box.get_by_role("button", name="阶段反馈")).to_be_focused()


async def test_a_refusal_leads_to_its_field_and_says_which(chromium: Browser, desk: Desk) -> None:
    officer, _ = await writing(chromium, desk, "好")
    await officer.send("progress")
    note = officer.page.locator("#progress-note")
    await expect(note).to_be_focused()
    await expect(note).to_have_attribute("aria-invalid", "true")
    await expect(note).to_have_accessible_description(re.compile("^情况说明太短：至少 2 个字"))
    await expect(officer.page.locator("[aria-invalid]")).to_have_count(1)
