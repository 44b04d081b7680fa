"""通讯录 on the pages: kept without a script, searched, on a ticket, in 到期清单, by file and JSON."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp import FormData

from models.directory import DirectoryEntry
from models.ledger import LedgerRow
from models.vocab import State
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.web.problem import assert_problem
from triage.services import reference

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

WANGJING, ECOLOGY, XUEYUAN, CHAOYANG = "110105026", "110105-ecology", "110108010", "110105"
TEL = '<a class="tel" href="tel:01084123456">010-84123456</a>'


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages; the service is tested on both."""
    return sqlite_db


@pytest.fixture
async def officer(client_of: ClientOf) -> Client:
    return await client_of(Role.STREET, unit=WANGJING, login="li")


async def text(client: Client, address: str) -> str:
    return await (await client.get(address)).text()


async def send(client: Client, page: str = "", unit: str = WANGJING, **said: str) -> tuple[int, str, str]:
    """Send the form as it stands in a page: status, place, page of the answer."""
    page = page or await text(client, f"/desk/contacts/{unit}")
    form = re.findall(r"<form class=\"directoryform\".*?</form>", page, re.DOTALL)[0]
    stands = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    answer = await client.post(
        f"/desk/contacts/{unit}", data={**stands, "do": "save", **said}, allow_redirects=False
    )
    return answer.status, answer.headers.get("Location", ""), await answer.text()


async def test_a_unit_keeps_its_own_and_the_desk_reads_it(officer: Client, client_of: ClientOf) -> None:
    page = await text(officer, f"/desk/contacts/{WANGJING}")
    assert ("还没有填值班电话" in page, "由您填" in page) == (True, True)
    said = {
        "duty_phone": "010-84123456",
        "steward": "张三",
        "steward_phone": "84123457",
        "hours": "9 点到 18 点",
    }
    status, place, _ = await send(officer, page, **said)
    assert (status, place) == (303, f"/desk/contacts/{WANGJING}?done=saved")
    page = await text(officer, place)
    assert ("已保存" in page, TEL in page, "核对无误" in page) == (True, True, True)
    clerk = await client_of(Role.CLERK)
    for address in ("/desk/contacts?q=望京", f"/desk/contacts?district={CHAOYANG}&q=望京"):
        found = await text(clerk, address)
        assert (TEL in found, "环保管家 张三" in found, "<b>1</b> 个单位" in found) == (True, True, True)
    page = await text(clerk, f"/desk/contacts/{WANGJING}")
    assert (TEL in page, 'name="do"' in page, "谁在什么时候改过" in page) == (True, False, False)
    assert (await send(officer))[1].endswith("?done=same")


async def test_what_is_wrong_is_marked_and_what_was_typed_stays(officer: Client) -> None:
    status, _, page = await send(officer, duty_phone="很多", steward="张三")
    assert (status, 'value="很多"' in page, 'value="张三"' in page) == (422, True, True)
    assert re.search(r'name="duty_phone" value="很多"[^>]*aria-invalid="true"', page)
    status, _, page = await send(officer, duty_phone="<b>1")
    assert (status, "<b>1" in page) == (422, False)


async def test_of_two_the_slower_reads_what_stands_now(officer: Client, client_of: ClientOf) -> None:
    wang = await client_of(Role.STREET, unit=WANGJING, login="wang")
    page = await text(wang, f"/desk/contacts/{WANGJING}")
    await send(officer, duty_phone="010-84123456")
    status, _, told = await send(wang, page, duty_phone="84000000")
    assert (status, "li 在" in told, TEL in told, 'value="84000000"' in told) == (409, True, True, True)
    assert (await send(wang, told))[0] == 303
    assert "84000000" in await text(officer, f"/desk/contacts/{WANGJING}")


async def test_it_is_put_back_from_the_page(officer: Client, db: Database) -> None:
    await send(officer, duty_phone="010-84123456")
    await send(officer, duty_phone="84000000")
    page = await text(officer, f"/desk/contacts/{WANGJING}")
    (form,) = re.findall(
        r'<form method="post"[^>]*>(?:(?!</form>).)*name="version".*?</form>', page, re.DOTALL
    )
    stands = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    answer = await officer.post(f"/desk/contacts/{WANGJING}", data=stands)
    page = await answer.text()
    assert ("已改回那一版" in page, TEL in page) == (True, True)
    async with db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(DirectoryEntry)) == 3


async def test_after_ninety_days_one_is_asked_and_one_press_confirms(officer: Client, deps: Deps) -> None:
    assert "还没有填值班电话" in await text(officer, "/desk/due")
    await send(officer, duty_phone="010-84123456")
    assert "值班电话" not in re.sub(r"<style.*?</style>", "", await text(officer, "/desk/due"))
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(DirectoryEntry).values(confirmed_at=NOW - timedelta(days=91)))
    assert "超过 90 天没有核对" in await text(officer, "/desk/due")
    assert "<b>1</b> 个单位" in await text(officer, "/desk/contacts?todo=1&q=望京")
    page = await text(officer, f"/desk/contacts/{WANGJING}")
    assert "已超过 90 天没有核对" in page
    seen = re.findall(r'name="seen" value="(\d+)"', page)[0]
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    said = {"token": token, "seen": seen, "do": "confirm"}
    answer = await officer.post(f"/desk/contacts/{WANGJING}", data=said)
    page = await answer.text()
    assert ("已记为今天核对过" in page, "已超过 90 天" in page) == (True, False)


@pytest.mark.parametrize(
    ("role", "unit", "reads", "writes"),
    [
        (Role.STREET, XUEYUAN, 404, 404),
        (Role.BUREAU, ECOLOGY, 200, 403),
        (Role.BUREAU, CHAOYANG, 200, 403),
        (Role.SUPERVISOR, CHAOYANG, 200, 303),
        (Role.SUPERVISOR, "110108", 200, 403),
        (Role.CLERK, None, 200, 403),
        (Role.ANALYST, None, 403, 403),
        (Role.ADMIN, None, 403, 404),
    ],
)
async def test_who_reads_and_who_writes(  # noqa: PLR0917
    client_of: ClientOf, deps: Deps, role: Role, unit: str | None, reads: int, writes: int
) -> None:
    await reference.sync(deps)
    client = await client_of(role, unit=unit, login="else")
    assert (await client.get(f"/desk/contacts/{WANGJING}")).status == reads
    token = re.findall(r'name="token" value="([^"]+)"', await text(client, "/me"))[0]
    answer = await client.post(
        f"/desk/contacts/{WANGJING}", data={"token": token, "duty_phone": "12345"}, allow_redirects=False
    )
    assert answer.status == writes


@pytest.mark.parametrize("unit", ["nobody", "%00", "110105026 "])
async def test_an_unknown_unit_is_not_found(officer: Client, unit: str) -> None:
    assert (await officer.get(f"/desk/contacts/{unit}")).status == 404


@pytest.mark.parametrize(
    "said",
    [{"do": "erase"}, {"do": "back"}, {"seen": "x"}, {"seen": "9" * 40}, {"do": "back", "version": "-1"}],
)
async def test_a_form_that_is_none_of_ours_is_refused(officer: Client, said: dict[str, str]) -> None:
    assert (await send(officer, duty_phone="12345", **said))[0] == 400


async def test_a_ticket_shows_the_numbers_of_its_units_at_one_press(
    officer: Client, client_of: ClientOf, db: Database
) -> None:
    await send(officer, duty_phone="010-84123456")
    soon, late = await add_tickets(
        db, TicketIn(urgency="U1", due=timedelta(hours=1)), TicketIn(urgency="U1", due=timedelta(hours=-1))
    )
    clerk = await client_of(Role.CLERK)
    page = await text(clerk, f"/desk/tickets/{soon}")
    units = re.findall(r'<ul class="units">.*?</ul>', page, re.DOTALL)[0]
    assert (units.count('<details class="duty">'), TEL in units, "还没有填" in units) == (2, True, True)
    page = await text(clerk, f"/desk/tickets/{late}")
    assert page.count('<details class="duty" open>') == 2
    (closed,) = await add_tickets(db, TicketIn(urgency="U1", due=timedelta(hours=-1), state=State.ARCHIVED))
    assert '<details class="duty" open>' not in await text(clerk, f"/desk/tickets/{closed}")
    supervisor = await client_of(Role.SUPERVISOR)
    page = await text(supervisor, f"/desk/tickets/{soon}")
    (form,) = re.findall(r'data-form="supervise".*?</form>', page, re.DOTALL)
    assert TEL in form
    due = await text(clerk, "/desk/due")
    assert re.search(r'class="unitrow">.*?值班 <a class="tel"', due)


async def test_the_number_of_an_office_is_not_called_that_of_a_duty_desk(
    officer: Client, client_of: ClientOf, db: Database
) -> None:
    await send(officer, office_phone="010-84123456")
    await add_tickets(db, TicketIn(due=timedelta(hours=1)))
    due = await text(await client_of(Role.CLERK), "/desk/due")
    assert re.search(r'class="unitrow">.*?<small>办公 <a class="tel"', due)


async def test_whom_to_speak_to_on_the_spot_is_told(client_of: ClientOf, db: Database) -> None:
    first, second = await add_tickets(db, TicketIn(kind="AIR-02"), TicketIn(kind=None))
    clerk = await client_of(Role.CLERK)
    assert "现场可找（不派单）：环卫作业单位" in await text(clerk, f"/desk/tickets/{first}")
    assert "现场可找" not in await text(clerk, f"/desk/tickets/{second}")


async def bring(client: Client, content: bytes) -> tuple[int, str]:
    token = re.findall(r'name="token" value="([^"]+)"', await text(client, "/desk/contacts"))[0]
    form = FormData()
    form.add_field("token", token)
    form.add_field("file", io.BytesIO(content), filename="a.csv", content_type="text/csv")
    answer = await client.post("/desk/contacts/import", data=form)
    return answer.status, await answer.text()


async def test_a_file_is_exported_filled_in_and_imported(client_of: ClientOf, db: Database) -> None:
    supervisor = await client_of(Role.SUPERVISOR, unit=CHAOYANG)
    page = await text(supervisor, f"/desk/contacts?district={CHAOYANG}")
    address = re.findall(r'href="(/desk/contacts\.csv[^"]*)"', page)[0]
    answer = await supervisor.get(address)
    assert (answer.status, answer.content_type) == (200, "text/csv")
    lines = (await answer.text()).removeprefix("\ufeff").splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith(WANGJING))
    lines[place] = lines[place].replace(",,,,", ",010-84123456,,,", 1)
    lines.append(f"{XUEYUAN},,84123456" + "," * (lines[0].count(",") - 2))
    status, page = await bring(supervisor, "\n".join(lines).encode())
    assert (status, "改了 1 个单位" in page, "1 行有误" in page) == (200, True, True)
    assert f"第 {len(lines)} 行：这个单位的通讯录不归您填" in page
    assert TEL in await text(supervisor, "/desk/contacts?q=望京")
    async with db.reads() as session:
        entry = (
            await session.scalars(sa.select(LedgerRow).where(LedgerRow.act == LedgerAct.EXPORTED.value))
        ).one()
    assert (entry.subject, entry.detail) == ("contacts.csv", {"rows": len(lines) - 2})


async def test_whoever_sees_no_cases_imports_nothing(client_of: ClientOf) -> None:
    admin = await client_of(Role.ADMIN, login="root")
    assert (await admin.get("/desk/contacts")).status == 403
    page = await text(admin, "/desk/notices")
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    form = FormData()
    form.add_field("token", token)
    form.add_field("file", io.BytesIO(b"x"), filename="a.csv", content_type="text/csv")
    answer = await admin.post("/desk/contacts/import", data=form)
    assert (answer.status, "表头" in await answer.text()) == (403, False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "请先选一个"),
        (b"\xff\xff", "CSV UTF-8"),
        ("甲\n".encode(), "不认识：甲"),
        (b"x" * 3_000_000, "2 MB"),
    ],
)
async def test_a_file_that_is_none_is_refused(client_of: ClientOf, content: bytes, words: str) -> None:
    supervisor = await client_of(Role.SUPERVISOR)
    status, page = await bring(supervisor, content)
    assert (status, words in page) == (400, True)


async def test_who_may_not_is_offered_no_file(officer: Client, client_of: ClientOf) -> None:
    page = await text(officer, "/desk/contacts")
    assert ("/desk/contacts.csv" in page, 'id="import"' in page) == (False, False)
    assert (await officer.get("/desk/contacts.csv")).status == 403
    clerk = await client_of(Role.CLERK)
    page = await text(clerk, "/desk/contacts")
    assert ("/desk/contacts.csv" in page, 'id="import"' in page) == (True, False)


@pytest.mark.parametrize("query", ["district=1", "todo=2", "page=0", "page=x", "name=1", "q=a&q=b"])
async def test_a_bad_parameter_is_named(client_of: ClientOf, query: str) -> None:
    clerk = await client_of(Role.CLERK)
    for path in ("/desk/contacts", "/desk/contacts.csv"):
        assert (await clerk.get(f"{path}?{query}")).status == 400
    await assert_problem(await clerk.get(f"/api/v1/contacts?{query}"), 400, "bad_input", "参数")


async def test_pages_follow_each_other_and_nothing_found_says_so(client_of: ClientOf) -> None:
    clerk = await client_of(Role.CLERK)
    page = await text(clerk, "/desk/contacts")
    assert ('rel="next" href="/desk/contacts?page=2"' in page, 'rel="prev"' in page) == (True, False)
    assert 'rel="prev"' in await text(clerk, "/desk/contacts?page=99")
    assert "不按人名找" in await text(clerk, "/desk/contacts?q=没有这样的")
    assert '<a href="/desk/contacts" aria-current="page">通讯录</a>' in page


async def test_the_same_as_json(officer: Client, client_of: ClientOf) -> None:
    await send(officer, duty_phone="010-84123456", leader="赵六", leader_phone="84123457")
    body = await (await officer.get("/api/v1/contacts?q=望京")).json()
    (one,) = body["items"]
    assert (body["total"], body["more"], one["unit"], one["may_write"]) == (1, False, WANGJING, True)
    assert one["duty"] == [{"text": "010-84123456", "dial": "01084123456"}]
    assert one["people"][0] == {
        "post": "带班领导", "name": "赵六", "phones": [{"text": "84123457", "dial": "01084123457"}]
    }  # fmt: skip
    street = await client_of(Role.STREET, unit=XUEYUAN, login="else")
    assert (await (await street.get("/api/v1/contacts?q=望京")).json())["items"] == []


async def test_no_name_and_no_number_stands_in_a_log(
    officer: Client, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    await send(officer, duty_phone="010-84123456", steward="张三丰")
    await send(officer, duty_phone="很多", steward="张三丰")
    told = caplog.text + "".join(capsys.readouterr())
    assert ("张三丰" in told, "84123456" in told) == (False, False)
