"""来源: the page and its JSON; credentials go in and never come out."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from aiohttp.test_utils import TestServer

from connectors.hotline.reference.faults import Faults
from connectors.hotline.reference.ledger import Ledger
from connectors.hotline.reference.server import Platform, make_app
from connectors.vault import Vault
from tests.factories import NOW
from tests.triage.web.problem import assert_problem
from triage.clock import FixedClock
from triage.services.deps import Deps
from triage.services.sources import editing
from triage.settings import Settings
from triage.web import guard
from triage.web.openapi import document

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from models.db import Database
    from tests.triage.web.conftest import Client
    from triage.rules.rows import Tables

TOKEN = "tiankong-8842"  # noqa: S105  (a test's)


@pytest.fixture
async def platform() -> AsyncIterator[tuple[Platform, str]]:
    # The clock of `deps` stands still: the platform's agrees with it.
    found = Platform(Ledger(), Faults(skew_seconds=NOW.timestamp() - time.time()), token=TOKEN)
    async with TestServer(make_app(found)) as server:
        yield found, str(server.make_url("")).rstrip("/")


@pytest.fixture
def deps(db: Database, tables: Tables, platform: tuple[Platform, str]) -> Deps:
    """The platform stands on this machine: the settings name it."""
    named = Settings(hotline_private_hosts=platform[1].removeprefix("http://"))
    return Deps(settings=named, clock=FixedClock(NOW), tables=tables, db=db, vault=Vault({1: bytes(32)}))


async def send(client: Client, method: str, path: str, body: Any) -> Any:  # noqa: ANN401
    return await client.request(method, f"/api/v1/sources{path}", json=body)


def new(url: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "key": "city", "kind": "hotline", "name": "市热线平台", "every_seconds": 30,
        "settings": {"url": url}, "credentials": {"token": TOKEN}, **more,
    }  # fmt: skip


def valid(view: str, body: object) -> None:
    schema = {"$ref": f"#/components/schemas/{view}", "components": document()["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)


async def test_a_source_is_added_changed_switched_and_tried(
    client: Client, platform: tuple[Platform, str]
) -> None:
    reference, url = platform
    reference.add()
    made = await send(client, "POST", "", new(url))
    assert made.status == 201
    valid("SourceView", await made.json())
    assert (await made.json())["credentials"] == ["token"]
    tried = await (await send(client, "POST", "/city/try", {})).json()
    valid("TriedView", tried)
    assert tried["good"] is True
    assert "平台上最近一天有 " in tried["said"]
    wrong = "平台列表里的 now 不是可信的时间"
    for skew, words in ((7200.0, "平台的时钟比本机快 120 分钟"), (2e5, wrong), (-2e5, wrong)):
        honest = reference.faults
        reference.faults = honest.change({"skew_seconds": honest.skew_seconds + skew})
        said = await (await send(client, "POST", "/city/try", {})).json()
        assert (said["good"], words in said["said"]) == (skew == 7200.0, True)
        reference.faults = honest
    on = await (await send(client, "PATCH", "/city", {"enabled": True, "name": "新名字"})).json()
    assert (on["enabled"], on["name"], on["credentials"]) == (True, "新名字", ["token"])
    assert [task["task"]["code"] for task in on["tasks"]] == ["pull", "send", "words", "reconcile"]
    listed = await (await client.get("/api/v1/sources")).json()
    valid("SourceList", listed)
    assert TOKEN not in str(listed)
    forgot = await (await send(client, "PATCH", "/city", {"forget": ["token"]})).json()
    assert forgot["credentials"] == []
    tried = await (await send(client, "POST", "/city/try", {})).json()
    assert tried == {"good": False, "said": "平台答复 401：不接受我们的令牌、签名或证书。"}


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"key": "不行"}, 400, "代号应是"),
        ({"kind": "file"}, 400, "不能在这里添加"),
        ({"name": ""}, 400, "名称应有"),
        ({"every_seconds": 1}, 400, "间隔应在"),
        ({"every_seconds": True}, 400, "应是整数"),
        ({"settings": {"url": "file:///etc/passwd"}}, 400, "应形如 https://主机/路径"),
        ({"settings": {"url": "http://a", "map_name": "nowhere"}}, 400, "没有名为‘nowhere’的平台对照表"),
        ({"settings": {"url": "http://a", "page_size": "0"}}, 400, "应是 1 到 1000 的整数"),
        ({"settings": {"url": "http://a", "key_file": "/k.pem"}}, 400, "没有填我方证书"),
        ({"settings": {"url": "http://a", "ca_file": "ca.pem"}}, 400, "完整路径"),
        ({"settings": ["url"]}, 400, "settings 应是对象"),
        ({"more": 1}, 400, "不认识的键：more"),
    ],
)
async def test_a_bad_source_is_refused_in_words(
    client: Client, change: dict[str, Any], status: int, words: str
) -> None:
    response = await send(client, "POST", "", new("http://127.0.0.1:9") | change)
    await assert_problem(response, status, "bad_input", words)


async def test_the_same_key_twice_is_a_conflict(client: Client) -> None:
    await send(client, "POST", "", new("http://127.0.0.1:9"))
    again = await send(client, "POST", "", new("http://127.0.0.1:9"))
    await assert_problem(again, 409, "source_exists", "已有同样代号的来源")


@pytest.mark.parametrize("path", ["/nobody", "/%00", "/new"])
async def test_no_such_source(client: Client, path: str) -> None:
    await assert_problem(await client.get(f"/api/v1/sources{path}"), 404, "not_found", "没有这个来源")


async def test_another_site_can_change_nothing(client: Client) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    response = await client.post("/api/v1/sources", json=new("http://a"), headers=foreign)
    await assert_problem(response, 403, "forged", "不是从本系统的页面发出")


async def token_of(client: Client, path: str) -> str:
    text = await (await client.get(path)).text()
    found = re.search(rf'name="{guard.FIELD}" value="([^"]+)"', text)
    assert found
    return found.group(1)


async def test_the_form_keeps_what_was_typed_but_no_secret(client: Client, deps: Deps) -> None:
    token = await token_of(client, "/desk/sources/new/hotline")
    form = {
        "token": token, "kind": "hotline", "key": "city", "name": "市热线", "every_seconds": "30",
        "s.url": "不是地址", "s.token": TOKEN,
    }  # fmt: skip
    refused = await client.post("/desk/sources", data=form)
    text = await refused.text()
    assert refused.status == 400
    assert "应形如 https://主机/路径" in text
    assert 'value="不是地址"' in text
    assert TOKEN not in text
    good = await client.post("/desk/sources", data=form | {"s.url": "http://127.0.0.1:9"})
    assert "已添加，还没有启用" in await good.text()
    page = await (await client.get("/desk/sources/city")).text()
    assert TOKEN not in page
    assert "已保存，不显示" in page
    async with deps.db.reads() as session:
        source = await editing.find(session, "city")
    assert editing.settled(deps.vault, source).credentials == {"token": TOKEN}


async def test_without_the_forms_token_nothing_is_changed(client: Client) -> None:
    await send(client, "POST", "", new("http://127.0.0.1:9"))
    for path in ("", "/city", "/city/switch", "/city/try", "/city/actions"):
        refused = await client.post(f"/desk/sources{path}", data={"on": "1"})
        assert refused.status == 403


async def test_who_saves_what_another_one_changed_is_told_and_keeps_their_entries(client: Client) -> None:
    await send(client, "POST", "", new("http://127.0.0.1:9"))
    page = await (await client.get("/desk/sources/city")).text()
    seen = re.search(r'name="version" value="(\d+)"', page)
    assert seen
    changed = await send(client, "PATCH", "/city", {"name": "先改的", "version": int(seen[1])})
    assert ((await changed.json())["name"], (await changed.json())["version"]) == ("先改的", int(seen[1]) + 1)
    late = await send(client, "PATCH", "/city", {"name": "后改的", "version": int(seen[1])})
    await assert_problem(late, 409, "version_conflict", "刚刚被别人改过")
    late = await send(client, "PATCH", "/city", {"enabled": True, "version": int(seen[1])})
    await assert_problem(late, 409, "version_conflict", "刚刚被别人改过")
    await assert_problem(
        await send(client, "PATCH", "/city", {"version": "1"}), 400, "bad_input", "version 应是整数"
    )
    form = {
        "token": await token_of(client, "/desk/sources/city"), "name": "后改的", "every_seconds": "30",
        "s.url": "http://127.0.0.1:9", "version": seen[1],
    }  # fmt: skip
    refused = await client.post("/desk/sources/city", data=form)
    text = await refused.text()
    assert (refused.status, "刚刚被别人改过" in text, 'value="后改的"' in text) == (409, True, True)
    # Whoever has read that saves what they see now.
    again = await client.post("/desk/sources/city", data=form | {"version": str(int(seen[1]) + 1)})
    assert (again.status, "已保存" in await again.text()) == (200, True)


async def test_nor_does_anybody_switch_on_what_they_have_not_seen(client: Client) -> None:
    await send(client, "POST", "", new("http://127.0.0.1:9"))
    token = await token_of(client, "/desk/sources/city")
    seen = await (await client.get("/api/v1/sources/city")).json()
    await send(client, "PATCH", "/city", {"settings": {"url": "http://127.0.0.1:9/moved"}})
    form = {"token": token, "on": "1"}
    for version in ({"version": str(seen["version"])}, {}):
        late = await client.post("/desk/sources/city/switch", data=form | version)
        text = await late.text()
        assert (late.status, "没有启用" in text, "http://127.0.0.1:9/moved" in text) == (409, True, True)
    (version,) = set(re.findall(r'name="version" value="(\d+)"', text))
    on = await client.post("/desk/sources/city/switch", data=form | {"version": version})
    assert "已启用" in await on.text()
    # To stop it nobody need have seen it.
    off = await client.post("/desk/sources/city/switch", data={"token": token, "on": "0", "version": "1"})
    assert "已停用" in await off.text()
