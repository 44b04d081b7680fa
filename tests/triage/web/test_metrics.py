"""`/metrics`: who may read it, and that no label tells of anybody; `/readyz` when something is away."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import rq
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

from connectors.queue import QUEUE_NAME, connect
from models.db import beside, open_database
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import local
from triage.metrics import names
from triage.services import reference
from triage.services.watch import port, snapshot
from triage.settings import Settings
from triage.web import asking_beside, health, metrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from models.db import Database
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

TOKEN = "zhibiao-ce-shi"  # noqa: S105  (made for this test)
PHONE = "13800138000"


async def text_of(client: Client, **headers: str) -> str:
    answer = await client.get("/metrics", headers=headers)
    assert answer.status == 200
    return await answer.text()


async def test_requests_are_told_by_their_template(client: Client) -> None:
    await client.get(f"/desk/tickets/{PHONE}", params={"q": "张三"})
    await client.get(f"/nowhere/{PHONE}")
    await client.request("PROPFIND", f"/desk?q={PHONE}")
    text = await text_of(client)
    assert 'jiesu_request_seconds_count{method="GET",route="/desk/tickets/{no}",status="404"}' in text
    assert 'method="other"' in text
    assert PHONE not in text
    assert "张三" not in text


async def test_the_timetable_s_figures_are_there(client: Client, deps: Deps) -> None:
    without = await text_of(client)
    assert "jiesu_snapshot_age_seconds" not in without
    await add_tickets(deps.db, TicketIn())
    await snapshot.poke(deps)
    text = await text_of(client)
    assert "jiesu_database_up 1.0" in text
    assert "jiesu_snapshot_age_seconds 0.0" in text
    assert "jiesu_dead_letters 0.0" in text
    assert 'jiesu_pool_connections{state="used"}' in text
    told = set(re.findall(r"^(jiesu_\w+)", text, re.MULTILINE))
    created = {name for name in told if name.endswith("_created")}
    assert told - created <= names()


async def test_how_long_the_holidays_are_known_is_a_figure(client: Client, deps: Deps) -> None:
    left = deps.tables.calendar.days_left(local(NOW).date())
    assert f"jiesu_calendar_days_left {left:.1f}" in await text_of(client)
    assert left > 0


async def test_a_database_that_is_away_is_a_figure(client: Client, db: Database) -> None:
    async with db.writes.begin() as session:
        await (await session.connection()).exec_driver_sql("DROP TABLE watch_snapshot")
    assert "jiesu_database_up 0.0" in await text_of(client)


@pytest.fixture
async def lent(deps: Deps) -> AsyncIterator[Database]:
    """The pool with every connection lent."""
    async with AsyncExitStack() as stack:
        for _ in range(deps.db.most):
            await stack.enter_async_context(deps.db.engine.connect())
        yield deps.db


async def test_a_crowd_is_no_absence(client: Client, deps: Deps, lent: Database) -> None:
    """Every web process would leave its balancer at once, and somebody be called for a healthy database."""
    async with beside(lent) as other:
        await reference.sync(replace(deps, db=other))
        await snapshot.poke(replace(deps, db=other))
    async with asyncio.timeout(2.5):
        ready = await client.get("/readyz")
        told = await ready.json()
        text = await text_of(client)
    assert (ready.status, told["status"], told["degraded"]) == (200, "degraded", ["crowded", "queue"])
    assert told["revision"] == told["code"]
    assert "jiesu_database_up 1.0" in text
    assert "jiesu_snapshot_age_seconds 0.0" in text


@pytest.mark.usefixtures("client", "lent")
async def test_a_crowd_before_a_database_that_does_not_answer_is_an_absence(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = open_database("postgresql+asyncpg://nobody@/nothing?host=/nowhere")
    monkeypatch.setattr(asking_beside, "beside", lambda _: beside(nowhere))
    ready = await client.get("/readyz")
    assert (ready.status, "数据库无法连接" in await ready.text()) == (503, True)
    assert "jiesu_database_up 0.0" in await text_of(client)


@pytest.mark.parametrize(("code", "status", "up"), [("53300", 200, "1.0"), ("57P03", 503, "0.0")])
@pytest.mark.usefixtures("client", "lent")
async def test_nor_is_a_server_that_has_no_connection_left(
    client: Client, monkeypatch: pytest.MonkeyPatch, code: str, status: int, up: str
) -> None:
    said = type("Said", (Exception,), {"sqlstate": code})()

    def refuse(_: Database) -> AbstractAsyncContextManager[Database]:
        raise DBAPIError("connect", {}, said)

    monkeypatch.setattr(asking_beside, "beside", refuse)
    assert (await client.get("/readyz")).status == status
    assert f"jiesu_database_up {up}" in await text_of(client)


@pytest.mark.parametrize(("held", "said"), [(1, (200, "1.0")), (0, (503, "0.0"))])
async def test_a_server_that_is_full_before_the_pool_is_a_crowd_to_who_has_connections(
    client: Client, deps: Deps, monkeypatch: pytest.MonkeyPatch, held: int, said: tuple[int, str]
) -> None:
    full = type("Said", (Exception,), {"sqlstate": "53300"})()

    async def refuse(*_: object) -> None:
        raise DBAPIError("connect", {}, full)

    monkeypatch.setattr(health, "_fit", refuse)
    monkeypatch.setattr(metrics, "_snapshot", refuse)
    async with AsyncExitStack() as stack:
        for _ in range(held):
            await stack.enter_async_context(deps.db.engine.connect())
        assert (await client.get("/readyz")).status == said[0]
        assert f"jiesu_database_up {said[1]}" in await text_of(client)


async def test_many_probes_of_a_crowd_are_one_connection(
    client: Client, lent: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Database] = []

    def count(db: Database) -> AbstractAsyncContextManager[Database]:
        opened.append(db)
        return beside(db)

    monkeypatch.setattr(asking_beside, "beside", count)
    await asyncio.gather(*(client.get("/readyz") for _ in range(20)))
    assert opened == [lent]


async def test_a_probe_comes_under_any_name_and_figures_where_a_token_guards_them(
    client: Client, deps: Deps
) -> None:
    """A balancer and Prometheus come to an address: http://10.0.0.5:8420/readyz."""
    await reference.sync(deps)
    address = {"Host": "10.0.0.5:8420"}
    paths = ("/healthz", "/readyz", "/metrics", "/", "/readyz/", "/api/v1/tickets")
    assert [(await client.get(path, headers=address)).status for path in paths] == [200, 200, *[421] * 4]
    object.__setattr__(deps.settings, "metrics_token", SecretStr(TOKEN))
    guarded = address | {"Authorization": f"Bearer {TOKEN}"}
    assert [(await client.get("/metrics", headers=told)).status for told in (address, guarded)] == [403, 200]


async def test_whoever_comes_through_a_proxy_needs_the_token(client: Client) -> None:
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        answer = await client.get("/metrics", headers={name: "127.0.0.1"})
        assert (answer.status, "jiesu_" in await answer.text()) == (403, False)


@pytest.mark.parametrize(
    ("values", "told", "peer", "expected"),
    [
        ({}, None, "127.0.0.1", True),
        ({}, None, "::1", True),
        ({}, None, "10.1.2.3", False),
        ({}, None, None, False),
        ({}, f"Bearer {TOKEN}", "10.1.2.3", False),
        ({"hosts": "jiesu.example"}, None, "127.0.0.1", False),
        ({"metrics_token": SecretStr(TOKEN)}, None, "127.0.0.1", False),
        ({"metrics_token": SecretStr(""), "hosts": "a.example"}, "Bearer ", "127.0.0.1", False),
        ({"metrics_token": SecretStr(TOKEN)}, "Bearer 错", "127.0.0.1", False),
        ({"metrics_token": SecretStr(TOKEN), "hosts": "a.example"}, f"Bearer {TOKEN}", "10.1.2.3", True),
    ],
)
def test_who_may_read_them(
    values: dict[str, Any], told: str | None, peer: str | None, *, expected: bool
) -> None:
    assert port.allowed(Settings(**values), told, peer) is expected


async def lacking(url: str) -> list[str]:
    """What a fresh probe finds."""
    probe = health.QueueProbe(Settings(redis_url=url))
    found = await probe.lacking()
    await probe.close()
    return found


async def test_ready_tells_what_is_lacking(client: Client, deps: Deps) -> None:
    await reference.sync(deps)
    told = await (await client.get("/readyz")).json()
    assert (told["status"], told["degraded"]) == ("degraded", ["queue"])


async def test_a_worker_that_was_killed_or_works_elsewhere_does_not_count(redis_url: str) -> None:
    connection = connect(redis_url)
    of = {
        name: rq.SimpleWorker([rq.Queue(name, connection=connection)], connection=connection, name=name)
        for name in ("other", QUEUE_NAME)
    }
    assert await lacking(redis_url) == ["workers"]
    of["other"].register_birth()  # type: ignore[no-untyped-call]
    assert await lacking(redis_url) == ["workers"]
    of[QUEUE_NAME].register_birth()  # type: ignore[no-untyped-call]
    assert await lacking(redis_url) == []
    # What is left of a worker that was killed when its key has ended: its name in RQ's sets.
    connection.delete(of[QUEUE_NAME].key)
    assert await lacking(redis_url) == ["workers"]
    connection.close()


async def test_many_questions_are_one_connection(redis_url: str) -> None:
    connection = connect(redis_url)
    before = connection.info("stats")["total_connections_received"]
    probe = health.QueueProbe(Settings(redis_url=redis_url))
    answers = [*await asyncio.gather(*(probe.lacking() for _ in range(50))), await probe.lacking()]
    after = connection.info("stats")["total_connections_received"]
    await probe.close()
    connection.close()
    assert answers == [["workers"]] * 51
    assert after - before == 1


async def test_behind_a_proxy_that_says_nothing_the_token_is_asked(client: Client, deps: Deps) -> None:
    """Nginx with a bare proxy_pass: the peer is this machine, no header tells of anybody else."""
    object.__setattr__(deps.settings, "database_url", "postgresql+asyncpg://jiesu@127.0.0.1/jiesu")
    assert (await client.get("/metrics")).status == 403
    object.__setattr__(deps.settings, "metrics_token", SecretStr(TOKEN))
    assert (await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).status == 200
