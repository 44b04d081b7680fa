"""批量办理 over HTTP: the pages and JSON, draft to undo, refusals in words, exports."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

import jsonschema
import openpyxl
import pytest
import sqlalchemy as sa

from models.tickets import Ticket, TicketUnit
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets
from tests.triage.web.problem import assert_problem
from tests.written import written
from triage.services import reference
from triage.services.bulk import running
from triage.web.openapi import document

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

STREET = {"post": "unit", "unit": "望京街道办事处", "name": "甲"}
CLERK = {"post": "hotline", "name": "坐席一"}
URGE = {"move": "urge", "values": {"note": "季度末统一催办"}, "as": CLERK}


@pytest.fixture
async def numbers(deps: Deps) -> list[str]:
    made = await add_tickets(
        deps.db, TicketIn(), TicketIn(title="=2+3 号楼漏水", unit="110108010", district="110108"), TicketIn()
    )
    await reference.sync(deps)
    return made


def valid(view: str, body: object) -> None:
    schema = {"$ref": f"#/components/schemas/{view}", "components": document()["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)


async def call(client: Client, path: str, body: dict[str, Any], status: int) -> Any:  # noqa: ANN401
    response = await client.post(f"/api/v1/bulk{path}", json=body)
    assert response.status == status, await response.text()
    found = await response.json()
    valid("BulkJobView", found)
    return found


async def worked(deps: Deps, number: int) -> None:
    await running.run(deps, number, seconds=60)


async def states(deps: Deps) -> list[str]:
    async with deps.db.reads() as session:
        return list(await session.scalars(sa.select(Ticket.state).order_by(Ticket.id)))


async def test_json_from_draft_to_undo(client: Client, deps: Deps, numbers: list[str]) -> None:
    draft = await call(client, "", {"move": "sign", "as": STREET, "tickets": numbers}, 201)
    assert (draft["state"]["code"], draft["waiting"], draft["refused"]) == ("draft", 2, 1)
    assert draft["reasons"][0]["count"] == 1
    assert "依据：" in draft["reasons"][0]["words"]
    assert await states(deps) == ["dispatched"] * 3
    place, who = f"/{draft['id']}", {"as": STREET}
    assert (await call(client, f"{place}/start", who, 200))["state"]["code"] == "running"
    assert (await call(client, f"{place}/start", who, 200))["state"]["code"] == "running"
    await worked(deps, draft["id"])
    response = await client.get(f"/api/v1/bulk{place}")
    done = await response.json()
    valid("BulkJobView", done)
    assert (done["state"]["code"], done["done"], done["units"][0]["count"]) == ("done", 2, 2)
    rows = await (await client.get(f"/api/v1/bulk{place}/rows?state=done")).json()
    valid("BulkRows", rows)
    assert [(row["no"], row["version"]) for row in rows["items"]] == [(numbers[0], 2), (numbers[2], 2)]
    undo = await call(client, f"{place}/undo", {**who, "reason": "签错了单位"}, 201)
    assert (undo["undoes"], undo["waiting"]) == (draft["id"], 2)
    await call(client, f"/{undo['id']}/start", who, 200)
    # The first was started twice, and once is written.
    assert await written(deps, LedgerAct.BULK_MADE) == [f"bulk-{draft['id']}", f"bulk-{undo['id']}"]
    await worked(deps, undo["id"])
    assert await states(deps) == ["dispatched"] * 3
    assert (await (await client.get(f"/api/v1/bulk{place}")).json())["undone_by"] == undo["id"]


async def test_a_whole_filter_in_json(client: Client, numbers: list[str]) -> None:
    found = await call(client, "", {**URGE, "filter": {"district": "110105"}}, 201)
    assert (found["total"], found["waiting"]) == (2, 2)
    assert len(numbers) == 3
    cancelled = await call(client, f"/{found['id']}/cancel", {"as": CLERK}, 200)
    assert (cancelled["state"]["code"], cancelled["cancelled"]) == ("cancelled", 2)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (URGE, "要写一个"),
        ({**URGE, "tickets": [], "filter": {}}, "只写一个"),
        ({**URGE, "tickets": []}, "没有选中工单"),
        ({**URGE, "tickets": ["x"]}, "写法不对"),
        ({**URGE, "filter": {"after": "0.1.1"}}, "不认识的键：after"),
        ({**URGE, "filter": {"due": "soon"}}, "参数 due 只能是"),
        ({**URGE, "filter": {"q": 3}}, "值为文字"),
        ({**URGE, "move": "feedback", "filter": {}}, "不能批量办理"),
        ({**URGE, "values": {"nonsense": "x"}, "filter": {}}, "不认识的内容：nonsense"),
        ({**URGE, "values": [], "filter": {}, "extra": 1}, "不认识的键：extra"),
        ({**URGE, "filter": {"kind": "AIR-01"}}, "没有选中工单"),
    ],
)
async def test_json_that_is_wrong_is_told_by_name(
    client: Client, numbers: list[str], body: dict[str, Any], words: str
) -> None:
    assert numbers
    await assert_problem(await client.post("/api/v1/bulk", json=body), 400, "bad_input", words)


async def test_only_the_same_identity_goes_on_and_unknown_jobs_are_not_found(
    client: Client, numbers: list[str]
) -> None:
    draft = await call(client, "", {**URGE, "tickets": numbers}, 201)
    response = await client.post(f"/api/v1/bulk/{draft['id']}/start", json={"as": STREET})
    await assert_problem(response, 403, "not_yours", "坐席一")
    await assert_problem(await client.get("/api/v1/bulk/999"), 404, "not_found", "没有这一批")
    await assert_problem(await client.get("/api/v1/bulk/x1"), 404, "not_found", "没有这一批")
    await assert_problem(await client.get(f"/api/v1/bulk/{2**31}"), 404, "not_found", "没有这一批")
    far = await client.get(f"/api/v1/bulk/{draft['id']}/rows?after={2**31}")
    await assert_problem(far, 400, "bad_input", "参数 after 应是数字")
    await assert_problem(await client.get("/api/v1/bulk/999/rows"), 404, "not_found", "没有这一批")
    missing = {**URGE, "tickets": ["20261123-99999999"]}
    await assert_problem(await client.post("/api/v1/bulk", json=missing), 404, "not_found", "没有编号为")


async def token_of(client: Client) -> str:
    page = await (await client.get("/desk/bulk/new")).text()
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def test_the_pages_from_choice_to_undo(client: Client, deps: Deps, numbers: list[str]) -> None:
    listed = await (await client.get("/desk?district=110105")).text()
    assert f'name="no" value="{numbers[0]}" form="bulk"' in listed
    assert '<input type="hidden" name="district" value="110105">' in listed
    new = await (await client.get("/desk/bulk/new?district=110105&move=urge")).text()
    assert "全部未结，朝阳区" in new
    assert 'id="urge-note"' in new
    token = await token_of(client)
    await client.post(
        "/desk/as",
        data={"token": token, "post": "unit", "unit": "望京街道办事处", "name": "甲", "back": "/desk"},
    )
    form = {"token": token, "move": "sign", "no": numbers[0]}
    draft = await client.post("/desk/bulk", data=form, allow_redirects=False)
    assert draft.status == 303
    place = draft.headers["Location"]
    page = await (await client.get(place)).text()
    assert "可以办理 <b>1</b> 张" in page
    assert "确认签收 1 张" in page
    await client.post(f"{place}/start", data={"token": token})
    running_page = await (await client.get(f"{place}/part")).text()
    assert 'data-state="running"' in running_page
    assert '<meta http-equiv="refresh"' in await (await client.get(place)).text()
    await worked(deps, int(place.rsplit("/", 1)[1]))
    done = await (await client.get(place)).text()
    assert "已办理 <b>1</b> 张" in done
    assert "整批撤销（先预览）" in done
    undo = await client.post(f"{place}/undo", data={"token": token}, allow_redirects=False)
    assert "第 1 批" in await (await client.get(undo.headers["Location"])).text()
    assert "批量办理第 1 批" in await (await client.get(f"/desk/tickets/{numbers[0]}")).text()
    assert "第 2 批" in await (await client.get("/desk/bulk")).text()


async def test_a_form_that_is_refused_comes_back_with_what_was_typed(
    client: Client, numbers: list[str]
) -> None:
    token = await token_of(client)
    form = {"token": token, "move": "reassign", "no": numbers[0], "unit": "望京街道办事处", "reason": ""}
    response = await client.post("/desk/bulk", data=form)
    page = await response.text()
    assert response.status == 400
    assert "批量改派必须写明理由" in page
    assert 'value="望京街道办事处"' in page
    assert f'name="no" value="{numbers[0]}"' in page
    forged = await client.post("/desk/bulk", data={**form, "token": "x"})
    assert forged.status == 403


async def test_results_go_out_as_csv_and_excel_without_formulas(
    client: Client, deps: Deps, numbers: list[str]
) -> None:
    draft = await call(client, "", {**URGE, "tickets": numbers}, 201)
    await call(client, f"/{draft['id']}/start", {"as": CLERK}, 200)
    await worked(deps, draft["id"])
    response = await client.get(f"/desk/bulk/{draft['id']}/results.csv")
    lines = list(csv.reader(io.StringIO((await response.read()).decode("utf-8-sig"))))
    assert [line[1] for line in lines[1:]] == numbers
    assert lines[2][2].startswith("'=2+3")
    assert {line[4] for line in lines[1:]} == {"已办理"}
    book = openpyxl.load_workbook(
        io.BytesIO(await (await client.get(f"/desk/bulk/{draft['id']}/results.xlsx")).read())
    )
    sheet = book.worksheets[0]
    assert sheet["A1"].value == f"批量催办结果（第 {draft['id']} 批）"
    assert (sheet["C5"].value, sheet["C5"].data_type) == ("=2+3 号楼漏水", "s")
    assert (await client.get(f"/desk/bulk/{draft['id']}/results.pdf")).status == 404


async def test_the_filter_of_a_form_is_not_taken_for_a_field_of_the_move(
    client: Client, numbers: list[str]
) -> None:
    token = await token_of(client)
    form = {"token": token, "move": "reassign", "unit": "110105-ecology", "reason": "统一改派到生态环境局"}
    response = await client.post("/desk/bulk", data={**form, "in_unit": "110105026"})
    page = await response.text()
    assert response.status == 200
    assert "可以办理 <b>2</b> 张" in page
    assert "承办单位：望京街道办事处" in page
    assert "承办单位：朝阳区生态环境局" in page
    assert numbers[0] in page
    nobody = {"token": token, "move": "urge", "note": "统一催办", "in_q": "没有这样的字"}
    assert "没有选中工单" in await (await client.post("/desk/bulk", data=nobody)).text()


async def test_a_figure_of_trends_is_named_where_all_of_it_is_moved(
    client: Client, numbers: list[str]
) -> None:
    asked = {"state": "all", "counted": "2026-11-01..2026-11-30;kinds=NOI-01"}
    page = await (await client.get("/desk/bulk/new", params=asked)).text()
    assert "态势下钻：2026-11-01 至 2026-11-30 · 建筑施工噪声" in page
    # In the job's page too.
    assert len(numbers) == 3
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    form = {"token": token, "move": "urge", "note": "季度末统一催办"}
    sent = form | {f"in_{name}": value for name, value in asked.items()}
    assert "态势下钻：2026-11-01 至" in await (await client.post("/desk/bulk", data=sent)).text()


async def test_a_draft_belongs_to_one_selection(client: Client, numbers: list[str]) -> None:
    async def kept_under(*query: tuple[str, str]) -> str:
        page = await (await client.get("/desk/bulk/new", params=query)).text()
        return page.partition('id="moves" data-no="')[2].partition('"')[0]

    first, second, third = (("no", no) for no in numbers)
    ticked = await kept_under(first, second)
    assert ticked == await kept_under(second, first)
    others = [await kept_under(first, third), await kept_under(("district", "110105")), await kept_under()]
    assert len({ticked, *others}) == 4


async def test_words_that_grow_by_masking_are_read_back(client: Client, deps: Deps) -> None:
    words = "我叫李明，" * 20
    await add_tickets(deps.db, TicketIn(text=words))
    await reference.sync(deps)
    form = {"token": await token_of(client), "move": "urge", "note": "季度末统一催办", "in_q": words}
    draft = await client.post("/desk/bulk", data=form)
    page = await draft.text()
    assert draft.status == 200, page
    assert f"搜索“{'我叫[姓名]，' * 20}”" in page
    started = await client.post(f"{draft.url.path}/start", data={"token": form["token"]})
    assert started.status == 200, await started.text()


@pytest.mark.parametrize("gone", [1, 4])
async def test_the_undo_counts_what_went_to_another_unit(
    client_of: ClientOf, deps: Deps, numbers: list[str], gone: int
) -> None:
    """All of them is a draft of its own too, where none can be moved: it was a fault of ours."""
    await add_tickets(deps.db, TicketIn(), TicketIn())
    officer = await client_of(Role.STREET, unit="110105026")
    form = {"token": await token_of(officer), "move": "sign"}
    draft = await officer.post("/desk/bulk", data=form)
    path = draft.url.path
    await officer.post(f"{path}/start", data={"token": form["token"]})
    await worked(deps, int(path.rpartition("/")[2]))
    async with deps.db.writes.begin() as session:
        mine = sa.select(TicketUnit.ticket_id).where(TicketUnit.unit_code == "110105026")
        lost = list(await session.scalars(mine.order_by(TicketUnit.ticket_id).limit(gone)))
        await session.execute(sa.delete(TicketUnit).where(TicketUnit.ticket_id.in_(lost)))
    undo = await officer.post(f"{path}/undo", data={"token": form["token"]})
    page = await undo.text()
    assert undo.status == 200, page
    assert f"可以办理 <b>{4 - gone}</b> 张" in page
    assert "工单已转到您看不到的单位" in page
    assert numbers[0] not in page
