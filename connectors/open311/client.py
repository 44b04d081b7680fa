"""A client of any Open311 GeoReport v2 server: read its services and requests, post to it.

Callers: the pull and push services, and the conformance suite. Plain values in and out; redirects are not
followed, answers are bounded, times are aware.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
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
    ) -> list[RemoteRequest]:
        """Requests of a stretch of time. Raises Open311Refused, Unreadable and as `get`."""
        rows = _good(
            await self.get(
                "requests",
                start_date=start.isoformat() if start else None,
                end_date=end.isoformat() if end else None,
                **query,
            )
        )
        return [_request(row) for row in rows]

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


def _good(reply: Reply) -> list[dict[str, Any]]:
    if reply.status >= 400:  # noqa: PLR2004
        try:
            told = [f"{row.get('code')} {row.get('description')}" for row in reply.rows()]
        except Unreadable:
            told = ["没有按约定说明原因"]
        raise Open311Refused(reply.status, told)
    return reply.rows()


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    # Some servers print ids as numbers.
    return None if value in {None, ""} else str(value)


def _request(row: Mapping[str, Any]) -> RemoteRequest:
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
        lon=_number(row, "long"),
        lat=_number(row, "lat"),
        requested_at=requested,
        updated_at=moment(_text(row, "updated_datetime")),
        media_url=_text(row, "media_url"),
    )


def _number(row: Mapping[str, Any], name: str) -> float | None:
    try:
        return float(row[name]) if row.get(name) not in {None, ""} else None
    except (TypeError, ValueError):
        return None


def moment(text: str | None) -> datetime | None:
    """An ISO 8601 moment with its zone; None when it is none."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
