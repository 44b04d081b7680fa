"""Keeps a process's reader of places up with what its site has learned (点选词典), without a restart."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from models import site_places
from triage import logs, overlays
from triage.services.site_places import learned

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from triage.services.deps import Deps

log = logs.get(__name__)

#: How often a worker asks whether something was learned.
EVERY_SECONDS: Final = 2.0


class SiteNames:
    """What this process has learned so far."""

    def __init__(self) -> None:
        """Nothing yet; the first question is asked at once."""
        self._version = site_places.EMPTY
        self._asked = float("-inf")

    async def refresh(self, deps: Deps, reader: Reader, *, every: float = EVERY_SECONDS) -> bool:
        """Give the reader the names in force when they have changed; whether they had."""
        now = time.monotonic()
        if now - self._asked < every:
            return False
        self._asked = now
        async with deps.db.reads() as session:
            version = await site_places.version(session)
            if version == self._version:
                return False
            rows = await site_places.standing(session)
        names = learned(rows, needed=deps.settings.place_picks)
        reader.use_places(overlays.place_reader(deps.settings, names))
        self._version = version
        log.info("place_names_learned", names=len(names), model_version=reader.model_version)
        return True
