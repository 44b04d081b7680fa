"""Where it happens (地点): the place a text names, down to street and community, with the words that decided.

Gazetteer only: no network. `PlaceReader.read` runs one automaton pass and stays linear in the text's length;
it takes any string. A place that is less likely right than `abstain` is not given: it stays a candidate.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from models.vocab import PlaceRole
from nlp.gazetteer import DISTRICT, LEXICON, STREET, Gazetteer, GazetteerError, NameTable, PlaceName, fold
from nlp.place_answer import answer, full_name
from nlp.place_choice import choose
from nlp.place_confidence import Confidence
from nlp.place_fuzzy import Misspelt
from nlp.place_hint import hinted
from nlp.place_match import Matcher
from nlp.place_point import Atlas
from nlp.place_roads import with_roads
from nlp.place_score import Candidate, Scene
from nlp.types import PlaceReading, source_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

RULES: Final = "places-6"
#: A candidate of at least a street with this score needs no search for misspelt names.
CLEAR: Final = 3.0
#: What is left of the probability of a street or finer place that is only on the way: it is not given.
ON_THE_WAY: Final = 0.5
#: From here on the district of an overlay's guess is given: below it more texts of other cities get one than
#: letters of Beijing (docs/places.md).
GUESSED: Final = 0.9
#: How many other candidates are weighed.
WEIGHED: Final = 3


class PlaceReader:
    """Reads the place of a text. Build it once: it holds the automaton."""

    def __init__(
        self,
        gazetteer: Gazetteer,
        extra: Iterable[PlaceName] = (),
        *,
        confidence: Confidence | None = None,
        abstain: float | None = None,
        hint: float | None = None,
    ) -> None:
        """Take the gazetteer and an overlay's extra names (compounds, roads, landmarks).

        `abstain` replaces the probability below which no place is given, `hint` that of a place which only
        the caller's area gives. Raises GazetteerError naming the
        extra name whose code is unknown, or that is under two characters.
        """
        self.gazetteer = gazetteer
        overlay = tuple(replace(name, text=fold(name.text)) for name in extra)
        for name in overlay:
            if name.code not in gazetteer.places or len(name.text) < 2:  # noqa: PLR2004 - as for an alias
                raise GazetteerError(
                    f"overlay: {name.text!r}: code {name.code} is unknown, or the name too short"
                )
        self._matcher = Matcher(NameTable(gazetteer, overlay))
        self._misspelt = Misspelt(gazetteer, self._matcher.stems)
        self.confidence = confidence or Confidence.load(LEXICON)
        self.abstain = self.confidence.abstain if abstain is None else abstain
        self.hint = self.confidence.hint if hint is None else hint
        self.atlas = Atlas(gazetteer, overlay)
        self.full_names = {code: full_name(gazetteer.places, code) for code in gazetteer.places}
        self.version = f"{RULES}+{gazetteer.version}{_overlay_version(overlay)}"

    @classmethod
    def load(
        cls,
        folder: Path = LEXICON,
        extra: Iterable[PlaceName] = (),
        *,
        abstain: float | None = None,
        hint: float | None = None,
    ) -> PlaceReader:
        """Load the built gazetteer. Raises GazetteerError, naming file and line, when a file is wrong."""
        confidence = Confidence.load(folder)
        return cls(Gazetteer.load(folder), extra, confidence=confidence, abstain=abstain, hint=hint)

    def read(self, title: str | None, text: str, *, area: str | None = None) -> PlaceReading:
        """Read where it happens. Offsets count characters of `source_text(title, text)`. Never raises.

        `area` is the code of the district or street the caller is registered in: only a hint.
        """
        source = source_text(title, text)
        scene, candidates = self.look(source)
        if not scene.mentions:
            return hinted(self, source, scene, PlaceReading(), area) if area else PlaceReading()
        ranked = self.ranked(scene, candidates)
        reading = answer(self, source, scene, candidates, ranked)
        return hinted(self, source, scene, reading, area) if area else reading

    def look(self, source: str) -> tuple[Scene, list[Candidate]]:
        """The mentions of a source text, and the best place of each."""
        folded = fold(source)
        mentions = with_roads(folded, self._matcher.find(folded, source))
        scene = Scene(folded, mentions)
        candidates = scene.candidates()
        if any(
            len(candidate.code) >= STREET and candidate.score >= CLEAR and scene.whole(candidate.mention)
            for candidate in candidates
        ):
            return scene, candidates
        nearly = self._misspelt.find(folded, mentions)
        if not nearly:
            return scene, candidates
        scene = Scene(folded, nearly)
        return scene, scene.candidates()

    def ranked(self, scene: Scene, candidates: list[Candidate]) -> list[tuple[float, Candidate]]:
        """The chosen candidate first, then the likeliest others, each with its probability."""
        best = choose(candidates, scene.roles)
        if best is None:
            return []
        first = (self.likely(scene, best, candidates), best)
        others = [other for other in candidates if other is not best and other.code != best.code]
        others.sort(key=_by_score)
        rest = [(self.likely(scene, other, candidates), other) for other in others[:WEIGHED]]
        rest.sort(key=lambda pair: (-pair[0], -pair[1].score, pair[1].mention))
        if first[0] < self.abstain:
            coarser = self._coarser(scene, best, candidates)
            rest = [*coarser, *rest] if coarser and coarser[0][0] >= self.abstain else [*rest, *coarser]
        if first[0] < self.abstain and rest and rest[0][0] >= self.abstain:
            # The best name is unsure: what is sure and does not speak against it is given, a district say.
            return [rest[0], first, *rest[1:]]
        return [first, *rest]

    def _coarser(
        self, scene: Scene, best: Candidate, candidates: list[Candidate]
    ) -> list[tuple[float, Candidate]]:
        """What is sure of an unsure place: the unit everybody means by the name; the district of a guess.

        An overlay's `trust` is that of the street alone; its district is told by the name.
        """
        found = [best.known] if best.known is not None else []
        if best.name is not None and best.name.trust < 1 and len(best.code) > DISTRICT:
            found.append(replace(best, code=best.code[:DISTRICT], name=replace(best.name, trust=1.0)))
        pairs = [(self.likely(scene, candidate, candidates), candidate) for candidate in found]
        sure = [pair for pair in pairs if pair[1] is best.known or pair[0] >= GUESSED]
        return sorted(sure, key=lambda pair: (-pair[0], pair[1].code))

    def likely(self, scene: Scene, candidate: Candidate, candidates: list[Candidate]) -> float:
        """The probability that a candidate is right; an overlay's guessed street is worth its trust.

        A place that is only on the way (往…去, …方向) is worth less than is given, but for a whole district.
        """
        likely = self.confidence.of(scene, candidate, candidates)
        name = candidate.name
        if scene.roles[candidate.mention] is PlaceRole.DIRECTION and len(candidate.code) > DISTRICT:
            likely *= ON_THE_WAY
        return likely if name is None or len(name.code) == DISTRICT else likely * name.trust


def _by_score(candidate: Candidate) -> tuple[float, int]:
    return -candidate.score, candidate.mention


def _overlay_version(overlay: tuple[PlaceName, ...]) -> str:
    """Which overlay was used; empty without one."""
    if not overlay:
        return ""
    digest = hashlib.sha256(repr(sorted(map(repr, overlay))).encode())
    return f"+{digest.hexdigest()[:8]}"  # short: the column of model versions has 120 characters
