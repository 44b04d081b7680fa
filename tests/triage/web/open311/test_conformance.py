"""The conformance suite over real HTTP: our own server passes all fifty, and broken servers do not."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
import orjson
import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from connectors.open311.client import Client
from connectors.open311.conformance import PASSED, REGISTER, Outcome, Server, run_all
from models.appeals import Appeal
from models.tickets import Ticket, TicketEvent
from models.vocab import State, Tag
from tests.factories import TicketIn, add_tickets
from tests.triage.web.open311.conftest import BASE
from triage.cli import main as cli
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from triage.services.deps import Deps


@pytest.fixture
async def address(deps: Deps, worker: None, key: str) -> AsyncIterator[str]:
    """Our own server, with cases that are open, closed and in confidence."""
    del worker, key
    numbers = await add_tickets(deps.db, TicketIn(), TicketIn(state=State.CLOSED), TicketIn())
    now = deps.clock.now()
    async with deps.db.writes.begin() as session:
        for at, no in enumerate(numbers):
            moment = now - timedelta(hours=3 - at)
            appeal_id = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
            await session.execute(sa.update(Appeal).where(Appeal.id == appeal_id).values(received_at=moment))
            await session.execute(
                sa.update(Ticket).where(Ticket.no == no).values(answer_by=now + timedelta(days=7))
            )
        await session.execute(sa.update(Appeal).where(Appeal.id == 3).values(confidential=True))
        closed = {
            "ticket_id": 2,
            "seq": 6,
            "at": now - timedelta(hours=1),
            "tag": Tag.CLOSE.value,
            "data": {},
        }
        await session.execute(sa.insert(TicketEvent), closed)
    async with TestServer(make_app(deps)) as server:
        yield str(server.make_url(BASE))


async def test_our_server_passes_all_fifty(address: str, key: str) -> None:
    async with aiohttp.ClientSession() as session:
        client = Client(session, address, api_key=key)
        server = Server(client, key=key, hidden="00000003", patience=60)
        outcomes = await run_all(server, REGISTER)
    assert [(o.number, o.title, o.why) for o in outcomes if o.result != PASSED] == []
    assert [o.number for o in outcomes] == list(range(1, 51))


async def test_without_a_key_nothing_is_posted(address: str, deps: Deps) -> None:
    async with aiohttp.ClientSession() as session:
        outcomes = await run_all(Server(Client(session, address), hidden="00000003"), REGISTER)
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Appeal)) == 3
    assert Counter(o.result for o in outcomes)["failed"] == 0
    assert {o.number for o in outcomes if o.result == "skipped"} >= {19, 24, 27, 32, 47, 48}


async def test_the_command_prints_a_table_and_a_line(address: str, key: str) -> None:
    arguments = [
        "open311",
        "check",
        address,
        "--api-key-file",
        "-",
        "--hidden",
        "00000003",
        "--patience",
        "60",
    ]
    result = await asyncio.to_thread(CliRunner().invoke, cli, arguments, input=f"{key}\n")
    figures = orjson.loads(result.stdout.splitlines()[-1])
    assert (result.exit_code, figures["passed"], figures["failed"], figures["skipped"]) == (
        0, 50, 0, 0,
    ), result.stdout  # fmt: skip
    assert "通过" in result.stdout


def test_a_server_that_is_not_there_is_told() -> None:
    result = CliRunner().invoke(cli, ["open311", "check", "http://127.0.0.1:9/open311/v2"])
    assert (result.exit_code, "没有成功" in result.stderr) == (1, True)


#: How an answer of ours is spoilt, and which checks must see it.
SPOILT: dict[str, tuple[Callable[[str], str], set[int]]] = {
    "array of one becomes an object": (lambda text: re.sub(r"^\[(\{.*\})\]$", r"\1", text), {8, 41}),
    "codes as numbers": (
        lambda text: re.sub(r'"service_code":"([^"]*)"', r'"service_code":1', text),
        {9, 12},
    ),
    "a phone is told": (lambda text: text.replace('"zipcode":null', '"phone":"1"'), {48}),
    "time without a zone": (lambda text: re.sub(r'Z"', '"', text), {3, 45}),
    "a namespace": (lambda text: text.replace("<services>", '<services xmlns="urn:x">'), {7}),
    "no declaration": (lambda text: text.replace('encoding="UTF-8"', ""), {6}),
    "escaped twice": (lambda text: text.replace("&amp;", "&amp;amp;"), {28}),
    "no changeset": (lambda text: text.replace('"changeset"', '"changed"'), {1, 2, 3}),
    "no numbers": (lambda text: text.replace('"service_request_id"', '"number"'), {33}),
    "definitions as lists": (
        lambda text: re.sub(r'^(\{"service_code".*\})$', r"[\1]", text),
        {12, 13, 14, 15},
    ),
    "rows as numbers": (lambda text: re.sub(r"^\[\{.*\}\]$", "[1, 2]", text), {9, 10}),
    "truth as text": (lambda text: text.replace('"metadata":true', '"metadata":"true"'), {10}),
}


@pytest.mark.parametrize("fault", SPOILT)
async def test_a_broken_server_is_seen_through(deps: Deps, worker: None, key: str, fault: str) -> None:
    del worker
    spoil, seen = SPOILT[fault]
    app = make_app(deps)

    @web.middleware
    async def spoiling(request: web.Request, handler: Callable[[web.Request], object]) -> web.StreamResponse:
        answer = await handler(request)  # type: ignore[misc]
        assert isinstance(answer, web.Response)
        answer.text = spoil(answer.text or "")
        return answer

    app.middlewares.insert(0, spoiling)
    async with TestServer(app) as running, aiohttp.ClientSession() as session:
        client = Client(session, str(running.make_url(BASE)), api_key=key)
        server = Server(client, key=key, patience=10)
        outcomes: list[Outcome] = await run_all(server, REGISTER)
    assert {o.number for o in outcomes if o.result == "failed"} >= seen
