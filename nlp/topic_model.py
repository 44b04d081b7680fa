"""The weighted lexicon: words and phrases, each with its learned weights, in one reviewable text file.

One automaton finds every phrase of a text in a single pass. Features are the phrases of the whole text and
of the title, the groups of curated words, and the cues; each head is linear in them. Made by
`bench/train_lexicon.py`, which uses `Lexicon.features` itself, so training and reading cannot drift apart.
Arrays, one value a phrase found: plain loops over the hits took most of a reading's time.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from nlp.appeal_type import load_type_cues
from nlp.cues import CueHit, Cues, LexiconError, read_yaml, refuse_unknown, texts
from nlp.phrase_finder import NumberFinder
from nlp.text import LEXICON
from nlp.urgency import UrgencyRules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

WORDS_FILE: Final = "topic_words.yaml"
MODEL_FILE: Final = "topic_model.tsv"
MAGIC: Final = "# jiesu topic model 1"
#: Weights are kept as whole hundredths: shorter lines, and a difference that a person can read.
UNIT: Final = 100
HEADS: Final = ("environmental", "appeal_type", "urgency", "kind")

_GROUP_SCALE: Final = 0.2
_TITLE_SCALE: Final = 0.6
_CUE_SCALE: Final = 0.3
_MAX_COUNT: Final = 3
_SINGLE: Final = 0.3  # one character says little

Family: TypeAlias = str
Key: TypeAlias = tuple[Family, str]  # ("gram", "油烟"), ("title", "油烟"), ("group", "AIR-06"), ("cue", …)
GRAM: Final = "gram"
TITLE: Final = "title"
GROUP: Final = "group"
TITLE_GROUP: Final = "title_group"
CUE: Final = "cue"
FAMILIES: Final = (GRAM, TITLE, GROUP, TITLE_GROUP, CUE)


def load_words(folder: Path = LEXICON) -> dict[str, tuple[str, ...]]:
    """The curated words by group: the 63 kinds, `environmental`, `elsewhere`. Raises LexiconError."""
    raw = read_yaml(folder / WORDS_FILE, "topic_words/1")
    refuse_unknown(raw, ("schema", "kinds", "environmental", "elsewhere"), where=WORDS_FILE)
    kinds = raw.get("kinds")
    if not isinstance(kinds, dict):
        raise LexiconError(f"{WORDS_FILE}: kinds: expected words by kind")
    groups = {str(code): texts(items, where=f"{WORDS_FILE}: kinds.{code}") for code, items in kinds.items()}
    for name in ("environmental", "elsewhere"):
        groups[name] = texts(raw.get(name), where=f"{WORDS_FILE}: {name}")
    return groups


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The features: every key's index, and the rarity (idf) of the phrases."""

    index: dict[Key, int]
    idf: dict[int, float]


@dataclass(frozen=True, slots=True)
class Found:
    """The features of one text, and where they come from.

    `features` and `strengths` go together: first the grams, then the titles, then groups and cues. The other
    arrays hold one value a phrase: where it first stands, and how long it is; `grams` and `titles` say which
    phrases the first features belong to.
    """

    features: NDArray[np.intp]
    strengths: NDArray[np.float64]
    starts: NDArray[np.intp]
    lengths: NDArray[np.intp]
    grams: NDArray[np.intp]
    titles: NDArray[np.intp]
    groups: tuple[tuple[int, tuple[str, ...]], ...]
    """Phrases (by place) that are curated words, with their groups."""
    cues: tuple[CueHit, ...] = ()

    @property
    def values(self) -> dict[int, float]:
        """Strength by feature."""
        return dict(zip(self.features.tolist(), self.strengths.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class HeadWeights:
    """One head: its values (classes), biases, and per feature the pairs of class and weight.

    `scale` and `shift` are the calibration: the logit that is believed is `scale * logit + shift`.
    """

    values: tuple[str, ...]
    biases: tuple[float, ...]
    scale: float
    shift: float
    weights: dict[int, tuple[tuple[int, float], ...]] = field(default_factory=dict)

    def logits(self, values: dict[int, float]) -> list[float]:
        """The raw score of each class."""
        totals = list(self.biases)
        rows = self.weights
        for feature, value in values.items():
            for at, weight in rows.get(feature, ()):
                totals[at] += value * weight
        return totals

    def believed(self, logits: Sequence[float]) -> list[float]:
        """Calibrated probabilities: of the one class (logistic), or of each (softmax)."""
        if len(logits) == 1:
            return [logistic(self.scale * logits[0] + self.shift)]
        scaled = [self.scale * logit for logit in logits]
        top = max(scaled)
        powers = [math.exp(logit - top) for logit in scaled]
        total = sum(powers)
        return [power / total for power in powers]


def logistic(score: float) -> float:
    """The logistic function, safe for any size of `score`."""
    if score >= 0:
        return 1 / (1 + math.exp(-min(score, 700.0)))
    power = math.exp(max(score, -700.0))
    return power / (1 + power)


class Lexicon:
    """Finds the features of a text. It knows the phrases but no weights."""

    def __init__(self, vocabulary: Vocabulary, words: dict[str, tuple[str, ...]], cues: Cues) -> None:
        """Build the automaton of the vocabulary's phrases and the curated words."""
        self.vocabulary = vocabulary
        self._cues = cues
        groups: dict[str, list[str]] = {}
        for group, items in words.items():
            for item in items:
                groups.setdefault(item, []).append(group)
        index = vocabulary.index
        phrases = sorted({text for family, text in index if family in (GRAM, TITLE)} | set(groups))
        self._finder = NumberFinder(phrases)
        self._groups = tuple(tuple(groups.get(text, ())) for text in phrases)
        self._curated = np.array([bool(found) for found in self._groups])
        self._lengths = np.array([len(text) for text in phrases], dtype=np.intp)
        self._grams = np.array([index.get((GRAM, text), -1) for text in phrases], dtype=np.intp)
        self._titles = np.array([index.get((TITLE, text), -1) for text in phrases], dtype=np.intp)
        self._idf = np.zeros(max(index.values(), default=-1) + 1)
        for feature, rarity in vocabulary.idf.items():
            self._idf[feature] = rarity

    def features(self, folded: str, title_length: int) -> Found:
        """The features of a folded text whose first `title_length` characters are its title."""
        ends, phrases = self._finder.find(folded)
        kinds, first, counts = np.unique(phrases, return_index=True, return_counts=True)
        # Occurrences come in order of their ends: those of the title are the first.
        in_title = phrases[: int(np.searchsorted(ends, title_length, side="right"))]
        titled, title_counts = np.unique(in_title, return_counts=True)
        grams, gram_strengths = self._scaled(self._grams[kinds], counts)
        titles, title_strengths = self._scaled(self._titles[titled], title_counts)
        curated = np.flatnonzero(self._curated[kinds])
        named = [self._groups[at] for at in kinds[curated].tolist()]
        grouped = self._grouped(kinds[curated], counts[curated], GROUP)
        curated_too = self._curated[titled]
        grouped |= self._grouped(titled[curated_too], title_counts[curated_too], TITLE_GROUP)
        cues = tuple(self._cues.find(folded))
        index = self.vocabulary.index
        for cue in cues:
            feature = index.get((CUE, cue.group))
            if feature is not None:
                grouped[feature] = _CUE_SCALE
        return Found(
            features=np.concatenate(
                [
                    self._grams[kinds[grams]],
                    self._titles[titled[titles]],
                    np.fromiter(grouped, np.intp, len(grouped)),
                ]
            ),
            strengths=np.concatenate(
                [
                    gram_strengths,
                    _TITLE_SCALE * title_strengths,
                    np.fromiter(grouped.values(), np.float64, len(grouped)),
                ]
            ),
            starts=ends[first] - self._lengths[kinds],
            lengths=self._lengths[kinds],
            grams=grams,
            titles=np.searchsorted(kinds, titled[titles]),
            groups=tuple(zip(curated.tolist(), named, strict=True)),
            cues=cues,
        )

    def _scaled(
        self, features: NDArray[np.intp], counts: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Which of the phrases are features, and how strong: sublinear count times rarity, at unit length.

        Long texts weigh no more than short ones.
        """
        places = np.flatnonzero(features >= 0)
        raw = (1 + np.log(counts[places])) * self._idf[features[places]]
        length = math.sqrt(float(raw @ raw)) or 1.0
        return places, raw / length

    def _grouped(
        self, phrases: NDArray[np.intp], counts: NDArray[np.intp], family: Family
    ) -> dict[int, float]:
        """How strongly each group of curated words is hit."""
        sums: dict[str, float] = {}
        for phrase, count in zip(phrases.tolist(), counts.tolist(), strict=True):
            share = min(count, _MAX_COUNT) * (1.0 if self._lengths[phrase] > 1 else _SINGLE)
            for group in self._groups[phrase]:
                sums[group] = sums.get(group, 0.0) + share
        index = self.vocabulary.index
        return {
            index[family, group]: _GROUP_SCALE * math.log1p(total)
            for group, total in sums.items()
            if (family, group) in index
        }


def load_cues(folder: Path = LEXICON) -> Cues:
    """The cues that are features: of the appeal types and of urgency. Raises LexiconError."""
    kinds = load_type_cues(folder).groups
    urgent = UrgencyRules.load(folder).cues.groups
    both = sorted(set(kinds) & set(urgent))
    if both:
        raise LexiconError(f"cue groups with one name in two files: {', '.join(both)}")
    return Cues(kinds | urgent)


@dataclass(frozen=True, slots=True)
class TopicModel:
    """The lexicon, the four heads, and what they are called."""

    lexicon: Lexicon
    heads: dict[str, HeadWeights]
    version: str


def checksum(lines: Iterable[str]) -> str:
    """SHA-256 of the lines, as in the second line of the model file."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def load_model(folder: Path = LEXICON) -> TopicModel:
    """Load the model file with the words and cues beside it.

    Raises LexiconError naming the file and line: of another format, damaged (checksum), or malformed.
    """
    words, cues = load_words(folder), load_cues(folder)
    try:
        lines = (folder / MODEL_FILE).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as fault:
        raise LexiconError(f"{MODEL_FILE}: cannot be read: {fault}") from fault
    if len(lines) < 2 or lines[0] != MAGIC:  # noqa: PLR2004 - the two head lines
        raise LexiconError(f"{MODEL_FILE}, line 1: expected {MAGIC!r}")
    name, _, digest = lines[1].partition("\tsha256:")
    if checksum(lines[2:]) != digest:
        raise LexiconError(f"{MODEL_FILE}, line 2: the checksum does not hold; the file was changed by hand")
    vocabulary, heads = _Parser(lines[2:], first=3).parse()
    edited = checksum(f"{group}:{','.join(items)}" for group, items in sorted(words.items()))
    version = f"{name.removeprefix('version:')}+{digest[:8]}.{edited[:4]}"
    return TopicModel(Lexicon(vocabulary, words, cues), heads, version)


class _Parser:
    """Reads the lines of the model file. Errors name the line."""

    def __init__(self, lines: Sequence[str], first: int) -> None:
        self._lines = list(enumerate(lines, start=first))
        self._heads: dict[str, tuple[tuple[str, ...], tuple[float, ...], float, float]] = {}
        self._index: dict[Key, int] = {}
        self._idf: dict[int, float] = {}
        self._rows: dict[str, dict[int, tuple[tuple[int, float], ...]]] = {head: {} for head in HEADS}

    def parse(self) -> tuple[Vocabulary, dict[str, HeadWeights]]:
        """Parse all lines."""
        for number, line in self._lines:
            try:
                family, *fields = line.split("\t")
                if family == "head":
                    self._head(*fields)
                else:
                    self._feature(family, *fields)
            except (ValueError, TypeError, KeyError, IndexError) as fault:
                raise LexiconError(f"{MODEL_FILE}, line {number}: {fault}") from fault
        missing = [head for head in HEADS if head not in self._heads]
        if missing:
            raise LexiconError(f"{MODEL_FILE}: no head {', '.join(missing)}")
        heads = {head: HeadWeights(*self._heads[head], weights=self._rows[head]) for head in HEADS}
        return Vocabulary(self._index, self._idf), heads

    def _head(self, head: str, scale: str, shift: str, values: str) -> None:
        if head not in HEADS or head in self._heads:
            raise ValueError(f"head {head!r} is unknown or repeated")
        pairs = [item.rsplit("=", 1) for item in values.split(" ")]
        names = tuple(name for name, _ in pairs)
        self._heads[head] = (names, tuple(float(bias) for _, bias in pairs), float(scale), float(shift))

    def _feature(self, family: str, text: str, idf: str, *columns: str) -> None:
        key = (family, text)
        if family not in FAMILIES or key in self._index:
            raise ValueError(f"feature {key} is of no family or repeated")
        if len(columns) != len(HEADS):
            raise ValueError(f"expected the weights of {len(HEADS)} heads, found {len(columns)}")
        at = len(self._index)
        self._index[key] = at
        self._idf[at] = float(idf)
        for head, column in zip(HEADS, columns, strict=True):
            if column:
                count = len(self._heads[head][0])
                pairs = tuple(self._pair(item, count) for item in column.split(" "))
                self._rows[head][at] = pairs

    @staticmethod
    def _pair(item: str, count: int) -> tuple[int, float]:
        place, _, weight = item.partition(":")
        at = int(place)
        if not 0 <= at < count:
            raise ValueError(f"class {at} is not among {count}")
        return at, int(weight) / UNIT
