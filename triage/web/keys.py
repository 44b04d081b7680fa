"""Typed keys of the application and of a request: what handlers find there, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import jinja2
from aiohttp import web

from connectors.ports import FileStore
from models.viewing import Decides, Scope, Viewer
from triage.services.deps import Deps
from triage.web.cache import Cache
from triage.web.names import Names

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from models.counting import Today
    from models.finding import WordStatistics
    from models.lines import Count
    from triage.web.access import Need


@dataclass(slots=True)
class Lifecycle:
    """Whether the process is on its way out. The one mutable thing: each set once."""

    draining: bool = False
    #: The database has every unit of the tables.
    units_known: bool = False


class _Seen(NamedTuple):
    """What a summary is of: the cases that are seen, and the wishes among them that one may answer."""

    scope: Scope
    decides: tuple[Decides, ...]


@dataclass(frozen=True, slots=True)
class Caches:
    """What is worth remembering for a while: counts and the summary seconds, word statistics minutes."""

    counts: Cache[Count] = field(default_factory=lambda: Cache(seconds=15, size=500))
    #: 新: what somebody has not opened. Other processes tell of it by a hint: it is kept for a moment only.
    new: Cache[int] = field(default_factory=lambda: Cache(seconds=1, size=1000))
    #: By what is seen: whoever sees the same cases has the same summary. A city has some 700 units.
    today: Cache[Today] = field(default_factory=lambda: Cache(seconds=10, size=1000))
    words: Cache[WordStatistics] = field(default_factory=lambda: Cache(seconds=600, size=1))
    #: How long a page waits for its count; the count goes on and the next page has it.
    count_patience: float = 0.05

    async def summary(
        self, viewer: Viewer, decides: tuple[Decides, ...], make: Callable[[], Awaitable[Today]]
    ) -> Today:
        """The summary bar of whoever sees what the viewer does, and may answer the same."""
        return await self.today.get(_Seen(viewer.scope, decides), make)

    def forget_today(self, viewer: Viewer) -> None:
        """Forget the summary of all who see what the viewer sees, whatever they may answer."""
        self.today.forget_where(lambda seen: seen.scope == viewer.scope)

    def moved(self, viewer: Viewer) -> None:
        """Forget what somebody has changed: the counts, and the summary of those who see what they see.

        Others have theirs for its seconds: with everybody's gone at each move it would be no cache.
        """
        self.counts.clear()
        self.new.clear()
        self.forget_today(viewer)

    async def close(self) -> None:
        """Stop what is still being counted."""
        await self.counts.close()
        await self.new.close()
        await self.today.close()
        await self.words.close()


DEPS: Final = web.AppKey("deps", Deps)
NAMES: Final = web.AppKey("names", Names)
TEMPLATES: Final = web.AppKey("templates", jinja2.Environment)
CACHES: Final = web.AppKey("caches", Caches)
FILES: Final = web.AppKey("files", FileStore)
LIFECYCLE: Final = web.AppKey("lifecycle", Lifecycle)
#: Who looks: asked once a request, of its cookie or token. None: nobody signed in.
IDENTIFY: Final[web.AppKey[Callable[[web.Request], Awaitable[Viewer | None]]]] = web.AppKey("identify")
#: What each route asks for, by method and pattern (`access`).
DECLARED: Final[web.AppKey[dict[tuple[str, str], Need]]] = web.AppKey("declared")

REQUEST_ID: Final = web.RequestKey("request_id", str)
VIEWER: Final = web.RequestKey("viewer", Viewer)
