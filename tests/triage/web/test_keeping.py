"""经办人 on the pages: pressed without a script, shown in list, 到期清单 and map; who is offered it; JSON."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestClient

from models.staff import Account
from models.units import Staff
from models.vocab import State
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from tests.signed_in import COOKIE, add_person, session_for
from tests.triage.web.problem import assert_problem

if TYPE_CHECKING:
    from aiohttp.test_utils import TestServer

    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

WANGJING, ECOLOGY = "110105026", "110105-ecology"


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages; the service is tested on both."""
    return sqlite_db


@pytest.fixture
async def no(db: Database) -> str:
    (number,) = await add_tickets(db, TicketIn(assist=(ECOLOGY,), due=timedelta(hours=3)))
    return str(number)


@pytest.fixture
async def officer(client_of: ClientOf, no: str) -> Client:
    assert no
    return await client_of(Role.STREET, unit=WANGJING, login="li")


async def text(client: Client, address: str) -> str:
    return await (await client.get(address)).text()


async def press(client: Client, no: str, page: str = "", **said: str) -> tuple[int, str, str]:
    """Send the box as it stands in a page: status, place, page of the answer."""
    page = page or await text(client, f"/desk/tickets/{no}")
    form = re.findall(r'<form class="keeper".*?</form>', page, re.DOTALL)[0]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    answer = await client.post(f"/desk/tickets/{no}/keeper", data={**hidden, **said}, allow_redirects=False)
    return answer.status, answer.headers.get("Location", ""), await answer.text()


async def test_one_press_takes_it_and_it_stands_wherever_the_unit_looks(officer: Client, no: str) -> None:
    page = await text(officer, f"/desk/tickets/{no}")
    assert ("经办人：<b>没有</b>" in page, "我来办</button>" in page, "放下</button>" in page) == (
        True,
        True,
        False,
    )
    assert re.search(r"我经办的</span><b>0</b>", await text(officer, "/desk"))
    status, place, _ = await press(officer, no, page, keeping="take")
    assert (status, place) == (303, f"/desk/tickets/{no}?done=keeper-take")
    page = await text(officer, place)
    assert ("您来办" in page, "经办人：<b>我</b>" in page, "放下</button>" in page) == (True, True, True)
    for address in ("/desk", "/desk?mine=1", "/desk/due", "/desk/due?mine=1", f"/desk/map?unit={WANGJING}"):
        assert "经办 li" in await text(officer, address)
    page = await text(officer, "/desk?mine=1")
    assert (no in page, re.search(r"我经办的</span><b>1</b>", page) is not None) == (True, True)
    status, place, _ = await press(officer, no, keeping="let_go")
    assert (status, place) == (303, f"/desk/tickets/{no}?done=keeper-let_go")
    assert no not in await text(officer, "/desk?mine=1")
    assert no not in await text(officer, "/desk/due?mine=1")


async def test_whoever_presses_second_reads_who_has_it_and_can_still_take_it_over(
    officer: Client, client_of: ClientOf, no: str
) -> None:
    colleague = await client_of(Role.STREET, unit=WANGJING, login="wang")
    page = await text(colleague, f"/desk/tickets/{no}")
    await press(officer, no, keeping="take")
    status, _, told = await press(colleague, no, page, keeping="take")
    assert (status, "li已在经办这张工单" in told, "改由我来办" in told) == (409, True, True)
    assert (await press(colleague, no, told, keeping="take"))[0] == 303
    assert "经办人：<b>我</b>" in await text(colleague, f"/desk/tickets/{no}")


async def test_it_is_given_to_a_colleague_from_the_list(officer: Client, deps: Deps, no: str) -> None:
    number = await add_person(deps, "wang", (Role.STREET, WANGJING), name="<王>五")
    await add_person(deps, "shen", (Role.BUREAU, ECOLOGY), name="沈六")
    page = await text(officer, f"/desk/tickets/{no}")
    assert f'<option value="{number}">&lt;王&gt;五</option>' in page
    assert "沈六" not in page
    status, place, _ = await press(officer, no, keeping="give", to=str(number))
    assert (status, place) == (303, f"/desk/tickets/{no}?done=keeper-give")
    page = await text(officer, place)
    assert ("不另外通知" in page, "<b>&lt;王&gt;五</b>" in page, "li交办" in page) == (True, True, True)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"keeping": "give"}, "请从本单位的承办人里选一位"),
        ({"keeping": "give", "to": "999999"}, "这个账号不是，或已停用"),
        ({"keeping": "give", "to": "九"}, "to 应是账号编号"),
        ({"keeping": "keep"}, "keeping 只能是"),
        ({}, "keeping 只能是"),
        ({"keeping": "take", "seen": "9" * 400}, "seen 应是账号编号"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_done(
    officer: Client, no: str, said: dict[str, str], words: str
) -> None:
    status, _, page = await press(officer, no, **said)
    assert (status, words in page) == (400, True)
    assert "经办人：<b>没有</b>" in await text(officer, f"/desk/tickets/{no}")


@pytest.mark.parametrize(
    ("role", "unit", "status"),
    [
        (Role.CLERK, None, 403),
        (Role.SUPERVISOR, None, 403),
        (Role.BUREAU, "110105", 403),
        (Role.STREET, "110108010", 404),
    ],
)
async def test_nobody_else_is_offered_it(  # noqa: PLR0917
    officer: Client, client_of: ClientOf, no: str, role: Role, unit: str | None, status: int
) -> None:
    await press(officer, no, keeping="take")
    client = await client_of(role, unit=unit, login="else")
    assert 'class="keeper"' not in await text(client, f"/desk/tickets/{no}")
    answer = await client.post(f"/api/v1/tickets/{no}/keeper", json={"keeping": "let_go", "seen": None})
    assert answer.status == status
    assert "经办人：<b>我</b>" in await text(officer, f"/desk/tickets/{no}")


async def test_who_sees_the_case_reads_the_name_as_in_its_record(
    officer: Client, client_of: ClientOf, no: str
) -> None:
    await press(officer, no, keeping="take")
    clerk = await client_of(Role.CLERK, login="clerk")
    assert "经办 li" in await text(clerk, f"/desk/tickets/{no}")
    page = await text(clerk, "/desk")
    assert ("经办 li" in page, "我经办的" in page) == (True, False)


async def test_of_a_closed_case_nothing_is_offered(officer: Client, db: Database) -> None:
    (closed,) = await add_tickets(db, TicketIn(state=State.CLOSED, due=None))
    page = await text(officer, f"/desk/tickets/{closed}")
    assert ("经办人：<b>没有</b>" in page, "我来办</button>" in page) == (True, False)
    status, _, page = await press(officer, closed, page, keeping="take")
    assert (status, "不再定经办人" in page) == (422, True)


async def test_json(officer: Client, deps: Deps, no: str) -> None:
    number = await add_person(deps, "wang", (Role.STREET, WANGJING), name="王五")
    address = f"/api/v1/tickets/{no}/keeper"
    (box,) = (await (await officer.get(address)).json())["units"]
    assert (box["unit"], box["seen"], box["mine"]) == (WANGJING, None, False)
    assert box["colleagues"] == [{"account": number, "label": "王五"}]
    answer = await officer.post(address, json={"keeping": "give", "seen": None, "to": number})
    assert await answer.json() == {
        "no": no, "unit": WANGJING, "account": number, "name": "王五", "repeated": False,
    }  # fmt: skip
    whole = await (await officer.get(f"/api/v1/tickets/{no}")).json()
    assert {unit["code"]: (unit["keeper"] or {}).get("name") for unit in whole["units"]} == {
        WANGJING: "王五", ECOLOGY: None, "110105": None,
    }  # fmt: skip
    listed = await (await officer.get("/api/v1/tickets?mine=0")).json()
    assert [item["keeper"] for item in listed["items"]] == ["王五"]
    assert (await (await officer.get("/api/v1/tickets?mine=1")).json())["items"] == []
    answer = await officer.post(address, json={"keeping": "take", "seen": None})
    await assert_problem(answer, 409, "keeper_changed", "王五已在经办")
    await assert_problem(await officer.post(address, json={"keeping": "take"}), 400, "bad_input", "缺 seen")
    for wrong in (True, "1.0", 0, -1, 2**40, [1]):
        answer = await officer.post(address, json={"keeping": "take", "seen": wrong})
        await assert_problem(answer, 400, "bad_input", "seen")
    answer = await officer.post(address, json={"keeping": "take", "seen": number, "unit": ECOLOGY})
    await assert_problem(answer, 403, "not_of_the_unit", "单位")


async def test_given_by_one_of_the_same_name_it_was_given(officer: Client, deps: Deps, no: str) -> None:
    await press(officer, no, keeping="take")
    assert "交办" not in await text(officer, f"/desk/tickets/{no}")
    number = await add_person(deps, "li2", (Role.STREET, WANGJING), name="li")
    status, place, _ = await press(officer, no, keeping="give", to=str(number))
    assert (status, "li交办" in await text(officer, place)) == (303, True)


async def test_that_an_account_is_disabled_is_told_to_its_own_unit_alone(
    officer: Client, client_of: ClientOf, db: Database, no: str
) -> None:
    await press(officer, no, keeping="take")
    colleague = await client_of(Role.STREET, unit=WANGJING, login="wang")
    others = [await client_of(Role.CLERK, login="clerk"), await client_of(Role.BUREAU, unit=ECOLOGY)]

    async def told(client: Client) -> object:
        whole = await (await client.get(f"/api/v1/tickets/{no}")).json()
        (lead,) = [unit["keeper"] for unit in whole["units"] if unit["code"] == WANGJING]
        return lead and (lead["name"], lead["gone"])

    assert [await told(client) for client in (colleague, *others)] == [("li", None)] * 3
    async with db.writes.begin() as session:
        li = sa.select(Staff.id).where(Staff.login == "li").scalar_subquery()
        await session.execute(sa.update(Account).where(Account.staff_id == li).values(disabled_at=NOW))
    assert await told(colleague) == ("li", "账号已停用")
    assert [await told(client) for client in others] == [None, None]
    assert "停用" in await text(colleague, f"/desk/tickets/{no}")
    assert "停用" not in await text(others[0], f"/desk/tickets/{no}")


async def test_what_one_deals_with_is_exported_and_nothing_in_confidence(
    server: TestServer, deps: Deps, no: str
) -> None:
    (hidden,) = await add_tickets(deps.db, TicketIn(assist=(ECOLOGY,), confidential=True))
    both = await add_person(deps, "shen", (Role.SUPERVISOR, None), (Role.BUREAU, ECOLOGY))
    async with TestClient(server, cookies={COOKIE: await session_for(deps, both)}) as client:
        for one in (no, hidden):
            assert (await press(client, one, keeping="take"))[0] == 303
        listed = await text(client, "/desk?mine=1")
        assert (no in listed, hidden in listed) == (True, True)
        answer = await client.get("/desk/list.csv?mine=1")
        page = await answer.text()
        assert (answer.status, no in page, hidden in page) == (200, True, False)
        searched = await (await client.get("/desk/list.csv?mine=1&q=工地")).text()
        assert (no in searched, hidden in searched) == (True, False)
