"""WCAG 2.2 AA by axe-core on pages of one thing: incident, party, topic, report, reward, bulk job.

`test_accessibility` walks the pages of plain addresses, with little in them; here each list has rows, and
every other GET route that gives a page must be walked by one of the two.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestClient, TestServer
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright
from pydantic import SecretStr

from models.appeals import Appeal
from models.parties import Party
from models.rewards import Reward
from models.signals import Signal
from models.tickets import Ticket
from models.topics import Topic
from models.viewing import all_seeing
from models.vocab import Channel, Post, State
from models.vocab_topics import TopicLevel
from tests import browser, signed_in
from tests.docs.access_matrix import routes
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.services.incidents.test_watching import ENOUGH, begun, smells
from tests.triage.services.reporting.test_reports import ITEMS
from tests.triage.services.topics.test_topics import GRILLS, OILY
from tests.triage.web.test_accessibility import WIDTHS, faults
from triage.rules.moves import Actor
from triage.services import registering, registration
from triage.services.incidents import watching
from triage.services.moving import Person
from triage.services.parties import gathering
from triage.services.patrol import reporting
from triage.services.patrol.form import Report
from triage.services.patrol.reporting import Photos
from triage.services.registration import Typed
from triage.services.rewards import clocking
from triage.services.topics import finding
from triage.services.trends import refreshing
from triage.settings import Settings
from triage.web.app import make_app

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Page

    from models.db import Database
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

#: Walked by `test_accessibility`, with a ticket of its own.
ELSEWHERE = {
    "/desk/compare/{a}/{b}",
    "/desk/followup/{no}",
    "/desk/numbers/{key}",
    "/desk/review/{no}",
    "/desk/sources/new/{kind}",
    "/desk/sources/{key}",
    "/desk/staff/{login}",
    "/desk/tickets/{no}",
    "/desk/tickets/{no}/amend",
    "/desk/tickets/{no}/call",
    "/desk/tickets/{no}/call-after",
    "/desk/tickets/{no}/confide",
    "/desk/tickets/{no}/files",
}
#: No page: a file, a picture, data, or a part that stands in a page that is walked.
NO_PAGES = re.compile(r"\.\{|/files/\{|/part$|/units$|/thumb$|\.(?:xlsx|csv|json)$|^/static/|^/api/")
HERE = {
    "/desk/incidents/{id:[0-9]{1,18}}": "/desk/incidents/1",
    "/desk/incidents/{id:[0-9]{1,18}}/card": "/desk/incidents/1/card",
    "/desk/bulk/{id}": "/desk/bulk/1",
    "/desk/contacts/{unit}": "/desk/contacts/110105026",
    "/desk/parties/{id:[0-9]{1,10}}": "/desk/parties/{party}",
    "/desk/patrol/{id}": "/desk/patrol/{patrolled}",
    "/desk/register/{id}": "/desk/register/{registered}",
    "/desk/reports/{id:[0-9]{1,10}}": "/desk/reports/1",
    "/desk/rewards/of/{no}": "/desk/rewards/of/{reward}",
    "/desk/signals/{number:[0-9]{1,18}}": "/desk/signals/1",
    "/desk/topics/{id:[0-9]{1,10}}": "/desk/topics/{topic}",
}
LISTS = (
    "/desk/contacts",
    "/desk/incidents", "/desk/parties", "/desk/topics", "/desk/reports", "/desk/rewards", "/desk/trends",
    "/desk/signals", "/desk/bulk",
)  # fmt: skip


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough: what differs is tested below the browser."""
    return sqlite_db


@pytest.fixture
def deps(deps: Deps, tmp_path: Path) -> Deps:
    keys = SecretStr("7:" + base64.b64encode(bytes(range(32))).decode())
    return replace(deps, settings=Settings(files_dir=tmp_path / "files", reward_keys=keys, reward_hash_kib=8))


def test_every_page_of_one_thing_is_walked() -> None:
    paths = {one.route.path for one in routes() if one.route.method == "GET" and "{" in one.route.path}
    assert {path for path in paths if not NO_PAGES.search(path)} == ELSEWHERE | HERE.keys()


async def fill(deps: Deps) -> list[str]:
    """An incident, parties, topics, sums of trends and a candidate of a reward. Gives numbers of tickets."""
    await begun(deps)
    party = TicketIn(party="北京绿泉餐饮有限公司")
    numbers = await add_tickets(deps.db, *smells(ENOUGH), *GRILLS, *OILY, *ITEMS, party, party)
    await watching.watch(deps)
    await gathering.Gatherer(deps).catch_up()
    for level in TopicLevel:
        await finding.find(deps, level, now=NOW)
    while await refreshing.catch_up(deps):
        pass
    async with deps.db.writes.begin() as session:
        days = {"first_day": NOW.date(), "last_day": NOW.date(), "made_at": NOW}
        counts = {"windows": [5, 6, 7], "from": "2026-09-01", "to": "2026-11-22"}
        session.add(Signal(
            what="chronic", kind="NOI-01", district="110105", place="125-101", score=9.0, row_id="x",
            told={"numbers": counts, "why": ["由远到近 5、6、7 件。"]}, state="new", **days,
        ))  # fmt: skip
        reported = sa.update(Ticket).where(Ticket.no == numbers[-1])
        told = {"state": State.FEEDBACK.value, "kind": "WAT-02", "appeal_type": "举报"}
        await session.execute(reported.values(told))
    await clocking.tick(deps)
    typed = Typed(key="k", how="visit", text="望京北路的工地夜里还在打桩。", anonymous=True, number="BJ-7")
    form, _ = registration.check(typed, now=NOW)
    assert form is not None
    async with deps.db.writes.begin() as session:
        for key in ("k", "l"):
            await registering.register(session, deps, all_seeing("x"), replace(form, key=key), now=NOW)
    await patrolled(deps)
    return list(numbers)


async def patrolled(deps: Deps) -> None:
    """A report of an officer that waits to be read, by the one who walks the pages."""
    who = Person(Actor(Post.UNIT, "110105026", "maker"), "望京街道办事处 甲")
    wish = Report("k", "望京北路边上一堆垃圾没有人清。", "望京北路")
    async with deps.db.writes.begin() as session:
        await reporting.report(session, deps, all_seeing("maker"), wish, who, photos=Photos(), now=NOW)


async def make(client: Client, numbers: list[str]) -> None:
    """A bulk job and a report, as a person makes them."""
    street = {"post": "unit", "unit": "望京街道办事处", "name": "甲"}
    job = await client.post("/api/v1/bulk", json={"move": "sign", "as": street, "tickets": numbers[:3]})
    assert job.status == 201
    page = await (await client.get("/desk/reports")).text()
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    for phone in ("010-84123456", "84123457 转 801"):
        entry = await (await client.get("/desk/contacts/110105026")).text()
        seen = re.findall(r'name="seen" value="(\d*)"', entry)[0]
        said = {"token": token, "seen": seen, "duty_phone": phone, "steward": "张三"}
        assert (await client.post("/desk/contacts/110105026", data=said)).status == 200
    report = {"token": token, "kind": "monthly", "period": "2026-10"}
    assert (await client.post("/desk/reports/draft", data=report)).status == 200


async def of_a_citizen(page: Page, axe: Axe) -> list[str]:
    """The receipt of a report, and the case that its number and code open."""
    await page.goto("/citizen/report")
    await page.locator("#text").fill("望京北路的工地每天夜里十二点还在打桩，吵得睡不着。")
    await page.locator("#place").fill("朝阳区望京街道望京北路12号院")
    await page.get_by_text("匿名").first.click()
    await page.locator("main .button").click()
    receipt, code = [await page.locator(".number").nth(at).inner_text() for at in (0, 1)]
    told = await faults(page, axe, "/citizen/done")
    await page.goto("/citizen/track")
    await page.locator("[name=number]").fill(receipt)
    await page.locator("[name=secret]").fill(code)
    await page.locator("main .button").first.click()
    await page.wait_for_url("**/citizen/case")
    return told + await faults(page, axe, "/citizen/case")


def of_channel(channel: Channel) -> sa.Select[int | None]:
    return sa.select(sa.func.max(Appeal.id)).where(Appeal.channel == channel.value)


async def test_every_page_with_rows_is_within_reach_of_everyone(deps: Deps) -> None:
    numbers = await fill(deps)
    async with deps.db.reads() as session:
        known = {
            "party": await session.scalar(sa.select(sa.func.min(Party.id))),
            "topic": await session.scalar(sa.select(sa.func.min(Topic.id))),
            "reward": await session.scalar(sa.select(Reward.no)),
            "registered": await session.scalar(of_channel(Channel.VISIT)),
            "patrolled": await session.scalar(of_channel(Channel.PATROL)),
        }
    assert all(known.values())
    paths = [*LISTS, *(path.format(**known) for path in HERE.values())]
    cookies = {signed_in.COOKIE: await signed_in.sign_in(deps, login="maker")}
    axe, told = Axe(), []
    async with (
        TestClient(TestServer(make_app(deps)), cookies=cookies) as client,
        async_playwright() as playwright,
    ):
        await make(client, numbers)
        chromium = await playwright.chromium.launch(
            executable_path=browser.executable(), args=list(browser.FLAGS)
        )
        address = await signed_in.Address.of(client.server, deps)
        for size in WIDTHS:
            context = await chromium.new_context(
                viewport=size,  # type: ignore[arg-type]
                locale="zh-CN",
                base_url=address,
            )
            await signed_in.enter(context, address)
            page = await context.new_page()
            for path in paths:
                answer = await page.goto(path)
                assert answer is not None
                assert answer.status == 200, path
                told += [f"{size['width']} {fault}" for fault in await faults(page, axe, path)]
            told += [f"{size['width']} {fault}" for fault in await of_a_citizen(page, axe)]
            await context.close()
        await chromium.close()
    assert not told, "\n".join(told)
