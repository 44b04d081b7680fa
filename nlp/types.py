"""Plain values that `nlp` gives out: what was read from one text, and the words that decided it.

No database, network or queue here. Offsets count characters (code points) of `source_text(title, text)`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from models.vocab import AppealType, PlaceRole, Precision, ReviewReason, Urgency
from models.vocab_mood import Mood
from models.vocab_places import PlaceRelation  # noqa: TC001 - part of a NamedTuple

if TYPE_CHECKING:
    from datetime import date


class Head(StrEnum):
    """Which question a piece of evidence speaks to."""

    ENVIRONMENTAL = "environmental"
    KIND = "kind"
    APPEAL_TYPE = "appeal_type"
    URGENCY = "urgency"
    PLACE = "place"
    PARTY = "party"
    WHEN = "when"
    MOOD = "mood"


def source_text(title: str | None, text: str) -> str:
    """The one string that readings are made from and offsets count in: title, newline, text."""
    return f"{title}\n{text}" if title else text


class Evidence(NamedTuple):
    """A span of the source text that decided; `weight` > 0 speaks for `value`, < 0 against it."""

    head: Head
    start: int
    end: int
    text: str
    value: str
    weight: float


@dataclass(frozen=True, slots=True)
class KindGuess:
    """A kind code of the 63 and its probability in [0, 1]."""

    code: str
    p: float


class PlaceMention(NamedTuple):
    """A place the text names, verbatim, and its role; `code` is empty when it may be several, or none.

    `relation` says how the scene lies to it: at a crossing, between it and another, so many metres off.
    """

    text: str
    start: int
    end: int
    role: PlaceRole
    code: str
    name: str
    relation: PlaceRelation | None = None


class PlaceCandidate(NamedTuple):
    """A place it may be: full name, score (higher is likelier), probability, and the reasons in Chinese."""

    code: str
    name: str
    text: str
    score: float
    confidence: float
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlaceReading:
    """Where it happens; every name null when unknown. lon/lat in WGS-84 degrees, `radius` in metres.

    `candidates` are what a person chooses from, likeliest first, also when none was sure enough to be given.
    `outside` is the place elsewhere in China that the text speaks of, when it names none of Beijing's.
    `door` is the house or building number after the name, in Arabic figures: 甲5号, 12号院3号楼. `relation`
    says in Chinese how the scene lies to what is named: 位于某路与某路交叉口. `hinted`: the text itself does
    not say it, the caller's registered area does.
    """

    span: str | None = None
    start: int | None = None
    end: int | None = None
    district: str | None = None
    district_code: str | None = None
    street: str | None = None
    street_code: str | None = None
    community: str | None = None
    community_code: str | None = None
    lon: float | None = None
    lat: float | None = None
    radius: int | None = None
    precision: Precision = Precision.NONE
    confidence: float = 0.0
    evidence: tuple[Evidence, ...] = ()
    mentions: tuple[PlaceMention, ...] = ()
    candidates: tuple[PlaceCandidate, ...] = ()
    outside: str | None = None
    door: str | None = None
    relation: str | None = None
    hinted: bool = False


@dataclass(frozen=True, slots=True)
class TopicReading:
    """Answers about the matter itself, without place."""

    environmental: bool
    p_environmental: float
    kind: str | None
    kind_confidence: float
    kinds: tuple[KindGuess, ...]
    appeal_type: AppealType
    appeal_type_confidence: float
    urgency: Urgency
    urgency_confidence: float
    party: str | None = None
    when: str | None = None
    evidence: tuple[Evidence, ...] = ()


class Recurrence(StrEnum):
    """How often it happens (规律)."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"
    HOLIDAYS = "holidays"
    OFTEN = "often"
    CONSTANT = "constant"


@dataclass(frozen=True, slots=True)
class Hours:
    """A time of day, `HH:MM` in Beijing time; an end before the start is on the next day.

    Without an end it begins then (or happens at about that time); without a start it lasts until then.
    """

    start: str | None
    end: str | None


@dataclass(frozen=True, slots=True)
class WhenReading:
    """What the words that say when mean: hours of the day, rhythm, days.

    `first` and `last` are dates in Beijing; `last` may be null where it goes on. `lasting` is an ISO 8601
    duration. `approximate` when the words say so (左右, 多), or leave open whether morning or evening.
    """

    hours: tuple[Hours, ...] = ()
    recurrence: Recurrence | None = None
    weekdays: tuple[int, ...] = ()
    first: date | None = None
    last: date | None = None
    lasting: str | None = None
    approximate: bool = False

    def answer(self) -> dict[str, Any]:
        """As it is told and stored: plain values."""
        return {
            "hours": [{"from": item.start, "to": item.end} for item in self.hours],
            "recurrence": self.recurrence.value if self.recurrence else None,
            "weekdays": list(self.weekdays),
            "from": self.first.isoformat() if self.first else None,
            "to": self.last.isoformat() if self.last else None,
            "lasting": self.lasting,
            "approximate": self.approximate,
        }


@dataclass(frozen=True, slots=True)
class MoodWord:
    """A word or sign of how a text sounds: its span in the text, the row, and the points it gives."""

    start: int
    end: int
    row_id: str
    anger: int
    negative: int
    positive: int


@dataclass(frozen=True, slots=True)
class MoodReading:
    """How a text sounds (语气), whether it is angry (激烈), the words for it, their table's version."""

    mood: Mood = Mood.NEUTRAL
    angry: bool = False
    words: tuple[MoodWord, ...] = ()
    version: str = ""

    def evidence(self, source: str) -> tuple[Evidence, ...]:
        """The words that speak for the answer, weightiest first; none where it is neutral."""
        named = "anger" if self.angry else self.mood.value
        found = [
            (getattr(word, named), word) for word in self.words if named in _TOLD and getattr(word, named) > 0
        ]
        return tuple(
            Evidence(Head.MOOD, word.start, word.end, source[word.start : word.end], named, float(points))
            for points, word in sorted(found, key=lambda item: (-item[0], item[1].start))[:_MOST_WORDS]
        )


#: What words can speak for, and how many of them are told.
_TOLD = ("anger", "negative", "positive")
_MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class TextReading:
    """All that NLP says of one appeal text; `mood` is null where nothing can be read."""

    topic: TopicReading
    place: PlaceReading
    masked_title: str | None
    masked_text: str
    review: bool
    review_reasons: tuple[ReviewReason, ...] = ()
    evidence: tuple[Evidence, ...] = field(default=())
    model_version: str = ""
    mood: MoodReading | None = None
