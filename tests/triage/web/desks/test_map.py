"""在办地图, 大字, 反馈模板."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from models.viewing import all_seeing
from models.vocab import Move, Post, State
from tests.factories import NOW, TicketIn, add_tickets
from triage.rules import snippet_rows
from triage.rules.fields import Refusal
from triage.rules.moves import Actor
from triage.services import moving, reference
from triage.services.moving import Person, Wish

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps


async def test_open_cases_stand_on_the_map_and_in_the_list(client: Client, deps: Deps) -> None:
    late, own, other, closed = await add_tickets(
        deps.db,
        TicketIn(due=timedelta(hours=-1)),
        TicketIn(),
        TicketIn(unit="110108010", district="110108"),
        TicketIn(state=State.CLOSED),
    )
    await reference.sync(deps)
    page = await (await client.get("/desk/map?unit=望京街道办事处")).text()
    assert re.findall(r"/desk/tickets/([\d-]+)", page) == [late, own]
    # Late ones have a shape and words of their own, not only a colour.
    assert 'aria-label="1 号地点，2 件，1 件已超期"><rect' in page
    # A place that was put right counts as well (tests/triage/services/test_placed.py).
    assert "位置取自识别或更正的地点" in page
    whole = await (await client.get("/desk/map")).text()
    assert (other in whole, closed in whole) == (True, False)
    for query, words in (("unit=x", "参数 unit"), ("district=x", "参数 district"), ("y=1", "不认识的参数")):
        bad = await client.get(f"/desk/map?{query}")
        assert (bad.status, words in await bad.text()) == (400, True)


async def test_whoever_assists_finds_the_case_on_the_map_and_a_copy_is_not_work(
    client: Client, deps: Deps
) -> None:
    (no,) = await add_tickets(deps.db, TicketIn(assist=("110105-ecology",), copies=("110105",)))
    await reference.sync(deps)
    for unit, found in (("朝阳区生态环境局", True), ("朝阳区人民政府", False)):
        assert (no in await (await client.get(f"/desk/map?unit={unit}")).text()) == found


async def test_a_district_keeps_on_its_map_what_its_street_leads(client: Client, deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, TicketIn(district="110108", street="110108017"))
    await reference.sync(deps)
    token = re.findall(r'name="token" value="([^"]+)"', await (await client.get("/desk/map")).text())[0]
    said = {"token": token, "post": "district", "unit": "110105", "back": "/desk/map"}
    page = await (await client.post("/desk/as", data=said)).text()
    assert (no in page, "朝阳区" in page) == (True, True)
    assert no not in await (await client.get("/desk/map?district=110105")).text()


async def test_large_type_is_kept_in_a_cookie_and_leads_back(client: Client) -> None:
    page = await (await client.get("/desk/due?hours=72")).text()
    assert '<html lang="zh-CN">' in page
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    for value, mark in (("1", '<html lang="zh-CN" class="large">'), ("0", '<html lang="zh-CN">')):
        answer = await client.post(
            "/desk/size", data={"token": token, "large": value, "back": "/desk/due?hours=72"}
        )
        assert (str(answer.url.relative()), mark in await answer.text()) == ("/desk/due?hours=72", True)
    for back in (
        "https://example.org/desk",
        "//example.org/desk",
        "/desk/../..",
        "/desk\\..",
        "/api/v1/tickets",
    ):
        answer = await client.post(
            "/desk/size", data={"token": token, "large": "0", "back": back}, allow_redirects=False
        )
        assert answer.headers["Location"] == "/desk"


async def test_without_a_script_no_answer_to_a_form_offers_to_leave_it(client: Client, handled: str) -> None:
    page = await (await client.get(f"/desk/tickets/{handled}")).text()
    assert re.findall(r'data-switch="(\w+)"( hidden)?', page) == [("large", ""), ("keys", "")]
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    form = {"token": token, "move": "feedback", "version": "99", "key": "k", "note": "已责令停工"}
    answer = await client.post(f"/desk/tickets/{handled}/moves", data=form)
    page = await answer.text()
    assert (answer.status, "已责令停工" in page) == (409, True)
    assert re.findall(r'data-switch="(\w+)"( hidden)?', page) == [("large", " hidden"), ("keys", " hidden")]
    # No address of a form alone, which has no page of its own.
    assert set(re.findall(r'name="back" value="([^"]+)"', page)) == {"/desk", f"/desk/tickets/{handled}"}


@pytest.fixture
async def handled(deps: Deps) -> str:
    """A ticket that waits for its unit's answer."""
    (no,) = await add_tickets(deps.db, TicketIn())
    await reference.sync(deps)
    for version, (move, values) in enumerate(
        ((Move.SIGN, {}), (Move.CONTACT, {"outcome": "reached", "told_citizen": "phone"})), start=1
    ):
        await made(deps, Wish(no, move, values, version, f"k{version}"))
    return no


async def made(deps: Deps, wish: Wish) -> None:
    street = Person(Actor(Post.UNIT, "110105026", "unit.wangjing"), "望京街道办事处")
    async with deps.db.writes.begin() as session:
        await moving.make(session, deps.tables, all_seeing("unit.wangjing"), street, wish, now=NOW)


async def test_a_template_is_offered_and_refused_while_it_is_one(
    client: Client, deps: Deps, handled: str
) -> None:
    await client.get("/desk")
    page = await (await client.get(f"/desk/tickets/{handled}")).text()
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    await client.post(
        "/desk/as",
        data={"token": token, "post": "unit", "unit": "110105026", "back": f"/desk/tickets/{handled}"},
    )
    page = await (await client.get(f"/desk/tickets/{handled}")).text()
    assert page.count("data-template=") == 4
    template = deps.tables.snippets.answers[0].text
    rest = {"attachment": "照片 1 号", "told_citizen": "phone"}
    for note, why in (
        (template, "原文"),
        (" ".join(template), "原文"),
        (template.replace("【什么事】", "夜间施工"), "【哪天几时】还没有填"),
    ):
        with pytest.raises(Refusal, match=why):
            await made(deps, Wish(handled, Move.FEEDBACK, {"note": note, **rest}, 3, "f"))
    own = "已于 11 月 22 日到场核实，情况属实，已要求停工并于次日复查【见照片】。"
    await made(deps, Wish(handled, Move.FEEDBACK, {"note": own, **rest}, 3, "f"))


def test_snippets_for_a_kind_come_before_those_for_all(deps: Deps) -> None:
    rows = snippet_rows.chosen(deps.tables.snippets.snippets, "NOI-03", NOW.date())
    assert rows[0].title == "空调外机、风机的声音"
    # Its law ended with 2026-08-14.
    assert "举报噪声有没有奖励" not in {row.title for row in rows}
    assert {row.kinds for row in rows[1:]} == {()}
