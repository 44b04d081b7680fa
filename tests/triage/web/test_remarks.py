"""内部备注 on the pages: written without a script, refused in its form, taken back; JSON; who never reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appeal
from models.remarks import TicketRemark
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets
from tests.triage.web.problem import assert_problem
from triage.web.desks.live import Board

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf

WANGJING, ECOLOGY = "110105026", "110105-ecology"
CALLED = "去过三次，门卫说晚上才有人"


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages; the service is tested on both."""
    return sqlite_db


@pytest.fixture
async def no(db: Database) -> str:
    (number,) = await add_tickets(db, TicketIn())
    return str(number)


@pytest.fixture
async def officer(client_of: ClientOf, no: str) -> Client:
    assert no
    return await client_of(Role.STREET, unit=WANGJING, login="li")


async def text(client: Client, address: str) -> str:
    return await (await client.get(address)).text()


def form_of(page: str) -> dict[str, str]:
    form = re.findall(r'<form[^>]*data-form="remark".*?</form>', page, re.DOTALL)[0]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


async def press(client: Client, no: str, page: str = "", **said: str) -> tuple[int, str, str]:
    """Send the form as it stands in a page: status, place, page of the answer."""
    page = page or await text(client, f"/desk/tickets/{no}")
    sent = {**form_of(page), "audience": "all", "text": CALLED, **said}
    answer = await client.post(f"/desk/tickets/{no}/remarks", data=sent, allow_redirects=False)
    return answer.status, answer.headers.get("Location", ""), await answer.text()


async def test_written_shown_and_taken_back_without_a_script(
    officer: Client, client_of: ClientOf, no: str
) -> None:
    page = await text(officer, f"/desk/tickets/{no}")
    assert ("写备注" in page, "本单位（" in page, '<ul class="remark-lines">' in page) == (True, True, False)
    status, place, _ = await press(officer, no, page)
    assert (status, place) == (303, f"/desk/tickets/{no}?done=remark")
    page = await text(officer, place)
    assert ("已记下备注。" in page, CALLED in page, "撤回</button>" in page) == (True, True, True)
    clerk = await client_of(Role.CLERK, login="clerk")
    seen = await text(clerk, f"/desk/tickets/{no}")
    assert (CALLED in seen, "<b>li</b>" in seen, "撤回</button>" in seen) == (True, True, False)
    (address,) = re.findall(r'action="(/desk/tickets/[^"]*take-back)"', page)
    token = form_of(page)["token"]
    answer = await officer.post(address, data={"token": token}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, f"/desk/tickets/{no}?done=remark-back")
    page = await text(clerk, f"/desk/tickets/{no}")
    assert (CALLED in page, "<p>已撤回</p>" in page) == (False, True)


async def test_taken_back_on_the_heads_page_one_stays_there(
    client_of: ClientOf, db: Database, no: str
) -> None:
    (other,) = await add_tickets(db, TicketIn())
    clerk = await client_of(Role.CLERK, login="clerk")
    page = await text(clerk, f"/desk/tickets/{other}")
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    await press(clerk, other, page)
    version = hidden["version"]
    merge = {**form_of(page), "version": version, "move": "merge", "other_ticket": no, "reason": "同一处工地"}
    answer = await clerk.post(f"/desk/tickets/{other}/moves", data=merge, allow_redirects=False)
    assert answer.status == 303, await answer.text()
    page = await text(clerk, f"/desk/tickets/{no}")
    assert f'并入的 <a href="/desk/tickets/{other}">' in page
    (address,) = re.findall(r'action="(/desk/tickets/[^"]*take-back)"', page)
    answer = await clerk.post(address, data={"token": form_of(page)["token"]}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, f"/desk/tickets/{no}?done=remark-back")
    assert "<p>已撤回</p>" in await text(clerk, f"/desk/tickets/{no}")


async def test_out_of_sight_it_is_taken_back_and_leads_to_the_list(
    client_of: ClientOf, db: Database, no: str
) -> None:
    centre = await client_of(Role.SUPERVISOR, unit="110105", login="qu")
    page = await text(centre, f"/desk/tickets/{no}")
    await press(centre, no, page)
    (address,) = re.findall(
        r'action="(/desk/tickets/[^"]*take-back)"', await text(centre, f"/desk/tickets/{no}")
    )
    async with db.writes.begin() as session:
        await session.execute(sa.update(Appeal).values(confidential=True))
    answer = await centre.post(address, data={"token": form_of(page)["token"]}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/desk")
    async with db.reads() as session:
        assert await session.scalar(sa.select(TicketRemark.text)) is None


async def test_the_part_asks_little_and_a_remark_gives_no_hint_of_a_change(
    officer: Client, db: Database, no: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(Board, "tell", lambda _board: told.append("told"))
    await press(officer, no)
    asked: list[str] = []

    def note(*said: object) -> None:
        asked.append(str(said[2]))

    sa.event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    await text(officer, f"/desk/tickets/{no}/remarks/part")
    sa.event.remove(db.engine.sync_engine, "before_cursor_execute", note)
    of_tickets = [one for one in asked if one.startswith("SELECT") and "ticket" in one]
    assert (told, len(of_tickets)) == ([], 4), of_tickets


async def test_the_part_is_what_the_page_shows(officer: Client, no: str) -> None:
    await press(officer, no, text="<b>粗</b>")
    part = await text(officer, f"/desk/tickets/{no}/remarks/part")
    assert ("&lt;b&gt;粗&lt;/b&gt;" in part, "<html" in part, "data-form" in part) == (True, False, False)
    assert re.search(r'id="remark-list".*?</div>', part, re.DOTALL)[0] in await text(  # type: ignore[index]
        officer, f"/desk/tickets/{no}"
    )


async def test_the_fourth_is_folded_away(officer: Client, no: str) -> None:
    for number in range(4):
        await press(officer, no, text=f"第{number}条")
    page = await text(officer, f"/desk/tickets/{no}")
    assert page.index("第1条") < page.index("更早的备注") < page.index("第0条")


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ({"text": " "}, 400, "备注：请写内容。"),
        ({"text": "长" * 501}, 400, "备注：最多 500 个字，现在是 501 个字。"),
        ({"audience": "everybody"}, 400, "给谁看 audience 只能是"),
        ({"key": ""}, 400, "提交编号 key"),
        ({"as": "hotline||"}, 400, "身份已换成"),
    ],
)
async def test_what_is_refused_comes_back_with_its_words(
    officer: Client, no: str, said: dict[str, str], status: int, words: str
) -> None:
    found, _, page = await press(officer, no, **said)
    assert (found, words in page) == (status, True)
    assert page.count('role="alert"') - page.count('id="move-said"') == 1
    assert 'aria-describedby="remark-error"' in page
    assert said.get("text", CALLED).strip() in page
    assert (await (await officer.get(f"/api/v1/tickets/{no}/remarks")).json())["items"] == []


async def test_sent_twice_it_is_one_and_another_text_is_told(officer: Client, no: str, db: Database) -> None:
    page = await text(officer, f"/desk/tickets/{no}")
    assert [(await press(officer, no, page))[0] for _ in range(2)] == [303, 303]
    status, _, told = await press(officer, no, page, text="改过的")
    assert (status, "这次改过的没有记" in told, 'data-taken="1"' in told, "改过的</textarea>" in told) == (
        409,
        True,
        True,
        True,
    )
    async with db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(TicketRemark)) == 1


@pytest.mark.parametrize(
    ("role", "unit", "reads", "writes"),
    [
        (Role.REWARD, None, True, 403),
        (Role.BUREAU, ECOLOGY, True, 200),
        (Role.SUPERVISOR, None, True, 200),
        (Role.STREET, "110108010", False, 404),
        (Role.ANALYST, None, False, 403),
        (Role.AUDITOR, None, False, 403),
        (Role.ADMIN, None, False, 403),
    ],
)
async def test_who_reads_and_writes(  # noqa: PLR0917
    officer: Client,
    client_of: ClientOf,
    no: str,
    role: Role,
    unit: str | None,
    reads: bool,  # noqa: FBT001
    writes: int,
) -> None:
    await press(officer, no)
    client = await client_of(role, unit=unit, login="else")
    assert (CALLED in await text(client, f"/desk/tickets/{no}")) is reads
    assert (CALLED in await text(client, f"/desk/tickets/{no}/remarks/part")) is reads
    assert (CALLED in await text(client, f"/api/v1/tickets/{no}/remarks")) is reads
    body = {"text": "也写一条", "audience": "all", "key": "k"}
    answer = await client.post(f"/api/v1/tickets/{no}/remarks", json=body)
    assert answer.status == writes


async def test_of_the_own_unit_it_says_so_and_nobody_else_reads_it(
    officer: Client, client_of: ClientOf, no: str
) -> None:
    await press(officer, no, audience="own")
    assert "只给本单位看" in await text(officer, f"/desk/tickets/{no}")
    for role, unit in ((Role.CLERK, None), (Role.BUREAU, ECOLOGY)):
        client = await client_of(role, unit=unit, login=f"else{role}")
        for address in (f"/desk/tickets/{no}", f"/api/v1/tickets/{no}/remarks"):
            assert CALLED not in await text(client, address)


async def test_json_writes_reads_and_takes_back(officer: Client, no: str) -> None:
    address = f"/api/v1/tickets/{no}/remarks"
    body = {"text": CALLED, "audience": "own", "key": "k"}
    made = await (await officer.post(address, json=body)).json()
    assert made == {"no": no, "id": made["id"], "repeated": False}
    assert (await (await officer.post(address, json=body)).json())["repeated"] is True
    await assert_problem(
        await officer.post(address, json={**body, "text": "别的"}), 409, "key_reused", "同一个提交编号"
    )
    (one,) = (await (await officer.get(address)).json())["items"]
    assert one == {
        "id": made["id"], "ticket": None, "at": one["at"], "by": "li", "unit": "望京街道办事处",
        "text": CALLED, "audience": {"code": "own", "label": "本单位"}, "until": one["until"],
    }  # fmt: skip
    back = f"{address}/{made['id']}/take-back"
    assert (await (await officer.post(back, json={})).json())["repeated"] is False
    (one,) = (await (await officer.get(address)).json())["items"]
    assert (one["text"], one["until"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "text 应是文字"),
        ({"text": 7, "audience": "all", "key": "k"}, "text 应是文字"),
        ({"text": "话", "audience": None, "key": "k"}, "给谁看 audience"),
        ({"text": "话", "audience": "all", "key": 7}, "key 应是文字"),
        ({"text": "话", "audience": "all", "key": "k", "as": "unit"}, "as 应是对象"),
        ({"text": "话", "audience": "all", "key": "k", "who": 1}, "不认识的键：who"),
    ],
)
async def test_json_names_what_is_wrong(
    officer: Client, no: str, body: dict[str, object], words: str
) -> None:
    answer = await officer.post(f"/api/v1/tickets/{no}/remarks", json=body)
    await assert_problem(answer, 400, "bad_input", words)


@pytest.mark.parametrize("number", ["0", "99", "x", "9" * 30])
async def test_another_number_takes_nothing_back(officer: Client, no: str, number: str) -> None:
    answer = await officer.post(f"/api/v1/tickets/{no}/remarks/{number}/take-back", json={})
    await assert_problem(answer, 404, "not_found", "没有这条备注")


async def test_no_citizen_file_or_public_page_has_it(client: Client, stranger: Client, no: str) -> None:
    page = await text(client, f"/desk/tickets/{no}")
    assert (await press(client, no, page))[0] == 303
    assert CALLED in await text(client, f"/desk/tickets/{no}")
    for address in (
        "/desk", f"/desk?q={CALLED}&state=all", "/desk/list.csv", f"/api/v1/tickets/{no}",
        f"/api/v1/tickets?q={CALLED}&state=all", f"/desk/tickets/{no}/files", "/desk/audit",
    ):  # fmt: skip
        assert f"{CALLED}<" not in await text(client, address)
    assert CALLED not in await text(client, "/desk/list.csv")
    assert CALLED not in await text(client, f"/api/v1/tickets/{no}")
    for address in ("/open311/v2/requests.json", "/citizen/map", "/open"):
        assert CALLED not in await text(stranger, address)
