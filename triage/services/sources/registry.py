"""Which kinds of source run by themselves. A kind that is not named here only takes what it is handed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.vocab_sources import SourceKind
from triage.services.hotline.puller import hotline_puller
from triage.services.leads.pulling import FeedPuller

if TYPE_CHECKING:
    from triage.services.sources.ports import Puller

PULLERS: Final[dict[SourceKind, Puller]] = {
    SourceKind.HOTLINE: hotline_puller(),
    SourceKind.FEED: FeedPuller(),
}


def puller_of(kind: str) -> Puller | None:
    """The puller of a stored kind."""
    return next((puller for known, puller in PULLERS.items() if known.value == kind), None)
