"""更正反馈 and 退回补充 in a real browser: on a phone, by keys, and what a form begins with the next time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from playwright.async_api import expect

from models.vocab import State
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.web.test_browser_life import DESK, PHONE, desk, person, tags

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.triage.web.test_browser_life import Desk

__all__ = ["desk"]
FIRST: Final = "已到现场，责令夜间停工，并约谈施工单位负责人，要求三日内补办夜间施工证明"
RIGHT: Final = "已到现场，责令 22 时至次日 6 时停工，并约谈施工单位负责人，要求三日内补办夜间施工证明"


async def test_a_feedback_is_put_right_on_a_phone_and_sent_back_at_the_desk(
    chromium: Browser, desk: Desk
) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn(age=timedelta(0), assist=(), copies=()))
    address = f"/desk/tickets/{no}"
    officer = await person(chromium, desk, PHONE)
    await officer.page.goto(address)
    await officer.be("承办单位", "望京街道办事处", "外勤二")
    await officer.send("sign")
    await officer.choose("contact", outcome="已联系上", told_citizen="电话")
    await officer.send("contact")
    await officer.fill("feedback", note=FIRST, attachment="照片 P-1")
    await officer.choose("feedback", told_citizen="电话")
    await officer.send("feedback")
    await expect(officer.page.locator(".thead .state")).to_have_text("待回访")

    # Found from the page: one press opens it, one sends it. What was said stands in it.
    await officer.open("amend")
    await expect(officer.page.locator("#amend-note")).to_have_value(FIRST)
    await officer.fill("amend", note=RIGHT, reason="停工时间写得不清")
    assert await officer.fits()
    await officer.send("amend")
    await expect(officer.page.locator(".hint.good")).to_contain_text("已更正反馈")
    box = officer.page.locator("#answers")
    await expect(box.locator("mark.own").first).to_have_text(" 22 时至次日 6 时")
    await box.locator("summary").click()
    await expect(box).to_contain_text("已更正")
    assert await officer.fits()
    await officer.open("amend")
    await expect(officer.page.locator("#amend-note")).to_have_value(RIGHT)

    caller = await person(chromium, desk, DESK)
    desk.clock.moment = NOW + timedelta(hours=1)
    await caller.page.goto(address)
    await caller.be("回访员", name="回访三")
    await caller.open("supplement")
    await caller.choose("supplement", lack="其他")
    await caller.send("supplement")
    await expect(caller.page.locator("#supplement-error")).to_contain_text("请写明反馈还缺什么")
    await expect(caller.page.locator("#supplement-lack")).to_have_value("lack.other")
    await caller.fill("supplement", reason="没有附现场照片，也没有写复查日期")
    await caller.page.locator("#supplement-reason").press("Control+Enter")
    await expect(caller.page.locator(".hint.good")).to_contain_text("已退回补充")
    await expect(caller.page.locator("#answers")).to_contain_text("退回补充：其他")
    await expect(caller.page.locator("#answers")).to_contain_text("没有附现场照片，也没有写复查日期")

    await officer.page.reload()
    await expect(officer.page.locator("#feedback-note")).to_have_value(RIGHT)
    await expect(officer.page.locator(".thead .state")).to_have_text(State.HANDLING.label)
    assert (await tags(desk))[-2:] == ["ticket:amend", "ticket:supplement"]
    # A refused form is an answer of 422, of which the browser complains.
    assert officer.faults == []
    assert await caller.fits()
