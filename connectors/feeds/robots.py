"""robots.txt (RFC 9309) of each origin, remembered for a while: who says no is not fetched.

No such file (4xx): everything is allowed. A server that fails: nothing is, until it answers again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from protego import Protego
from yarl import URL

from connectors.feeds.errors import FeedAway, FeedRefused
from connectors.feeds.fetching import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.feeds.fetching import Fetcher

_REMEMBER: Final = 24 * 3600.0
_REMEMBER_FAILURE: Final = 300.0
#: Google's and the RFC's least that must be read; we read no more.
_MOST_BYTES: Final = 500 * 1024
_LONGEST_PAUSE: Final = 60.0
_MOST_ORIGINS: Final = 2000


@dataclass(frozen=True, slots=True)
class Said:
    """What an origin said, and until when that holds."""

    rules: Protego | None
    """None: the server failed."""
    until: float


class Robots:
    """What each origin allows."""

    def __init__(
        self,
        fetcher: Fetcher,
        *,
        clock: Callable[[], float] = time.monotonic,
        said: dict[str, Said] | None = None,
    ) -> None:
        """Take who fetches, the clock by which answers grow old, and what others asked before."""
        self._fetcher = fetcher
        self._clock = clock
        self._said = {} if said is None else said

    async def check(self, address: str) -> float | None:
        """The pause that the origin asks for, None when it names none. Raises FeedRefused, FeedAway."""
        try:
            url = URL(address)
            origin = str(url.origin())
        except ValueError:
            raise FeedRefused("bad_url", "地址写得不对") from None
        said = self._said.get(origin)
        if said is None or said.until <= self._clock():
            said = await self._ask(origin)
            if len(self._said) >= _MOST_ORIGINS:
                self._said.clear()
            self._said[origin] = said
        if said.rules is None:
            raise FeedAway("robots_away", "对方的 robots.txt 暂时取不到，按规矩先不取")
        if not said.rules.can_fetch(address, USER_AGENT):
            raise FeedRefused("robots", "对方的 robots.txt 不让取")
        delay = said.rules.crawl_delay(USER_AGENT)
        return None if delay is None else min(float(delay), _LONGEST_PAUSE)

    async def _ask(self, origin: str) -> Said:
        now = self._clock()
        try:
            found = await self._fetcher.get(f"{origin}/robots.txt", most=_MOST_BYTES)
        except FeedRefused as refusal:
            if not refusal.code.startswith("http_4"):
                raise
            return Said(Protego.parse(""), now + _REMEMBER)
        except FeedAway:
            return Said(None, now + _REMEMBER_FAILURE)
        text = (found.body or b"").decode("utf-8", "replace")
        return Said(Protego.parse(text), now + _REMEMBER)
