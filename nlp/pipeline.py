"""One text in, everything read from it out: topic, place, tone, masked text, and whether a person must look.

A text goes to a person (待人工审核) when nothing can be read, when it is unsure whether it is environmental,
and, for environmental texts, when the kind is unsure or the place is unknown or unsure. Texts that are
surely not environmental are handed over without a place, so their place is not asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from models.vocab import AppealType, PlaceRole, Precision, ReviewReason, Urgency
from models.vocab_places import PlaceRelation
from nlp import WEIGHTS, speaker
from nlp.cascade import CascadeReader
from nlp.folder import WeightsError, bounded, is_there
from nlp.foreign import load_encoder
from nlp.gazetteer import DISTRICT, STREET
from nlp.grams import CARD as GRAMS_CARD
from nlp.grams import Grams
from nlp.place_group import FUNCTIONAL
from nlp.places import PlaceReader
from nlp.sentiment import MoodReader
from nlp.spans import CARD as SPANS_CARD
from nlp.spans import Spans
from nlp.text import identity_spans, replaced
from nlp.topics import TopicReader
from nlp.types import PlaceReading, TextReading, TopicReading, source_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ReviewThresholds:
    """Below these probabilities, each in [0, 1], a person looks.

    `environmental` is the probability of the answer given, whichever it is, so it is at least 0.5.
    """

    environmental: float = 0.7
    kind: float = 0.35
    place: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what is no probability. Raises ValueError naming the field."""
        for name in ("environmental", "kind", "place"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise ValueError(f"{name}: {share} is not in [0, 1]")


DEFAULT_REVIEW: Final = ReviewThresholds()
#: Characters of a text that the models read. What the matter is stands at the beginning; a file pasted whole
#: would hold a worker for seconds. Masking still covers all of it.
READ_CHARACTERS: Final = 8_000
#: From this probability on another street of the same district is named as outright as the one taken.
OUTRIGHT: Final = 0.9
#: A functional area (经开区, in the codes of 大兴) and another district's street are weighed against each
#: other: each has an office of its own, so from here on a person says which is meant.
FUNCTIONAL_TOO: Final = 0.2
#: 亦庄 alone is a line and a town as well.
VAGUE: Final = 2
_ASIDE: Final = frozenset({PlaceRole.HOME, PlaceRole.DIRECTION, PlaceRole.OFFICE})
_TOGETHER: Final = frozenset({PlaceRelation.CROSSING, PlaceRelation.BETWEEN})

#: What is said of a text without a readable character: nothing, with no confidence in it.
_NO_TOPIC: Final = TopicReading(
    environmental=False,
    p_environmental=0.0,
    kind=None,
    kind_confidence=0.0,
    kinds=(),
    appeal_type=AppealType.OTHER,
    appeal_type_confidence=0.0,
    urgency=Urgency.U3,
    urgency_confidence=0.0,
)


class Reader:
    """Reads appeals. Build it once per process: it holds the automata and the weights."""

    def __init__(
        self,
        topics: CascadeReader,
        places: PlaceReader,
        review_below: ReviewThresholds = DEFAULT_REVIEW,
        *,
        degraded: str | None = None,
        moods: MoodReader | None = None,
    ) -> None:
        """Join the readers with the thresholds of review; `degraded` says why a model is missing."""
        self._moods = moods or MoodReader.load()
        self._topics = topics
        self._review_below = review_below
        self.degraded = degraded
        self.use_places(places)

    def use_places(self, places: PlaceReader) -> None:
        """Read places with another reader from now on: a site has learned names."""
        self._places = places
        self._functional = frozenset(
            code for code, place in places.gazetteer.places.items() if place.kind == FUNCTIONAL
        )
        self.model_version = bounded(f"{self._topics.version}/{places.version}")

    @classmethod
    def load(
        cls,
        *,
        review_below: ReviewThresholds = DEFAULT_REVIEW,
        weights: Path | None = WEIGHTS,
        threads: int = 1,
        places: PlaceReader | None = None,
        kinds: Collection[str] | None = None,
    ) -> Reader:
        """Load the readers; `weights` None means the lexicon alone, `places` one with a site's own names.

        `kinds` are the codes that a site's own model may give; None lets any pass.

        Weights that are missing or damaged do not stop anyone: what is left reads on, and `degraded` says
        why. Raises LexiconError or GazetteerError naming file and line.
        """
        encoder, grams, spans, faults = None, None, None, []
        if weights is not None:
            try:
                encoder = load_encoder(weights, kinds=kinds, threads=threads)
            except WeightsError as fault:
                faults.append(str(fault))
            # A site's own folder need not hold them; ours does.
            if is_there(weights / GRAMS_CARD) or weights == WEIGHTS:
                try:
                    grams = Grams(weights)
                except WeightsError as fault:
                    faults.append(str(fault))
            try:
                # What another encoder says of who and when was fitted with its own lengths and limits.
                spans = Spans(weights if is_there(weights / SPANS_CARD) else WEIGHTS)
            except WeightsError as fault:
                faults.append(str(fault))
        topics = CascadeReader(TopicReader.load(), encoder, grams, spans)
        return cls(topics, places or PlaceReader.load(), review_below, degraded="; ".join(faults) or None)

    def read(self, title: str | None, text: str, *, area: str | None = None) -> TextReading:
        """Read one appeal, the first `READ_CHARACTERS` of it. Never raises.

        Offsets count characters of `source_text(title, text)`. `area`: see `PlaceReader.read`.
        """
        return self.read_many([(title, text)], areas=[area])[0]

    def read_many(
        self, items: Iterable[tuple[str | None, str]], *, areas: Sequence[str | None] = ()
    ) -> list[TextReading]:
        """Read appeals, each a title or None and a text; in the same order. Faster than one by one.

        `areas` are the callers' registered areas by code, of each appeal or of none.
        """
        asked = list(items)
        hints = areas or [None] * len(asked)
        begun = [_beginning(*item) for item in asked]
        readable = [at for at, item in enumerate(begun) if _readable(source_text(*item))]
        topics = dict(zip(readable, self._topics.read_many([begun[at] for at in readable]), strict=True))
        return [
            self._whole(*item, topics.get(at), area)
            for at, (item, area) in enumerate(zip(asked, hints, strict=True))
        ]

    def _whole(
        self, title: str | None, text: str, topic: TopicReading | None, area: str | None
    ) -> TextReading:
        """The reading of one text; without a topic nothing in it can be read."""
        spans, title_spans = identity_spans(text), identity_spans(title) if title else []
        masked_title = replaced(title, title_spans) if title else title
        masked_text = replaced(text, spans)
        if topic is None:
            return TextReading(
                topic=_NO_TOPIC,
                place=PlaceReading(),
                masked_title=masked_title,
                masked_text=masked_text,
                review=True,
                review_reasons=(ReviewReason.EMPTY,),
                model_version=self.model_version,
            )
        masked = source_text(masked_title, masked_text)
        shown = speaker.unnamed(title, title_spans) if title else title, speaker.unnamed(text, spans)
        place = speaker.place_beside(self._places.read(*_beginning(*shown), area=area), masked)
        source = source_text(*_beginning(title, text))
        mood = self._moods.read(source)
        party = speaker.party_beside(topic.party, masked, len(masked_title or ""))
        topic = replace(topic, party=party)
        reasons = self._reasons(topic, place)
        return TextReading(
            topic=topic,
            place=place,
            masked_title=masked_title,
            masked_text=masked_text,
            review=bool(reasons),
            review_reasons=reasons,
            evidence=speaker.evidence_beside(
                (*topic.evidence, *place.evidence, *mood.evidence(source)), masked
            ),
            model_version=self.model_version,
            mood=mood,
        )

    def _reasons(self, topic: TopicReading, place: PlaceReading) -> tuple[ReviewReason, ...]:
        """Why a person must look; empty when nobody must."""
        limits = self._review_below
        reasons = []
        if max(topic.p_environmental, 1 - topic.p_environmental) < limits.environmental:
            reasons.append(ReviewReason.ENVIRONMENTAL_UNSURE)
        if topic.environmental:
            if topic.kind_confidence < limits.kind:
                reasons.append(ReviewReason.KIND_UNSURE)
            if place.precision is Precision.NONE and place.outside:
                reasons.append(ReviewReason.PLACE_ELSEWHERE)
            elif place.precision is Precision.NONE:
                reasons.append(ReviewReason.PLACE_UNKNOWN)
            elif (
                place.confidence < limits.place
                or _rival(place) >= limits.place
                or _another_street(place, self._functional)
                or _on_a_border(place)
            ):
                reasons.append(ReviewReason.PLACE_UNSURE)
        return tuple(reasons)


def _rival(place: PlaceReading) -> float:
    """How likely the likeliest place of another district is: two that are likely contradict each other."""
    return max(
        (item.confidence for item in place.candidates if item.code[:DISTRICT] != place.district_code),
        default=0.0,
    )


def _another_street(place: PlaceReading, functional: frozenset[str]) -> bool:
    """Whether another street is named as outright: of the district, or beside a functional area (经开区).

    Not one that is told together with another place (A与B之间), lived in or only on the way, nor the bare
    name of the district, which is often a street's as well (延庆, 丰台).
    """
    own = place.community_code or place.street_code
    if own is None:
        return False
    aside = {item.text for item in place.mentions if item.role in _ASIDE or item.relation in _TOGETHER}
    for item in place.candidates:
        street = item.code[:STREET]
        if len(item.code) < STREET or item.text in aside or own.startswith(street):
            continue
        if street[:DISTRICT] != place.district_code:
            named = item.confidence >= FUNCTIONAL_TOO and len(item.text) > VAGUE
            if named and not functional.isdisjoint({street, own}):
                return True
        elif item.confidence >= OUTRIGHT and not (place.district or "").startswith(item.text):
            return True
    return False


def _on_a_border(place: PlaceReading) -> bool:
    """Whether it lies where two streets or districts meet (交界处), and no community says on which side."""
    return place.community_code is None and any(
        item.relation is PlaceRelation.BORDER for item in place.mentions
    )


def _beginning(title: str | None, text: str) -> tuple[str | None, str]:
    """Title and text cut so that together they are at most `READ_CHARACTERS`; offsets stay."""
    title = title[:READ_CHARACTERS] if title else title
    return title, text[: READ_CHARACTERS - len(title or "")]


def _readable(text: str) -> bool:
    """Whether there is a letter, character or digit to read."""
    return any(character.isalnum() for character in text)
