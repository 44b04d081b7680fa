"""工单列表导出: what the list has, and nothing that it would not show."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
import sqlalchemy as sa

from models.ledger import LedgerRow
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets
from triage.web import list_export

if TYPE_CHECKING:
    from aiohttp import ClientResponse

    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages."""
    return sqlite_db


async def file_of(answer: ClientResponse) -> list[dict[str, str]]:
    assert answer.status == 200, await answer.text()
    assert answer.content_type == "text/csv"
    return list(csv.DictReader(io.StringIO((await answer.read()).decode("utf-8-sig"))))


async def lines_of(answer: ClientResponse) -> list[dict[str, str]]:
    return [line for line in await file_of(answer) if line["工单编号"]]


async def written_down(db: Database) -> list[dict[str, Any]]:
    """What the ledger says of each export, in order."""
    exports = sa.select(LedgerRow.detail).where(LedgerRow.act == LedgerAct.EXPORTED.value)
    async with db.reads() as session:
        return list(await session.scalars(exports.order_by(LedgerRow.seq)))


async def test_a_corrected_kind_is_the_one_of_list_file_and_page(client: Client, db: Database) -> None:
    (no,) = await add_tickets(db, TicketIn(kind="NOI-01"))
    said = await client.post(f"/api/v1/tickets/{no}/corrections", json={"kind": "NOI-02"})
    assert said.status == 201, await said.text()
    (line,) = await lines_of(await client.get("/desk/list.csv?kind=NOI-02"))
    shown = (await (await client.get("/api/v1/tickets?kind=NOI-02")).json())["items"]
    assert [item["kind"]["label"] for item in shown] == [line["种类"]]
    assert (await (await client.get("/api/v1/tickets?kind=NOI-01")).json())["items"] == []
    page = await (await client.get(f"/desk/tickets/{no}")).text()
    assert f'<dt>现用种类</dt><dd>{line["种类"]}<span class="tag">已更正</span></dd>' in page
    assert "<dt>识别的种类</dt>" in page


async def test_the_file_has_what_the_filter_has_in_the_order_of_the_list(
    client: Client, db: Database
) -> None:
    mine, other, grave = await add_tickets(
        db, TicketIn(title="=HYPERLINK(夜间施工)"), TicketIn(kind="WAT-01"), TicketIn(urgency="U1")
    )
    lines = await lines_of(await client.get("/desk/list.csv?kind=NOI-01"))
    shown = (await (await client.get("/api/v1/tickets?kind=NOI-01")).json())["items"]
    assert [line["工单编号"] for line in lines] == [item["no"] for item in shown]
    assert {line["工单编号"] for line in lines} == {mine, grave} - {other}
    (line,) = [line for line in lines if line["工单编号"] == mine]
    # A title that a spreadsheet would run is text there.
    assert line["标题"] == "'=HYPERLINK(夜间施工)"
    assert (line["承办单位"], line["状态"], line["区"]) == ("望京街道办事处", "已派单", "朝阳区")
    assert line["来源时间"]
    assert line["距到期"]


async def test_excel_names_the_filter_and_every_export_is_written_down(client: Client, db: Database) -> None:
    await add_tickets(db, TicketIn(), TicketIn(urgency="U1"))
    answer = await client.get("/desk/list.xlsx?urgency=U1")
    sheet = openpyxl.load_workbook(io.BytesIO(await answer.read()))["工单"]
    words = [str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert "全部未结，U1 紧急" in words[1]
    assert "attachment" in answer.headers["Content-Disposition"]
    # A soft break that was pasted from Word: Excel refuses it.
    assert (await client.get("/desk/list.xlsx?q=%E6%96%BD%0B%E5%B7%A5")).status == 200
    assert (await written_down(db))[0] == {"rows": 1, "filters": ["urgency=U1"]}


async def test_the_words_of_a_search_do_not_stand_in_the_ledger(client: Client, db: Database) -> None:
    (no,) = await add_tickets(db, TicketIn(title="王秀英家楼下夜间施工"))
    assert (await client.get("/desk/list.csv?q=王秀英&kind=NOI-01")).status == 200
    assert (await client.get(f"/desk/list.csv?q={no}&kind=WAT-01")).status == 200
    filters = [detail["filters"] for detail in await written_down(db)]
    assert filters == [["kind=NOI-01", "q=有搜索词"], ["q=按编号"]]


async def test_a_longer_list_is_cut_and_says_so(
    client: Client, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_tickets(db, *[TicketIn() for _ in range(7)])
    monkeypatch.setattr(list_export, "MOST", 5)
    monkeypatch.setattr(list_export, "_A_PAGE", 2)
    found = await file_of(await client.get("/desk/list.csv"))
    assert len([line for line in found if line["工单编号"]]) == 5
    assert any("这里是列表中最前的 5 张，符合条件的可能不止这些" in line["序号"] for line in found)
    monkeypatch.setattr(list_export, "MOST", 7)
    found = await file_of(await client.get("/desk/list.csv"))
    numbers = [line["工单编号"] for line in found if line["工单编号"]]
    assert (len(numbers), len(set(numbers))) == (7, 7)
    assert not any("可能不止这些" in line["序号"] for line in found)
    monkeypatch.setattr(list_export, "_ROUNDS", 2)
    found = await file_of(await client.get("/desk/list.csv"))
    assert any("没有找完：这里是先找到的 4 张" in line["序号"] for line in found)


async def test_what_is_reported_in_confidence_stays(client: Client, db: Database) -> None:
    plain, secret = await add_tickets(db, TicketIn(), TicketIn(confidential=True))
    assert secret in await (await client.get("/desk")).text()
    found = await file_of(await client.get("/desk/list.csv"))
    assert [line["工单编号"] for line in found if line["工单编号"]] == [plain]
    assert any(line["序号"] == "要求保密的诉求不在其中。" for line in found)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/desk/list.pdf", 404, "没有这种导出格式"),
        ("/desk/list.csv?after=x", 400, "不认识的参数：after"),
        ("/desk/list.csv?urgency=U9", 400, "urgency"),
        ("/desk/list.csv?kind=WAT-01", 400, "没有符合条件的工单"),
    ],
)
async def test_what_cannot_be_exported_is_said(
    client: Client, db: Database, path: str, status: int, words: str
) -> None:
    await add_tickets(db, TicketIn())
    answer = await client.get(path)
    assert answer.status == status
    assert words in await answer.text()


async def test_nobody_exports_what_their_list_does_not_show(client_of: ClientOf, db: Database) -> None:
    here = TicketIn(district="110105")
    there = replace(here, district="110108", street=None, unit="110108010", assist=(), copies=())
    mine, _ = await add_tickets(db, here, there)
    clerk = await client_of(Role.CLERK, unit="110105")
    assert [line["工单编号"] for line in await lines_of(await clerk.get("/desk/list.csv"))] == [mine]
    assert '/desk/list.xlsx"' in await (await clerk.get("/desk")).text()
    # Analysts export figures and see no case; streets see cases and export none.
    analyst, street = await client_of(Role.ANALYST), await client_of(Role.STREET, unit="110105026")
    assert (await analyst.get("/desk/list.csv")).status == 403
    assert (await street.get("/desk/list.csv")).status == 403
    assert "/desk/list.xlsx" not in await (await street.get("/desk")).text()
