"""被反映对象 on the desk: list, page, merge and back, the sheet for inspections."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from openpyxl import load_workbook

from models.parties import Party
from models.vocab import State
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets
from tests.written import written
from triage.services import reference
from triage.services.parties import gathering, listing

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

LEGAL = TicketIn(party="北京绿泉餐饮有限公司")
SHOP = replace(LEGAL, party="绿泉餐厅")


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough: the reads are tested on both elsewhere."""
    return sqlite_db


async def ready(deps: Deps) -> None:
    await add_tickets(deps.db, LEGAL, LEGAL, SHOP, SHOP)
    await reference.sync(deps)
    await gathering.Gatherer(deps).catch_up()


def hidden(page: str, form: str) -> dict[str, str]:
    """The hidden fields of the form that leads to `form`."""
    part = page.split(f'action="{form}"')[1].split("</form>", maxsplit=1)[0]
    return dict(re.findall(r'name="([^"]+)" value="([^"]*)"', part))


async def test_list_page_merge_and_back(client: Client, deps: Deps) -> None:
    await ready(deps)
    page = await (await client.get("/desk/parties")).text()
    assert "绿泉餐饮有限公司" in page
    shop = re.findall(r'/desk/parties/(\d+)">绿泉餐厅', page)[0]
    one = await (await client.get(f"/desk/parties/{shop}")).text()
    assert "字号相同" not in one
    assert "可能是同一家" in one
    form = hidden(one, f"/desk/parties/{shop}/merge")
    answer = await client.post(f"/desk/parties/{shop}/merge", data=form)
    both = await answer.text()
    assert answer.status == 200
    assert "被提到 4 件" in both
    assert "绿泉餐厅" in both
    legal = answer.url.path.rsplit("/", maxsplit=1)[1]
    form = hidden(both, f"/desk/parties/{legal}/undo")
    back = await (await client.post(f"/desk/parties/{legal}/undo", data=form)).text()
    assert "被提到 2 件" in back


async def test_what_was_written_stays_where_the_form_was_refused(client: Client, deps: Deps) -> None:
    await ready(deps)
    page = await (await client.get("/desk/parties")).text()
    shop = re.findall(r'/desk/parties/(\d+)">绿泉餐厅', page)[0]
    here = f"/desk/parties/{shop}"
    one = await (await client.get(here)).text()
    form = hidden(one, f"{here}/merge")
    why = "营业执照上是同一家"

    moved = await client.post(f"{here}/merge", data={**form, "version": "99", "reason": why})
    told = await moved.text()
    assert (moved.status, hidden(told, f"{here}/merge")["reason"]) == (409, why)
    # The pair's own form was meant, not that of another number.
    assert "<details open><summary>归并到另一个对象" not in told

    for into, status in (("999999", 404), (shop, 400), ("x", 400)):
        answer = await client.post(f"{here}/merge", data={**form, "into": into, "reason": why})
        told = await answer.text()
        assert answer.status == status
        assert "<details open><summary>归并到另一个对象" in told
        assert f'required value="{into}"' in told or f'value="{into}" required' in told
        assert told.count(f'value="{why}"') == 1

    name = re.findall(r'name="name" value="(\d+)"', told)
    split = {"version": form["version"], "name": name, "reason": why, "token": form["token"]}
    answer = await client.post(f"{here}/split", data=split)
    assert (answer.status, why in await answer.text()) == (400, True)


async def test_who_sees_none_of_its_cases_neither_sees_nor_changes_a_party(
    client: Client, client_of: ClientOf, deps: Deps
) -> None:
    await ready(deps)
    page = await (await client.get("/desk/parties")).text()
    ids = [int(found) for found in re.findall(r"/desk/parties/(\d+)\">", page)]
    shop, legal = sorted(ids, key=lambda one: f'{one}">绿泉餐厅' not in page)[:2]
    away = await client_of(Role.CLERK, unit="110108")
    form = hidden(await (await client.get(f"/desk/parties/{shop}")).text(), f"/desk/parties/{shop}/merge")
    await away.get("/desk/parties")
    token = {"token": hidden(await (await away.get("/desk")).text(), "/desk/size")["token"]}
    for act, more in (("merge", form), ("split", form), ("undo", {"change": "1"})):
        answer = await away.post(f"/desk/parties/{shop}/{act}", data={**more, **token})
        assert answer.status == 404, act
    both = await client.post(f"/desk/parties/{shop}/merge", data=form)
    assert both.status == 200
    # Merged, it is seen with the one it went to, and by nobody else.
    assert (await client.get(f"/desk/parties/{shop}")).status == 200
    assert (await away.get(f"/desk/parties/{shop}")).status == 404
    assert (await away.get(f"/desk/parties/{legal}")).status == 404


async def test_what_is_picked_is_on_the_sheet(client: Client, deps: Deps) -> None:
    await ready(deps)
    page = await (await client.get("/desk/parties")).text()
    form = hidden(page, "/desk/parties/export")
    answer = await client.post("/desk/parties/export", data=form)
    book = load_workbook(io.BytesIO(await answer.read()))
    rows = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows(min_row=4)]
    assert [row[5] for row in rows if row[0] == 1] == [2]
    assert "名单不含诉求人信息。" in str(rows)
    (name,) = await written(deps, LedgerAct.EXPORTED)
    assert name.startswith("parties-")


async def test_wrong_wishes_are_told(client: Client, deps: Deps) -> None:
    await ready(deps)
    assert (await client.get("/desk/parties?months=7")).status == 400
    assert (await client.get("/desk/parties?district=x")).status == 400
    assert (await client.get("/desk/parties/999")).status == 404
    page = await (await client.get("/desk/parties")).text()
    token = hidden(page, "/desk/parties/export")["token"]
    answer = await client.post("/desk/parties/export", data={"token": token})
    assert answer.status == 400
    assert "请先勾选" in await answer.text()


async def test_who_is_told_sums_alone_sees_parties_of_five_and_no_case(
    client_of: ClientOf, deps: Deps
) -> None:
    made = await add_tickets(
        deps.db, *[LEGAL] * 5, *[SHOP] * 5, replace(LEGAL, confidential=True),
        *[TicketIn(party="蓝天洗染厂")] * 4, TicketIn(party="蓝天洗染厂", confidential=True),
    )  # fmt: skip
    await gathering.Gatherer(deps).catch_up()
    analyst = await client_of(Role.ANALYST)
    page = await (await analyst.get("/desk/parties?least=1")).text()
    ids = re.findall(r"/desk/parties/(\d+)\">", page)
    assert len(ids) == 2
    assert page.count('<td data-label="诉求" class="share">5</td>') == 2
    assert "蓝天洗染厂" not in page
    assert "点名满 5 件的对象才列出" in page
    for number in ids:
        one = await (await analyst.get(f"/desk/parties/{number}")).text()
        assert "被提到 5 件" in one
        assert not [no for no in made if no in one]
    async with deps.db.reads() as session:
        small = await session.scalar(sa.select(Party.id).where(Party.name == "蓝天洗染厂"))
    assert (await analyst.get(f"/desk/parties/{small}")).status == 404
    form = hidden(page, "/desk/parties/export")
    sheet = await analyst.post(
        "/desk/parties/export", data={"token": form["token"], "id": [*ids, str(small)]}
    )
    book = load_workbook(io.BytesIO(await sheet.read()))
    rows = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows(min_row=4)]
    assert [row[5] for row in rows if isinstance(row[0], int)] == [5, 5]
    merge = hidden(one, f"/desk/parties/{ids[1]}/merge")
    both = await (await analyst.post(f"/desk/parties/{ids[1]}/merge", data=merge)).text()
    assert "被提到 10 件" in both


async def test_an_analyst_of_a_unit_is_told_no_parties(client_of: ClientOf, deps: Deps) -> None:
    await add_tickets(deps.db, *[LEGAL] * 5)
    await gathering.Gatherer(deps).catch_up()
    analyst = await client_of(Role.ANALYST, unit="110105")
    assert "没有对象" in await (await analyst.get("/desk/parties")).text()


async def test_who_handles_cases_sees_who_is_named_in_their_own(client_of: ClientOf, deps: Deps) -> None:
    over_there = replace(LEGAL, district="110108", street="110108010", unit="110108010", assist=(), copies=())
    await add_tickets(deps.db, LEGAL, LEGAL, *[over_there] * 3)
    await gathering.Gatherer(deps).catch_up()
    street = await client_of(Role.STREET, unit="110105026")
    page = await (await street.get("/desk/parties")).text()
    assert '<td data-label="诉求" class="share">2</td>' in page
    assert "导出检查备选名单" not in page
    (number,) = re.findall(r"/desk/parties/(\d+)\">", page)
    assert "被提到 2 件" in await (await street.get(f"/desk/parties/{number}")).text()
    assert (await street.post(f"/desk/parties/{number}/merge", data={})).status == 403
    other = await client_of(Role.STREET, unit="110108010")
    assert "被提到 3 件" in await (await other.get(f"/desk/parties/{number}")).text()


async def test_not_the_same_is_said_and_taken_back_on_the_page(client: Client, deps: Deps) -> None:
    await ready(deps)
    page = await (await client.get("/desk/parties")).text()
    shop = re.findall(r'/desk/parties/(\d+)">绿泉餐厅', page)[0]
    one = await (await client.get(f"/desk/parties/{shop}")).text()
    refuse = hidden(one, f"/desk/parties/{shop}/refuse")
    said = await (await client.post(f"/desk/parties/{shop}/refuse", data=refuse)).text()
    assert "已判不是同一家的 1 个写法" in said
    assert "没有待确认的" in said
    twice = await client.post(f"/desk/parties/{shop}/refuse", data=refuse)
    assert twice.status == 400
    assert "现在是“不是同一家”" in await twice.text()
    form = {**hidden(said, f"/desk/parties/{shop}/again"), "reason": "执照一致"}
    back = await (await client.post(f"/desk/parties/{shop}/again", data=form)).text()
    assert "已判不是同一家的" not in back
    assert "归并到它" in back
    assert "撤回不是同一家：" in back
    assert "执照一致" in back


async def test_the_cases_of_a_party_go_on_after_a_hundred(client: Client, deps: Deps) -> None:
    await add_tickets(deps.db, *[LEGAL] * 103, *[replace(LEGAL, state=State.CLOSED)] * 2)
    await gathering.Gatherer(deps).catch_up()
    page = await (await client.get("/desk/parties")).text()
    (number,) = re.findall(r"/desk/parties/(\d+)\">", page)
    here = f"/desk/parties/{number}"
    told = [
        await (await client.get(f"{here}{query}")).text()
        for query in ("", "?of=open&skip=100", "?of=all&skip=100")
    ]
    cases = [re.findall(r'href="/desk/tickets/([^"]+)"', one) for one in told]
    assert [len(found) for found in cases] == [100, 3, 5]
    assert not set(cases[0]) & set(cases[1])
    assert "共 103 件，这里是第 101 至 103 件" in told[1]
    assert "共 105 件" in told[2]
    assert f'<a href="{here}?of=open&amp;skip=100#cases">下一页' in told[0]
    assert f'<a href="{here}?of=open&amp;skip=0#cases">上一页' in told[1]
    assert (await client.get(f"{here}?of=none")).status == 400
    month = re.findall(rf'<a href="({here}[^"]+month=2026-11#cases)">105</a>', told[0])
    narrowed = await (await client.get(month[0].replace("&amp;", "&"))).text()
    assert "2026-11：共 105 件，这里是第 1 至 100 件" in narrowed
    assert "kind=NOI-01&amp;month=2026-11&amp;skip=100#cases" in narrowed
    assert "没有。" in await (await client.get(f"{here}?of=all&kind=AIR-01")).text()


async def test_the_file_has_what_the_filter_has_beyond_its_first_page(client: Client, deps: Deps) -> None:
    shops = [
        TicketIn(party=f"{first}{second}餐厅") for first in "天地玄黄宇宙洪荒" for second in "甲乙丙丁戊己庚"
    ]
    await add_tickets(deps.db, *shops, *[TicketIn(party="蓝天洗染厂")] * 2)
    await gathering.Gatherer(deps).catch_up()
    page = await (await client.get("/desk/parties?q=餐厅&least=1")).text()
    form = {**hidden(page, "/desk/parties/export"), "all": "1"}
    form.pop("id")
    answer = await client.post("/desk/parties/export", data=form)
    book = load_workbook(io.BytesIO(await answer.read()))
    rows = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows(min_row=4)]
    names = [str(row[1]) for row in rows if isinstance(row[0], int)]
    assert sorted(names) == sorted(str(shop.party) for shop in shops)
    assert '<a href="/desk/parties?q=%E9%A4%90%E5%8E%85&amp;least=1&amp;skip=50">下一页' in page
    second = await (await client.get("/desk/parties?q=餐厅&least=1&skip=50")).text()
    assert "上一页" in second
    assert second.count('aria-label="列入名单：') == 6


async def test_a_file_that_is_cut_says_so(
    client: Client, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_ALL", 1)
    await ready(deps)
    form = {**hidden(await (await client.get("/desk/parties")).text(), "/desk/parties/export"), "all": "1"}
    answer = await client.post("/desk/parties/export", data=form)
    book = load_workbook(io.BytesIO(await answer.read()))
    assert "符合条件的对象不止这些：这里是件数最多的 1 个。" in str(list(book.worksheets[0].values))
