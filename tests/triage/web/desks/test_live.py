"""实时更新: pages of any process are told of a change, with Redis and without; nobody misses one."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import redis
import sqlalchemy as sa
from aiohttp.test_utils import TestClient, TestServer

from connectors import hints
from models.staff import SignInSession
from models.tickets import TicketEvent
from tests import signed_in
from tests.factories import NOW, TicketIn, add_tickets
from triage.settings import Settings
from triage.web.app import make_app
from triage.web.desks import live
from triage.web.desks.live import BOARD, Board

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import ClientResponse

    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

SOON = 8.0


class Stream:
    """The lines of one open stream."""

    def __init__(self, answer: ClientResponse) -> None:
        self.answer = answer

    async def event(self, within: float = SOON) -> dict[str, str]:
        """The next block that holds anything but a comment."""
        async with asyncio.timeout(within):
            while True:
                block = (await self.answer.content.readuntil(b"\n\n")).decode()
                lines = [line.partition(": ") for line in block.splitlines() if not line.startswith(":")]
                if any(name for name, *_ in lines):
                    return {name: value for name, _, value in lines}


@asynccontextmanager
async def stream(client: Client, last: str | None = None) -> AsyncIterator[Stream]:
    headers = {"Last-Event-ID": last} if last else {}
    async with client.get("/desk/changes", headers=headers) as answer:
        assert answer.content_type == "text/event-stream"
        yield Stream(answer)


async def happen(deps: Deps) -> None:
    async with deps.db.writes.begin() as session:
        session.add(TicketEvent(ticket_id=1, seq=50, at=NOW, tag="ticket:urge", data={}))


@pytest.fixture
async def no(deps: Deps) -> str:
    return (await add_tickets(deps.db, TicketIn()))[0]


async def test_without_redis_the_database_is_looked_at(
    client: Client, deps: Deps, no: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del no
    monkeypatch.setattr(live, "ALONE_SECONDS", 0.05)
    async with stream(client) as pages:
        first = await pages.event()
        assert "event" not in first
        await happen(deps)
        told = await pages.event()
    assert (told["event"], int(told["id"])) == ("changed", int(first["id"]) + 1)
    # Who comes back says what it had last, and learns at once that it missed one.
    async with stream(client, first["id"]) as pages:
        assert (await pages.event())["event"] == "changed"
    async with stream(client, told["id"]) as pages:
        assert "event" not in await pages.event()
    # Only the number of an event: nothing of a case.
    assert set(told) - {""} == {"id", "event", "data"}


async def test_a_hint_of_another_process_is_heard_and_a_flushed_redis_loses_nothing(
    deps: Deps, no: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del no
    monkeypatch.setattr(live, "CALM_SECONDS", 0.2)
    settings = Settings(redis_url=redis_url)
    there = type(deps)(settings, deps.clock, deps.tables, deps.db, deps.vault)
    cookies = {signed_in.COOKIE: await signed_in.sign_in(there)}
    web = TestClient(TestServer(make_app(there)), cookies=cookies)
    async with web as client, stream(client) as pages:
        await pages.event()
        board = client.app[BOARD]
        async with asyncio.timeout(SOON):
            await board.hinted.wait()
        other = redis.Redis.from_url(redis_url)
        # What happened while nobody listened was told as news, once.
        hints.tell(other)
        assert (await pages.event())["event"] == "changed"
        other.flushall()
        other.close()
        await happen(there)
        assert (await pages.event())["event"] == "changed"


async def test_many_pages_are_told_one_after_another(deps: Deps) -> None:
    board = Board(deps.db, hints.Hints(deps.settings.redis))
    async with AsyncExitStack() as listening:
        await listening.enter_async_context(board.listener())
        assert board.delay() == 0
        for _ in range(200):
            await listening.enter_async_context(board.listener())
        delays = [board.delay() for _ in range(2000)]
    await board.close()
    assert 0 <= min(delays) < 1
    assert 9 < max(delays) <= 200 / live.TOLD_A_SECOND


async def test_a_process_that_stops_lets_its_pages_go(deps: Deps, no: str) -> None:
    del no
    cookies = {signed_in.COOKIE: await signed_in.sign_in(deps)}
    web = TestClient(TestServer(make_app(deps)), cookies=cookies)
    async with web as client, stream(client) as pages:
        await pages.event()
        await client.app[BOARD].close()
        async with asyncio.timeout(SOON):
            assert await pages.answer.content.read() == b""
        assert (await client.get("/desk/changes")).status == 503


@pytest.mark.parametrize("busy", [0, 1])
async def test_a_session_that_ended_is_told_nothing_after_the_next_beat(
    client: Client, deps: Deps, no: str, monkeypatch: pytest.MonkeyPatch, busy: int
) -> None:
    del no
    monkeypatch.setattr(live, "BEAT_SECONDS", 0.3)
    monkeypatch.setattr(live, "APART_SECONDS", 0.01)
    async with stream(client) as pages:
        await pages.event()
        # It stands, so it is told beyond a beat.
        await asyncio.sleep(0.7)
        assert b": \n\n" in await pages.answer.content.readany()
        async with deps.db.writes.begin() as session:
            await session.execute(sa.update(SignInSession).values(ended_at=NOW))
        telling = [asyncio.create_task(_tell_on(client.app[BOARD]))] * busy
        async with asyncio.timeout(SOON):
            while await pages.answer.content.readany():
                pass
        for task in telling:
            task.cancel()
    assert (await client.get("/desk/changes", allow_redirects=False)).status == 303


async def _tell_on(board: live.Board) -> None:
    """News without a pause."""
    while True:
        board.turn += 1
        async with board._news:
            board._news.notify_all()
        await asyncio.sleep(0.02)


async def test_there_is_an_end_to_how_many_are_told(
    client: Client, no: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del no
    monkeypatch.setattr(live, "MOST", 1)
    async with stream(client) as pages:
        await pages.event()
        refused = await client.get("/desk/changes")
        assert (refused.status, "页面会照常定时刷新" in await refused.text()) == (503, True)


async def test_a_page_that_comes_takes_no_news_from_those_that_are_there(
    client: Client, deps: Deps, no: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del no
    monkeypatch.setattr(live, "AGAIN_SECONDS", 600.0)
    async with stream(client) as first:
        await first.event()
        # The watch has looked; it will not again within this test.
        monkeypatch.setattr(live, "ALONE_SECONDS", 600.0)
        await asyncio.sleep(2.2)
        await happen(deps)
        async with stream(client) as second:
            assert "event" not in await second.event()
            assert (await first.event())["event"] == "changed"


async def test_while_redis_is_away_nothing_is_told_where_nothing_happened(
    client: Client, no: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del no
    monkeypatch.setattr(live, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(live, "ALONE_SECONDS", 0.05)
    async with stream(client) as pages:
        await pages.event()
        with pytest.raises(TimeoutError):
            await pages.event(within=1.0)
