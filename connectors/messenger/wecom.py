"""企业微信: app messages to a member (by user id), and messages of a group's robot (by its webhook key).

The app asks for duplicates to be dropped (`enable_duplicate_check`, half an hour); the robot has nothing of
the kind, so after a time-out its group may see a message twice. Both carry our key in a header as well, for
a gateway in between. The token is asked for once and again when it is said to be out of date.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import orjson

from connectors.messenger.port import MessengerAway, MessengerRefused
from connectors.messenger.posting import Poster

if TYPE_CHECKING:
    from connectors.messenger.port import Message

#: Of the service: its own words for "busy", "too often", and for a token it no longer takes.
_BUSY: Final = frozenset({-1, 45009, 45033, 50001, 60020})
_STALE_TOKEN: Final = frozenset({40001, 40014, 42001})
#: Seconds within which the service drops a second copy: the most it allows is four hours.
_SAME_WITHIN: Final = 14400


def _code(said: object) -> int:
    """Errcode of an answer. Raises MessengerAway when there is none: it was not the service that answered."""
    code = said.get("errcode") if isinstance(said, dict) else None
    if not isinstance(code, int):
        raise MessengerAway("no_errcode")
    return code


def _check(code: int) -> None:
    if code in _BUSY:
        raise MessengerAway(f"errcode_{code}")
    if code != 0:
        raise MessengerRefused(f"errcode_{code}")


class WeComRobot:
    """A Messenger whose addresses are webhook keys of groups."""

    def __init__(self, base: str, *, seconds: float) -> None:
        """Take the service's address, without a path."""
        self._base = base.rstrip("/")
        self._poster = Poster(seconds=seconds)

    async def send(self, message: Message) -> None:
        """Hand it over. Raises MessengerRefused, MessengerAway."""
        _, said = await self._poster.send(
            "POST",
            f"{self._base}/cgi-bin/webhook/send",
            query={"key": message.to},
            body=orjson.dumps({"msgtype": "text", "text": {"content": message.text}}),
            headers={"Idempotency-Key": message.key},
        )
        _check(_code(said))

    async def close(self) -> None:
        """Close the connection."""
        await self._poster.close()


class WeComApp:
    """A Messenger whose addresses are user ids of the organisation."""

    def __init__(self, base: str, *, corp: str, secret: str, agent: int, seconds: float) -> None:
        """Take the service's address and the app's credentials."""
        self._base, self._corp, self._secret, self._agent = base.rstrip("/"), corp, secret, agent
        self._poster = Poster(seconds=seconds)
        self._token: str | None = None
        self._asking = asyncio.Lock()

    async def send(self, message: Message) -> None:
        """Hand it over. Raises MessengerRefused, MessengerAway."""
        body = orjson.dumps({
            "touser": message.to,
            "msgtype": "text",
            "agentid": self._agent,
            "text": {"content": message.text},
            "enable_duplicate_check": 1,
            "duplicate_check_interval": _SAME_WITHIN,
        })  # fmt: skip
        token = await self._fresh(None)
        said = await self._post(token, body, message)
        if _code(said) in _STALE_TOKEN:
            said = await self._post(await self._fresh(token), body, message)
            if _code(said) in _STALE_TOKEN:
                raise MessengerAway(f"errcode_{_code(said)}")
        _check(_code(said))
        if said.get("invaliduser"):
            raise MessengerRefused("unknown_user")

    async def _post(self, token: str, body: bytes, message: Message) -> Any:  # noqa: ANN401  (JSON)
        _, said = await self._poster.send(
            "POST",
            f"{self._base}/cgi-bin/message/send",
            query={"access_token": token},
            body=body,
            headers={"Idempotency-Key": message.key},
        )
        return said

    async def _fresh(self, stale: str | None) -> str:
        """The token; a new one when it is `stale`. Several that find it stale ask once."""
        async with self._asking:
            if self._token is None or self._token == stale:
                _, said = await self._poster.send(
                    "GET",
                    f"{self._base}/cgi-bin/gettoken",
                    query={"corpid": self._corp, "corpsecret": self._secret},
                )
                code = _code(said)
                token = said.get("access_token")
                if code != 0 or not isinstance(token, str):
                    # Wrong credentials are ours to mend: the message itself was not refused.
                    raise MessengerAway(f"token_errcode_{code}")
                self._token = token
            return self._token

    async def close(self) -> None:
        """Close the connection."""
        await self._poster.close()
