"""本单位数据 on the desk: who sees which unit's, what a page shows and leads to, files, JSON, empty pages."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestClient
from aiohttp.test_utils import TestServer as Serving

from models.appeals import Appeal
from models.db import open_database
from models.ledger import LedgerRow
from models.tickets import Ticket, TicketUnit
from models.vocab import Level
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Permission, Role
from tests import signed_in
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.rules.helpers import moment
from tests.triage.services.own.living import BAD, ECOLOGY, GOOD, WANGJING, XUEYUANLU, lived
from triage.clock import FixedClock
from triage.services import months, reference
from triage.services.own import judging
from triage.services.staff import tokens
from triage.services.staff.rules import rule_at
from triage.web.app import make_app
from triage.web.keys import Caches
from triage.web.own.asks import OWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp.test_utils import TestServer
    from sqlalchemy.ext.asyncio import AsyncSession

    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

AGO = timedelta(days=10)
OCTOBER = timedelta(days=40)


@pytest.fixture(autouse=True)
async def reference_(deps: Deps) -> None:
    await reference.sync(deps)


@pytest.fixture
async def street(client_of: ClientOf) -> Client:
    return await client_of(Role.STREET, unit=WANGJING)


async def text(client: Client, address: str = "/desk/own", status: int = 200) -> str:
    response = await client.get(address)
    assert response.status == status
    return await response.text()


async def published(deps: Deps, month: str = "2026-10") -> None:
    await months.close(replace(deps, clock=FixedClock(moment("2026-12-01 00:00"))), month)


def figures(page: str) -> dict[str, str]:
    """The figures at the top, by name, without what leads where."""
    found = re.findall(r'<div class="figure"><span>(.*?)</span><b>(.*?)</b>', page)
    return {name: re.sub(r"<[^>]*>", "", said) for name, said in found}


async def test_as_many_units_at_once_as_there_are_connections_all_read_theirs(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived(deps.db, OCTOBER, GOOD)
    await published(deps)
    tight = open_database(deps.db.engine.url, pool_size=1, pool_wait=3)
    together, newest = asyncio.Barrier(tight.most), months.newest

    async def all_of_them(session: AsyncSession, known: Sequence[str]) -> dict[str, int]:
        found = await newest(session, known)
        # Each holds a connection now, after a start: nothing is remembered.
        await together.wait()
        return found

    monkeypatch.setattr(months, "newest", all_of_them)
    units = [code for code, row in deps.tables.units.items() if row.level is Level.STREET][: tight.most]
    tokens_of = [await signed_in.sign_in(deps, Role.STREET, unit=unit) for unit in units]
    app = make_app(replace(deps, db=tight), caches=Caches(count_patience=30))
    async with TestClient(Serving(app)) as burst:
        answers = await asyncio.gather(*(
            burst.get("/desk/own", cookies={signed_in.COOKIE: token}) for token in tokens_of
        ))  # fmt: skip
        assert [answer.status for answer in answers] == [200] * tight.most
    await tight.close()


async def test_a_street_reads_its_month_so_far_and_what_pulls_it_down(street: Client, deps: Deps) -> None:
    good, bad = await lived(deps.db, AGO, GOOD, BAD)
    (other,) = await lived(
        deps.db, AGO, BAD, unit=XUEYUANLU, district="110108", street=XUEYUANLU, assist=(), copies=()
    )
    page = await text(street)
    assert figures(page) == {
        "受理量": "2", "响应率": "50.00%", "解决率": "50.00%", "满意率": "80.00%", "综合分": "62.00",
    }  # fmt: skip
    assert "本月到现在" in page
    for what in ("没有按时响应", "没有解决", "满意不到满分"):
        assert f"<summary>{what} <b>1</b> 件</summary>" in page
    assert f'<a href="/desk/tickets/{bad}">' in page
    assert other not in page
    assert "学院路" not in page
    behind = await text(street, "/desk/own?month=2026-11&rate=resolution")
    assert "得满分 1 件" in behind
    assert f'<a href="/desk/tickets/{good}"><code>' in behind


async def test_what_a_figure_leads_to_has_as_many(street: Client, deps: Deps) -> None:
    await lived(deps.db, AGO, GOOD, BAD)
    await add_tickets(deps.db, TicketIn(unit=ECOLOGY, assist=(WANGJING,)), TicketIn(age=OCTOBER))
    page = await text(street)
    link = re.search(r'<span>受理量</span><b><a href="([^"]+)">2</a>', page)
    assert link is not None
    assert (await text(street, link[1].replace("&amp;", "&"))).count('class="c-no"') == 2


async def test_the_twelve_months_before_are_told_as_they_were_published(street: Client, deps: Deps) -> None:
    await lived(deps.db, OCTOBER, GOOD)
    await lived(
        deps.db, OCTOBER, BAD, unit=XUEYUANLU, district="110108", street=XUEYUANLU, assist=(), copies=()
    )
    await published(deps)
    page = await text(street)
    assert page.count('data-label="月份"') == 13
    assert '<td data-label="名次">1 / 2</td>' in page
    assert 'data-label="综合分">100.00' in page
    assert "名次在结月发布" in page
    october = await text(street, "/desk/own?month=2026-10")
    assert figures(october)["名次"] == "1 / 2"
    assert "已结月发布，第 1 版" in october
    assert '<a rel="next" href="/desk/own?month=2026-11">2026-11 →</a>' in october
    assert '<option value="2026-10" selected>' in october


async def test_who_is_no_street_has_no_place_and_is_told_why(client_of: ClientOf, deps: Deps) -> None:
    await lived(deps.db, OCTOBER, GOOD, unit=ECOLOGY, assist=())
    await published(deps)
    page = await text(await client_of(Role.BUREAU, unit=ECOLOGY), "/desk/own?month=2026-10")
    assert figures(page)["综合分"] == "100.00"
    assert "每月只给街道乡镇排名，其他单位没有名次。" in page
    assert "名次</th>" not in page


async def test_a_district_reads_of_its_own_work_and_not_of_its_streets(
    client_of: ClientOf, deps: Deps
) -> None:
    await lived(deps.db, AGO, BAD)
    await lived(deps.db, AGO, GOOD, unit="110105", assist=(), copies=())
    page = await text(await client_of(Role.BUREAU, unit="110105"))
    assert figures(page)["受理量"] == "1"
    assert figures(page)["解决率"] == "100.00%"


@pytest.mark.parametrize(
    "roles",
    [
        (Role.CLERK,), (Role.FOLLOW_UP,), (Role.SUPERVISOR,), (Role.ANALYST,), (Role.ADMIN,),
        (Role.AUDITOR,), (Role.REWARD,),
    ],
)  # fmt: skip
async def test_only_who_handles_cases_may(client_of: ClientOf, roles: tuple[Role, ...]) -> None:
    client = await client_of(*roles, unit=WANGJING if roles == (Role.SUPERVISOR,) else None)
    for address in ("/desk/own", "/desk/own.csv", "/api/v1/own"):
        assert (await client.get(address)).status == 403


@pytest.mark.parametrize("address", ["/desk/own", "/desk/own.csv", "/api/v1/own"])
@pytest.mark.parametrize("unit", [XUEYUANLU, "110105", ECOLOGY, "nobody"])
async def test_nobody_reads_another_units(street: Client, address: str, unit: str) -> None:
    page = await text(street, f"{address}?unit={unit}", 404)
    assert "只给本单位的承办人看" in page


async def test_a_district_does_not_read_its_streets_own_page(client_of: ClientOf) -> None:
    await text(await client_of(Role.BUREAU, unit="110105"), f"/desk/own?unit={WANGJING}", 404)


async def test_who_is_of_two_units_chooses_and_a_role_of_another_sort_gives_none(
    server: TestServer, deps: Deps
) -> None:
    grants = ((Role.STREET, WANGJING), (Role.BUREAU, ECOLOGY), (Role.SUPERVISOR, "110108"))
    staff = await signed_in.add_person(deps, "two", *grants)
    cookies = {signed_in.COOKIE: await signed_in.session_for(deps, staff)}
    await lived(deps.db, AGO, GOOD, unit=ECOLOGY, assist=(WANGJING,))
    async with TestClient(server, cookies=cookies) as client:
        page = await text(client, f"/desk/own?unit={ECOLOGY}")
        assert f'href="/desk/own?unit={WANGJING}&amp;month=2026-11">望京街道办事处</a>' in page
        assert f'<input type="hidden" name="unit" value="{ECOLOGY}">' in page
        assert figures(page)["受理量"] == "1"
        assert figures(await text(client, f"/desk/own?unit={WANGJING}"))["受理量"] == "0"
        await text(client, "/desk/own?unit=110108", 404)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("month=2026-12", "还没有到"), ("month=x", "月份应形如"), ("month=1999-01", "月份应在"),
        ("month=2001-01", "太早"), ("rate=x", "参数 rate 只能是"), ("what=1", "what"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(street: Client, query: str, said: str) -> None:
    assert said in await text(street, f"/desk/own?{query}", 400)


async def test_a_new_unit_reads_what_will_stand_here(street: Client) -> None:
    page = await text(street)
    assert figures(page) == {"受理量": "0"}
    assert "这个月还没有出回访结果的件，所以没有三率。" in page
    assert "没有已超期、24 小时内到期的。" in page
    assert "没有：没有失分、反馈超期、退回补充、重办和未成立的退单。" in page
    assert "这个月还没有派给本单位的诉求" in page


async def test_who_is_of_no_unit_reads_why_nothing_is_here(client: Client, client_of: ClientOf) -> None:
    # Every role in the whole city, and a bureau's in a district: that one is theirs.
    assert "朝阳区" in await text(client)
    nobody = await client_of(Role.STREET)
    assert "您的角色没有授给哪个单位" in await text(nobody)
    assert (await nobody.get("/api/v1/own")).status == 404
    assert (await nobody.get("/desk/own.csv")).status == 400


async def test_too_many_cases_are_said_and_not_guessed(
    street: Client, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived(deps.db, AGO, GOOD, GOOD)
    monkeypatch.setattr(judging, "MOST", 1)
    page = await text(street)
    assert figures(page) == {"受理量": "2"}
    assert page.count("这个月件数太多，网页上不逐件核算") == 2
    assert "这个月件数太多" in (await text(street, "/desk/own?rate=response")).partition('id="behind"')[2]


async def test_a_month_before_the_rules_says_so(street: Client) -> None:
    page = await text(street, "/desk/own?month=2019-05")
    assert "2019-05" in page
    assert figures(page) == {"受理量": "0"}


async def test_colleagues_and_their_cases_stand_there(street: Client, deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, TicketIn(due=-timedelta(hours=1)))
    page = await text(street)
    assert '<b>没有经办人</b></td><td data-label="在办"><a href="#nobodys">1</a></td>' in page
    assert "已超期，应在" in page
    assert page.count(f'<a href="/desk/tickets/{no}">') == 2


async def test_it_is_a_minute_old_at_most_and_what_is_open_is_of_now(
    street: Client, server: TestServer, deps: Deps
) -> None:
    assert figures(await text(street))["受理量"] == "0"
    await add_tickets(deps.db, TicketIn())
    page = await text(street)
    assert figures(page)["受理量"] == "0"
    assert f'在办 <b><a href="/desk?unit={WANGJING}">1</a>' in page
    server.app[OWN].figures.clear()
    assert figures(await text(street))["受理量"] == "1"


async def test_who_lost_a_case_no_longer_reads_its_title(street: Client, deps: Deps) -> None:
    (bad,) = await lived(deps.db, AGO, BAD, title="花家地北里的锅炉房")
    assert "花家地北里的锅炉房" in await text(street)
    # Taken away, and in confidence: within the minute for which the figures are remembered.
    async with deps.db.writes.begin() as session:
        ticket = sa.select(Ticket.id).where(Ticket.no == bad).scalar_subquery()
        await session.execute(sa.update(TicketUnit).where(
            TicketUnit.ticket_id == ticket, TicketUnit.unit_code == WANGJING
        ).values(unit_code=XUEYUANLU))  # fmt: skip
        await session.execute(sa.update(Ticket).where(Ticket.no == bad).values(unit_code=XUEYUANLU))
        await session.execute(sa.update(Appeal).values(confidential=True))
    page = await text(street)
    assert "花家地北里的锅炉房" not in page
    assert bad not in page


async def test_a_token_without_cases_reads_no_list_of_them(stranger: Client, deps: Deps) -> None:
    staff = await signed_in.add_person(deps, "li", (Role.STREET, WANGJING))
    async with deps.db.writes.begin() as session:
        token = await tokens.make(
            session, staff, name="t", scopes=[Permission.HANDLE], allowed=list(Permission), days=30,
            rule=rule_at(deps.tables, NOW), by="li", login="li", now=NOW,
        )  # fmt: skip
    headers = {"Authorization": f"Bearer {token}"}
    assert (await stranger.get("/api/v1/own", headers=headers)).status == 403


async def test_a_month_may_be_written_short(street: Client, deps: Deps) -> None:
    await lived(deps.db, OCTOBER, GOOD)
    await published(deps, "2026-10")
    assert "2026-09" in await text(street, "/desk/own?month=2026-9")
    assert (await (await street.get("/api/v1/own?month=2026-9")).json())["month"] == "2026-09"


async def test_the_file_has_the_months_and_no_case(street: Client, deps: Deps) -> None:
    secret = TicketIn(age=timedelta(days=1), confidential=True, kind="AIR-01", assist=(), copies=())
    (hidden,) = await add_tickets(deps.db, secret)
    (bad,) = await lived(deps.db, AGO, BAD)
    # On the page, which they may see, both count.
    assert figures(await text(street))["受理量"] == "2"
    response = await street.get("/desk/own.csv?month=2026-11")
    assert response.status == 200
    name = response.headers["Content-Disposition"]
    assert re.fullmatch(rf'attachment; filename="own-{WANGJING}-2026-11-20261123-160000\.csv"', name)
    body = (await response.read()).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(body)))
    assert rows[1][:4] == ["2026-11", "1", "0", "1"]
    assert rows[1][-1] == "到现在"
    assert len(rows[0]) == len(rows[1]) == len(rows[2])
    assert bad not in body
    assert hidden not in body
    assert "AIR-01" not in body
    assert [row for row in rows if row[:1] == ["种类"]] == [["种类", "建筑施工噪声(含夜间)", "1", "0", "0"]]
    async with deps.db.reads() as session:
        row = (
            await session.scalars(sa.select(LedgerRow).where(LedgerRow.act == LedgerAct.EXPORTED.value))
        ).one()
    assert (row.subject, row.detail["filters"]) == (
        f"own-{WANGJING}-2026-11-20261123-160000.csv", [f"unit={WANGJING}", "month=2026-11"],
    )  # fmt: skip


async def test_the_workbook_has_two_sheets(street: Client, deps: Deps) -> None:
    await lived(deps.db, AGO, BAD)
    body = await (await street.get("/desk/own.xlsx")).read()
    assert openpyxl.load_workbook(io.BytesIO(body)).sheetnames == ["各月三率", "种类和地点"]
    assert (await street.get("/desk/own.pdf")).status == 404


async def test_json_says_what_the_page_says(street: Client, deps: Deps) -> None:
    (bad,) = await lived(deps.db, AGO, BAD)
    response = await street.get("/api/v1/own")
    told: dict[str, Any] = await response.json()
    assert (told["unit"], told["month"], told["running"]) == (WANGJING, "2026-11", True)
    first = told["months"][0]
    assert [rate["percent"] for rate in first["rates"]] == ["0.00%", "0.00%", "60.00%"]
    assert [rate["points"] for rate in first["rates"]] == [0, 0, 0.6]
    assert len(told["months"]) == 13
    assert [(one["what"], one["count"]) for one in told["short"] if one["count"]] == [
        ("late_contact", 1), ("unsolved", 1), ("dissatisfied", 1),
    ]  # fmt: skip
    assert told["short"][0]["cases"][0]["no"] == bad
    assert told["as_of"] == NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (await street.get("/api/v1/own?rate=response")).status == 400


async def test_it_is_found_from_where_a_units_day_begins(street: Client, client_of: ClientOf) -> None:
    for address in ("/desk/due", "/desk"):
        page = await text(street, address)
        assert page.count('href="/desk/own"') == 2, address
    clerk = await client_of(Role.CLERK)
    for address in ("/desk/due", "/desk"):
        assert 'href="/desk/own"' not in await text(clerk, address)
