"""Two readers in a row: the lexicon answers what it is sure of, the encoder is asked about the rest.

The lexicon costs a millisecond, the encoder some thirty. What "sure" means is measured when the encoder is
made and stands in its card. Without an encoder the lexicon answers everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nlp.beliefs import blend
from nlp.facts import Span
from nlp.types import Evidence, Head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nlp.beliefs import Beliefs
    from nlp.encoder import Encoded, Encoder, Weighed
    from nlp.topics import TopicReader
    from nlp.types import TopicReading

_SHOWN: Final = 5
_LEAST_SHARE: Final = 0.35
#: Tokens this near each other, both weighty, are one span to the eye.
_GAP: Final = 1


class CascadeReader:
    """Reads what texts are about, many at a time. Build it once: it holds both models."""

    def __init__(self, topics: TopicReader, encoder: Encoder | None) -> None:
        """Take the readers. `encoder` may be None."""
        self._topics = topics
        self._encoder = encoder
        self.version = f"{topics.version}+{encoder.version if encoder else 'lexicon-only'}"

    def read(self, title: str | None, text: str) -> TopicReading:
        """Read one text; see `read_many`."""
        return self.read_many([(title, text)])[0]

    def read_many(self, items: Sequence[tuple[str | None, str]]) -> list[TopicReading]:
        """Read texts, each a title or None and a text; in the same order."""
        weighed = [self._topics.weigh(title, text) for title, text in items]
        second: dict[int, Joined] = {}
        if self._encoder is not None:
            card = self._encoder.card
            asked = [at for at, item in enumerate(weighed) if card.sure.leaves_open(item.beliefs)]
            answers = self._encoder.read_many([weighed[at].folded for at in asked])
            second = {
                at: Joined(blend(weighed[at].beliefs, answer.beliefs, card.blend), answer, weighed[at].source)
                for at, answer in zip(asked, answers, strict=True)
            }
        return [self._topics.decide(item, second.get(at)) for at, item in enumerate(weighed)]


@dataclass(frozen=True, slots=True)
class Joined:
    """What both models say of a text together (a `nlp.topics.Second`)."""

    beliefs: Beliefs
    encoded: Encoded
    source: str

    @property
    def party(self) -> Span | None:
        """Who is complained about."""
        return self._span("party")

    @property
    def when(self) -> Span | None:
        """When it happens."""
        return self._span("when")

    def _span(self, name: str) -> Span | None:
        found = self.encoded.spans.get(name)
        return Span(*found) if found else None

    def evidence(self, kind: str | None, known: Sequence[Evidence]) -> list[Evidence]:
        """The encoder's words, where the lexicon has not named them already."""
        found = self._words(Head.ENVIRONMENTAL, "true", self.encoded.environmental, known)
        # The shares are those of the encoder's own first kind: they explain no other.
        if kind is not None and kind == max(
            self.encoded.beliefs.kinds, key=self.encoded.beliefs.kinds.__getitem__
        ):
            found += self._words(Head.KIND, kind, self.encoded.kind, known)
        return found

    def _words(
        self, head: Head, value: str, tokens: Sequence[Weighed], known: Sequence[Evidence]
    ) -> list[Evidence]:
        taken = [(item.start, item.end) for item in known if item.head is head]
        return [
            Evidence(head, start, end, self.source[start:end], value, round(weight, 3))
            for start, end, weight in _strongest(tokens)
            if all(end <= a or b <= start for a, b in taken)
        ]


def _strongest(tokens: Sequence[Weighed]) -> list[tuple[int, int, float]]:
    """The weightiest tokens that speak for the class, neighbours joined."""
    top = max((token.weight for token in tokens), default=0.0)
    if top <= 0:
        return []
    spans: list[tuple[int, int, float]] = []
    for token in tokens:
        if token.weight < _LEAST_SHARE * top:
            continue
        if spans and token.start - spans[-1][1] < _GAP:
            start, _, weight = spans[-1]
            spans[-1] = (start, token.end, weight + token.weight)
        else:
            spans.append((token.start, token.end, token.weight))
    return sorted(spans, key=lambda span: -span[2])[:_SHOWN]
