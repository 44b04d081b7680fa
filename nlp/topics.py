"""What the matter is (诉求主题): environmental or not, which of the 63 kinds, appeal type, urgency.

`TopicReader.read` is the seam: another reader (a transformer, say) need only give a `TopicReading`. This
one sums the weights of the lexicon's words, so it can always say which words decided.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import numpy as np

from models.vocab import AppealType, Urgency
from nlp.appeal_type import TypeRules
from nlp.beliefs import Beliefs
from nlp.facts import look
from nlp.kind_rules import KindRules
from nlp.text import LEXICON, normalize
from nlp.topic_model import CUE, GROUP, HEADS, TITLE_GROUP, load_model
from nlp.topic_scores import Scores
from nlp.types import Evidence, Head, KindGuess, TopicReading, source_text
from nlp.urgency import Raised, UrgencyRules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from nlp.appeal_type import Typed
    from nlp.facts import Facts, Seen
    from nlp.kind_rules import Ruled
    from nlp.topic_model import Found, HeadWeights, Key, TopicModel
    from nlp.topic_scores import Scored

#: At and above this probability a text is environmental (有环境类诉求).
ENVIRONMENTAL_FROM: Final = 0.5
#: Below this nothing is worth saying about the kind.
KINDS_FROM: Final = 0.02
TOP_KINDS: Final = 3
TOP_EVIDENCE: Final = 8
_LEAST_EVIDENCE: Final = 0.05
#: What is believed of a text in which no word speaks for it: unlikely, and a person looks.
_NO_GROUNDS: Final = 0.35
#: A kind with this share of the environmental part is a ground by itself.
_CLEAR_KIND: Final = 0.3
_LEAST_PART: Final = 0.01
_LEAST_SHARE: Final = 0.2
_LOOKED_AT: Final = 48
#: What a floor's words weigh among the evidence: more than any learned sum, since the rule stands above it.
_FLOOR_WEIGHT: Final = 5.0
_DIGITS: Final = 4


#: A span and what it adds to a score: start, end, weight. Plain tuples: some fifty are made for each answer.
_Part: TypeAlias = "tuple[int, int, float]"


class TopicReader:
    """Reads what a text is about. Build it once: it holds the automaton and the weights."""

    def __init__(self, model: TopicModel, rules: UrgencyRules, types: TypeRules, kinds: KindRules) -> None:
        """Take the weighted lexicon, the rules of urgency, those of the appeal type and of the kind."""
        self._model = model
        self._rules = rules
        self._types = types
        self._kind_rules = kinds
        self.version = model.version
        self._index = model.lexicon.vocabulary.index
        self._scores = Scores(model.heads, max(self._index.values(), default=-1) + 1)

    @classmethod
    def load(cls, folder: Path = LEXICON) -> TopicReader:
        """Load model, words, cues and rules. Raises LexiconError naming file and line when one is wrong."""
        return cls(
            load_model(folder), UrgencyRules.load(folder), TypeRules.load(folder), KindRules.load(folder)
        )

    def read(self, title: str | None, text: str) -> TopicReading:
        """Read a text. Offsets count characters of `source_text(title, text)`. Never raises.

        A kind's probability is that of the text being environmental and of this kind.
        """
        return self.decide(self.weigh(title, text))

    def weigh(self, title: str | None, text: str) -> Weighed:
        """Everything the lexicon knows of a text, nothing decided yet. Never raises."""
        source = source_text(title, text)
        folded = normalize(source)
        found = self._model.lexicon.features(folded, len(title or ""))
        heads = self._model.heads
        scored = self._scores.of(found.features, found.strengths)
        (p_environmental,) = heads["environmental"].believed(scored.logits("environmental"))
        shares = {
            head: _shares(heads[head], scored.logits(head)) for head in HEADS if head != "environmental"
        }
        words = _Words(source, found, self._index)
        grounds = self._explain(words, scored, Head.ENVIRONMENTAL, 0, "true")
        clear_kind = p_environmental >= KINDS_FROM and max(shares["kind"].values()) >= _CLEAR_KIND
        if not clear_kind and not any(item.weight > 0 for item in grounds):
            # The bias alone is no ground: it comes from training texts, most of which were environmental.
            p_environmental = min(p_environmental, _NO_GROUNDS)
        return Weighed(
            source=source,
            folded=folded,
            title_length=len(title or ""),
            words=words,
            scored=scored,
            grounds=tuple(grounds),
            beliefs=Beliefs(p_environmental, shares["kind"], shares["appeal_type"], shares["urgency"]),
        )

    def decide(self, weighed: Weighed, second: Second | None = None) -> TopicReading:
        """The reading that follows from what was weighed, and from a second opinion where there is one."""
        source, words, scored = weighed.source, weighed.words, weighed.scored
        beliefs = second.beliefs if second else weighed.beliefs
        ruled = self._kind_rules.applied(weighed.folded, beliefs)
        beliefs = ruled.beliefs if ruled else beliefs
        p_environmental = beliefs.environmental
        kinds = _kinds(beliefs)
        environmental = p_environmental >= ENVIRONMENTAL_FROM
        sort = self._types.learned(beliefs.appeal_types)
        p_sort = beliefs.appeal_types[sort]
        typed = self._types.decided(weighed.folded, confidence=p_sort)
        if typed:
            p_sort = (
                max(p_sort, typed.floor.confidence) if typed.floor.type == sort else typed.floor.confidence
            )
            sort = typed.floor.type.value
        grade = self._rules.learned(beliefs.urgencies)
        p_grade = beliefs.urgencies[grade]
        raised = self._rules.raised(weighed.folded, grade, environmental=environmental)
        if raised:
            sure = raised.floor.confidence
            p_grade = max(p_grade, sure) if raised.floor.grade == grade else sure
            grade = raised.floor.grade.value
        seen = look(source, weighed.folded, weighed.title_length)
        facts = second.facts(weighed.folded, weighed.title_length, seen) if second else seen.told
        evidence = list(weighed.grounds)
        if environmental and kinds:
            evidence += _ruling(source, ruled) if ruled else []
            evidence += self._explain_value(words, scored, Head.KIND, kinds[0].code)
        if second:
            evidence += second.evidence(kinds[0].code if environmental and kinds else None, evidence)
        evidence += _typing(source, typed) if typed else []
        evidence += self._explain_value(words, scored, Head.APPEAL_TYPE, sort)
        evidence += _raising(source, raised) if raised else []
        evidence += self._explain_value(words, scored, Head.URGENCY, grade)
        return TopicReading(
            environmental=environmental,
            p_environmental=round(p_environmental, _DIGITS),
            kind=kinds[0].code if environmental and kinds else None,
            kind_confidence=kinds[0].p if environmental and kinds else 0.0,
            kinds=kinds,
            appeal_type=AppealType(sort),
            appeal_type_confidence=round(p_sort, _DIGITS),
            urgency=Urgency(grade),
            urgency_confidence=round(p_grade, _DIGITS),
            party=facts.party_text(source),
            when=facts.when_text(source),
            evidence=(*evidence, *facts.evidence(source)),
        )

    def _explain_value(self, words: _Words, scored: Scored, head: Head, value: str) -> list[Evidence]:
        """The words that spoke for a class; none when the lexicon does not know the class."""
        values = self._model.heads[head.value].values
        return self._explain(words, scored, head, values.index(value), value) if value in values else []

    def _explain(self, words: _Words, scored: Scored, head: Head, place: int, value: str) -> list[Evidence]:
        """The spans that weighed most for (and, for environmental, against) a head's class."""
        parts = words.parts(scored.added(head.value, place), both_ways=head is Head.ENVIRONMENTAL)
        return [
            Evidence(head, start, end, words.source[start:end], value, round(weight, 3))
            for start, end, weight in _strongest(parts)
        ]


class _Words:
    """The phrases of one text, each at its first place, and what the groups hit are made of."""

    def __init__(self, source: str, found: Found, index: Mapping[Key, int]) -> None:
        self.source = source
        self._found = found
        members: dict[str, int] = {}
        for _, groups in found.groups:
            for group in groups:
                members[group] = members.get(group, 0) + 1
        at = {feature: place for place, feature in enumerate(found.features.tolist())}
        # A group's weight is shared out evenly among the words that hit it.
        shares = [
            (phrase, place, 1 / members[group])
            for phrase, groups in found.groups
            for group in groups
            for family in (GROUP, TITLE_GROUP)
            if (place := at.get(index.get((family, group), -1))) is not None
        ]
        self._shared = np.array([phrase for phrase, _, _ in shares], dtype=np.intp)
        self._places = np.array([place for _, place, _ in shares], dtype=np.intp)
        self._shares = np.array([share for _, _, share in shares], dtype=np.float32)
        self._cues = [
            (cue, place)
            for cue in found.cues
            if cue.end > cue.start and (place := at.get(index.get((CUE, cue.group), -1))) is not None
        ]

    def parts(self, added: NDArray[np.float32], *, both_ways: bool) -> list[_Part]:
        """What phrases and cues add to one class, the weightiest first; what speaks against it if asked."""
        found = self._found
        total = np.zeros(len(found.starts))
        first, second = len(found.grams), len(found.grams) + len(found.titles)
        total[found.grams] += added[:first]
        total[found.titles] += added[first:second]
        np.add.at(total, self._shared, self._shares * added[self._places])
        size = np.abs(total) if both_ways else total
        weighty = np.flatnonzero(size >= _LEAST_PART)
        weighty = weighty[np.argsort(-size[weighty], kind="stable")][:_LOOKED_AT]
        starts = found.starts[weighty]
        ends = starts + found.lengths[weighty]
        parts = list(zip(starts.tolist(), ends.tolist(), total[weighty].tolist(), strict=True))
        if not self._cues:
            return parts
        for cue, place in self._cues:
            weight = float(added[place])
            if weight > 0 or (both_ways and weight):
                parts.append((cue.start, cue.end, weight))
        return sorted(parts, key=lambda part: -abs(part[2]))[:_LOOKED_AT]


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the lexicon knows of a text: its beliefs, and where they come from."""

    source: str
    folded: str
    title_length: int
    words: _Words
    scored: Scored
    grounds: tuple[Evidence, ...]
    beliefs: Beliefs


class Second(Protocol):
    """A second opinion on a text, joined with the first: what `decide` asks of it."""

    @property
    def beliefs(self) -> Beliefs:
        """What is believed after both."""
        ...

    def facts(self, folded: str, title_length: int, seen: Seen) -> Facts:
        """Who is complained about and when it happens; `seen` is what the rules see and would tell."""
        ...

    def evidence(self, kind: str | None, known: Sequence[Evidence]) -> list[Evidence]:
        """The words that spoke for environmental or not, and for the kind given, beside those known."""
        ...


def _kinds(beliefs: Beliefs) -> tuple[KindGuess, ...]:
    """The three likeliest kinds; none when the text is hardly environmental."""
    if beliefs.environmental < KINDS_FROM:
        return ()
    likeliest = heapq.nlargest(TOP_KINDS, beliefs.kinds.items(), key=lambda pair: pair[1])
    return tuple(KindGuess(code, round(p * beliefs.environmental, _DIGITS)) for code, p in likeliest)


def _shares(head: HeadWeights, logits: Sequence[float]) -> dict[str, float]:
    """The probability of each class of a softmax head."""
    return dict(zip(head.values, head.believed(logits), strict=True))


def _strongest(parts: Sequence[_Part]) -> list[_Part]:
    """Of the parts, weightiest first, those that do not overlap; a phrase inside a chosen one adds to it.

    What weighs little beside the strongest is left out: it would colour the page and explain nothing.
    """
    chosen: list[tuple[int, int]] = []
    weights: list[float] = []
    for start, end, weight in parts:
        for at, (first, last) in enumerate(chosen):
            if start < last and first < end:
                if first <= start and end <= last:
                    weights[at] += weight
                break
        else:
            if len(chosen) < TOP_EVIDENCE:
                chosen.append((start, end))
                weights.append(weight)
    least = max(_LEAST_EVIDENCE, _LEAST_SHARE * max(map(abs, weights), default=0.0))
    return sorted(
        (
            (start, end, weight)
            for (start, end), weight in zip(chosen, weights, strict=True)
            if abs(weight) >= least and end - start > 1
        ),
        key=lambda part: -abs(part[2]),
    )


def _raising(source: str, raised: Raised) -> list[Evidence]:
    """The words that made a floor fire."""
    start, end = raised.start, raised.end
    return [Evidence(Head.URGENCY, start, end, source[start:end], raised.floor.grade.value, _FLOOR_WEIGHT)]


def _ruling(source: str, ruled: Ruled) -> list[Evidence]:
    """The words that made a rule of the kind fire."""
    start, end = ruled.start, ruled.end
    return [Evidence(Head.KIND, start, end, source[start:end], ruled.kind, _FLOOR_WEIGHT)]


def _typing(source: str, typed: Typed) -> list[Evidence]:
    """The words that made a floor of the appeal type fire."""
    start, end = typed.start, typed.end
    return [Evidence(Head.APPEAL_TYPE, start, end, source[start:end], typed.floor.type.value, _FLOOR_WEIGHT)]
