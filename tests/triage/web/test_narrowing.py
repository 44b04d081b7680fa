"""受理日期, 街道, 受理渠道, 督办中, 重办过: at the desk, in files, bulk page and API; what is refused."""

from __future__ import annotations

import csv
import html
import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from models.ledger import LedgerRow
from models.tickets import Ticket, TicketEvent
from models.vocab import Channel, State, Tag
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.web.problem import assert_problem
from triage.web import asking
from triage.web.bulk.forms import spelled

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

DAY = timedelta(days=1)
#: One ticket in six, and the filter that finds it alone; in words.
EACH = {
    "received_from=2026-11-23": "受理日期 2026-11-23 至 不限",
    "received_to=2026-11-01": "受理日期 不限 至 2026-11-01",
    "street=110108010": "海淀区，学院路街道",
    "channel=letter": "受理渠道：来信",
    "supervised=1": "督办中",
    "rehandled=1": "重办过",
}


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages: `tests/models/test_narrowed.py` has both."""
    return sqlite_db


async def six(db: Database) -> list[str]:
    """A ticket for each of EACH."""
    made = await add_tickets(
        db,
        TicketIn(),
        TicketIn(age=40 * DAY),
        TicketIn(age=2 * DAY, district="110108", street="110108010"),
        TicketIn(age=2 * DAY, channel=Channel.LETTER),
        TicketIn(age=2 * DAY),
        TicketIn(age=2 * DAY),
    )
    async with db.writes.begin() as session:
        ids = list(await session.scalars(sa.select(Ticket.id).order_by(Ticket.id)))
        rows = [
            {"ticket_id": ids[at], "seq": 6, "at": NOW, "tag": tag.value, "data": {}}
            for at, tag in ((4, Tag.SUPERVISE), (5, Tag.REHANDLE))
        ]
        await session.execute(sa.insert(TicketEvent), rows)
    return made


@pytest.mark.parametrize("query", EACH)
async def test_page_part_file_bulk_and_api_have_the_same(client: Client, db: Database, query: str) -> None:
    no = (await six(db))[list(EACH).index(query)]
    answer = await (await client.get(f"/api/v1/tickets?{query}")).json()
    assert ([item["no"] for item in answer["items"]], answer["count"]["value"]) == ([no], 1)
    for path in ("/desk", "/desk/list"):
        page = await (await client.get(f"{path}?{query}")).text()
        assert (page.count('<tr data-no="'), f'data-no="{no}"' in page) == (1, True)
    sent = await client.get(f"/desk/list.csv?{query}")
    lines = list(csv.DictReader(io.StringIO((await sent.read()).decode("utf-8-sig"))))
    assert [line["工单编号"] for line in lines if line["工单编号"]] == [no]
    assert any(f"条件：全部未结，{EACH[query]}" in line["序号"] for line in lines)
    bulk = await (await client.get(f"/desk/bulk/new?{query}&move=urge")).text()
    assert EACH[query] in bulk


async def test_the_address_and_the_form_keep_the_whole_filter(client: Client, deps: Deps) -> None:
    from triage.web.names import names_of  # noqa: PLC0415  (the tables of the client)

    query = {
        "received_from": "2026-11-01", "received_to": "2026-11-30", "street": "110105026",
        "district": "110105", "channel": "web", "supervised": "1", "rehandled": "1", "state": "all",
    }  # fmt: skip
    asked = asking.read(query, names_of(deps.tables))
    assert asked.parameters() == query
    assert asking.kept(query) == asked.filters
    assert spelled(asked.filters, names_of(deps.tables)) == (
        "全部，朝阳区，望京街道，受理日期 2026-11-01 至 2026-11-30，受理渠道：网络，督办中，重办过"
    )
    page = await (await client.get(asked.address("/desk"))).text()
    for part in (
        'name="received_from" form="filters" value="2026-11-01"',
        'name="received_to" form="filters" value="2026-11-30"',
        '<option value="110105026" selected>望京街道</option>',
        '<option value="web" selected>网络</option>',
        'name="supervised" value="1" form="filters" checked',
        'name="rehandled" value="1" form="filters" checked',
        '<span id="fold-count">（8 项）</span>',
    ):
        assert part in page
    # Streets are those of the district alone.
    assert 'value="110108010"' not in page


async def test_a_street_takes_its_district_along(client: Client) -> None:
    page = await (await client.get("/desk?street=110108010")).text()
    assert '<option value="110108" selected>海淀区</option>' in page
    assert '<option value="110108010" selected>学院路街道</option>' in page
    assert "先选区" not in page
    assert "先选区" in await (await client.get("/desk")).text()


async def test_pages_of_days_lead_on_with_the_filter(client: Client, db: Database) -> None:
    made = await add_tickets(
        db, *(TicketIn(age=age * DAY, state=State.CLOSED, due=None) for age in (1, 3, 2))
    )
    address, found = "/api/v1/tickets?state=closed&received_from=2026-11-01&limit=1", []
    after = ""
    for _ in range(3):
        answer = await (await client.get(f"{address}{after}")).json()
        found += [item["no"] for item in answer["items"]]
        after = f"&after={answer['after']}"
    assert found == [made[0], made[2], made[1]]
    assert answer["after"] is None
    page = await (await client.get("/desk?state=closed&received_from=2026-11-01&limit=1")).text()
    assert "received_from=2026-11-01" in page.partition('rel="next" href="')[2].partition('"')[0]
    assert "按来源时间，最新的在前" in page


#: What is asked, the field that is wrong, and what is said of it.
WRONG = [
    (
        "received_from=2026-11-30&received_to=2026-11-01",
        "received_to",
        "受理日期止（received_to）早于受理日期起：2026-11-01",
    ),
    ("received_from=30/11/2026", "received_from", "受理日期起（received_from）应是日期，形如 2026-11-23"),
    ("received_to=0001-01-01", "received_to", "受理日期止（received_to）不在可查的年份里"),
    ("street=110105026&district=110108", "street", "街道（street）望京街道不在海淀区"),
    ("street=1", "street", "街道（street）不是本市街道乡镇或功能区的编码"),
    ("street=" + "1" * 41, "street", "街道（street）不是本市街道乡镇或功能区的编码"),
    ("channel=fax", "channel", "受理渠道（channel）只能是：phone（电话）、web"),
    (
        "channel=web&state=all",
        "received_from",
        "受理日期起（received_from）和受理日期止都要写，最多 92 天：在“全部”里按受理渠道筛选",
    ),
    (
        "rehandled=1&state=closed&received_from=2026-01-01&received_to=2026-11-01",
        "received_from",
        "受理日期起（received_from）到受理日期止是 305 天，最多 92 天：在“已办结”里按重办过筛选",
    ),
    (
        "rehandled=1&channel=web&state=closed&mine=1",
        "received_from",
        "受理日期起（received_from）和受理日期止都要写，最多 92 天：在“已办结”里按受理渠道和重办过筛选，只能",
    ),
]


@pytest.mark.parametrize(("query", "field", "words"), WRONG)
async def test_a_wrong_field_is_named_and_the_rest_is_kept(
    client: Client, db: Database, query: str, field: str, words: str
) -> None:
    await add_tickets(db, TicketIn())
    await assert_problem(await client.get(f"/api/v1/tickets?{query}"), 400, "bad_input", words)
    answer = await client.get(f"/desk?{query}&kind=NOI-01&q=打桩")
    page = await answer.text()
    assert answer.status == 400
    # The parameter is for programs.
    shown = words.replace(f"（{field}）", "")
    assert f'<li data-field="{field}">{shown}' in page
    # Nothing is listed, exported or handled by a filter that nobody asked for.
    for absent in ('<tr data-no="', "/desk/list.csv", 'action="/desk/bulk/new"'):
        assert absent not in page
    control = page.partition(f'name="{field}" form="filters"')[2].partition(">")[0]
    assert 'aria-invalid="true" aria-describedby="filter-faults"' in control
    assert '<option value="NOI-01" selected>' in page
    assert 'value="打桩"' in page
    assert 'id="fold" autocomplete="off" checked' in page
    # A refresh asks for the same again, not for what is left of the filter without the field.
    refresh = page.partition('data-refresh="')[2].partition('"')[0]
    assert refresh == html.escape(f"/desk/list?{query}&kind=NOI-01&q={quote('打桩')}")
    part = await client.get(html.unescape(refresh))
    told = await part.text()
    assert (part.status, shown in told, f'data-refresh="{refresh}"' in told) == (400, True, True)
    assert 'id="clear" href="/desk">' in page


async def test_what_stands_beside_it_changes_nothing_and_is_named(client: Client) -> None:
    page = await (await client.get("/desk?rehandled=1&state=closed&mine=1")).text()
    assert "只能在一段日期里找，加上只看我经办的也一样" in page


async def test_a_wrong_field_alone_can_be_cleared_and_is_counted(client: Client) -> None:
    page = await (await client.get("/desk?channel=%22%3E%3Cb%3E")).text()
    assert 'id="clear" href="/desk">' in page
    assert '<span id="fold-count">（1 项）</span>' in page
    assert 'data-refresh="/desk/list?channel=%22%3E%3Cb%3E"' in page


@pytest.mark.parametrize("state", ["all", "closed"])
async def test_a_whole_number_is_found_whatever_is_filtered(client: Client, db: Database, state: str) -> None:
    (no,) = await add_tickets(db, TicketIn())
    for query in (f"state={state}&channel=web&q={no}", f"state={state}&rehandled=1&q={no.replace('-', '')}"):
        answer = await (await client.get(f"/api/v1/tickets?{query}")).json()
        assert [item["no"] for item in answer["items"]] == [no]
        assert (await client.get(f"/desk?{query}")).status == 200


async def test_days_that_are_wrong_stand_as_they_were_typed(client: Client) -> None:
    page = await (await client.get("/desk?received_from=2026-11-30&received_to=2026-11-01")).text()
    assert 'name="received_from" form="filters" value="2026-11-30"' in page
    assert 'name="received_to" form="filters" value="2026-11-01" aria-invalid="true"' in page
    text = await (await client.get('/desk?received_to="><b>1')).text()
    assert "<b>1" not in text


@pytest.mark.parametrize(("query", "field", "words"), WRONG)
async def test_files_and_bulk_refuse_the_same(client: Client, query: str, field: str, words: str) -> None:
    for path in ("/desk/list.csv", "/desk/bulk/new"):
        answer = await client.get(f"{path}?{query}")
        assert (answer.status, words in await answer.text()) == (400, True), field
    given = dict(pair.split("=") for pair in query.split("&"))
    told = {"filter": given, "move": "urge", "values": {"note": "请尽快办理"}, "as": {"post": "hotline"}}
    await assert_problem(await client.post("/api/v1/bulk", json=told), 400, "bad_input", words)


async def test_the_ledger_has_the_filter_of_a_file(client: Client, db: Database) -> None:
    await six(db)
    assert (await client.get("/desk/list.csv?channel=letter&received_from=2026-11-01")).status == 200
    async with db.reads() as session:
        (told,) = await session.scalars(
            sa.select(LedgerRow.detail).where(LedgerRow.act == LedgerAct.EXPORTED.value)
        )
    assert told["filters"] == ["received_from=2026-11-01", "channel=letter"]


async def test_no_narrowing_finds_what_is_hidden(client_of: ClientOf, db: Database) -> None:
    """保密 cases and those of other units: neither a line nor a count nor a page tells of them."""
    await add_tickets(
        db,
        TicketIn(
            confidential=True, channel=Channel.LETTER, unit="110105-ecology", assist=(), copies=("110105026",)
        ),
        TicketIn(district="110108", street="110108010", unit="110108010", copies=(), assist=()),
    )
    async with db.writes.begin() as session:
        ids = list(await session.scalars(sa.select(Ticket.id)))
        rows = [
            {"ticket_id": number, "seq": seq, "at": NOW, "tag": tag.value, "data": {}}
            for number in ids
            for seq, tag in ((6, Tag.SUPERVISE), (7, Tag.REHANDLE))
        ]
        await session.execute(sa.insert(TicketEvent), rows)
    client = await client_of(Role.STREET, unit="110105026")
    for query in (*EACH, "state=all&channel=letter&received_from=2026-11-01&received_to=2026-11-30"):
        answer = await (await client.get(f"/api/v1/tickets?{query}")).json()
        assert (answer["items"], answer["count"]["value"], answer["after"]) == ([], 0, None), json.dumps(
            answer
        )
