"""Where it happens (地点): the place a text names, down to street and community, with the words that decided.

Gazetteer only: no network, no learned weights. `PlaceReader.read` runs one automaton pass and stays linear in
the text's length; it takes any string.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from models.vocab import Precision
from nlp.gazetteer import (
    COMMUNITY,
    DISTRICT,
    LEXICON,
    STREET,
    Gazetteer,
    GazetteerError,
    NameTable,
    PlaceName,
    fold,
)
from nlp.place_match import Matcher
from nlp.place_score import Candidate, Scene, choose
from nlp.place_span import address_span
from nlp.types import Evidence, Head, PlaceReading, source_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

RULES: Final = "places-1"
#: Score → probability that the finest unit given is right, by the finest level: points of a broken line.
#: Set from `bench.nlp_places`: scores below the step to 0.8 also come from texts of other cities; above it
#: the labelled texts are right, and the line stays below 1 since real addresses are less tidy than those.
CONFIDENCE: Final = {
    DISTRICT: ((0.5, 0.2), (2.4, 0.4), (3.4, 0.48), (4.0, 0.88), (5.0, 0.95), (8.0, 0.98)),
    STREET: ((0.5, 0.2), (2.5, 0.42), (3.4, 0.55), (4.5, 0.88), (5.5, 0.95), (8.0, 0.98)),
    COMMUNITY: ((0.5, 0.2), (2.5, 0.4), (3.4, 0.48), (4.0, 0.85), (5.0, 0.94), (8.0, 0.99)),
}
PRECISIONS: Final = {
    DISTRICT: Precision.DISTRICT,
    STREET: Precision.STREET,
    COMMUNITY: Precision.COMMUNITY,
}
MAX_AGAINST: Final = 3


def confidence(level: int, score: float) -> float:
    """Give the calibrated confidence, in [0, 1], of a score at a level (DISTRICT, STREET, COMMUNITY)."""
    line = CONFIDENCE[level]
    if score <= line[0][0]:
        return line[0][1]
    for (left, low), (right, high) in pairwise(line):
        if score <= right:
            return round(low + (high - low) * (score - left) / (right - left), 3)
    return line[-1][1]


class PlaceReader:
    """Reads the place of a text. Build it once: it holds the automaton."""

    def __init__(self, gazetteer: Gazetteer, extra: Iterable[PlaceName] = ()) -> None:
        """Take the gazetteer and an overlay's extra names (compounds, roads, landmarks).

        Raises GazetteerError naming the extra name whose code is unknown, or that is under two characters.
        """
        self.gazetteer = gazetteer
        overlay = tuple(replace(name, text=fold(name.text)) for name in extra)
        for name in overlay:
            if name.code not in gazetteer.places or len(name.text) < 2:  # noqa: PLR2004 - as for an alias
                raise GazetteerError(
                    f"overlay: {name.text!r}: code {name.code} is unknown, or the name too short"
                )
        self._matcher = Matcher(NameTable(gazetteer, overlay))
        self.version = f"{RULES}+{gazetteer.version}" + (f"+{len(overlay)}" if overlay else "")

    @classmethod
    def load(cls, folder: Path = LEXICON, extra: Iterable[PlaceName] = ()) -> PlaceReader:
        """Load the built gazetteer. Raises GazetteerError, naming file and line, when a file is wrong."""
        return cls(Gazetteer.load(folder), extra)

    def read(self, title: str | None, text: str) -> PlaceReading:
        """Read where it happens. Offsets count characters of `source_text(title, text)`. Never raises."""
        source = source_text(title, text)
        folded = fold(source)
        scene = Scene(folded, self._matcher.find(folded))
        candidates = scene.candidates()
        best = choose(candidates)
        if best is None:
            return PlaceReading()
        return self._reading(source, scene, best, candidates)

    def _reading(
        self, source: str, scene: Scene, best: Candidate, candidates: list[Candidate]
    ) -> PlaceReading:
        """Fill the reading from the chosen candidate."""
        level = len(best.code)
        start, end = address_span(scene, best)
        place = self.gazetteer.places
        street = place[best.code[:STREET]] if level >= STREET else None
        community = place[best.code] if level == COMMUNITY else None
        own = best.name if best.name and best.name.lon is not None and best.name.lat is not None else None
        centre = self.gazetteer.centroids.get(street.code) if street else None
        point = (own.lon, own.lat) if own else centre
        return PlaceReading(
            span=source[start:end],
            start=start,
            end=end,
            district=place[best.code[:DISTRICT]].name,
            district_code=best.code[:DISTRICT],
            street=street.name if street else None,
            street_code=street.code if street else None,
            community=community.name if community else None,
            community_code=community.code if community else None,
            lon=point[0] if point else None,  # of an overlay's name its own, else the street's, approximate
            lat=point[1] if point else None,
            precision=Precision.POINT if own else PRECISIONS[level],
            confidence=confidence(level, best.score),
            evidence=tuple(self._evidence(source, scene, best, candidates)),
        )

    def _evidence(
        self, source: str, scene: Scene, best: Candidate, candidates: list[Candidate]
    ) -> list[Evidence]:
        """The mention that decided, those that support it, and the strongest for another district."""
        names = self.gazetteer.places
        found = []
        for at in sorted({best.mention, *best.support}):
            mention = scene.mentions[at]
            code = best.code if at == best.mention else _agreeing(mention.names, best.code)
            weight = best.score if at == best.mention else 1.0
            found.append(_item(source, mention.start, mention.end, names[code].name, round(weight, 2)))
        against = sorted(
            (other for other in candidates if not other.code.startswith(best.code[:DISTRICT])),
            key=lambda other: (-other.score, other.mention),
        )
        for other in against[:MAX_AGAINST]:
            mention = scene.mentions[other.mention]
            found.append(
                _item(source, mention.start, mention.end, names[other.code].name, -round(other.score, 2))
            )
        return found


def _agreeing(names: tuple[PlaceName, ...], code: str) -> str:
    """The finest place of a supporting mention that contains `code`; the district if it only shares that."""
    holding = [name.code for name in names if code.startswith(name.code)]
    return max(holding, key=len, default=code[:DISTRICT])


def _item(source: str, start: int, end: int, value: str, weight: float) -> Evidence:
    """One place evidence over [start, end) of the source text."""
    return Evidence(Head.PLACE, start, end, source[start:end], value, weight)
