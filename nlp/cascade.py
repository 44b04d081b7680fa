"""Readers in a row: two linear ones answer what they are sure of, the encoder is asked about the rest.

The lexicon (words that people chose) and the model over character runs (what was counted) cost a millisecond
or two together and err on different texts; the encoder costs fifty, a letter more. How they are joined and
what "sure" means is measured when the models are made and stands in their cards. Either of the others may
be missing: the lexicon alone answers everything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from nlp.beliefs import blend
from nlp.encoder import Weighed
from nlp.facts import Span, joined_facts, look
from nlp.topics import ENVIRONMENTAL_FROM
from nlp.types import Evidence, Head

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nlp.beliefs import Beliefs
    from nlp.encoder import Encoded, Encoder
    from nlp.facts import Facts, Seen
    from nlp.grams import Counted, Grams
    from nlp.spans import Said, Spans
    from nlp.topics import TopicReader
    from nlp.topics import Weighed as LexiconWeighed
    from nlp.types import TopicReading

#: What marks a reading that no encoder could have looked at.
NO_ENCODER: Final = "no-encoder"
_SHOWN: Final = 5
_LEAST_SHARE: Final = 0.35
#: Tokens this near each other, both weighty, are one span to the eye.
_GAP: Final = 1


class CascadeReader:
    """Reads what texts are about, many at a time. Build it once: it holds both models."""

    def __init__(
        self,
        topics: TopicReader,
        encoder: Encoder | None,
        grams: Grams | None = None,
        spans: Spans | None = None,
    ) -> None:
        """Take the readers. `encoder`, `grams` and `spans` may be None."""
        self._topics = topics
        self._encoder = encoder
        self._grams = grams
        self._spans = spans
        versions = [topics.version, *(part.version for part in (grams, spans) if part)]
        self.version = "+".join([*versions, encoder.version if encoder else NO_ENCODER])

    def read(self, title: str | None, text: str) -> TopicReading:
        """Read one text; see `read_many`."""
        return self.read_many([(title, text)])[0]

    def read_many(self, items: Sequence[tuple[str | None, str]]) -> list[TopicReading]:
        """Read texts, each a title or None and a text; in the same order."""
        weighed = [self._topics.weigh(title, text) for title, text in items]
        joined = [self._counted(item) for item in weighed]
        if self._encoder is not None:
            card = self._encoder.card
            open_ones = [at for at, item in enumerate(joined) if card.sure.leaves_open(item.beliefs)]
            for at, answer in self._answers(open_ones, weighed):
                beliefs = blend(joined[at].beliefs, answer.beliefs, card.blend)
                joined[at] = replace(joined[at], beliefs=beliefs, encoded=answer, said=answer.said)
            # Of what is sure already the encoder is asked for names alone.
            names = [at for at, item in enumerate(joined) if self._names_open(weighed[at], item)]
            for at, answer in self._answers(names, weighed):
                joined[at] = replace(joined[at], said=answer.said)
        return [self._topics.decide(item, second) for item, second in zip(weighed, joined, strict=True)]

    def _answers(
        self, asked: Sequence[int], weighed: Sequence[LexiconWeighed]
    ) -> Iterator[tuple[int, Encoded]]:
        """What the encoder says of some of the texts."""
        if self._encoder is not None:
            answers = self._encoder.read_many([weighed[at].folded for at in asked])
            yield from zip(asked, answers, strict=True)

    def _names_open(self, weighed: LexiconWeighed, joined: Joined) -> bool:
        """Whether who or when is open yet, in what becomes a ticket: nobody is sent after the others."""
        if self._spans is None or joined.encoded or joined.beliefs.environmental < ENVIRONMENTAL_FROM:
            return False
        seen = look(weighed.source, weighed.folded, weighed.title_length)
        return self._spans.leaves_open(weighed.folded, weighed.title_length, seen)

    def _counted(self, weighed: LexiconWeighed) -> Joined:
        """What the two linear models believe together."""
        if self._grams is None:
            return Joined(weighed.beliefs, weighed.source, spans=self._spans)
        counted = self._grams.read(weighed.folded)
        beliefs = blend(weighed.beliefs, counted.beliefs, self._grams.blend)
        return Joined(beliefs, weighed.source, _Heat(self._grams, counted), spans=self._spans)


@dataclass(frozen=True, slots=True)
class _Heat:
    """What the model over character runs made of a text, to be explained where it must be."""

    grams: Grams
    counted: Counted

    def words(self, head: Head, value: str, size: int) -> list[tuple[int, int, float]]:
        """The spans whose characters said most for a class."""
        heat = self.grams.said(self.counted, head.value, value, size)
        tokens = [Weighed(at, at + 1, weight) for at, weight in enumerate(heat.tolist())]
        return _strongest(tokens)


@dataclass(frozen=True, slots=True)
class Joined:
    """What the models say of a text together (a `nlp.topics.Second`)."""

    beliefs: Beliefs
    source: str
    heat: _Heat | None = None
    encoded: Encoded | None = None
    spans: Spans | None = None
    said: tuple[Said, ...] = ()
    """What the encoder's tokens say of names, also where it was asked for nothing else."""

    def facts(self, folded: str, title_length: int, seen: Seen) -> Facts:
        """Who and when by the model of spans; without one by the encoder's tags, else as the rules tell."""
        if self.spans is not None:
            return self.spans.read(folded, title_length, seen, self.said)
        return joined_facts(folded, seen.told, party=self._tagged("party"), when=self._tagged("when"))

    def _tagged(self, name: str) -> Span | None:
        found = self.encoded.spans.get(name) if self.encoded else None
        return Span(*found) if found else None

    def evidence(self, kind: str | None, known: Sequence[Evidence]) -> list[Evidence]:
        """The encoder's words where it was asked, else those of the character runs where no word is known.

        What the lexicon has named already is not named again.
        """
        if self.encoded is None:
            return self._counted(kind, known)
        found = self._words(Head.ENVIRONMENTAL, "true", _strongest(self.encoded.environmental), known)
        # The shares are those of the encoder's own first kind: they explain no other.
        if kind is not None and kind == max(
            self.encoded.beliefs.kinds, key=self.encoded.beliefs.kinds.__getitem__
        ):
            found += self._words(Head.KIND, kind, _strongest(self.encoded.kind), known)
        return found

    def _counted(self, kind: str | None, known: Sequence[Evidence]) -> list[Evidence]:
        """What the character runs said for a yes and its kind, each only where nothing else explains it."""
        if self.heat is None or kind is None:
            return []
        found = []
        for head, value in ((Head.ENVIRONMENTAL, "true"), (Head.KIND, kind)):
            if not any(item.head is head and item.weight > 0 for item in known):
                found += self._words(head, value, self.heat.words(head, value, len(self.source)), known)
        return found

    def _words(
        self, head: Head, value: str, spans: Sequence[tuple[int, int, float]], known: Sequence[Evidence]
    ) -> list[Evidence]:
        taken = [(item.start, item.end) for item in known if item.head is head]
        return [
            Evidence(head, start, end, self.source[start:end], value, round(weight, 3))
            for start, end, weight in spans
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
