"""What a reading may not give away: the speaker's own name and room, which masking found in the text.

Called by the pipeline alone, once both are known. A span that is not in the masked text tells who speaks: a
report that names its sender as the one reported would show the reporter to all who see the case.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nlp.facts import read_facts
from nlp.identity import NAME
from nlp.text import normalize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nlp.types import Evidence, PlaceReading

#: What a masked word is replaced by begins so.
_MASK = "["
#: No letter and no digit: nothing is read into it.
_BLOT = "\ufffc"


def unnamed(text: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """The text with each masked name blotted out, in the same length: whoever is called 王平 names no town.

    `spans` are those of `nlp.text.identity_spans`.
    """
    for start, end, token in spans:
        if token == NAME:
            text = text[:start] + _BLOT * (end - start) + text[end:]
    return text


def party_beside(party: str | None, masked: str, title_length: int) -> str | None:
    """The party that was read, or the next that the rules see where that one is the speaker; None: none.

    `masked` is the source text with its masks, `title_length` that of its title (0 without one).
    """
    if party is None or party in masked:
        return party
    other = read_facts(masked, normalize(masked), title_length).party_text(masked)
    return other if other is not None and _MASK not in other else None


def place_beside(place: PlaceReading, masked: str) -> PlaceReading:
    """The place with its phrase cut before what was masked: 某小区5栋2单元, without the room."""
    span = place.span
    if span is None or place.end is None or span in masked:
        return place
    kept = next((span[:length] for length in range(len(span) - 1, 0, -1) if span[:length] in masked), "")
    if not kept:
        return replace(place, span=None, start=None, end=None)
    return replace(place, span=kept, end=place.end - (len(span) - len(kept)))


def evidence_beside(evidence: Sequence[Evidence], masked: str) -> tuple[Evidence, ...]:
    """The spans that decided, but for those that were masked."""
    return tuple(one for one in evidence if one.text in masked)
