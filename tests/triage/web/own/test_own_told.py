"""本单位数据: that what is told is so: names, links, what was not counted, what leaves the desk in a file."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestClient
from aiohttp.test_utils import TestServer as Serving

from models.appeals import Reading
from models.filters import Scope, Viewer
from models.tickets import ObjectionRow, Ticket
from models.vocab import Channel
from models.vocab_staff import Permission, Role
from tests import signed_in
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.rules.helpers import moment
from tests.triage.services.own.living import BAD, ECOLOGY, GOOD, WANGJING, lived
from triage.clock import FixedClock
from triage.rules import publishing
from triage.rules.publishing import tells_place
from triage.rules.reading import Record
from triage.rules.rows import Where
from triage.services import months, reference
from triage.services.own import closed, figures, judging
from triage.web import navigation
from triage.web.app import make_app
from triage.web.keys import Caches
from triage.web.own.asks import OWN

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp.test_utils import TestServer

    from tests.triage.services.own.living import Life
    from tests.triage.web.conftest import Client, ClientOf
    from triage.rules.rows import Tables
    from triage.services.deps import Deps

AGO = timedelta(days=10)
OCTOBER = timedelta(days=40)
FUTONG = "110105026001"


@pytest.fixture(autouse=True)
async def reference_(deps: Deps) -> None:
    await reference.sync(deps)


@pytest.fixture
async def street(client_of: ClientOf) -> Client:
    return await client_of(Role.STREET, unit=WANGJING)


async def told(client: Client, query: str = "") -> dict[str, Any]:
    found: dict[str, Any] = await (await client.get(f"/api/v1/own{query}")).json()
    return found


async def text(client: Client, address: str = "/desk/own") -> str:
    response = await client.get(address)
    assert response.status == 200
    return await response.text()


async def add_objection(deps: Deps, no: str, at: datetime = NOW - OCTOBER + timedelta(days=1)) -> None:
    async with deps.db.writes.begin() as session:
        ticket = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        session.add(ObjectionRow(
            ticket_id=ticket, seq=9, at=at, unit_code=WANGJING, proposed_unit=ECOLOGY, clause="第十二条",
            reason="不归街道", ruling="object_reject",
        ))  # fmt: skip


async def test_a_street_without_a_community_is_no_sum_and_no_place_leads_to_another_list(
    street: Client, deps: Deps
) -> None:
    await add_tickets(deps.db, TicketIn(age=AGO), TicketIn(age=AGO))
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Reading).values(community_code=FUTONG))
    await add_tickets(deps.db, TicketIn(age=AGO))
    area = (await told(street))["area"]
    first, second = area["places"]
    assert first["name"].startswith("望京街道")
    assert "社区不明" not in first["name"]
    assert first["now"] == 2
    assert (second["name"], second["now"]) == ("望京街道（社区不明）", 1)
    assert [one["address"] for one in (*area["places"], *area["again"])] == ["", "", ""]
    assert re.search(r"kind=NOI-01", area["kinds"][0]["address"])


@pytest.mark.parametrize("life", [GOOD, BAD])
async def test_what_was_not_counted_of_a_large_published_month_is_not_called_none(
    street: Client, deps: Deps, monkeypatch: pytest.MonkeyPatch, life: Life
) -> None:
    nos = await lived(deps.db, OCTOBER, life, life)
    await months.close(replace(deps, clock=FixedClock(moment("2026-11-01 00:00"))), "2026-10")
    await add_objection(deps, nos[0])
    monkeypatch.setattr(judging, "MOST", 1)
    found = await told(street, "?month=2026-10")
    missed = 2 * (life is BAD)
    assert {one["what"]: one["count"] for one in found["short"]} == {
        "late_contact": missed, "unsolved": missed, "dissatisfied": missed, "late_answer": None,
        "supplemented": None, "rehandled": None, "objection_lost": 1,
    }  # fmt: skip
    assert found["uncounted"] == "没有核算反馈超期、退回补充、重办：这个月件数太多，网页上不逐件核算。"
    assert found["untold"] == ""
    page = await text(street, "/desk/own?month=2026-10")
    assert "没有失分、反馈超期" not in page
    assert found["uncounted"] in page


async def test_objections_are_counted_of_a_month_that_is_not_judged(
    street: Client, server: TestServer, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    nos = await lived(deps.db, AGO, GOOD, GOOD)
    monkeypatch.setattr(judging, "MOST", 1)
    assert "这些没有件：退单未成立。" in await text(street)
    await add_objection(deps, nos[0], at=NOW - timedelta(days=1))
    server.app[OWN].figures.clear()
    counts = {one["what"]: one["count"] for one in (await told(street))["short"]}
    assert counts == dict.fromkeys(counts) | {"objection_lost": 1}


async def test_a_published_month_whose_rules_are_gone_is_told_as_published(deps: Deps) -> None:
    await lived(deps.db, OCTOBER, BAD)
    await months.close(replace(deps, clock=FixedClock(moment("2026-11-01 00:00"))), "2026-10")
    viewer = Viewer("li", Scope(units=frozenset({WANGJING}), own=frozenset({WANGJING})))
    asked = figures.asked_of(WANGJING, "2026-10", now=NOW)
    async with deps.db.reads() as session:
        known = {"2026-10": await closed.read(session, deps.tables, "2026-10", 1)}
        bare = replace(deps.tables, rates=replace(deps.tables.rates, weights=()))
        found = await figures.load(session, bare, viewer, asked, known)
    assert found.untold
    assert [one.count for one in found.short] == [1, 1, 1, None, None, None, 0]


async def rows_of(client: Client, month: str) -> list[list[str]]:
    body = await (await client.get(f"/desk/own.csv?month={month}")).read()
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))


async def test_a_file_of_a_month_that_is_open_has_nothing_in_confidence(
    street: Client, server: TestServer, deps: Deps
) -> None:
    await lived(deps.db, AGO, BAD, confidential=True)
    assert [rate["tickets"] for rate in (await told(street))["months"][0]["rates"]] == [1, 1, 1]
    # Neither rates nor that a case was judged.
    assert (await rows_of(street, "2026-11"))[1][1:] == ["0", "0", *["—"] * 16, "到现在"]
    await lived(deps.db, AGO, GOOD)
    server.app[OWN].figures.clear()
    assert (await rows_of(street, "2026-11"))[1][1:8] == ["1", "0", "1", "1.0", "1", "0", "100.00%"]


async def test_a_file_of_a_closed_month_has_it_as_published_and_says_so(street: Client, deps: Deps) -> None:
    await lived(deps.db, OCTOBER, BAD, confidential=True)
    await months.close(replace(deps, clock=FixedClock(moment("2026-11-01 00:00"))), "2026-10")
    rows = await rows_of(street, "2026-10")
    assert rows[1][:5] == ["2026-10", "0", "0", "1", "0.0"]
    assert any("已发布的月份是发布的数，要求保密的诉求计在内" in row[0] for row in rows if row)


@pytest.mark.parametrize(("since", "until", "seen"), [
    (date(2026, 11, 10), None, True), (date(2020, 1, 1), date(2026, 11, 10), False),
])  # fmt: skip
async def test_whether_places_are_told_goes_by_today_for_every_month(
    deps: Deps, tables: Tables, since: date, until: date | None, *, seen: bool
) -> None:
    await lived(deps.db, OCTOBER, GOOD)
    await months.close(replace(deps, clock=FixedClock(moment("2026-11-01 00:00"))), "2026-10")
    ruled = replace(tables, publishing=tuple(
        replace(row, valid_from=since, valid_to=until) if row.id == "own.place" else row
        for row in tables.publishing
    ))  # fmt: skip
    app = make_app(replace(deps, tables=ruled), caches=Caches(count_patience=30))
    cookies = {signed_in.COOKIE: await signed_in.sign_in(deps, Role.STREET, unit=WANGJING)}
    async with TestClient(Serving(app), cookies=cookies) as client:
        for query in ("", "?month=2026-10"):
            found = await told(client, query)
            october = next(one for one in found["months"] if one["month"] == "2026-10")
            assert (october["place"], found["place"] == "") == (1 if seen else None, seen)
        row = next(row for row in await rows_of(client, "2026-11") if row[:1] == ["2026-10"])
        assert row[-2] == ("1 / 1" if seen else "—")


@pytest.mark.parametrize(("value", "good"), [("0", True), ("1", True), ("2", False), ("x", False)])
def test_whether_places_are_told_is_yes_or_no(value: str, *, good: bool) -> None:
    values = {
        "id": "own.place", "title": "名次", "name": "own_place", "value": value,
        "valid_from": "2020-01-01", "source": "约定", "status": "A",
    }  # fmt: skip
    record = Record(Where("publishing.yaml", 1), values, {}, [])
    row = publishing.parse(record)
    assert record.sound is good
    assert tells_place([row], NOW.date()) is (value == "1")


async def test_a_figure_leads_to_its_own_list_or_nowhere(
    server: TestServer, street: Client, deps: Deps
) -> None:
    await add_tickets(deps.db, TicketIn())
    mine = next(one for one in (await told(street))["work"]["people"] if one["address"])
    assert mine["address"] == "/desk?mine=1"
    page = await text(street)
    assert "24 小时内到期 <b>1</b>。" in page
    assert f'<a href="/desk/due?unit={WANGJING}">本单位的到期清单</a>' in page
    staff = await signed_in.add_person(deps, "two", (Role.STREET, WANGJING), (Role.BUREAU, ECOLOGY))
    cookies = {signed_in.COOKIE: await signed_in.session_for(deps, staff)}
    async with TestClient(server, cookies=cookies) as client:
        for unit in (WANGJING, ECOLOGY):
            people = (await told(client, f"?unit={unit}"))["work"]["people"]
            assert [one["address"] for one in people] == [None] * len(people)


@pytest.mark.parametrize(
    ("permissions", "own", "offered"),
    [
        ({Permission.HANDLE, Permission.SEE_CASES}, {WANGJING}, True),
        ({Permission.HANDLE, Permission.SEE_CASES}, set(), False),
        ({Permission.HANDLE}, {WANGJING}, False),
        ({Permission.SEE_CASES}, {WANGJING}, False),
    ],
)
def test_it_is_offered_to_whom_it_is_given(
    permissions: set[Permission], own: set[str], *, offered: bool
) -> None:
    viewer = Viewer("li", Scope(own=frozenset(own)), permissions=frozenset(permissions))
    assert ("/desk/own" in {link.address for link in navigation.links(viewer, "/desk")}) is offered


async def test_who_is_of_no_unit_is_not_led_here(client_of: ClientOf) -> None:
    nobody = await client_of(Role.STREET)
    for address in ("/desk", "/desk/due", "/desk/own"):
        assert 'href="/desk/own"' not in await text(nobody, address)


async def test_what_nobody_asked_for_and_what_was_taken_back_is_said(street: Client, deps: Deps) -> None:
    patrol: dict[str, Any] = {"channel": Channel.PATROL, "sent": {"opening": {"patrol": True}}}
    await lived(deps.db, AGO, GOOD[1:2], **patrol)
    await lived(deps.db, AGO, (("ticket:withdraw", timedelta(hours=1), {"to": "closed"}),), GOOD)
    page = await text(street)
    assert "其中自建（未诉先办）1，不是诉求" in page
    assert "考核 1 件，不计入 2，其中撤诉 1，其中自建（未诉先办）1" in page
    assert "合计 3 件（其中巡查发现的自建工单 1 件，没有诉求人）" in page
    month = (await told(street))["months"][0]
    assert [month[name] for name in ("received", "received_patrol", "withdrawn", "patrol")] == [3, 1, 1, 1]
    assert (await rows_of(street, "2026-11"))[1][1:3] == ["3", "1"]


async def test_what_was_sent_back_is_one_of_them_and_its_short_limit_no_late_answer(
    street: Client, deps: Deps
) -> None:
    due = (NOW - AGO + timedelta(days=3, hours=1)).isoformat()
    back = (
        *GOOD[:2],
        ("ticket:supplement", timedelta(days=3), {"clocks": {"start": {"answer": {"due": due}}}}),
        ("ticket:feedback", timedelta(days=8), {}),
    )
    (no,) = await lived(deps.db, AGO, back)
    short = {one["what"]: one for one in (await told(street))["short"]}
    assert [case["no"] for case in short["supplemented"]["cases"]] == [no]
    assert short["late_answer"]["count"] == 0
