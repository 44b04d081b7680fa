"""三率 on the desk: versions, lines, ranking, the tickets behind a percentage, the workbook."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
import sqlalchemy as sa

from models.tickets import Ticket, TicketEvent
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests import factories
from tests.triage.rules.helpers import moment
from tests.written import written
from triage.clock import FixedClock
from triage.services import months, reference
from triage.web.reports import month_page

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

_LIVED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("ticket:contact", "2026-10-02 09:00", {"values": {"outcome": "reached"}}),
    ("ticket:feedback", "2026-10-05 09:00", {}),
    (
        "ticket:follow_up",
        "2026-10-12 09:00",
        {"values": {"outcome": "reached", "contacted": "yes", "solved": "yes", "satisfaction": "mostly"}},
    ),
)


@pytest.fixture
async def no(deps: Deps) -> str:
    (made,) = await lived(deps, factories.TicketIn())
    return made


async def lived(deps: Deps, *items: factories.TicketIn) -> list[str]:
    """Tickets that lived through October, and October published."""
    await reference.sync(deps)
    age = factories.NOW - moment("2026-10-01 10:00")
    made = await factories.add_tickets(deps.db, *(replace(item, age=age) for item in items))
    async with deps.db.writes.begin() as session:
        ids = await session.scalars(sa.select(Ticket.id).where(Ticket.no.in_(made)))
        events = [
            {"ticket_id": ticket_id, "seq": seq, "at": moment(at), "tag": tag, "data": data}
            for ticket_id in ids
            for seq, (tag, at, data) in enumerate(_LIVED, start=10)
        ]
        await session.execute(sa.insert(TicketEvent), events)
    await months.close(replace(deps, clock=FixedClock(moment("2026-11-03 09:00"))), "2026-10")
    return made


async def test_without_a_published_month_the_page_says_how_to_get_one(client: Client) -> None:
    page = await (await client.get("/desk/month")).text()
    assert "还没有发布过月度三率" in page
    # Nobody else publishes it, so whoever looks is told what does.
    assert "<code>jiesu month close 年-月</code>" in page


async def test_a_month_is_told_by_everything_down_to_its_tickets(client: Client, no: str) -> None:
    page = await (await client.get("/desk/month")).text()
    assert "第 1 版" in page
    assert "首次发布" in page
    assert "朝阳区" in page
    units = await (await client.get("/desk/month?month=2026-10&by=unit")).text()
    assert "望京街道办事处" in units
    link = "/desk/month?month=2026-10&amp;by=unit&amp;key=110105026&amp;rate=satisfaction"
    assert f'<a href="{link}">80.00%</a>' in units
    drilled = await (await client.get(link.replace("&amp;", "&"))).text()
    assert "望京街道办事处 · 满意率：80.00%" in drilled
    assert "得部分分 1 件" in drilled
    assert f'<a href="/desk/tickets/{no}">' in drilled
    ranking = await (await client.get("/desk/month?by=ranking")).text()
    assert "先进类" in ranking
    assert ranking.count('data-label="名次"') >= 340
    only = await (await client.get("/desk/month?by=ranking&group=group.advanced")).text()
    assert only.count('data-label="名次"') == 1


async def test_a_unit_finds_its_own_tickets_behind_those_of_others(
    client_of: ClientOf, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = factories.TicketIn(
        unit="110108010", district="110108", street="110108010", assist=(), copies=("110108",)
    )
    own = factories.TicketIn()
    made = await lived(deps, away, away, away, own, own, own)
    monkeypatch.setattr(month_page, "MOST", 2)
    link = f"/desk/month?by=kind&key={own.kind}&rate=satisfaction"
    district = await client_of(Role.SUPERVISOR, unit="110105")
    page = await (await district.get(link)).text()
    assert [no in page for no in made] == [False, False, False, True, True, False]
    assert '得部分分 6 件 <small class="muted">先列 2 件' in page
    monkeypatch.setattr(month_page, "MOST", 500)
    page = await (await district.get(link)).text()
    assert [no in page for no in made] == [False, False, False, True, True, True]
    assert "其中 3 件在您的查看范围内" in page


async def test_a_correction_is_a_version_of_its_own_and_the_first_stays(
    client: Client, deps: Deps, no: str
) -> None:
    async with deps.db.writes.begin() as session:
        ticket_id = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        granted = {"values": {"reason": "重复登记"}}
        await session.execute(
            sa.insert(TicketEvent),
            {
                "ticket_id": ticket_id, "seq": 20, "at": moment("2026-11-01 09:00"),
                "tag": "ticket:exclude_grant", "data": granted,
            },
        )  # fmt: skip
    later = replace(deps, clock=FixedClock(moment("2026-11-05 09:00")))
    await months.close(later, "2026-10", reason="补记剔除")
    newest = await (await client.get("/desk/month?month=2026-10")).text()
    assert "补记剔除" in newest
    assert "80.00%" not in newest
    first = await (await client.get("/desk/month?month=2026-10&version=1")).text()
    assert "80.00%" in first


async def test_the_workbook_is_that_of_the_command(client: Client, no: str) -> None:
    assert no
    response = await client.get("/desk/month/2026-10/1.xlsx")
    book = openpyxl.load_workbook(io.BytesIO(await response.read()))
    assert book.sheetnames == ["各区三率", "街道乡镇排名", "承办单位", "诉求类别", "不计入明细"]


async def test_the_workbook_names_no_ticket_that_the_viewer_may_not_see(
    client_of: ClientOf, deps: Deps, no: str
) -> None:
    async with deps.db.writes.begin() as session:
        ticket_id = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        granted = {
            "ticket_id": ticket_id, "seq": 20, "at": moment("2026-11-01 09:00"),
            "tag": "ticket:exclude_grant", "data": {"values": {"reason": "重复登记"}},
        }  # fmt: skip
        await session.execute(sa.insert(TicketEvent), granted)
    later = replace(deps, clock=FixedClock(moment("2026-11-05 09:00")))
    await months.close(later, "2026-10", reason="补记剔除")

    told = []
    for role in (Role.SUPERVISOR, Role.ANALYST):
        answer = await (await client_of(role)).get("/desk/month/2026-10/2.xlsx")
        book = openpyxl.load_workbook(io.BytesIO(await answer.read()))
        told.append(str([[cell.value for cell in row] for row in book["不计入明细"].iter_rows()]))
    assert (no in told[0], "不在导出人的查看范围内" in told[0]) == (True, False)
    assert (no in told[1], "另有 1 件不在导出人的查看范围内" in told[1]) == (False, True)
    assert await written(deps, LedgerAct.EXPORTED) == ["month-2026-10-v2.xlsx"] * 2


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("month=2026-09", 404, "没有发布过"),
        ("month=x", 400, "月份应形如"),
        ("month=9999-12", 400, "月份应形如"),
        ("month=0001-01", 400, "月份应"),
        ("month=2026-10&version=7", 404, "没有发布过第 7 版"),
        ("version=x", 400, "参数 version"),
        ("by=all", 400, "参数 by 只能是"),
        ("by=unit&rate=response", 400, "要一起写"),
        ("by=unit&key=nobody&rate=response", 400, "没有这一行"),
    ],
)
async def test_a_bad_address_is_told(client: Client, no: str, query: str, status: int, words: str) -> None:
    assert no
    response = await client.get(f"/desk/month?{query}")
    assert response.status == status
    assert words in await response.text()


async def test_what_was_answered_at_once_is_told_beside_what_is_left_out(
    client: Client, deps: Deps, no: str
) -> None:
    del no
    assert "当场答复" not in await (await client.get("/desk/month")).text()
    (asked,) = await factories.add_tickets(deps.db, factories.TicketIn())
    async with deps.db.writes.begin() as session:
        ticket_id = await session.scalar(sa.select(Ticket.id).where(Ticket.no == asked))
        at = moment("2026-10-03 09:00")
        told: dict[str, Any] = {"ticket_id": ticket_id, "seq": 10, "at": at, "data": {}}
        await session.execute(sa.insert(TicketEvent), [{**told, "tag": "ticket:answer_now"}])
    later = replace(deps, clock=FixedClock(moment("2026-11-03 09:00")))
    await months.close(later, "2026-10", reason="补录")
    page = await (await client.get("/desk/month")).text()
    assert page.count("不计入 1，其中当场答复 1") >= 2
