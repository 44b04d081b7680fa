"""Hints between processes by Redis publish and subscribe: "tickets changed, look". Never what changed.

A hint may be lost, come twice or come late: the database is the record, and whoever listens looks there by
itself as well. So nothing here is ever fatal.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import redis
import redis.asyncio

from connectors.ports import ConnectorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_CHANNEL: Final = "jiesu:tickets"
_CONNECT_SECONDS: Final = 3
_BEAT_SECONDS: Final = 10


class HintsDown(ConnectorError):
    """Redis cannot be reached: there are no hints until it is back."""


def channel_of(client: redis.Redis | redis.asyncio.Redis) -> str:
    """The channel of the client's database: Redis' own channels are heard in all of them."""
    return f"{_CHANNEL}:{client.connection_pool.connection_kwargs.get('db', 0)}"


def tell(client: redis.Redis) -> None:
    """Say that tickets changed. Raises HintsDown."""
    try:
        client.publish(channel_of(client), b"")
    except (redis.RedisError, OSError) as error:
        raise HintsDown(type(error).__name__) from error


class Hints:
    """Both ends for an event loop. Connects when it is first used."""

    def __init__(self, url: str) -> None:
        """Take `redis://` or `unix://`."""
        self._client: redis.asyncio.Redis = redis.asyncio.Redis.from_url(
            url, socket_connect_timeout=_CONNECT_SECONDS, health_check_interval=_BEAT_SECONDS
        )

    async def tell(self) -> None:
        """Say that tickets changed. Raises HintsDown."""
        try:
            await self._client.publish(channel_of(self._client), b"")
        except (redis.RedisError, OSError) as error:
            raise HintsDown(type(error).__name__) from error

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[AsyncIterator[None]]:
        """Subscribe, and give a hint each time one comes. Raises HintsDown, also while hints are awaited."""
        channel = self._client.pubsub(ignore_subscribe_messages=True)
        try:
            await channel.subscribe(channel_of(self._client))

            async def hints() -> AsyncIterator[None]:
                while True:
                    if await channel.get_message(timeout=_BEAT_SECONDS) is not None:
                        yield

            yield hints()
        except (redis.RedisError, OSError) as error:
            raise HintsDown(type(error).__name__) from error
        finally:
            await channel.aclose()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Let go of the connection."""
        await self._client.aclose()
