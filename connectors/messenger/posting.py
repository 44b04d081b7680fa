"""A JSON request to a counterpart, with caps on time and size, and its status turned into our errors."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson

from connectors.messenger.port import MessengerAway, MessengerRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: An answer of a gateway is small; more of it is not read.
_MOST_BYTES: Final = 64 * 1024
#: Of one counterpart at a time; the sender has no more under way either.
_CONNECTIONS: Final = 8
_OK: Final = range(200, 300)
#: It has this key already: the message is there.
CONFLICT: Final = 409
#: The same request may be taken later.
_LATER: Final = frozenset({408, 425, 429})
_BROKEN: Final = 500
_LONGEST_WAIT: Final = timedelta(hours=6)


class Poster:
    """One session to one counterpart, opened at the first request. No proxy, no redirect is followed."""

    def __init__(
        self, *, seconds: float, connector: Callable[[], aiohttp.BaseConnector] | None = None
    ) -> None:
        """Take the time limit of a whole request, and what makes its connections, if not the usual."""
        self._seconds = seconds
        self._connector = connector or _connector
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """The status (2xx or 409) and the JSON of the answer; None when it is none.

        Raises MessengerAway, MessengerRefused.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._seconds),
                connector=self._connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        sent = {"Content-Type": "application/json", **(headers or {})}
        try:
            async with self._session.request(
                method, url, data=body, params=query, headers=sent, allow_redirects=False
            ) as answer:
                _check(answer)
                said = await _read(answer)
        # Their words name the address, which may hold a key.
        except TimeoutError:
            raise MessengerAway("timeout") from None
        except aiohttp.ClientConnectorError:
            raise MessengerAway("connect") from None
        except (aiohttp.ClientError, asyncio.IncompleteReadError, OSError):
            raise MessengerAway("broken_answer") from None
        return answer.status, said


def _connector() -> aiohttp.BaseConnector:
    return aiohttp.TCPConnector(limit=_CONNECTIONS)


def _check(answer: aiohttp.ClientResponse) -> None:
    status = answer.status
    if status in _OK or status == CONFLICT:
        return
    if status in _LATER or status >= _BROKEN:
        raise MessengerAway(f"http_{status}", after=_after(answer))
    raise MessengerRefused(f"http_{status}")


def _after(answer: aiohttp.ClientResponse) -> timedelta | None:
    """Retry-After in seconds; a date is not looked at."""
    value = answer.headers.get("Retry-After", "")
    if not (value.isascii() and value.isdigit()):
        return None
    return min(timedelta(seconds=int(value[:6])), _LONGEST_WAIT)


async def _read(answer: aiohttp.ClientResponse) -> Any:  # noqa: ANN401  (JSON)
    said = b""
    async for chunk in answer.content.iter_chunked(_MOST_BYTES):
        said += chunk
        if len(said) > _MOST_BYTES:
            raise MessengerAway("answer_too_long")
    try:
        return orjson.loads(said)
    except orjson.JSONDecodeError:
        return None
