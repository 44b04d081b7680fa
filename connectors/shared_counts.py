"""How often something was done in a stretch of time, counted in Redis: one count for all processes."""

from __future__ import annotations

from typing import Final

import redis
import redis.asyncio

#: A count is asked for while somebody waits: a Redis that does not answer is done without.
_PATIENCE_SECONDS: Final = 0.5
_PREFIX: Final = "jiesu:count:"


class CountsAway(Exception):
    """Redis does not answer."""


class SharedCounts:
    """Counts that end by themselves. One per process and event loop."""

    def __init__(self, url: str) -> None:
        """Take an address; connects with the first count."""
        self._client = redis.asyncio.Redis.from_url(
            url, socket_connect_timeout=_PATIENCE_SECONDS, socket_timeout=_PATIENCE_SECONDS
        )

    async def add(self, key: str, *, seconds: int) -> int:
        """Count one more under a key; gives how many it is now. Raises CountsAway.

        `seconds` after the first one the count is gone.
        """
        try:
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.incr(_PREFIX + key)
                pipe.expire(_PREFIX + key, seconds, nx=True)
                times, _ = await pipe.execute()
        except (redis.RedisError, OSError) as error:
            raise CountsAway(type(error).__name__) from None
        return int(times)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()
