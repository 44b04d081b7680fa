"""媒体线索: the queue as a page and as JSON; one, several, back again; only from our own page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from connectors.feeds.items import FeedItem
from models.appeals import Appeal
from models.lead_matters import LeadPair
from models.leads import Lead
from models.tickets import Ticket
from models.vocab_leads import LeadState
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests import factories
from tests.factories import NOW
from tests.triage.web.problem import assert_problem
from tests.triage.web.test_dead import form_of, origin
from tests.written import written
from triage.services.leads import taking

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

TEXTS = (
    "朝阳区一处工地连夜施工，渣土车带泥上路，附近居民不敢开窗，希望有关部门尽快处理。",
    "海淀区河道出现死鱼，河水发黑发臭，周边住户怀疑上游有管道偷排污水。",
    "丰台区餐馆油烟直排，楼上住户反映多次，油烟净化设备长期不开。",
)
HEADERS = {"Content-Type": "application/json"}


async def add(deps: Deps, *texts: str, state: LeadState = LeadState.WAITING) -> list[int]:
    items = [FeedItem(f"https://news.example/{n}", f"标题{n}", text, NOW) for n, text in enumerate(texts)]
    async with deps.db.writes.begin() as session:
        await taking.take(session, deps.tables, "daily", items, now=NOW)
        await session.execute(sa.update(Lead).values(state=state.value))
    async with deps.db.reads() as session:
        rows = {row.text: row.id for row in await session.scalars(sa.select(Lead))}
    return [rows[text] for text in texts]


async def page(client: Client, path: str = "/desk/leads") -> str:
    response = await client.get(path)
    assert response.status == 200, await response.text()
    return await response.text()


async def act(client: Client, *picks: str, seen: str | None = None, **values: str) -> str:
    """What the form of the page that is `seen` (else the queue) sends."""
    text = seen or await page(client)
    form: Any = [*form_of(text, **values).items(), *(("pick", pick) for pick in picks)]
    response = await client.post("/desk/leads", data=form, headers=origin(client))
    assert response.status == 200, await response.text()
    return await response.text()


async def states(deps: Deps) -> dict[int, str]:
    async with deps.db.reads() as session:
        return {row.id: row.state for row in await session.execute(sa.select(Lead.id, Lead.state))}


async def test_the_queue_shows_what_was_said_and_where_it_is_from(client: Client, deps: Deps) -> None:
    await add(deps, *TEXTS)
    text = await page(client)
    for words in ("标题0", TEXTS[1], "daily", "https://news.example/2", "待确认 <b>3</b>", "曝光"):
        assert words in text
    assert "没有这样的线索" in await page(client, "/desk/leads?state=dropped")


async def test_confirmed_it_is_an_appeal(client: Client, deps: Deps) -> None:
    (one, *_) = await add(deps, *TEXTS)
    answer = await act(client, f"{one}.1", act="confirm")
    assert "已处理 1 条线索" in answer
    async with deps.db.reads() as session:
        (appeal,) = await session.scalars(sa.select(Appeal))
    assert (appeal.channel, appeal.text) == ("media", TEXTS[0])


async def test_several_are_dropped_and_brought_back(client: Client, deps: Deps) -> None:
    ids = await add(deps, *TEXTS)
    answer = await act(client, *(f"{one}.1" for one in ids), act="drop", reason="old")
    assert "已处理 3 条线索" in answer
    assert set((await states(deps)).values()) == {"dropped"}
    picks = re.findall(r'name="pick" value="(\d+\.\d+)"', answer)
    assert len(picks) == 3
    await act(client, *picks, seen=answer, act="undo")
    assert set((await states(deps)).values()) == {"waiting"}
    about = [str(one) for one in ids]
    assert sorted(await written(deps, LedgerAct.LEAD_DECIDED)) == sorted(about * 2)


async def test_what_another_moved_stays_and_is_told(client: Client, deps: Deps) -> None:
    one, other, _ = await add(deps, *TEXTS)
    await act(client, f"{one}.1", act="drop", reason="old")
    answer = await act(client, f"{one}.1", f"{other}.1", act="drop", reason="advert")
    assert "另有 1 条别人刚刚动过" in answer
    async with deps.db.reads() as session:
        kept = await session.get(Lead, one)
    assert kept is not None
    assert kept.reason == "old"


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"act": "drop", "pick": "1.1"}, 400), ({"act": "confirm"}, 400),
        ({"act": "fly", "pick": "1.1"}, 400),
        ({"act": "confirm", "pick": "x"}, 400), ({"act": "confirm", "pick": "99.1"}, 404),
        ({"act": "merge", "pick": "1.1", "into": "nowhere"}, 404), ({"act": "undo", "pick": "1.1"}, 422),
    ],
)  # fmt: skip
async def test_bad_forms(client: Client, deps: Deps, values: dict[str, str], status: int) -> None:
    await add(deps, TEXTS[0])
    form = form_of(await page(client), **values)
    response = await client.post("/desk/leads", data=form, headers=origin(client))
    assert response.status == status
    assert set((await states(deps)).values()) == {"waiting"}


async def test_only_from_our_own_page(client: Client, deps: Deps) -> None:
    (one,) = await add(deps, TEXTS[0])
    response = await client.post("/desk/leads", data={"act": "confirm", "pick": f"{one}.1"})
    assert response.status == 403


@pytest.mark.parametrize("query", ["state=x", "before=x", "undo=x", "other=1", f"undo={'1.1_' * 200}"])
async def test_bad_addresses(client: Client, query: str) -> None:
    assert (await client.get(f"/desk/leads?{query}")).status == 400


async def test_the_list_as_json_in_pages(client: Client, deps: Deps) -> None:
    ids = await add(deps, *TEXTS)
    first = await (await client.get("/api/v1/leads?limit=2&state=waiting")).json()
    assert [item["id"] for item in first["items"]] == sorted(ids, reverse=True)[:2]
    second = await (await client.get(f"/api/v1/leads?limit=2&before={first['before']}")).json()
    assert [item["id"] for item in second["items"]] == [min(ids)]
    assert second["before"] is None
    assert first["items"][0]["exposed_at"] == "2026-11-23T08:00:00Z"


async def test_acts_as_json(client: Client, deps: Deps) -> None:
    one, other, _ = await add(deps, *TEXTS)
    made = await client.post(f"/api/v1/leads/{one}", json={"act": "confirm", "version": 1})
    body = await made.json()
    assert (made.status, body["state"], body["version"]) == (200, "confirmed", 2)
    assert isinstance(body["appeal_id"], int)
    merged = await client.post(
        f"/api/v1/leads/{other}", json={"act": "merge", "version": 1, "into": str(one)}
    )
    assert (await merged.json())["state"] == "merged"
    again = await client.post(f"/api/v1/leads/{other}", json={"act": "merge", "version": 1, "into": str(one)})
    await assert_problem(again, 409, "lead_moved", "别人")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("1", "{", 400, "bad_input"), ("1", "[]", 400, "bad_input"),
        ("1", '{"act": "confirm"}', 400, "bad_input"),
        ("1", '{"act": "confirm", "version": true}', 400, "bad_input"),
        ("1", '{"act": "taken", "version": 1}', 400, "bad_input"),
        ("1", '{"act": "drop", "version": 1, "reason": 7}', 400, "bad_input"),
        ("1", '{"act": "drop", "version": 1, "phone": "x"}', 400, "bad_input"),
        ("99", '{"act": "confirm", "version": 1}', 404, "not_found"),
        ("x", '{"act": "confirm", "version": 1}', 404, "not_found"),
        ("9" * 30, '{"act": "confirm", "version": 1}', 404, "not_found"),
        ("1", '{"act": "undo", "version": 1}', 422, "lead_refused"),
    ],
)  # fmt: skip
async def test_bad_json(client: Client, deps: Deps, *, path: str, body: str, status: int, code: str) -> None:
    await add(deps, TEXTS[0])
    response = await client.post(f"/api/v1/leads/{path}", data=body, headers=HEADERS)
    await assert_problem(response, status, code, "")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "state=x", "q=1"])
async def test_bad_lists(client: Client, query: str) -> None:
    assert (await client.get(f"/api/v1/leads?{query}")).status == 400


async def test_the_ticket_says_since_when_it_was_public(client: Client, deps: Deps) -> None:
    (no,) = await factories.add_tickets(deps.db, factories.TicketIn())
    (one,) = await add(deps, TEXTS[0])
    await act(client, f"{one}.1", act="merge", into=no)
    text = await page(client, f"/desk/tickets/{no}")
    assert "媒体曝光" in text
    assert "https://news.example/0" in text


async def test_a_confidential_ticket_is_named_only_to_who_may_see_it(
    client: Client, client_of: ClientOf, deps: Deps
) -> None:
    """Somebody who may see it merged a lead into it; others work through the same list."""
    secret, plain = await factories.add_tickets(
        deps.db, factories.TicketIn(confidential=True), factories.TicketIn()
    )
    one, other, _ = await add(deps, *TEXTS)
    await act(client, f"{one}.1", act="merge", into=secret)
    await act(client, f"{other}.1", act="merge", into=plain)
    analyst = await client_of(Role.ANALYST)
    for path in ("/desk/leads?state=merged", "/api/v1/leads?state=merged"):
        own, others = [await (await who.get(path)).text() for who in (client, analyst)]
        assert [no in text for no in (secret, plain) for text in (own, others)] == [True, False, True, True]
    assert "编号不显示" in await page(analyst, "/desk/leads?state=merged")


async def test_a_ticket_leads_to_its_report_whoever_may_open_it(
    client: Client, client_of: ClientOf, deps: Deps
) -> None:
    (no,) = await factories.add_tickets(deps.db, factories.TicketIn())
    (one, *_) = await add(deps, *TEXTS)
    async with deps.db.writes.begin() as session:
        ticket = await session.scalar(sa.select(Ticket.id))
        session.add(LeadPair(lead_id=one, ticket_id=ticket, p=0.9, why=[], state="proposed", at=NOW))
    officer = await client_of(Role.STREET, unit="110105026")
    own, others = [await page(who, f"/desk/tickets/{no}") for who in (client, officer)]
    assert ["标题0" in text for text in (own, others)] == [True, True]
    assert ["/desk/leads" in text for text in (own, others)] == [True, False]
