"""One ticket's whole life in a real browser, by three people: clerk, street officer on a phone, caller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestServer
from PIL import Image
from playwright.async_api import expect

import triage.tables
from connectors.vault import Vault
from models.files import Attachment
from models.tickets import TicketEvent
from models.vocab import State
from tests import signed_in
from tests.factories import NOW, TicketIn, add_tickets
from triage.services import reference
from triage.services.deps import Deps
from triage.settings import Settings
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

    from playwright.async_api import Browser, Page, Route

    from models.db import Database

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 740}
#: Waits for a clerk, who is asked to confirm 望京街道办事处.
WAITING = TicketIn(
    state=State.REVIEW, unit="bj-desk", assist=(), copies=(), due=timedelta(hours=20),
    decision={"proposed": {"unit": "110105026", "assist": [], "cc": ["110105"]}},
)  # fmt: skip


@dataclass
class Hands:
    """A clock that the test moves."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


@dataclass
class Desk:
    """A running application with its clock."""

    address: signed_in.Address
    clock: Hands
    deps: Deps


@pytest.fixture
async def desk(sqlite_db: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    clock = Hands()
    deps = Deps(
        Settings(files_dir=tmp_path / "files"), clock, triage.tables.load(), sqlite_db, Vault({1: bytes(32)})
    )
    await reference.sync(deps)
    async with TestServer(make_app(deps)) as server:
        yield Desk(await signed_in.Address.of(server, deps), clock, deps)


class Person:
    """A browser of one's own, who counts its taps and notes what the browser complains of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.taps = 0
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on(
            "console",
            lambda m: self.faults.extend([m.text] * (m.type in {"error", "warning"})),
        )

    async def tap(self, selector: str) -> None:
        self.taps += 1
        await self.page.locator(selector).click()

    async def fill(self, move: str, **values: str) -> None:
        for name, value in values.items():
            await self.page.locator(f"#{move}-{name}").fill(value)

    async def choose(self, move: str, **values: str) -> None:
        for name, value in values.items():
            self.taps += 1
            await self.page.locator(f"#{move}-{name}").select_option(label=value)

    async def open(self, move: str) -> None:
        box = self.page.locator(f"details[data-move={move}]")
        self.taps += 1
        await box.evaluate("(box) => { if (!box.open) box.querySelector('summary').click(); }")

    async def send(self, move: str) -> None:
        await self.tap(f"form[data-form={move}] button:not([type])")

    async def be(self, post: str, unit: str = "", name: str = "") -> None:
        await self.page.locator(".as summary").click()
        await self.page.locator(".as [name=post]").select_option(label=post)
        await self.page.locator(".as [name=unit]").fill(unit)
        await self.page.locator(".as [name=name]").fill(name)
        await self.page.locator(".as .button").click()
        await expect(self.page.locator(".acting summary b")).to_contain_text(name)

    async def fits(self) -> bool:
        return bool(await self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


async def person(chromium: Browser, desk: Desk, size: dict[str, int]) -> Person:
    context = await chromium.new_context(
        viewport=size,  # type: ignore[arg-type]
        locale="zh-CN",
        base_url=desk.address,
    )
    await signed_in.enter(context, desk.address)
    return Person(await context.new_page())


async def tags(desk: Desk) -> list[str]:
    async with desk.deps.db.reads() as session:
        return list(await session.scalars(sa.select(TicketEvent.tag).order_by(TicketEvent.seq)))[5:]


async def test_a_ticket_lives_through_three_hands(chromium: Browser, desk: Desk) -> None:
    (no,) = await add_tickets(desk.deps.db, WAITING)
    address = f"/desk/tickets/{no}"

    clerk = await person(chromium, desk, DESK)
    await clerk.page.goto(address)
    await clerk.be("热线坐席", name="坐席一")
    await expect(clerk.page.locator(".move.first summary")).to_contain_text("派单")
    await expect(clerk.page.locator("#dispatch-unit")).to_have_value("望京街道办事处")
    await clerk.page.keyboard.press("n")
    await expect(clerk.page.locator("#dispatch-unit")).to_be_focused()
    await clerk.page.keyboard.press("Control+Enter")
    await expect(clerk.page.locator(".hint.good")).to_have_text("已派单。")
    await expect(clerk.page.locator(".turn")).to_contain_text("承办单位（望京街道办事处）签收")
    await expect(clerk.page.locator(".units .cc")).to_contain_text("朝阳区人民政府")

    officer = await person(chromium, desk, PHONE)
    desk.clock.moment = NOW + timedelta(minutes=20)
    await officer.page.goto(address)
    await officer.be("承办单位", "望京街道办事处", "外勤二")
    await officer.send("sign")
    await expect(officer.page.locator(".thead .state")).to_have_text("已签收")
    await officer.choose("contact", outcome="已联系上", told_citizen="电话")
    await officer.send("contact")
    await expect(officer.page.locator(".thead .state")).to_have_text("已联系")
    await officer.fill("feedback", note="已责令停工", attachment="照片 P-1")
    await officer.choose("feedback", told_citizen="电话")
    assert await officer.fits()
    await officer.send("feedback")
    await expect(officer.page.locator(".thead .state")).to_have_text("待回访")
    assert officer.taps <= 8

    caller = await person(chromium, desk, DESK)
    await caller.page.goto(address)
    await caller.be("回访员", name="回访三")
    await expect(caller.page.locator(".turn")).to_contain_text("回访员回访")
    await caller.page.locator(".others > summary").first.click()
    await expect(caller.page.locator(".why").first).to_contain_text("办理时限期满后才回访")
    desk.clock.moment = NOW + timedelta(days=7, minutes=5)
    await signed_in.renewed(desk.deps)
    await caller.page.reload()
    await caller.choose("follow_up", outcome="已联系上", contacted="是", solved="是", satisfaction="满意")
    await caller.send("follow_up")
    await expect(caller.page.locator(".thead .state")).to_have_text("已回访")
    await caller.send("close")
    await expect(caller.page.locator(".thead .state")).to_have_text("已办结")
    await expect(caller.page.locator(".timeline")).to_contain_text("望京街道办事处 外勤二")

    assert await tags(desk) == [
        "ticket:adopted", "ticket:dispatched", "ticket:sign", "ticket:contact", "ticket:feedback",
        "ticket:follow_up", "ticket:close",
    ]  # fmt: skip
    assert clerk.faults + officer.faults + caller.faults == []


async def test_a_phone_without_network_keeps_the_words_and_sends_them_once(
    chromium: Browser, desk: Desk
) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await person(chromium, desk, PHONE)
    await officer.page.goto(f"/desk/tickets/{no}")
    await officer.be("承办单位", "望京街道办事处", "外勤二")
    await officer.send("sign")
    await expect(officer.page.locator(".thead .state")).to_have_text("已签收")
    await officer.open("progress")
    await officer.fill("progress", note="已到现场，等施工方")
    await officer.page.context.set_offline(True)
    await officer.send("progress")
    await expect(officer.page.locator("#move-said")).to_contain_text("网络中断")
    await officer.page.context.set_offline(False)
    await expect(officer.page.locator(".hint.good")).to_have_text("已提交阶段反馈。")
    assert await tags(desk) == ["ticket:adopted", "ticket:sign", "ticket:progress"]
    assert await officer.page.evaluate("localStorage.length") == 0


async def test_a_photo_waits_for_the_network_and_is_kept_once(chromium: Browser, desk: Desk) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await person(chromium, desk, PHONE)
    await officer.page.goto(f"/desk/tickets/{no}")
    await officer.be("承办单位", "望京街道办事处", "外勤二")
    await officer.send("sign")
    await expect(officer.page.locator(".thead .state")).to_have_text("已签收")
    await officer.open("progress")
    await officer.fill("progress", note="已到现场，照片如附")
    photo = BytesIO()
    Image.effect_noise((3000, 2000), 90).convert("RGB").save(photo, "JPEG", quality=95)
    assert photo.tell() > 2_000_000
    await officer.page.locator("#progress-attachment-files").set_input_files(
        {"name": "IMG_2031.jpg", "mimeType": "image/jpeg", "buffer": photo.getvalue()}
    )
    await officer.page.context.set_offline(True)
    await officer.send("progress")
    await expect(officer.page.locator("#move-said")).to_contain_text("网络中断")
    await officer.page.context.set_offline(False)
    await expect(officer.page.locator(".hint.good")).to_have_text("已提交阶段反馈。", timeout=30_000)
    async with desk.deps.db.reads() as session:
        kept = (await session.execute(sa.select(Attachment.owner, Attachment.name, Attachment.width))).all()
    # Made smaller before it was sent: a weak network carries no more than is looked at.
    assert [tuple(row) for row in kept] == [("event", "IMG_2031.jpg", 2560)]
    assert await officer.fits()


async def test_an_answer_that_got_lost_is_asked_for_again_and_nothing_is_done_twice(
    chromium: Browser, desk: Desk
) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await person(chromium, desk, PHONE)
    await officer.page.goto(f"/desk/tickets/{no}")
    await officer.be("承办单位", "望京街道办事处", "外勤二")
    lost = {"left": 1}

    async def lose_the_answer(route: Route) -> None:
        await route.fetch(max_redirects=0)  # the server does it; nobody is told
        lost["left"] -= 1
        await route.abort()

    await officer.page.route("**/moves", lose_the_answer, times=1)
    await officer.send("sign")
    await expect(officer.page.locator(".thead .state")).to_have_text("已签收", timeout=15_000)
    assert lost["left"] == 0
    assert await tags(desk) == ["ticket:adopted", "ticket:sign"]


async def test_a_draft_outlives_the_page_and_a_conflict(chromium: Browser, desk: Desk) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    one = await person(chromium, desk, DESK)
    two = await person(chromium, desk, DESK)
    for who, name in ((one, "坐席一"), (two, "坐席二")):
        await who.page.goto(f"/desk/tickets/{no}")
        await who.be("热线坐席", name=name)
    await one.open("urge")
    await one.fill("urge", note="诉求人第三次来电")
    await one.page.reload()
    await one.open("urge")
    await expect(one.page.locator("#urge-note")).to_have_value("诉求人第三次来电")
    await two.open("urge")
    await two.fill("urge", note="诉求人来电")
    await two.send("urge")
    await expect(two.page.locator(".hint.good")).to_have_text("已催办。")
    await one.send("urge")
    await expect(one.page.locator("details[data-move=urge] [role=alert]")).to_contain_text("坐席二：催办")
    await expect(one.page.locator("#urge-note")).to_have_value("诉求人第三次来电")
    await one.send("urge")
    await expect(one.page.locator(".urged")).to_have_text("催办 2 次")


async def test_a_refusal_stands_at_its_field_and_keys_reach_every_move(chromium: Browser, desk: Desk) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    officer = await person(chromium, desk, DESK)
    await officer.page.goto(f"/desk/tickets/{no}")
    await officer.be("承办单位", "望京街道办事处")
    await officer.page.keyboard.press("2")
    await expect(officer.page.locator("#object-reason")).to_be_focused()
    await officer.fill("object", reason="不在我街道辖区内", clause="不归我们管")
    await officer.page.locator("#object-proposed_unit").press_sequentially("朝阳区生态")
    await expect(officer.page.locator("#object-proposed_unit-list option").first).to_have_attribute(
        "value", "朝阳区生态环境局"
    )
    await officer.fill("object", proposed_unit="朝阳区生态环境局")
    await officer.send("object")
    await expect(officer.page.locator("details[data-move=object] [role=alert]")).to_contain_text(
        "看不出依据哪一条"
    )
    await expect(officer.page.locator("label.wrong")).to_contain_text("依据条款")
    await officer.fill("object", clause="条例第12条")
    await officer.send("object")
    await expect(officer.page.locator("#objections")).to_contain_text("不在我街道辖区内")


async def test_every_move_works_without_script(chromium: Browser, desk: Desk) -> None:
    (no,) = await add_tickets(desk.deps.db, TicketIn())
    context = await chromium.new_context(java_script_enabled=False, base_url=desk.address)
    await signed_in.enter(context, desk.address)
    page = await context.new_page()
    await page.goto(f"/desk/tickets/{no}")
    await page.locator(".as summary").click()
    await page.locator(".as [name=post]").select_option(label="承办单位")
    await page.locator(".as [name=unit]").fill("望京街道办事处")
    await page.locator(".as .button").click()
    await page.locator("form[data-form=sign] button:not([type])").click()
    await expect(page.locator(".thead .state")).to_have_text("已签收")
    await context.close()
