"""短信 over a JSON gateway: one signed POST a message.

Body `{"key", "to", "text"}`; headers `Idempotency-Key`, `X-Jiesu-Timestamp` (seconds) and
`X-Jiesu-Signature`: hex HMAC-SHA256 of timestamp, key and body, joined by line ends. 2xx: taken; 409: had
that key already; 408, 425, 429 and 5xx: try later; anything else: refused for good.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING

import orjson

from connectors.messenger.posting import Poster

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.messenger.port import Message


def signature(secret: str, timestamp: str, key: str, body: bytes) -> str:
    """What the gateway compares."""
    said = b"\n".join((timestamp.encode(), key.encode(), body))
    return hmac.new(secret.encode(), said, hashlib.sha256).hexdigest()


class SmsGateway:
    """A Messenger for mobile numbers."""

    def __init__(
        self, url: str, secret: str, *, seconds: float, clock: Callable[[], float] = time.time
    ) -> None:
        """Take the gateway's address and the shared secret; `clock` gives the seconds that are signed."""
        self._url, self._secret, self._clock = url, secret, clock
        self._poster = Poster(seconds=seconds)

    async def send(self, message: Message) -> None:
        """Hand it over. Raises MessengerRefused, MessengerAway."""
        body = orjson.dumps({"key": message.key, "to": message.to, "text": message.text})
        timestamp = str(int(self._clock()))
        await self._poster.send(
            "POST",
            self._url,
            body=body,
            headers={
                "Idempotency-Key": message.key,
                "X-Jiesu-Timestamp": timestamp,
                "X-Jiesu-Signature": signature(self._secret, timestamp, message.key, body),
            },
        )

    async def close(self) -> None:
        """Close the connection."""
        await self._poster.close()
