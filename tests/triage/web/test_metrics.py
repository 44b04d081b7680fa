"""`/metrics`: who may read it, and that no label tells of anybody; `/readyz` when something is away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import rq
from pydantic import SecretStr

from connectors.queue import connect
from tests.factories import TicketIn, add_tickets
from triage.metrics import names
from triage.services.watch import port, snapshot
from triage.settings import Settings

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


async def test_ready_tells_what_is_lacking(client: Client, deps: Deps, redis_url: str) -> None:
    away = await (await client.get("/readyz")).json()
    object.__setattr__(deps.settings, "redis_url", redis_url)
    alone = await (await client.get("/readyz")).json()
    connection = connect(redis_url)
    worker = rq.SimpleWorker([rq.Queue("nlp", connection=connection)], connection=connection)
    worker.register_birth()  # type: ignore[no-untyped-call]
    whole = await (await client.get("/readyz")).json()
    worker.register_death()  # type: ignore[no-untyped-call]
    connection.close()
    assert [(one["status"], one["degraded"]) for one in (away, alone, whole)] == [
        ("degraded", ["queue"]),
        ("degraded", ["workers"]),
        ("ok", []),
    ]
