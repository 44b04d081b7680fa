"""`/metrics`: who may read it, and that no label tells of anybody; `/readyz` when something is away."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
import rq
from pydantic import SecretStr

from connectors.queue import QUEUE_NAME, connect
from tests.factories import TicketIn, add_tickets
from triage.metrics import names
from triage.services import reference
from triage.services.watch import port, snapshot
from triage.settings import Settings
from triage.web import health

if TYPE_CHECKING:
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


async def test_a_database_that_is_away_is_a_figure(client: Client, db: Database) -> None:
    async with db.writes.begin() as session:
        await (await session.connection()).exec_driver_sql("DROP TABLE watch_snapshot")
    assert "jiesu_database_up 0.0" in await text_of(client)


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
