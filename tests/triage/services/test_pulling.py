"""Requests of another server come in once each, whatever its windows; ours stands for the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer

import triage.tables
from connectors.open311.client import Client, Open311Down, Open311Refused
from connectors.open311.wire import XML, Unreadable
from connectors.vault import Vault
from models.appeals import Appeal
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import FixedClock
from triage.services.deps import Deps
from triage.services.open311 import keys, pulling
from triage.settings import Settings
from triage.web.app import make_app
from triage.web.open311.places import area_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from models.db import Database

DAY = timedelta(days=1)


@pytest.fixture
def deps(postgres_db: Database) -> Deps:
    """Ours: where requests come in."""
    return Deps(
        settings=Settings(), clock=FixedClock(NOW), tables=triage.tables.load(), db=postgres_db,
        vault=Vault({1: bytes(32)}),
    )  # fmt: skip


@pytest.fixture
async def other(deps: Deps, sqlite_db: Database) -> AsyncIterator[tuple[str, Deps]]:
    """Another server with requests of its own."""
    theirs = replace(deps, db=sqlite_db)
    await add_tickets(
        sqlite_db, TicketIn(age=20 * DAY), TicketIn(age=10 * DAY, kind="AIR-06"), TicketIn(age=DAY)
    )
    async with TestServer(make_app(theirs)) as server:
        yield str(server.make_url("/open311/v2")), theirs


async def test_requests_are_taken_in_once(deps: Deps, other: tuple[str, Deps]) -> None:
    address, _ = other
    async with aiohttp.ClientSession() as session:
        pulls = [
            await pulling.pull(
                deps, Client(session, address, fmt=fmt), "隔壁市", area_of=area_of, since=NOW - 30 * DAY,
                now=NOW,
            )
            for fmt in ("json", XML)
        ]  # fmt: skip
    assert [(p.seen, p.stored, p.repeated, p.changed) for p in pulls] == [(3, 3, 0, 0), (3, 0, 3, 0)]
    async with deps.db.reads() as session:
        rows = (await session.execute(sa.select(Appeal.external_id, Appeal.title, Appeal.received_at))).all()
    assert sorted(rows) == [
        ("00000001", "建筑施工噪声(含夜间)", NOW - 20 * DAY),
        ("00000002", deps.tables.kind("AIR-06").name, NOW - 10 * DAY),
        ("00000003", "建筑施工噪声(含夜间)", NOW - DAY),
    ]


async def test_a_full_window_is_asked_for_in_halves(
    deps: Deps, other: tuple[str, Deps], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "_FULL", 1)
    address, _ = other
    async with aiohttp.ClientSession() as session:
        found = await pulling.pull(
            deps, Client(session, address), "x", area_of=area_of, since=NOW - 2 * DAY, now=NOW
        )
    assert (found.stored, found.unsure) == (1, 1)
    assert found.windows > 10


async def test_posting_there_and_reading_it_back(other: tuple[str, Deps]) -> None:
    address, theirs = other
    async with theirs.db.writes.begin() as session:
        key = await keys.make(session, theirs.vault, "us", now=NOW)
    async with aiohttp.ClientSession() as http:
        for fmt in ("json", XML):
            client = Client(http, address, api_key=key, fmt=fmt)
            number, token = await client.create(
                {"service_code": "AIR-01", "address_string": "望京", "attribute[HOURS][]": ["night", "dawn"]}
            )
            assert (token, number is not None) == (None, True)
            assert (await client.request(number or "")).service_code == "AIR-01"
            with pytest.raises(Open311Refused, match="404"):
                await client.request("99999999")
            with pytest.raises(Open311Refused, match="403") as refused:
                await Client(http, address, fmt=fmt).create({"service_code": "AIR-01"})
            assert refused.value.status == 403


async def test_a_bad_server_is_told_apart(tmp_path: Path) -> None:
    del tmp_path

    async def html(_request: web.Request) -> web.Response:
        return web.Response(text="<html>hello")

    async def elsewhere(_request: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/")

    app = web.Application()
    app.router.add_get("/a/requests.json", html)
    app.router.add_get("/b/requests.json", elsewhere)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        for path in ("a", "b"):
            with pytest.raises(Unreadable):
                await Client(session, str(server.make_url(f"/{path}"))).requests()
        with pytest.raises(Open311Down):
            await Client(session, "http://127.0.0.1:9").requests()


def row(number: Any, **more: Any) -> dict[str, Any]:  # noqa: ANN401  (JSON)
    return {
        "service_request_id": number, "status": "open", "service_code": "1", "service_name": "noise",
        "description": "晚上施工", "requested_datetime": (NOW - DAY).isoformat(), **more,
    }  # fmt: skip


async def pulled(deps: Deps, rows: list[Any], *, closed: bool = False) -> pulling.Pulled:
    """What comes of pulling from a server that tells these rows."""

    async def told(_request: web.Request) -> web.Response:
        return web.json_response(rows)

    app = web.Application()
    app.router.add_get("/requests.json", told)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        client = Client(session, str(server.make_url("/")))
        return await pulling.pull(deps, client, "x", area_of=area_of, since=NOW - DAY, now=NOW, closed=closed)


async def test_an_odd_row_costs_the_others_nothing(deps: Deps) -> None:
    odd = [
        row("a", description=["x"]), row("b", address={"street": "x"}), row(None),
        row("c", requested_datetime="2026-11-01T00:00:00"),
        row("d", requested_datetime="0001-01-01T00:00:00+14:00"), row(["e"]), None, "f",
    ]  # fmt: skip
    plain = [
        row("1"), row("2\0", description="吵\0", address="望京\0"), row("3", long="nan", lat=1e308), row(4),
        row("5", long="x", lat=[]),
    ]  # fmt: skip
    found = await pulled(deps, [*odd, *plain])
    assert (found.seen, found.stored, found.unreadable) == (13, 5, 8)
    assert found.unreadable_ids == ("a", "b", "（无编号）", "c", "d")
    async with deps.db.reads() as session:
        kept = await session.scalars(sa.select(Appeal.external_id).order_by(Appeal.external_id))
        assert kept.all() == ["1", "2", "3", "4", "5"]


async def test_what_is_closed_there_is_counted_and_taken_when_asked_for(deps: Deps) -> None:
    rows = [row("1"), row("2", status="closed"), row("3", status="Closed")]
    first, second = await pulled(deps, rows), await pulled(deps, rows, closed=True)
    assert (first.stored, first.closed, second.stored, second.closed) == (1, 2, 2, 0)


async def test_a_point_without_an_address_is_told_in_words(deps: Deps) -> None:
    point = {"long": 116.47, "lat": 39.99}
    elsewhere = [row("3", long=0, lat=0), row("4", lat=39.99)]
    await pulled(deps, [row("1", **point), row("2", address="花家地街", **point), *elsewhere])
    async with deps.db.reads() as session:
        found = (await session.execute(sa.select(Appeal.external_id, Appeal.address))).all()
    assert sorted(found) == [("1", "北京市朝阳区"), ("2", "花家地街"), ("3", None), ("4", None)]
