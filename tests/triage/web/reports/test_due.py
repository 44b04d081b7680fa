"""到期清单: every clock in the window has its line, whose they are, calls among them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from models.filters import all_seeing
from models.vocab import Move, Post
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from triage.rules.moves import Actor
from triage.services import due_lists, moving, reference
from triage.services.due_lists import Window
from triage.services.moving import Person, Wish

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

VIEWER = all_seeing("local")
STREET = Person(Actor(Post.UNIT, "110105026", "unit.wangjing"), "望京街道办事处")
WIDE = timedelta(days=9)


@pytest.fixture
async def numbers(deps: Deps) -> list[str]:
    made = await add_tickets(
        deps.db,
        TicketIn(age=timedelta(hours=1), due=timedelta(days=7) - timedelta(hours=1)),
        TicketIn(unit="110108010", district="110108", age=timedelta(hours=1), due=timedelta(days=6)),
    )
    await reference.sync(deps)
    # Their own first move tells the clocks to the rows.
    for no, unit in zip(made, ("110105026", "110108010"), strict=True):
        person = Person(Actor(Post.UNIT, unit, f"unit.{unit}"), unit)
        async with deps.db.writes.begin() as session:
            wish = Wish(no, Move.SIGN, {}, 1, "k")
            await moving.make(session, deps.tables, VIEWER, person, wish, now=NOW)
    return made


async def listed(deps: Deps, within: timedelta, **whose: str) -> due_lists.DueList:
    async with deps.db.reads() as session:
        window = Window(whose.get("unit"), whose.get("district"), NOW, within)
        return await due_lists.due_list(session, deps.tables, VIEWER, window, clock=whose.get("clock"))


async def test_each_running_clock_in_the_window_has_its_line(deps: Deps, numbers: list[str]) -> None:
    found = await listed(deps, WIDE, unit="110105026")
    assert [(line.no, line.label) for line in found.lines] == [
        (numbers[0], "首次联系时限"), (numbers[0], "办理时限")
    ]  # fmt: skip
    assert found.counts == (("contact", "首次联系时限", 1), ("answer", "办理时限", 1))
    soon = await listed(deps, timedelta(hours=24), district="110105")
    assert [line.label for line in soon.lines] == ["首次联系时限"]
    assert len((await listed(deps, WIDE)).lines) == 4
    assert {line.no for line in (await listed(deps, WIDE, clock="answer")).lines} == set(numbers)


async def test_a_unit_called_in_has_its_own_line_until_it_reports(deps: Deps, numbers: list[str]) -> None:
    called = {"assist": ["110105-water"], "until": "2026-11-24T12:00", "reason": "排口归属要会商"}
    water = Person(Actor(Post.UNIT, "110105-water", "unit.water"), "朝阳区水务局")
    for person, move, version, values in ((STREET, Move.WHISTLE, 2, called),):
        async with deps.db.writes.begin() as session:
            wish = Wish(numbers[0], move, values, version, f"{move}")
            await moving.make(session, deps.tables, VIEWER, person, wish, now=NOW)
    found = await listed(deps, WIDE, unit="110105-water")
    assert [(line.no, line.label, line.unit) for line in found.lines] == [
        (numbers[0], "报到时限", "朝阳区水务局")
    ]  # fmt: skip
    async with deps.db.writes.begin() as session:
        wish = Wish(numbers[0], Move.REPORT_IN, {"note": "已到场会商"}, 3, "report")
        await moving.make(session, deps.tables, VIEWER, water, wish, now=NOW + timedelta(hours=1))
    assert (await listed(deps, WIDE, unit="110105-water")).lines == ()


async def test_a_unit_called_in_has_none_once_the_ticket_is_answered(deps: Deps, numbers: list[str]) -> None:
    """It may report in no more: 工单现在是“待回访”."""
    called = {"assist": ["110105-water"], "until": "2026-11-24T12:00", "reason": "排口归属要会商"}
    reached = {"outcome": "reached", "told_citizen": "phone"}
    answer = {"note": "已清运完毕", "attachment": "照片 1 号", "told_citizen": "phone"}
    made: tuple[tuple[Move, dict[str, Any]], ...] = (
        (Move.WHISTLE, called),
        (Move.CONTACT, reached),
        (Move.FEEDBACK, answer),
    )
    for version, (move, values) in enumerate(made, start=2):
        async with deps.db.writes.begin() as session:
            wish = Wish(numbers[0], move, values, version, f"{move}")
            await moving.make(
                session, deps.tables, VIEWER, STREET, wish, now=NOW + timedelta(minutes=version)
            )
    assert (await listed(deps, WIDE, unit="110105-water")).lines == ()


async def test_the_page_for_a_unit_a_district_and_a_clock(client: Client, numbers: list[str]) -> None:
    page = await (await client.get("/desk/due?hours=168&unit=望京街道办事处")).text()
    assert '到期清单 <small class="muted">望京街道办事处</small>' in page
    assert re.findall(r'class="clocktag">([^<]+)<', page) == ["首次联系时限", "办理时限"]
    assert numbers[1] not in page
    district = await (await client.get("/desk/due?hours=168&district=110108&clock=answer")).text()
    assert re.findall(r'class="clocktag">([^<]+)<', district) == ["办理时限"]
    assert "按承办单位" in await (await client.get("/desk/due?hours=168")).text()


async def test_each_clock_shows_its_first_lines_and_pages_the_rest_unit_by_unit(
    client: Client, deps: Deps
) -> None:
    made = await add_tickets(
        deps.db,
        *(TicketIn(age=timedelta(hours=30), due=timedelta(minutes=n + 1)) for n in range(45)),
        TicketIn(unit="110108010", district="110108", age=timedelta(hours=30), due=timedelta(minutes=3)),
    )
    await reference.sync(deps)
    whole = await (await client.get("/desk/due")).text()
    answer = whole.partition("办理时限</span>")[2].partition("</section>")[0]
    assert re.findall(r"/desk/tickets/([\d-]+)", answer) == [*made[:3], *made[3:5], made[45]]
    assert "全部 46 条办理时限" in answer
    first = await (await client.get("/desk/due?clock=answer")).text()
    assert re.findall(r"/desk/tickets/([\d-]+)", first) == made[:40]
    assert "第 1 页，共 2 页" in first
    second = await (await client.get("/desk/due?clock=answer&page=2")).text()
    assert re.findall(r"/desk/tickets/([\d-]+)", second) == made[40:]
    assert re.findall(r'scope="rowgroup">(\S+) <small class="muted">(\d+)', second) == [
        ("望京街道办事处", "45"), ("学院路街道办事处", "1")
    ]  # fmt: skip
    beyond = await (await client.get("/desk/due?clock=answer&page=9")).text()
    assert "第 2 页，共 2 页" in beyond


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("clock=nonsense", "参数 clock 只能是"),
        ("hours=5", "参数 hours 只能是"),
        ("unit=nobody", "参数 unit 不是"),
        ("district=999999", "参数 district 不是"),
        ("page=0", "参数 page 应是"),
        ("extra=1", "不认识的参数：extra"),
    ],
)
async def test_a_bad_address_is_told_by_name(client: Client, query: str, words: str) -> None:
    response = await client.get(f"/desk/due?{query}")
    assert response.status == 400
    assert words in await response.text()


@pytest.mark.usefixtures("numbers")
async def test_who_sees_a_part_of_the_city_is_not_told_that_it_is_all(
    client: Client, client_of: ClientOf
) -> None:
    street = await client_of(Role.STREET, unit="110105026")
    mine, city = [await (await one.get("/desk/due?hours=168")).text() for one in (street, client)]
    assert "与我们有关的全部" in mine
    assert "全市" not in mine
    assert "全市" in city
