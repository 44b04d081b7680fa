"""本人要求保密, later: the button, the question before it, who may, what the page says is public; JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appeal, Appellant
from models.ledger import LedgerRow
from models.vocab import State
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.web.problem import assert_problem
from triage.services.confiding import LONGEST_REASON

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

REASON = "本人来电，说得出编号和查询码"


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages; the service is tested on both."""
    return sqlite_db


@pytest.fixture
async def no(db: Database, deps: Deps) -> str:
    (number,) = await add_tickets(db, TicketIn())
    name = deps.vault.seal("欧阳小明", belongs_to="appellant.name:1")
    async with db.writes.begin() as session:
        session.add(Appellant(appeal_id=1, name=name, created_at=NOW))
    return str(number)


async def text(client: Client, address: str) -> str:
    return await (await client.get(address)).text()


async def press(client: Client, no: str, *, token: str = "", **said: str) -> tuple[int, str, str]:
    """Send the form of the question: status, place and page of the answer."""
    address = f"/desk/tickets/{no}/confide"
    found = token or re.findall(r'name="token" value="([^"]+)"', await text(client, address))[-1]
    answer = await client.post(address, data={"token": found, **said}, allow_redirects=False)
    return answer.status, answer.headers.get("Location", ""), await answer.text()


async def confidential(db: Database) -> list[bool]:
    async with db.reads() as session:
        return list(await session.scalars(sa.select(Appeal.confidential).order_by(Appeal.id)))


@pytest.mark.parametrize("role", [Role.CLERK, Role.FOLLOW_UP])
async def test_who_speaks_with_citizens_asks_once_more_and_does_it(
    client_of: ClientOf, db: Database, no: str, role: Role
) -> None:
    client, district = await client_of(role), await client_of(Role.BUREAU, unit="110105")
    assert f'href="/desk/tickets/{no}/confide"' in await text(client, f"/desk/tickets/{no}")
    page = await text(client, f"/desk/tickets/{no}/confide")
    for words in ("不能撤销", "抄送的 <b>", "主办和协办的 ", "现在列在 Open311 公开接口", "收不回来"):
        assert words in page
    assert ("您自己以后也看不到" in page, "没有登记姓名和电话" in page) == (False, False)
    assert (await district.get(f"/desk/tickets/{no}")).status == 200
    status, place, _ = await press(client, no, reason=REASON, sure="1")
    assert (status, place) == (303, f"/desk/tickets/{no}?done=confided")
    page = await text(client, place)
    assert ("已改为保密，从现在起" in page, "要求保密</span>" in page) == (True, True)
    assert f'href="/desk/tickets/{no}/confide"' not in page
    assert (await district.get(f"/desk/tickets/{no}")).status == 404
    assert no not in await text(district, "/desk?state=all")
    async with db.reads() as session:
        entry = (
            await session.scalars(sa.select(LedgerRow).where(LedgerRow.act == LedgerAct.CONFIDED.value))
        ).one()
    assert (entry.reason, entry.case_no) == (REASON, no)


async def test_what_is_missing_is_said_beside_its_field_and_nothing_is_lost(
    client: Client, db: Database, no: str
) -> None:
    status, _, page = await press(client, no, reason="<本人来电>", sure="")
    assert (status, 'id="sure-fault"' in page, "&lt;本人来电&gt;</textarea>" in page) == (400, True, True)
    status, _, page = await press(client, no, reason=" ", sure="1")
    assert (status, "请写理由" in page, 'value="1" required checked' in page) == (400, True, True)
    status, _, page = await press(client, no, reason="长" * (LONGEST_REASON + 1), sure="1")
    assert (status, f"现在是 {LONGEST_REASON + 1} 个字" in page) == (400, True)
    status, _, page = await press(client, no)
    assert (status, page.count('class="fault"')) == (400, 2)
    assert await confidential(db) == [False]


async def test_pressed_again_it_says_that_it_was_so_before(client: Client, db: Database, no: str) -> None:
    page = await text(client, f"/desk/tickets/{no}/confide")
    token = re.findall(r'name="token" value="([^"]+)"', page)[-1]
    await press(client, no, token=token, reason=REASON, sure="1")
    status, place, _ = await press(client, no, token=token, reason=REASON, sure="1")
    assert (status, place) == (303, f"/desk/tickets/{no}?done=confided-before")
    assert "这次没有再记" in await text(client, place)
    page = await text(client, f"/desk/tickets/{no}/confide")
    assert ("已经是保密的" in page, "<textarea" in page) == (True, False)
    async with db.reads() as session:
        query = sa.select(sa.func.count()).where(LedgerRow.act == LedgerAct.CONFIDED.value)
        assert await session.scalar(query) == 1


@pytest.mark.parametrize(
    ("role", "unit"),
    [
        (Role.STREET, "110105026"),
        (Role.BUREAU, "110105-ecology"),
        (Role.SUPERVISOR, None),
        (Role.REWARD, None),
    ],
)
async def test_no_other_role_is_offered_it(
    client_of: ClientOf, db: Database, no: str, role: Role, unit: str | None
) -> None:
    client = await client_of(role, unit=unit)
    assert "/confide" not in await text(client, f"/desk/tickets/{no}")
    assert (await client.get(f"/desk/tickets/{no}/confide")).status == 403
    answer = await client.post(f"/api/v1/tickets/{no}/confidential", json={"reason": REASON})
    assert answer.status == 403
    assert await confidential(db) == [False]


async def test_who_would_not_see_it_either_is_told_before_and_after(
    client_of: ClientOf, db: Database, no: str
) -> None:
    client = await client_of(Role.CLERK, unit="110105")
    assert "您自己以后也看不到" in await text(client, f"/desk/tickets/{no}/confide")
    status, place, page = await press(client, no, reason=REASON, sure="1")
    assert (status, place, "您也不再看得到它" in page) == (200, "", True)
    assert await confidential(db) == [True]
    assert (await client.get(f"/desk/tickets/{no}/confide")).status == 404


async def test_a_case_that_they_do_not_see_is_not_there(client_of: ClientOf, db: Database) -> None:
    (no,) = await add_tickets(db, TicketIn(confidential=True))
    client = await client_of(Role.CLERK, unit="110105")
    assert (await client.get(f"/desk/tickets/{no}/confide")).status == 404
    answer = await client.post(f"/api/v1/tickets/{no}/confidential", json={"reason": REASON})
    await assert_problem(answer, 404, "not_found", "无权查看")


async def test_of_a_closed_anonymous_one_it_says_what_there_is_to_know(client: Client, db: Database) -> None:
    (no,) = await add_tickets(
        db, TicketIn(state=State.ARCHIVED, due=None, kind=None, copies=(), assist=(), unit=None)
    )
    page = await text(client, f"/desk/tickets/{no}/confide")
    assert ("没有登记姓名和电话" in page, "现在不在公开接口" in page) == (True, True)
    assert ("抄送的" in page, "主办和协办的" in page) == (False, False)
    assert (await press(client, no, reason=REASON, sure="1"))[0] == 303
    assert await confidential(db) == [True]


async def test_as_json(client: Client, db: Database, no: str) -> None:
    address = f"/api/v1/tickets/{no}/confidential"
    for body, words in (
        ({}, "reason 应是文字"),
        ({"reason": 1}, "reason 应是文字"),
        ({"reason": ""}, "请写理由"),
        ({"reason": REASON, "sure": True}, "不认识的键：sure"),
    ):
        await assert_problem(await client.post(address, json=body), 400, "bad_input", words)
    assert await confidential(db) == [False]
    found = [await (await client.post(address, json={"reason": REASON})).json() for _ in range(2)]
    told = {"no": no, "confidential": True, "seen": True}
    assert found == [{**told, "repeated": False}, {**told, "repeated": True}]
