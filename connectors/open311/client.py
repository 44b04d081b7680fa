"""A client of any Open311 GeoReport v2 server: read its services and requests, post to it.

Callers: the pull and push services, and the conformance suite. Plain values in and out; redirects are not
followed, answers are bounded, times are aware.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import aiohttp

from connectors.open311.wire import JSON, Reply, Unreadable
from connectors.ports import ConnectorError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SECONDS: Final = 20.0
#: 1,000 requests of 4,000 characters each, and air.
_MOST_BYTES: Final = 32_000_000
#: How many rows that cannot be read are named.
_NAMED: Final = 50
_LONGEST_ID: Final = 60
#: What lies before or after is no moment of a request, and in another zone perhaps none at all.
_EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)
_LON: Final = 180.0
_LAT: Final = 90.0
Fields = list[tuple[str, str]]


class Open311Down(ConnectorError):
    """Open311 接口连不上，或没有按时答复。"""


class Open311Refused(ConnectorError):
    """The server answered with an error list; the message tells it."""

    def __init__(self, status: int, told: Sequence[str]) -> None:
        super().__init__(f"HTTP {status}：" + "；".join(told))
        self.status = status
        self.told = tuple(told)


@dataclass(frozen=True, slots=True)
class RemoteRequest:
    """A request of another server. Its words are left out of `repr`."""

    id: str
    status: str
    service_code: str
    service_name: str | None
    description: str | None = field(repr=False)
    address: str | None = field(repr=False)
    lon: float | None
    lat: float | None
    requested_at: datetime
    updated_at: datetime | None
    media_url: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list held: the requests that can be read, how many not, and the ids of the first of those."""

    requests: tuple[RemoteRequest, ...]
    unreadable: int = 0
    unreadable_ids: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How long the list was."""
        return len(self.requests) + self.unreadable


class Client:
    """One server: its base address, its jurisdiction, and the form it is asked in."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base: str,
        *,
        jurisdiction: str | None = None,
        api_key: str | None = None,
        fmt: str = JSON,
    ) -> None:
        """`base` is what the paths of the standard follow, such as `https://host/open311/v2`."""
        self._session = session
        self.base = base.rstrip("/")
        self._jurisdiction = jurisdiction
        self._key = api_key
        self._fmt = fmt

    async def get(self, path: str, fmt: str | None = None, **query: str | None) -> Reply:
        """Ask for `path` in a form. Raises Open311Down."""
        fmt = fmt or self._fmt
        asked = {name: value for name, value in query.items() if value is not None}
        if self._jurisdiction:
            asked.setdefault("jurisdiction_id", self._jurisdiction)
        return await self._send("GET", f"{self.base}/{path}.{fmt}", fmt, params=asked)

    async def post(self, fields: Fields, fmt: str | None = None, *, key: str | None = None) -> Reply:
        """Post a request, with this client's key when `key` is None; "" sends none. Raises Open311Down."""
        fmt = fmt or self._fmt
        key = self._key if key is None else key
        sent = [*fields, *([("api_key", key)] if key else [])]
        if self._jurisdiction:
            sent.append(("jurisdiction_id", self._jurisdiction))
        return await self._send("POST", f"{self.base}/requests.{fmt}", fmt, data=aiohttp.FormData(sent))

    async def _send(self, method: str, url: str, fmt: str, **how: Any) -> Reply:  # noqa: ANN401
        try:
            async with (
                asyncio.timeout(_SECONDS),
                self._session.request(method, url, allow_redirects=False, **how) as answer,
            ):
                body = await answer.content.read(_MOST_BYTES + 1)
                while len(body) <= _MOST_BYTES and (more := await answer.content.read(_MOST_BYTES)):
                    body += more
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Open311Down(f"{method} 请求没有成功（{type(error).__name__}）") from None
        if len(body) > _MOST_BYTES:
            raise Unreadable(f"答复超过 {_MOST_BYTES // 1_000_000} MB")
        return Reply(answer.status, answer.headers.get("Content-Type", ""), body, fmt, dict(answer.headers))

    async def services(self) -> list[dict[str, Any]]:
        """The list of services. Raises Open311Refused and as `get`."""
        return _good(await self.get("services"))

    async def requests(
        self, *, start: datetime | None = None, end: datetime | None = None, **query: str
    ) -> Listed:
        """Requests of a stretch of time, row by row. Raises Open311Refused, Unreadable and as `get`."""
        reply = await self.get(
            "requests",
            start_date=start.isoformat() if start else None,
            end_date=end.isoformat() if end else None,
            **query,
        )
        _refused(reply)
        found, odd = [], []
        for row in reply.items():
            try:
                found.append(_request(row))
            except Unreadable:
                odd.append(_id(row))
        return Listed(tuple(found), len(odd), tuple(odd[:_NAMED]))

    async def request(self, number: str) -> RemoteRequest:
        """One request. Raises Open311Refused, Unreadable."""
        rows = _good(await self.get(f"requests/{quote(number, safe='')}"))
        if len(rows) != 1:
            raise Unreadable("单件诉求的答复应是一件的列表")
        return _request(rows[0])

    async def create(self, fields: Mapping[str, str | Sequence[str]]) -> tuple[str | None, str | None]:
        """Post a request. Gives (id, token), one of them None. Raises Open311Refused, Unreadable."""
        sent: Fields = []
        for name, value in fields.items():
            sent += [(name, value)] if isinstance(value, str) else [(name, part) for part in value]
        rows = _good(await self.post(sent))
        if len(rows) != 1:
            raise Unreadable("提交的答复应是一件的列表")
        return _text(rows[0], "service_request_id"), _text(rows[0], "token")

    async def token(self, token: str) -> str | None:
        """The id that a token became; None while it waits. Raises Open311Refused."""
        rows = _good(await self.get(f"tokens/{quote(token, safe='')}"))
        return _text(rows[0], "service_request_id") if rows else None


def _refused(reply: Reply) -> None:
    if reply.status < HTTPStatus.BAD_REQUEST:
        return
    try:
        told = [f"{row.get('code')} {row.get('description')}" for row in reply.rows()]
    except Unreadable:
        told = ["没有按约定说明原因"]
    raise Open311Refused(reply.status, told)


def _good(reply: Reply) -> list[dict[str, Any]]:
    _refused(reply)
    return reply.rows()


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    if isinstance(value, dict | list):
        raise Unreadable(f"{name} 不是文字")
    # Some servers print ids as numbers. Nothing of ours holds a NUL.
    return None if value is None else str(value).replace("\0", "") or None


def _id(row: Any) -> str:  # noqa: ANN401  (whatever was sent)
    """What a row that cannot be read is told by."""
    value = row.get("service_request_id") if isinstance(row, dict) else None
    return str(value)[:_LONGEST_ID] if isinstance(value, str | int) and str(value) else "（无编号）"


def _request(row: Any) -> RemoteRequest:  # noqa: ANN401  (whatever was sent)
    if not isinstance(row, dict):
        raise Unreadable("列表里应是一件件诉求")
    number, requested = _text(row, "service_request_id"), moment(_text(row, "requested_datetime"))
    if number is None or requested is None:
        raise Unreadable("诉求没有编号或没有带时区的提交时间")
    return RemoteRequest(
        id=number,
        status=_text(row, "status") or "",
        service_code=_text(row, "service_code") or "",
        service_name=_text(row, "service_name"),
        description=_text(row, "description"),
        address=_text(row, "address"),
        lon=_degrees(row, "long", _LON),
        lat=_degrees(row, "lat", _LAT),
        requested_at=requested,
        updated_at=moment(_text(row, "updated_datetime")),
        media_url=_text(row, "media_url"),
    )


def _degrees(row: Mapping[str, Any], name: str, most: float) -> float | None:
    value = row.get(name)
    try:
        found = math.nan if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    # What is no number at all is in no range either.
    return found if -most <= found <= most else None


def moment(text: str | None) -> datetime | None:
    """An ISO 8601 moment with its zone; None when it is none."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None and _EARLIEST <= found < _LATEST else None
