"""来电查件 without a script: the box, its answer, the same as JSON; the phone in no address and no log."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest

from models.vocab import State
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests.factories import TicketIn
from tests.triage.services.test_callers import PHONE, cases, entries, merge
from tests.triage.web.problem import assert_problem
from triage.services import callers
from triage.services.callers import MOST

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

PAGE, API = "/desk/callers", "/api/v1/callers"


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages; the service is tested on both."""
    return sqlite_db


async def ask(client: Client, phone: str = PHONE, page: str = "/desk") -> tuple[int, str]:
    """Press 查来电 on a page: status and page of the answer."""
    blank = await (await client.get(page)).text()
    form = blank.partition('<form class="caller" method="post" action="/desk/callers"')[2]
    token = re.findall(r'name="token" value="([^"]+)"', form)[0]
    answer = await client.post(PAGE, data={"token": token, "phone": phone})
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status, await answer.text()


@pytest.mark.parametrize("role", [Role.CLERK, Role.FOLLOW_UP])
@pytest.mark.parametrize("page", ["/desk", PAGE])
async def test_who_has_callers_finds_their_cases(
    client_of: ClientOf, deps: Deps, role: Role, page: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = await cases(deps, TicketIn(), TicketIn(state=State.CLOSED, due=None))
    client = await client_of(role)
    with caplog.at_level(logging.DEBUG):
        status, text = await ask(client, " 138-0000 5678", page)
    assert (status, "这个电话有 2 件" in text) == (200, True)
    for words in (
        f'href="/desk/tickets/{first}"',
        second,
        "望京街道办事处",
        "已派单",
        "已办结",
        "夜间施工扰民",
    ):
        assert words in text
    assert PHONE not in caplog.text.replace("-", "").replace(" ", "")
    assert ("带上这个号码" in text) == (role is Role.CLERK)
    offered = f'href="/desk/tickets/{first}?move=urge#move-urge"' in text
    assert (offered, f"{second}?move=urge" in text) == (role is Role.CLERK, False)


async def test_the_urge_opens_its_form_on_the_ticket(client_of: ClientOf, deps: Deps) -> None:
    (no,) = await cases(deps, TicketIn())
    client = await client_of(Role.CLERK)
    page = await (await client.get(f"/desk/tickets/{no}?move=urge")).text()
    assert re.findall(r'<details class="move[^"]*" id="(move-\w+)"[^>]* open>', page) == ["move-urge"]
    # What cannot be done now, or is no move, opens what is opened otherwise.
    plain = re.findall(r'id="(move-\w+)"[^>]* open>', await (await client.get(f"/desk/tickets/{no}")).text())
    for other in ("archive", "x"):
        page = await (await client.get(f"/desk/tickets/{no}?move={other}")).text()
        assert re.findall(r'id="(move-\w+)"[^>]* open>', page) == plain


async def test_a_merged_case_says_what_it_is_handled_with(client: Client, deps: Deps) -> None:
    mine, head = await cases(deps, TicketIn(), TicketIn(state=State.HANDLING))
    await merge(deps, mine, head)
    _, text = await ask(client)
    line = next(one for one in text.split("<li>") if f'href="/desk/tickets/{mine}"' in one)
    assert f'并入 <a href="/desk/tickets/{head}"' in line
    assert "办理中" in line
    assert f'href="/desk/tickets/{head}?move=urge#move-urge"' in line


async def test_none_and_more_are_told(client: Client, deps: Deps) -> None:
    status, text = await ask(client)
    assert (status, "没有查到" in text, "带上这个号码" in text) == (200, True, True)
    await cases(deps, *[TicketIn()] * (MOST + 1))
    _, text = await ask(client)
    assert f"这个电话有 {MOST} 件以上" in text
    assert f"只列最近的 {MOST} 件" in text


@pytest.mark.parametrize(
    ("typed", "told"), [("", "请写来电号码"), ("12345", "电话号码不对"), ('"><script>', "电话号码不对")]
)
async def test_what_is_no_phone_is_told_at_the_box(client: Client, deps: Deps, typed: str, told: str) -> None:
    status, text = await ask(client, typed)
    assert status == 400
    assert told in text.partition('id="caller-fault">')[2].partition("</p>")[0]
    assert 'aria-describedby="caller-fault"' in text
    assert "<script>" not in text.partition("<body>")[2]
    assert "没有查到" not in text
    assert await entries(deps, LedgerAct.CALLER_LOOKED) == []


async def test_looking_too_often_is_told_and_nothing_else(client: Client, deps: Deps) -> None:
    await cases(deps, TicketIn())
    for _ in range(deps.tables.reveals.rate(deps.clock.now()).most):
        assert (await client.post(API, json={"phone": PHONE})).status == 200
    status, text = await ask(client)
    assert (status, "太频繁" in text, "这个电话有" in text) == (429, True, False)
    await assert_problem(await client.post(API, json={"phone": PHONE}), 429, "too_often", "太频繁")


async def test_a_number_has_no_place_in_an_address(client: Client) -> None:
    assert (await client.get(f"{PAGE}?phone={PHONE}")).status == 400
    assert (await client.get(API)).status == 405


@pytest.mark.parametrize(
    ("role", "unit"),
    [(Role.STREET, "110105026"), (Role.BUREAU, "110105-ecology"), (Role.SUPERVISOR, None),
     (Role.ANALYST, None), (Role.REWARD, None), (Role.ADMIN, None), (Role.AUDITOR, None)],
)  # fmt: skip
async def test_others_are_neither_offered_it_nor_let_in(
    client_of: ClientOf, deps: Deps, role: Role, unit: str | None
) -> None:
    await cases(deps, TicketIn())
    client = await client_of(role, unit=unit)
    assert PAGE not in await (await client.get("/desk")).text()
    assert (await client.get(PAGE)).status == 403
    assert (await client.post(PAGE, data={"phone": PHONE})).status == 403
    await assert_problem(await client.post(API, json={"phone": PHONE}), 403, "not_allowed", "权限")
    assert await entries(deps, LedgerAct.CALLER_LOOKED) == []


async def test_nobody_who_is_not_signed_in_and_no_foreign_form(stranger: Client, client: Client) -> None:
    await assert_problem(await stranger.post(API, json={"phone": PHONE}), 401, "not_signed_in", "登录")
    assert (await client.post(PAGE, data={"phone": PHONE})).status == 403


async def test_the_same_is_told_as_json(client_of: ClientOf, deps: Deps) -> None:
    (no,) = await cases(deps, TicketIn())
    client = await client_of(Role.CLERK)
    answer = await client.post(API, json={"phone": "+86 138 0000 5678"})
    assert answer.status == 200
    assert await answer.json() == {
        "cases": [
            {
                "appeal": 1, "ticket": no, "title": "夜间施工扰民",
                "kind": {"code": "NOI-01", "label": "建筑施工噪声(含夜间)"},
                "state": {"code": "dispatched", "label": "已派单"},
                "unit": {"code": "110105026", "label": "望京街道办事处"},
                "received_at": "2026-11-23T07:00:00Z", "merged_into": None, "urge": no,
            }
        ],
        "more": False,
    }  # fmt: skip
    (row,) = await entries(deps, LedgerAct.CALLER_LOOKED)
    assert row.origin is not None


@pytest.mark.parametrize("body", [{}, {"phone": 13800005678}, {"phone": "1"}, {"phone": None}])
async def test_a_bad_body_is_told_by_its_field(client: Client, body: object) -> None:
    answer = await client.post(API, json=body)
    await assert_problem(answer, 400, "bad_input", "phone")


async def test_the_list_says_where_a_phone_is_looked_for(client: Client, deps: Deps) -> None:
    await cases(deps, TicketIn())
    assert "用上面的“来电号码”" in await (await client.get("/desk?q=没有这样的话")).text()


def test_the_box_and_the_service_agree_on_how_long_a_number_is() -> None:
    assert callers.spellings("1" + " " * (callers.LONGEST - 11) + PHONE[1:]) == (PHONE,)
