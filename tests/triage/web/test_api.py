"""The API says what its document says, and refuses in one shape."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from aiohttp.test_utils import TestClient, TestServer

from models.db import open_database
from models.vocab import State
from tests import signed_in
from tests.factories import TITLE, TicketIn, add_reference, add_tickets, span
from tests.triage.web.problem import assert_problem
from triage.web.app import make_app
from triage.web.asking import PARAMETERS
from triage.web.openapi import document

if TYPE_CHECKING:
    from datetime import datetime

    from models.db import Database
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

HOUR = timedelta(hours=1)


async def fetch(client: Client, path: str, schema: str) -> Any:  # noqa: ANN401  (JSON)
    response = await client.get(path)
    body = await response.json()
    assert response.status == 200, body
    components = document()["components"]
    jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": components},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    ).validate(body)
    return body


async def test_the_list(client: Client, db: Database) -> None:
    late, soon = await add_tickets(db, TicketIn(), TicketIn(due=-HOUR, state=State.REVIEW, unit=None))
    body = await fetch(client, "/api/v1/tickets", "TicketList")
    first = body["items"][0]
    assert [item["no"] for item in body["items"]] == [soon, late]
    assert body["count"] == {"value": 2, "more": False, "words": "2"}
    assert (first["title"], first["state"]["label"], first["unit"]) == (TITLE, "待人工审核", None)
    assert (first["due"]["words"], first["due"]["tone"]) == ("超期 1 小时", "over")
    assert first["due"]["clock"] == {"code": "answer", "label": "办理时限"}
    assert first["kind"] == {"code": "NOI-01", "label": "建筑施工噪声(含夜间)"}
    assert first["district"] == {"code": "110105", "label": "朝阳区"}


async def test_filters_and_cursors(client: Client, db: Database) -> None:
    made = await add_tickets(db, *(TicketIn(due=n * HOUR, urgency=f"U{n}") for n in (1, 2, 3)))
    path = "/api/v1/tickets?limit=2"
    one = await fetch(client, path, "TicketList")
    two = await fetch(client, f"{path}&after={one['after']}", "TicketList")
    back = await fetch(client, f"{path}&before={two['before']}", "TicketList")
    assert [item["no"] for item in one["items"] + two["items"]] == made
    assert (one["before"], two["after"]) == (None, None)
    assert back["items"] == one["items"]
    assert two["count"]["value"] == 3
    only = await fetch(client, "/api/v1/tickets?urgency=U2&state=dispatched&due=today&q=打桩", "TicketList")
    assert [item["no"] for item in only["items"]] == [made[1]]


async def test_a_ticket_whole(client: Client, db: Database) -> None:
    evidence = (span("kind", "打桩", "NOI-01"), {**span("place", "望京", "x"), "start": 0})
    (no,) = await add_tickets(db, TicketIn(evidence=evidence, identity=True))
    body = await fetch(client, f"/api/v1/tickets/{no}", "TicketView")
    assert [(e["head"]["code"], e["text"]) for e in body["evidence"]] == [("kind", "打桩")]
    start, end = body["evidence"][0]["start"], body["evidence"][0]["end"]
    assert body["text"][start:end] == "打桩"
    assert body["identity"] == {"name": True, "phone": True, "id_number": False}
    assert [(unit["role"]["code"], unit["code"]) for unit in body["units"]] == [
        ("lead", "110105026"),
        ("assist", "110105-ecology"),
        ("cc", "110105"),
    ]
    assert body["reading"]["kinds"][0]["label"] == "建筑施工噪声(含夜间)"
    assert body["decision"]["answer_due"]["rule_id"] == "answer.u3"
    assert [event["tag"]["label"] for event in body["events"]] == [
        "诉求提出",
        "诉求登记",
        "智能识别",
        "生成工单",
        "派单",
    ]


async def test_units(client: Client, db: Database) -> None:
    await add_reference(db)
    body = await fetch(client, "/api/v1/units?q=朝阳区望京", "UnitList")
    assert [unit["name"] for unit in body["items"]] == ["望京街道办事处"]


async def test_a_route_that_waits_for_a_person_is_told(client: Client, db: Database) -> None:
    route = {"unit": "110105026", "assist": ["110105-ecology"], "cc": ["gone"]}
    waiting, sent = await add_tickets(
        db, TicketIn(state=State.REVIEW, unit=None, decision={"proposed": route}), TicketIn()
    )
    body = await fetch(client, f"/api/v1/tickets/{waiting}", "TicketView")
    assert body["decision"]["proposed"] == {
        "unit": {"code": "110105026", "label": "望京街道办事处"},
        "assist": [{"code": "110105-ecology", "label": "朝阳区生态环境局"}],
        "cc": [{"code": "gone", "label": "gone"}],
    }
    assert (await fetch(client, f"/api/v1/tickets/{sent}", "TicketView"))["decision"]["proposed"] is None
    page = await (await client.get(f"/desk/tickets/{waiting}")).text()
    assert "识别时建议的承办单位，待人工确认" in page
    assert "建议承办单位" not in await (await client.get(f"/desk/tickets/{sent}")).text()


@pytest.mark.parametrize(
    ("query", "words"), [("name=望京", "不认识的参数：name"), ("q=1&q=2", "参数 q 只能写一次")]
)
async def test_units_refuse_parameters_they_do_not_know(client: Client, query: str, words: str) -> None:
    await assert_problem(await client.get(f"/api/v1/units?{query}"), 400, "bad_input", words)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("state=finished", "参数 state 只能是"),
        ("urgency=U9", "参数 urgency 只能是"),
        ("due=tomorrow", "参数 due 只能是"),
        ("review=yes", "参数 review"),
        ("limit=0", "参数 limit"),
        ("limit=9999", "参数 limit"),
        ("limit=²", "参数 limit"),
        ("after=abc", "参数 after"),
        ("before=0.1.1'", "参数 before"),
        ("after=0.1.1&before=0.1.1", "不能同时"),
        ("after=1..5&state=review", "不属于这个列表"),
        ("q=" + "长" * 101, "参数 q 过长"),
        ("offset=5", "不认识的参数：offset"),
        ("state=open&state=all", "参数 state 只能写一次"),
    ],
)
async def test_a_bad_parameter_is_named(client: Client, query: str, words: str) -> None:
    await assert_problem(await client.get(f"/api/v1/tickets?{query}"), 400, "bad_input", words)


async def test_what_is_not_there(client: Client) -> None:
    for no in ("20990101-00000001", "%00", "20261123-00000001%00"):
        await assert_problem(await client.get(f"/api/v1/tickets/{no}"), 404, "not_found", "没有这张工单")
    for path in ("/api/v1/nothing", "/static/nothing", "/static/", "/static/a/b", "/static/..%2Fapp.py"):
        await assert_problem(await client.get(path), 404, "not_found", "没有这个")


async def test_other_methods_are_refused(client: Client) -> None:
    response = await client.post("/api/v1/tickets", data=b"x" * 200_000)
    await assert_problem(response, 405, "method_not_allowed", "POST")
    assert "GET" in response.headers["Allow"]


async def test_another_host_name_is_refused(client: Client) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "[::1", ""):
        response = await client.get("/api/v1/tickets", headers={"Host": host})
        await assert_problem(response, 421, "foreign_host", "JIESU_HOSTS")


#: Whoever it is: the database is asked.
SOMEBODY = {signed_in.COOKIE: "x" * 43}


async def test_a_database_that_is_away_is_told_as_such(deps: Deps) -> None:
    away = open_database("postgresql+asyncpg://nobody@/nothing?host=/nowhere")
    async with TestClient(TestServer(make_app(replace(deps, db=away))), cookies=SOMEBODY) as client:
        await assert_problem(await client.get("/api/v1/tickets"), 503, "database_away", "数据库")
        await assert_problem(await client.get("/readyz"), 503, "not_ready", "数据库无法连接")
        assert (await client.get("/healthz")).status == 200


async def test_what_nobody_expected_is_told_without_its_inside(deps: Deps) -> None:
    class Broken:
        def now(self) -> datetime:
            raise RuntimeError("a citizen's words")

    async with TestClient(TestServer(make_app(replace(deps, clock=Broken()))), cookies=SOMEBODY) as client:
        response = await client.get("/api/v1/tickets")
        await assert_problem(response, 500, "error", "请求编号")
        assert "citizen" not in await response.text()


async def test_the_document_is_served_and_names_every_route(client: Client) -> None:
    served = await (await client.get("/api/v1/openapi.json")).json()
    app = client.app
    assert app is not None
    # Open311 tells the format by the end of the address: one route of ours, two of the document.
    routes = {
        resource.canonical.replace("{fmt}", form)
        for resource in app.router.resources()
        for form in ("json", "xml")
        if resource.canonical.startswith(("/api/", "/open311/", "/hooks/hotline/"))
    }
    assert served == document()
    assert set(served["paths"]) == routes
    assert served["openapi"].startswith("3.1")
    jsonschema.Draft202012Validator.check_schema({"$defs": served["components"]["schemas"]})


def test_the_documented_parameters_are_those_read() -> None:
    listed = document()["paths"]["/api/v1/tickets"]["get"]["parameters"]
    assert tuple(parameter["name"] for parameter in listed) == PARAMETERS


async def test_the_document_says_who_is_let_in(client: Client, stranger: Client) -> None:
    whole = document()
    told = {
        (path, method): operation
        for path, operations in whole["paths"].items()
        for method, operation in operations.items()
    }
    ours = {where: one for where, one in told.items() if where[0].startswith("/api/")}
    assert {way for one in whole["security"] for way in one} == set(whole["components"]["securitySchemes"])
    assert all("security" not in one and {"401", "403"} <= one["responses"].keys() for one in ours.values())
    assert all(one["security"] == [] for where, one in told.items() if where not in ours)
    assert {where for where, one in ours.items() if "413" not in one["responses"]} == {
        where for where in ours if where[1] == "get"
    }
    assert (await stranger.get("/api/v1/openapi.json")).status == 401
    large = await client.post("/api/v1/bulk", json={"kind": "x" * 500_000})
    assert large.status == 413
    assert (await client.get("/api/v1/tickets/20261123-00000001/moves?unit=110105026")).status == 400
