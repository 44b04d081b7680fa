"""What no browser sends: bytes that are no text, days at the ends of the calendar. Told, never a 500."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from models.db import Database  # noqa: TC001  (a fixture's annotation)
from tests import signed_in
from tests.factories import TicketIn, add_tickets

if TYPE_CHECKING:
    from aiohttp.test_utils import TestServer

    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

BYTES = b"\xff"
FORM = b"Content-Type: multipart/form-data; boundary=x"
JSON = b"Content-Type: application/json"
DISPOSITION = b'--x\r\nContent-Disposition: form-data; name="number"'
TICKET = b"/api/v1/tickets/20261123-00000001"


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for what is refused before it is asked."""
    return sqlite_db


async def told(server: TestServer, method: bytes, path: bytes, *headers: bytes, body: bytes = b"") -> int:
    """The status of an answer to a request that is sent byte by byte."""
    reading, writing = await asyncio.open_connection(server.host, server.port)
    lines = [
        b"%s %s HTTP/1.1" % (method, path), b"Host: 127.0.0.1:%d" % (server.port or 0), b"Connection: close",
        b"Content-Length: %d" % len(body), *headers,
    ]  # fmt: skip
    writing.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    line = await reading.readline()
    writing.close()
    return int(line.split()[1])


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        (b"/api/v1/units", b"Authorization: Bearer %s", 401),
        (b"/api/v1/units", b"Cookie: jiesu_session=%s", 401),
        (b"/desk", b"Cookie: jiesu_session=%s", 303),
        (b"/citizen/case", b"Cookie: jiesu_case=%s", 303),
    ],
)
async def test_bytes_that_are_no_text_are_nobodys(
    server: TestServer, path: bytes, header: bytes, status: int
) -> None:
    assert await told(server, b"GET", path, header % BYTES) == status


@pytest.mark.parametrize("key", [b"\xff", b"a\xed\xa0\x80", b"a\x7f"])
async def test_a_key_of_a_move_is_text(server: TestServer, deps: Deps, key: bytes) -> None:
    await add_tickets(deps.db, TicketIn())
    cookie = b"Cookie: %s=%s" % (signed_in.COOKIE.encode(), (await signed_in.sign_in(deps)).encode())
    body = b'{"move":"sign","version":1,"as":{"post":"unit","unit":"110105026"}}'
    sent = (JSON, cookie, b"Idempotency-Key: " + key)
    assert await told(server, b"POST", TICKET + b"/moves", *sent, body=body) == 400


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"kind":"\\ud800"}',
        b'{"\\ud800":"a"}',
        b"\xff",
        b'{"kind":NaN}',
        b'{"kind":1}',
        b"[]",
    ],
    ids=["deep", "half", "half-name", "bytes", "nan", "number", "list"],
)
async def test_a_correction_is_json(server: TestServer, deps: Deps, body: bytes) -> None:
    await add_tickets(deps.db, TicketIn())
    cookie = b"Cookie: %s=%s" % (signed_in.COOKIE.encode(), (await signed_in.sign_in(deps)).encode())
    assert await told(server, b"POST", TICKET + b"/corrections", JSON, cookie, body=body) == 400


@pytest.mark.parametrize(
    "body",
    [
        DISPOSITION + b"\r\nContent-Transfer-Encoding: nonsense\r\n\r\nab\r\n--x--\r\n",
        DISPOSITION + b'; filename="\x00"\r\n\r\nab\r\n--x--\r\n',
        DISPOSITION + b"\r\nA: b" * 3000 + b"\r\n\r\nab\r\n--x--\r\n",
        DISPOSITION + b"\r\n\r\n\xff\r\n--x--\r\n",
        b"no form",
    ],
    ids=["encoding", "header", "headers", "bytes", "none"],
)
async def test_a_form_that_is_none_is_told(server: TestServer, body: bytes) -> None:
    assert await told(server, b"POST", b"/citizen/track", FORM, body=body) == 400


async def test_an_origin_that_is_no_address_is_foreign(server: TestServer) -> None:
    assert await told(server, b"POST", b"/citizen/track", b"Origin: http://[") == 403


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/open311/v2/requests.json", {"start_date": "0001-01-01T00:00:00+14:00"}, 400),
        ("/open311/v2/requests.json", {"end_date": "0001-01-01T00:00:00+14:00"}, 400),
        ("/open311/v2/requests.json", {"end_date": "9999-12-31T23:00:00-14:00"}, 400),
        # Ninety days on there is no moment any more.
        ("/open311/v2/requests.json", {"start_date": "9999-10-02T23:00:00-14:00"}, 400),
        ("/open311/v2/requests.json", {"start_date": "0001-01-01T00:00:00Z"}, 200),
        ("/api/v1/tickets", {"q": "00010101"}, 200),
        ("/desk", {"q": "00010101"}, 200),
        ("/desk", {"q": "99991231"}, 200),
        ("/desk/audit", {"since": "0001-01-01"}, 400),
        ("/desk/audit/moves", {"until": "9999-12-31"}, 200),
        ("/desk/month", {"month": "9999-12"}, 400),
        ("/desk/month", {"month": "0001-01"}, 400),
    ],
)
async def test_days_at_the_ends_of_the_calendar(
    client: Client, path: str, query: dict[str, str], status: int
) -> None:
    assert (await client.get(path, params=query)).status == status
