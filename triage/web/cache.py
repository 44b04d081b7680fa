"""A small cache for answers that may be some seconds old. One loop, no threads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

T = TypeVar("T")


class Cache(Generic[T]):
    """Remembers values for `seconds`, at most `size` of them; many askers share one making."""

    def __init__(self, *, seconds: float, size: int) -> None:
        self._seconds = seconds
        self._size = size
        self._entries: dict[Hashable, tuple[float, asyncio.Future[T]]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """The value of the key, made when there is none or it is too old. What `make` raises is not kept."""
        loop = asyncio.get_running_loop()
        entry = self._entries.get(key)
        if entry is None or entry[0] <= loop.time():
            self._entries.pop(key, None)
            while len(self._entries) >= self._size:
                self._entries.pop(next(iter(self._entries)))
            made = asyncio.ensure_future(make())
            # An asker may have gone before it failed: the next one is told, and nobody else warned.
            made.add_done_callback(lambda done: done.cancelled() or done.exception())
            entry = (loop.time() + self._seconds, made)
            self._entries[key] = entry
        try:
            # Shielded: one asker going away must not take the value from the others.
            return await asyncio.shield(entry[1])
        except BaseException:
            if entry[1].done() and self._entries.get(key) is entry:
                del self._entries[key]
            raise

    def forget_where(self, fits: Callable[[Any], bool]) -> None:
        """Forget the values whose key fits; what is being made of them is not kept."""
        for key in [key for key in self._entries if fits(key)]:
            del self._entries[key]

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    async def close(self) -> None:
        """Stop what is still being made, and forget everything."""
        making = [made for _, made in self._entries.values() if not made.done()]
        for made in making:
            made.cancel()
        await asyncio.gather(*making, return_exceptions=True)
        self.clear()
