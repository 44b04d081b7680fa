"""Picking a place for a ticket: by the list, by a click, in a browser; and the dictionary's page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from models.appeals import Reading
from models.corrections import Correction
from models.site_places import SitePlace
from models.tickets import Ticket
from models.vocab_staff import Role
from tests import signed_in
from tests.factories import TicketIn, add_tickets
from triage.services import reference
from triage.web import communities, site_places
from triage.web.app import make_app
from triage.web.guard import FIELD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

WANGJING, DONGHU = "110105026", "110105043"
TEXT = "朝阳区鹊桥大院西边每天夜里有人烧烤，烟很大，请来看看。"


def candidate(code: str, name: str, *why: str) -> dict[str, object]:
    return {"code": code, "name": name, "text": "鹊桥大院", "score": 1, "confidence": 0.4, "why": [*why]}


CANDIDATES = [
    candidate("110105026", "朝阳区望京街道", "也是常用词"),
    candidate("110108017", "海淀区清河街道"),
]


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    return sqlite_db


@pytest.fixture
async def no(db: Database, deps: Deps) -> str:
    """A ticket whose place was left to a person, with two candidates."""
    (number,) = await add_tickets(db, TicketIn(title=None, text=TEXT, street=None))
    await reference.sync(deps)
    async with db.writes.begin() as session:
        place = {"span": None, "candidates": CANDIDATES}
        await session.execute(sa.update(Reading).values(detail={"place": place}, street_code=None))
    return str(number)


async def token(client: Client, no: str) -> str:
    page = await (await client.get(f"/desk/tickets/{no}")).text()
    found = re.search(rf'name="{FIELD}" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def send(client: Client, no: str, **said: str) -> int:
    form = {FIELD: await token(client, no), **said}
    response = await client.post(f"/desk/tickets/{no}/place", data=form, allow_redirects=False)
    return response.status


async def kept(db: Database) -> tuple[list[str], list[tuple[str, str, int]]]:
    async with db.reads() as session:
        said = await session.scalars(sa.select(Correction.new).order_by(Correction.id))
        rows = await session.execute(sa.select(SitePlace.phrase, SitePlace.code, SitePlace.picks))
        return list(said), [(phrase, code, picks) for phrase, code, picks in rows]


async def test_a_candidate_is_picked_and_its_phrase_counted(client: Client, db: Database, no: str) -> None:
    assert await send(client, no, place=WANGJING, phrase="鹊桥大院") == 303
    assert await kept(db) == ([WANGJING], [("鹊桥大院", WANGJING, 1)])
    page = await (await client.get(f"/desk/tickets/{no}")).text()
    assert "望京街道办事处</b>" in page


async def test_a_street_is_picked_from_the_list(client: Client, db: Database, no: str) -> None:
    assert await send(client, no, place="street", street=DONGHU, phrase="") == 303
    assert await kept(db) == ([DONGHU], [])


async def test_a_click_keeps_its_point(client: Client, db: Database, no: str) -> None:
    said = {
        "place": f"map-{WANGJING}",
        "lon": "116.4701",
        "lat": "39.9965",
        "phrase": "鹊桥大院",
        "always": "1",
    }
    assert await send(client, no, **said) == 303
    async with db.reads() as session:
        row = (await session.scalars(sa.select(SitePlace))).one()
    assert (row.lon, row.lat, row.always) == (116.4701, 39.9965, True)


async def test_a_pick_moves_the_case_on_the_map_and_is_taken_back_there(client: Client, no: str) -> None:
    async def of(district: str) -> bool:
        return no in await (await client.get(f"/desk/map?district={district}")).text()

    offer = "撤销更正，恢复识别结果"
    assert offer not in await (await client.get(f"/desk/tickets/{no}")).text()
    assert await send(client, no, place="street", street="110108017", phrase="") == 303
    assert (await of("110105"), await of("110108")) == (False, True)
    assert offer in await (await client.get(f"/desk/tickets/{no}")).text()
    assert await send(client, no, place="as_read") == 303
    assert (await of("110105"), await of("110108")) == (True, False)
    assert offer not in await (await client.get(f"/desk/tickets/{no}")).text()


async def test_a_community_of_the_same_street_is_shown_as_the_place_and_taken_back(
    client: Client, db: Database, no: str
) -> None:
    async def shown() -> tuple[str, str]:
        page = await (await client.get(f"/desk/tickets/{no}")).text()
        told = re.search(r"<dt>现用地点</dt><dd>(.*?)</dd>", page)
        said = re.search(r'<section class="panel c-correct".*?</section>', page, re.DOTALL)
        assert said is not None
        return told[1] if told else "", said[0]

    async with db.writes.begin() as session:
        await session.execute(sa.update(Reading).values(street_code=WANGJING))
        await session.execute(sa.update(Ticket).values(street_code=WANGJING))
    community, name = "110105026038", communities.name("110105026038")
    assert (await shown())[0] == ""
    assert await send(client, no, place=community) == 303
    place, said = await shown()
    assert place.startswith(f"朝阳区 望京街道 {name}")
    assert f"→ <b>望京街道办事处 {name}</b>" in said
    told = await (await client.get(f"/api/v1/tickets/{no}")).json()
    assert told["place"]["community"] == {"code": community, "label": name}
    assert name in await (await client.get(f"/desk/review/{no}")).text()
    assert await send(client, no, place="as_read") == 303
    assert (await shown())[0] == ""


@pytest.mark.parametrize(("street", "name"), [("110108017", "海淀区清河街道"), ("110105999", "110105999")])
async def test_the_way_back_names_what_was_read(
    client: Client, db: Database, no: str, street: str, name: str
) -> None:
    """Not the first candidate, nor another where the gazetteer no longer knows the code."""
    async with db.writes.begin() as session:
        await session.execute(sa.update(Reading).values(street_code=street))
    page = await (await client.get(f"/desk/tickets/{no}")).text()
    assert f"撤销更正，恢复识别结果：{name}" in page


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"place": "999999"},
        {"place": WANGJING, "phrase": "没有这句"},
        {"place": f"map-{WANGJING}", "lon": "nan", "lat": "1"},
        {"place": f"map-{WANGJING}", "lon": "东", "lat": "1"},
        {"place": f"map-{WANGJING}", "lon": "1e308", "lat": "1"},
        {"place": f"map-{WANGJING}", "lon": "121.47", "lat": "31.23"},
        {"place": f"map-{WANGJING}", "lon": "116.4701"},
        {"place": "map-110108017", "lon": "116.4701", "lat": "39.9965"},
    ],
)
async def test_what_is_wrong_is_refused(client: Client, db: Database, no: str, said: dict[str, str]) -> None:
    assert await send(client, no, **said) == 400
    assert await kept(db) == ([], [])


async def test_a_form_of_another_site_is_refused(client: Client, db: Database, no: str) -> None:
    response = await client.post(f"/desk/tickets/{no}/place", data={"place": WANGJING})
    assert response.status == 403
    assert await kept(db) == ([], [])


async def test_a_point_says_what_lies_there(client: Client) -> None:
    found = await (await client.get("/desk/places/at?lon=116.4701&lat=39.9965")).json()
    assert found["district"]["name"] == "朝阳区"
    assert len(found["streets"]) == 3
    outside = await (await client.get("/desk/places/at?lon=121.47&lat=31.23")).json()
    assert outside["district"] is None


@pytest.mark.parametrize("query", ["", "lon=116", "lon=x&lat=1", "lon=1&lat=2&z=3"])
async def test_a_point_that_is_none_is_refused(client: Client, query: str) -> None:
    assert (await client.get(f"/desk/places/at?{query}")).status == 400


async def test_the_map_holds_sixteen_borders_and_the_centres_of_streets(client: Client) -> None:
    response = await client.get("/desk/places/map.json")
    assert response.content_type == "application/geo+json"
    kinds = [item["geometry"]["type"] for item in (await response.json(content_type=None))["features"]]
    assert kinds.count("MultiPolygon") == 16
    assert kinds.count("Point") > 300


async def test_the_dictionary_lists_and_revokes(client: Client, db: Database, no: str) -> None:
    assert "还没有点选过地点" in await (await client.get("/desk/places")).text()
    await send(client, no, place=WANGJING, phrase="鹊桥大院", always="1")
    page = await (await client.get("/desk/places")).text()
    assert "鹊桥大院" in page
    assert "已生效" in page
    async with db.reads() as session:
        number = (await session.scalars(sa.select(SitePlace.id))).one()
    form = {FIELD: await token(client, no), "id": str(number)}
    assert (await client.post("/desk/places/revoke", data=form, allow_redirects=False)).status == 303
    assert "已撤销" in await (await client.get("/desk/places")).text()
    assert (await client.post("/desk/places/revoke", data=form)).status == 404
    form["id"] = "甲"
    assert (await client.post("/desk/places/revoke", data=form)).status == 400


async def test_the_dictionary_is_paged_and_a_page_leads_back_to_itself(
    client: Client, db: Database, no: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_places, "LISTED", 1)
    await send(client, no, place=WANGJING, phrase="鹊桥大院", always="1")
    (other,) = await add_tickets(db, TicketIn(title=None, text=TEXT, street=None))
    await send(client, other, place="street", street=DONGHU, phrase="鹊桥大院")
    first, second = [await (await client.get(f"/desk/places{page}")).text() for page in ("", "?page=2")]
    # One of them is on another page, and stands in the way there as well.
    assert [page.count("有不同的点选，不采用") for page in (first, second)] == [1, 1]
    assert 'href="/desk/places?page=2">下一页' in first
    assert 'href="/desk/places">上一页' in second
    assert "下一页" not in second
    statuses = [(await client.get(f"/desk/places?page={page}")).status for page in ("3", "0", "x")]
    assert statuses == [404, 400, 400]
    (number,) = re.findall(r'name="id" value="(\d+)"', second)
    form = {FIELD: await token(client, no), "id": number, "page": "2"}
    answer = await client.post("/desk/places/revoke", data=form, allow_redirects=False)
    assert answer.headers["Location"] == "/desk/places?done=1&page=2"


async def test_a_clerk_of_a_district_reads_the_dictionary_and_decides_nothing_of_it(
    client: Client, client_of: ClientOf, db: Database, no: str
) -> None:
    await send(client, no, place=WANGJING, phrase="鹊桥大院", always="1")
    away = await client_of(Role.CLERK, unit="110105")
    page = await (await away.get("/desk/places")).text()
    assert "鹊桥大院" in page
    assert "/desk/places/revoke" not in page
    ticket = await (await away.get(f"/desk/tickets/{no}")).text()
    assert "更正地点" in ticket
    assert 'name="always"' not in ticket
    async with db.reads() as session:
        number = (await session.scalars(sa.select(SitePlace.id))).one()
    form = {FIELD: await token(away, no), "id": str(number)}
    answer = await away.post("/desk/places/revoke", data=form)
    assert (answer.status, "全市共用" in await answer.text()) == (403, True)
    assert await send(away, no, place=WANGJING, phrase="鹊桥大院", always="1") == 403
    assert await send(away, no, place=WANGJING, phrase="鹊桥大院") == 303


@pytest.fixture
async def address(deps: Deps) -> AsyncIterator[signed_in.Address]:
    async with TestServer(make_app(deps)) as server:
        yield await signed_in.Address.of(server, deps)


@pytest.fixture(params=[(1280, True), (390, True), (390, False)])
async def page(
    request: pytest.FixtureRequest, chromium: Browser, address: signed_in.Address
) -> AsyncIterator[Page]:
    """A page at both widths, and without scripts; it fails the test on any fault or request to elsewhere."""
    width, scripts = request.param
    context = await chromium.new_context(
        viewport={"width": width, "height": 844},
        locale="zh-CN",
        base_url=address,
        java_script_enabled=scripts,
    )
    await signed_in.enter(context, address)
    found = await context.new_page()
    faults: list[str] = []
    found.on("console", lambda said: faults.extend([said.text] * (said.type in {"error", "warning"})))
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.on("request", lambda sent: faults.extend([sent.url] * (not sent.url.startswith(address))))
    yield found
    await context.close()
    assert faults == []


async def test_the_list_alone_is_enough(page: Page, db: Database, no: str) -> None:
    await page.goto(f"/desk/tickets/{no}")
    await page.locator("#pick-place summary").click()
    panel = page.locator("#pick-place")
    await expect(panel.locator("input[name=phrase]")).to_have_value("鹊桥大院")
    await panel.get_by_label("朝阳区望京街道").check()
    await panel.get_by_label("以后都这样").check()
    await panel.get_by_role("button", name="保存地点").click()
    await expect(page.locator("#moves")).to_contain_text("已更正地点")
    assert await kept(db) == ([WANGJING], [("鹊桥大院", WANGJING, 1)])


@pytest.mark.parametrize("page", [(1280, True), (390, True)], indirect=True)
async def test_a_click_on_the_map_offers_streets_by_distance(page: Page, db: Database, no: str) -> None:
    await page.goto(f"/desk/tickets/{no}")
    await page.locator("#pick-place summary").click()
    panel = page.locator("#pick-place")
    drawing = panel.locator("svg")
    await expect(drawing.locator(".border")).to_have_count(16)
    await expect(drawing.locator(".option")).to_have_count(3)  # the district that was read, and two more
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await drawing.scroll_into_view_if_needed()
    await drawing.click()  # the middle, between 望京 and 清河
    offered = panel.locator("[data-clicked] input")
    await expect(offered.first).to_be_checked()
    assert await offered.count() == 4
    await expect(drawing.locator(".clicked")).to_have_count(1)
    code = (await offered.first.input_value()).removeprefix("map-")
    await panel.get_by_role("button", name="保存地点").click()
    await expect(page.locator("#moves")).to_contain_text("已更正地点")
    assert await kept(db) == ([code], [("鹊桥大院", code, 1)])
