"""One window of a platform's orders, page by page; whether it came whole. No database, no network of its own.

The platform pages a list that may change meanwhile, and may give a page twice or another's. So a window is
whole only when as many different orders came as the platform ever said it holds; if not, it is `Incomplete`
and to be asked for again, shorter. It ends no later than the platform's own now: what it will write there is
not written yet. A platform that tells no time at all may have a slow clock: there nothing counts as whole
behind the newest change that it showed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from connectors.hotline.client import PlatformAway

if TYPE_CHECKING:
    from connectors.hotline.client import Page

#: A window is never cut shorter than this: within it the platform must be able to list what it has.
SHORTEST: Final = timedelta(seconds=1)
#: The longest window asked for at once.
LONGEST: Final = timedelta(days=1)
#: The first window; later ones grow while they are quick.
FIRST: Final = timedelta(hours=1)
#: A window that takes longer is given up and asked for again, in half: whoever is killed now and then still
#: gets on, for no window needs longer than this to be whole.
PATIENCE_SECONDS: Final = 12.0
#: Two looks at a platform's clock tell its jumps no better: an answer may be waited for so long.
_UNSURE: Final = timedelta(minutes=2)
#: No clock is slower than this: what lies so far back of our own now is written, whatever a platform's says.
SLOWEST: Final = timedelta(hours=12)
#: A page is asked for so often before the window is given up for this run.
_TRIES: Final = 3
#: How often a window is gone through before it is told as lacking.
_PASSES: Final = 2
_FIRST_PAUSE: Final = 0.1

#: A page of what was changed after one moment, up to another.
Ask = Callable[[datetime, datetime, int], Awaitable["Page"]]
#: Takes a page in; gives the numbers that it held.
Store = Callable[["Page"], Awaitable[set[str]]]


class Incomplete(Exception):
    """这一段没有拉完整；`tried` is how long it was."""

    def __init__(self, reason: str, tried: timedelta) -> None:
        super().__init__(reason)
        self.reason = reason
        self.tried = tried


class TooLong(Incomplete):
    """这一段太长，没有在限定时间里拉完: nobody's fault."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a source came: the moment, and the longest window to be asked for next.

    `at`: when that was, by our clock; None: cursors of before 2026-11-29, and what a person set.
    """

    until: datetime
    span: timedelta = FIRST
    at: datetime | None = None

    @classmethod
    def read(cls, cursor: Any, *, default: datetime) -> Place:  # noqa: ANN401  (JSON of our own)
        """From the stored cursor."""
        if not cursor:
            return cls(default)
        at = cursor.get("at")
        return cls(
            datetime.fromisoformat(cursor["until"]), timedelta(seconds=cursor["span"]),
            datetime.fromisoformat(at) if at else None,
        )  # fmt: skip

    def stored(self) -> dict[str, Any]:
        """As it is kept."""
        at = {"at": self.at.astimezone(UTC).isoformat()} if self.at else {}
        return {"until": self.until.astimezone(UTC).isoformat(), "span": self.span.total_seconds(), **at}

    def shorter(self, tried: timedelta) -> Place:
        """The same place; half of what was tried is asked for next."""
        return replace(self, span=max(min(self.span, tried) / 2, SHORTEST))

    def after(self, window: Window, *, overlap: timedelta = timedelta(0)) -> Place:
        """The place behind a whole window; after a quick one the next is twice as long.

        Before it only where the platform's clock was put back (`put_back`).

        Of a span shorter than the overlap most of the time goes to what was seen before: twice as long it
        costs hardly more, and without that a crowded hour would be crossed more slowly than it passed.
        """
        patience = PATIENCE_SECONDS / (4 if self.span >= overlap else 2)
        span = self.span * 2 if window.seconds < patience else self.span
        until = self.put_back(window, overlap) or max(window.until, self.until)
        return Place(until, min(max(span, SHORTEST), LONGEST), window.asked)

    def put_back(self, window: Window, overlap: timedelta) -> datetime | None:
        """Where to begin anew when the platform's clock was put back; None: it was not.

        It may have been so at any time since we were last here: what was written since bears no time before
        what this clock would have shown then. Where nobody knows when that was, a day is looked at again.
        """
        if not window.told:
            return None
        # Both looks are ours: what lies between them has passed over there as well.
        then = None if self.at is None or window.asked is None else window.theirs - (window.asked - self.at)
        if window.theirs < self.until - overlap:
            return window.theirs - LONGEST if then is None else min(then, window.theirs)
        return then if then is not None and then < self.until - max(overlap, _UNSURE) else None


@dataclass(frozen=True, slots=True)
class Paging:
    """How a platform is asked: rows to a page, pages to a window, how far before its place each begins."""

    size: int
    most_pages: int
    overlap: timedelta


@dataclass(frozen=True, slots=True)
class Window:
    """A window that came whole: where it ends, the platform's now, and how long it took.

    `told`: whether the platform said its time; if not, `theirs` is ours. `asked`: when it was, by our clock.
    """

    until: datetime
    theirs: datetime
    seconds: float = 0.0
    told: bool = True
    asked: datetime | None = None

    @property
    def lag(self) -> timedelta:
        """How far behind the platform's now it ends."""
        return max(self.theirs - self.until, timedelta(0))

    @property
    def more(self) -> bool:
        """Whether the platform has time behind it."""
        return self.until < self.theirs

    def sure(self, newest: datetime | None, *, now: datetime) -> Window:
        """As far as it is sure: all where a time was told, else up to the newest change that it showed."""
        if self.told:
            return self
        written = now - SLOWEST
        until = min(self.until, written if newest is None else max(newest, written))
        return replace(self, until=until, theirs=self.theirs if self.more else until)


@dataclass(slots=True)
class _Seen:
    """What came of a window so far."""

    numbers: set[str] = field(default_factory=set)
    total: int = 0

    async def take(self, store: Store, page: Page) -> bool:
        """Store a page; whether it brought anything new."""
        known = len(self.numbers)
        self.numbers |= await store(page)
        self.total = max(self.total, page.total)
        return len(self.numbers) > known


async def patient(ask: Callable[[], Awaitable[Page]]) -> Page:
    """Ask for a page, some times before giving up. Raises PlatformAway."""
    for attempt in range(1, _TRIES):
        try:
            return await ask()
        except PlatformAway:
            await asyncio.sleep(_FIRST_PAUSE * 2**attempt)
    return await ask()


async def window(ask: Ask, store: Store, place: Place, paging: Paging, *, now: datetime) -> Window:
    """Take in the window behind a place. Raises Incomplete, TooLong."""
    after = place.until - paging.overlap
    began = time.monotonic()
    first, end, said = await _first(ask, place, paging, now=now)
    tried = end - place.until
    seen = _Seen()
    await seen.take(store, first)
    for turn in range(_PASSES):
        if turn:
            # A page that stood in for another has left that one out. Each pass counts for itself: what comes
            # and goes between two could make up the number without what is lacking.
            seen = _Seen()
        for number in range(1 if turn else 2, -(-first.total // paging.size) + 1):
            if time.monotonic() - began > PATIENCE_SECONDS and tried > SHORTEST:
                raise TooLong(f"这一段 {PATIENCE_SECONDS:.0f} 秒没有拉完，缩短时段重拉。", tried)
            try:
                await _next(partial(ask, after, end, number), store, seen)
            except PlatformAway as error:
                raise Incomplete(str(error), tried) from None
        if len(seen.numbers) >= seen.total:
            seconds = (time.monotonic() - began) / (turn + 1)
            return Window(end, said or now, seconds, told=said is not None, asked=now)
    raise Incomplete(
        f"平台说这一段有 {seen.total} 件，各页只给出 {len(seen.numbers)} 件不同的，"
        "位置没有前移，稍后缩短时段重拉。",
        tried,
    )


async def _next(ask: Callable[[], Awaitable[Page]], store: Store, seen: _Seen) -> None:
    """Take in a page; one that brings nothing new is another one again: it is asked for anew."""
    for _ in range(_TRIES):
        page = await patient(ask)
        if await seen.take(store, page) or not page.rows:
            return


def _theirs(page: Page, *, now: datetime) -> datetime | None:
    """The platform's now; None where it tells none. Raises PlatformAway.

    A `Date` may hold our clock back, never push it on: orders would be passed over.
    """
    if (told := page.told(now=now)) is not None:
        return told
    dated = page.dated(now=now)
    return None if dated is None else min(dated, now)


async def _first(
    ask: Ask, place: Place, paging: Paging, *, now: datetime
) -> tuple[Page, datetime, datetime | None]:
    """The first page of a window that fits; where it ends, and the platform's now. Raises Incomplete."""
    after = place.until - paging.overlap
    span = place.span
    while True:
        until = place.until + span
        try:
            page = await patient(partial(ask, after, until, 1))
            said = _theirs(page, now=now)
        except PlatformAway as error:
            raise Incomplete(str(error), span) from None
        if page.total <= paging.size * paging.most_pages or span <= SHORTEST:
            return page, max(min(until, said or now), place.until), said
        span = max(span / 2, SHORTEST)
