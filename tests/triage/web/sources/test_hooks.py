"""平台推送 over a real socket: signed ones are taken once, everything else is refused and changes nothing."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import sqlalchemy as sa

from connectors.hotline import signing
from connectors.hotline.reference.orders import make
from models.appeals import Appeal
from models.hotline import HotlineNonce
from models.vocab_sources import SourceKind
from tests.factories import NOW
from tests.triage.web.problem import assert_problem
from triage.services.sources import editing
from triage.services.sources.editing import SourceIn
from triage.web.sources.hooks import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

SECRET = "push-secret"  # noqa: S105  (a test's)
AT = int(NOW.timestamp())
PATH = "/hooks/hotline/city"


@pytest.fixture(autouse=True)
async def _source(deps: Deps) -> None:
    given = SourceIn("城市热线", 60, {"url": "http://127.0.0.1:9"}, {"push_secret": SECRET})
    async with deps.db.writes.begin() as session:
        kind = SourceKind.HOTLINE.value
        await editing.add(session, deps.vault, kind, "city", given, by="t", now=NOW)
        await editing.switch(session, "city", on=True, by="t", now=NOW)


def body_of(*places: int, encoding: str = "utf-8") -> bytes:
    rows = [make(place, created=AT - 60, updated=AT - 60) for place in places]
    return orjson.dumps({"rows": rows}).decode().encode(encoding)


def signed(body: bytes, path: str = PATH) -> bytes:
    """What is signed of a push: it is good for one source alone."""
    return signing.request_body("POST", path, body)


async def push(client: Client, body: bytes, stamp: signing.Stamp | None = None, path: str = PATH) -> Any:  # noqa: ANN401
    stamp = stamp or signing.stamp(SECRET, signed(body), at=AT)
    headers = {**stamp.headers(), "Content-Type": "application/json"}
    return await client.post(path, data=body, headers=headers)


async def stored(deps: Deps) -> tuple[int, int]:
    async with deps.db.reads() as session:
        row = await session.execute(
            sa.select(
                sa.select(sa.func.count()).select_from(Appeal).scalar_subquery(),
                sa.select(sa.func.count()).select_from(HotlineNonce).scalar_subquery(),
            )
        )
        appeals, nonces = row.one()
        return appeals, nonces


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
async def test_a_signed_push_is_taken_and_the_same_orders_again_add_nothing(
    client: Client, deps: Deps, encoding: str
) -> None:
    body = body_of(1, 2, 3, encoding=encoding)
    first = await push(client, body)
    assert first.status == 200
    assert (await first.json())["stored"] == 3
    again = await (await push(client, body)).json()
    assert (again["stored"], again["repeated"]) == (0, 3)
    assert await stored(deps) == (3, 2)


async def test_the_very_same_message_is_refused(client: Client, deps: Deps) -> None:
    body = body_of(1)
    stamp = signing.stamp(SECRET, signed(body), at=AT)
    assert (await push(client, body, stamp)).status == 200
    await assert_problem(await push(client, body, stamp), 401, "replayed", "已经收到过")
    assert await stored(deps) == (1, 1)


async def test_of_many_at_once_one_is_taken(client: Client, deps: Deps) -> None:
    body = body_of(1)
    stamp = signing.stamp(SECRET, signed(body), at=AT)
    answers = await asyncio.gather(*(push(client, body, stamp) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [200, 401, 401, 401, 401]
    assert await stored(deps) == (1, 1)


def wrong_stamps() -> dict[str, signing.Stamp]:
    body = body_of(1)
    good = signing.stamp(SECRET, signed(body), at=AT, nonce="n" * 24)
    return {
        "another secret": signing.stamp("other", signed(body), at=AT),
        "another body": signing.stamp(SECRET, signed(body + b" "), at=AT),
        "another source": signing.stamp(SECRET, signed(body, "/hooks/hotline/other"), at=AT),
        "no address": signing.stamp(SECRET, body, at=AT),
        "another time": signing.Stamp(good.at + 1, good.nonce, good.signature),
        "another nonce": signing.Stamp(good.at, "m" * 24, good.signature),
        "no source's secret": signing.stamp("no such source", signed(body), at=AT),
    }


@pytest.mark.parametrize("name", sorted(wrong_stamps()))
async def test_a_wrong_signature_is_refused(client: Client, deps: Deps, name: str) -> None:
    await assert_problem(
        await push(client, body_of(1), wrong_stamps()[name]), 401, "not_genuine", "没有通过验证"
    )
    assert await stored(deps) == (0, 0)


@pytest.mark.parametrize("off", [-301, 301, -86400])
async def test_a_clock_that_is_far_off_is_refused_in_words(client: Client, deps: Deps, off: int) -> None:
    body = body_of(1)
    late = signing.stamp(SECRET, signed(body), at=AT + off)
    await assert_problem(await push(client, body, late), 401, "stale", "核对平台的时钟")
    assert await stored(deps) == (0, 0)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {signing.TIMESTAMP: "x", signing.NONCE: "n" * 24, signing.SIGNATURE: "v1=" + "0" * 64},
        {signing.TIMESTAMP: str(AT), signing.NONCE: "short", signing.SIGNATURE: "v1=" + "0" * 64},
        {signing.TIMESTAMP: str(AT), signing.NONCE: "n" * 24, signing.SIGNATURE: "v2=" + "0" * 64},
        {signing.TIMESTAMP: str(AT), signing.NONCE: "n" * 24, signing.SIGNATURE: "v1=" + "0" * 63},
    ],
)
async def test_without_a_whole_stamp_it_is_a_bad_request(client: Client, headers: dict[str, str]) -> None:
    response = await client.post(PATH, data=body_of(1), headers=headers)
    await assert_problem(response, 400, "bad_input", "缺少签名，或写法不对")


@pytest.mark.parametrize("body", [b"", b"{", b'{"rows": []}', b'{"rows": 1}', b"[1]", b"\xff\xfe\x00"])
async def test_what_is_no_list_of_orders_is_a_bad_request(client: Client, deps: Deps, body: bytes) -> None:
    response = await push(client, body)
    assert (response.status, (await response.json())["code"]) == (400, "bad_input")
    assert await stored(deps) == (0, 0)


async def test_too_much_is_refused_before_it_is_read(client: Client, deps: Deps) -> None:
    headers = signing.stamp(SECRET, b"", at=AT).headers()
    whole = await client.post(PATH, data=io.BytesIO(b" " * (MOST_BYTES + 1)), headers=headers)
    await assert_problem(whole, 413, "too_large", "分几次发")

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MOST_BYTES // (1 << 16) + 1):
            yield b" " * (1 << 16)

    unsaid = await client.post(PATH, data=chunks(), headers=headers)
    await assert_problem(unsaid, 413, "too_large", "分几次发")
    assert await stored(deps) == (0, 0)


@pytest.mark.parametrize("path", ["/hooks/hotline/nobody", "/hooks/hotline/%E6%B2%A1%E6%9C%89"])
async def test_an_unknown_source_answers_like_a_wrong_signature(client: Client, path: str) -> None:
    await assert_problem(await push(client, body_of(1), path=path), 401, "not_genuine", "没有通过验证")


async def test_a_source_that_is_off_takes_nothing(client: Client, deps: Deps) -> None:
    async with deps.db.writes.begin() as session:
        await editing.switch(session, "city", on=False, by="t", now=NOW)
    await assert_problem(await push(client, body_of(1)), 401, "not_genuine", "没有通过验证")


async def test_bad_orders_are_named_and_the_good_ones_taken(client: Client, deps: Deps) -> None:
    rows: list[Any] = [
        make(1, created=AT, updated=AT),
        make(2, created=AT, updated=AT) | {"title": "", "majorContent": ""},
        7,
    ]
    answer = await (await push(client, orjson.dumps({"rows": rows}))).json()
    assert answer["stored"] == 1
    assert {item["orderNum"][:4] for item in answer["refused"]} == {"BJ00", "无编号-"}
    assert (await stored(deps))[0] == 1


async def test_names_and_numbers_stand_in_no_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    await push(client, body_of(1, 2))
    assert "1990" not in caplog.text
    assert "测试" not in caplog.text.replace("测试来源", "")
