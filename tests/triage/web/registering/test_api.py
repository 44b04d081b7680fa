"""登记诉求 as JSON: once by its key, faults by their names, how far it is, files along."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from models import files as file_rows
from tests import pictures
from tests.triage.web.open311.conftest import read_all
from tests.triage.web.problem import assert_problem
from tests.triage.web.registering.conftest import Clerk, appeals
from triage.web.cache import Cache
from triage.web.keys import Caches

if TYPE_CHECKING:
    from aiohttp import ClientResponse

    from nlp.pipeline import Reader
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

PATH = "/api/v1/appeals"
BODY = {
    "channel": "letter", "text": "朝阳区望京街道望京北路的工地夜里打桩，吵得睡不着。", "number": "BJ-7",
    "anonymous": True, "received_at": "2026-11-20T09:00",
}  # fmt: skip


async def send(client: Client, *, key: str = "k", **more: Any) -> ClientResponse:  # noqa: ANN401
    return await client.post(PATH, json={**BODY, **more}, headers={"Idempotency-Key": key})


async def test_it_is_made_once_and_told_when_it_is_a_ticket(
    client: Client, deps: Deps, reader: Reader
) -> None:
    picture = base64.b64encode(pictures.jpeg()).decode()
    first = await send(client, files=[{"name": "a.jpg", "content": picture}])
    again = await send(client)
    assert (first.status, again.status) == (201, 200)
    told = await first.json()
    assert told == await again.json()
    assert (told["ticket"], told["state"]["code"], told["channel"]["label"]) == (None, "waiting", "来信")
    assert told["received_at"] == "2026-11-20T01:00:00Z"
    (appeal,) = await appeals(deps)
    async with deps.db.reads() as session:
        assert len(await file_rows.sent_with(session, appeal.id)) == 1
    await read_all(deps, reader)
    found = await (await client.get(f"{PATH}/{appeal.id}")).json()
    assert (found["ticket"], found["state"]["code"]) == ("20261123-00000001", "done")
    second = await (await send(client, key="other")).json()
    assert second["same_number"] == [
        {
            "id": 1,
            "ticket": "20261123-00000001",
            "state": second["same_number"][0]["state"],
            "source": "人工登记",
        }
    ]


async def test_a_key_is_for_one_content(client: Client, deps: Deps) -> None:
    await send(client)
    await assert_problem(await send(client, text="另一件事，也很吵。"), 409, "key_reused", "先前提交的那次")
    assert len(await appeals(deps)) == 1


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"channel": "web"}, "channel："),
        ({"text": "吵"}, "text："),
        ({"received_at": "x"}, "received_at："),
        ({"anonymous": False}, "phone："),
        ({"anonymous": "yes"}, "anonymous 应是"),
        ({"title": 5}, "title 应是文字"),
        ({"failed": "1"}, "failed 应是"),
        ({"number": "13912340007"}, "number："),
        ({"files": [{"name": "a.pdf", "content": "JVBERi0xLjQ="}]}, "只收照片"),
        ({"x": 1}, "不认识的键：x"),
    ],
)
async def test_a_fault_names_its_field(client: Client, deps: Deps, more: dict[str, Any], told: str) -> None:
    answer = await send(client, **more)
    body = await answer.json()
    await assert_problem(answer, 400, body["code"], told)
    assert body["code"] in {"bad_input", "file_not_taken"}
    assert await appeals(deps) == []


async def test_it_asks_for_a_key_and_for_json(client: Client) -> None:
    assert "Idempotency-Key" in (await (await client.post(PATH, json=BODY)).json())["detail"]
    key = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    for body, status in ((b"[]", 400), (b"{", 400)):
        assert (await client.post(PATH, data=body, headers=key)).status == status
    assert (await client.get(f"{PATH}/999")).status == 404


async def test_what_is_not_given_up_is_not_taken_over(client: Client) -> None:
    await assert_problem(await send(client, failed=999), 404, "not_found", "没有这条")
    await send(client)
    await assert_problem(await send(client, key="b", failed=1), 409, "not_given_up", "已经有人")


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is forgotten of caches while forms are sent."""
    found: list[str] = []
    monkeypatch.setattr(Caches, "forget_today", lambda _, viewer: found.append(type(viewer).__name__))
    monkeypatch.setattr(Cache, "clear", lambda _: found.append("everybody's"))
    return found


async def test_others_have_their_summary_for_its_seconds(clerk: Clerk, forgotten: list[str]) -> None:
    await send(clerk.client)
    await clerk.get()
    await clerk.send()
    assert forgotten == ["Viewer", "Viewer"]
