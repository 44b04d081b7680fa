"""Runs of two and three characters as signs of one matter: how rare each is, and where two texts share one.

Knows the table `repeats.npz` (in how many public texts of how many cities a run stands) and numbers; no
words. A run that only one or two cities know is a name rather than a word: it says where, while the others
say what.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Characters read of a text: what the matter is stands at the beginning.
READ: Final = 1_500
_BITS: Final = 21
_BREAK: Final = "\x01"
#: What is no word of the citizen's: marks of masking, addresses of pages, spaces; and dates, which have
#: their own sign.
_NOISE: Final = re.compile(
    r"\[[^\[\]\n]{1,6}\]|https?:[^\s,。;]*|[%％](?:25)?[0-9a-f]{2}|\*{3,}|_x000d_|&#?[a-z0-9]{2,6};"
)
_DATES: Final = re.compile(
    r"(?:20|19)\d\d(?:[年./-]\d{1,2}(?:[月./-](?:\d{1,2}[日号]?)?)?)?|\d{1,2}月(?:\d{1,2}[日号])?|\d{1,2}[::]\d\d分?"
)
_GAPS: Final = re.compile(r"\s+")
_MARKS: Final = re.compile(r"[^0-9a-z\u4e00-\u9fff]+")


class Runs(NamedTuple):
    """The different runs of a text in order of their keys: key, weight, and whether it is a name's."""

    keys: NDArray[np.uint64]
    weights: NDArray[np.float32]
    rare: NDArray[np.bool_]


class Tally(NamedTuple):
    """The different runs of a text in order of their keys, and how often each stands there."""

    keys: NDArray[np.uint64]
    counts: NDArray[np.intp]


class Overlap(NamedTuple):
    """How far two texts share their runs, each in [0, 1] but the last two."""

    cosine: float
    words: float
    """The cosine over runs that everybody uses: is it about the same?"""
    names: float
    """The cosine over runs that few use: is it the same place and party?"""
    contained: float
    """Of the shorter text, the share that the longer one says too."""
    names_contained: float
    named: float
    """How much rarity is shared, in natural logarithms."""
    told: float
    """How much the shorter text says at all, likewise."""


def clean(folded: str) -> str:
    """A folded text as it is compared: without marks of masking, page addresses, dates and white space."""
    bare = _GAPS.sub("", _NOISE.sub(" ", folded[: 2 * READ]))[:READ]
    return _MARKS.sub(_BREAK, _DATES.sub(_BREAK, bare))


def keys_of(cleaned: str) -> NDArray[np.uint64]:
    """The keys of all runs of two and of three characters that no mark cuts, as often as they stand there."""
    codes = np.frombuffer(cleaned.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    if len(codes) < 2:  # noqa: PLR2004 - a run has two characters
        return np.zeros(0, dtype=np.uint64)
    whole = codes != ord(_BREAK)
    bits = np.uint64(_BITS)
    pairs = (codes[:-1] << bits) | codes[1:]
    both = whole[:-1] & whole[1:]
    threes = (pairs[:-1] << bits) | codes[2:]
    return np.concatenate([pairs[both], threes[both[:-1] & whole[2:]]])


def tally_of(cleaned: str) -> Tally:
    """Count the runs of a cleaned text: once for all that ask."""
    return Tally(*np.unique(keys_of(cleaned), return_counts=True))


@dataclass(frozen=True, slots=True)
class Rarity:
    """How rare each run is: sorted keys and their weights; what is not in it is a name's, and weighs most."""

    keys: NDArray[np.uint64]
    weights: NDArray[np.float32]
    unknown: float
    common: float
    """Runs that weigh less are everybody's words."""

    def of(self, keys: NDArray[np.uint64]) -> NDArray[np.float32]:
        """How rare each of these runs is."""
        at = np.searchsorted(self.keys, keys)
        at[at == len(self.keys)] = 0
        known = self.keys[at] == keys
        return np.where(known, self.weights[at], np.float32(self.unknown)).astype(np.float32)

    def runs(self, cleaned: str, tally: Tally | None = None) -> Runs:
        """The different runs of a cleaned text, counted already or not."""
        keys, counts = tally or tally_of(cleaned)
        idf = self.of(keys)
        weights = ((1 + np.log(counts)).astype(np.float32) * idf).astype(np.float32)
        return Runs(keys, weights, idf >= self.common)


def overlap(a: Runs, b: Runs) -> Overlap:
    """How far two texts share their runs; nothing shared where one says nothing."""
    _, in_a, in_b = np.intersect1d(a.keys, b.keys, assume_unique=True, return_indices=True)
    told = min(float(a.weights.sum()), float(b.weights.sum()))
    if not len(in_a):
        return Overlap(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, told)
    wa, wb, rare = a.weights[in_a], b.weights[in_b], a.rare[in_a]
    least = np.minimum(wa, wb)
    return Overlap(
        cosine=_ratio(float(wa @ wb), _length(a.weights) * _length(b.weights)),
        words=_ratio(float(wa[~rare] @ wb[~rare]), _length(a.weights[~a.rare]) * _length(b.weights[~b.rare])),
        names=_ratio(float(wa[rare] @ wb[rare]), _length(a.weights[a.rare]) * _length(b.weights[b.rare])),
        contained=_ratio(float(least.sum()), told),
        names_contained=_ratio(
            float(least[rare].sum()), min(float(a.weights[a.rare].sum()), float(b.weights[b.rare].sum()))
        ),
        named=float(least[rare].sum()),
        told=told,
    )


def shared_spans(cleaned: str, other: Runs, rarity: Rarity) -> list[tuple[str, float]]:
    """The stretches of a cleaned text whose runs of three the other one has too, and how rare each is."""
    codes = np.frombuffer(cleaned.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    if len(codes) < 3:  # noqa: PLR2004 - a run of three
        return []
    bits = np.uint64(_BITS)
    threes = (((codes[:-2] << bits) | codes[1:-1]) << bits) | codes[2:]
    at = np.searchsorted(other.keys, threes)
    at[at == len(other.keys)] = 0
    shared = np.flatnonzero(other.keys[at] == threes) if len(other.keys) else np.zeros(0, dtype=np.intp)
    if not len(shared):
        return []
    known_at = np.searchsorted(rarity.keys, threes[shared])
    known_at[known_at == len(rarity.keys)] = 0
    known = rarity.keys[known_at] == threes[shared]
    idf = np.where(known, rarity.weights[known_at], np.float32(rarity.unknown))
    cuts = np.flatnonzero(np.diff(shared) > 1) + 1
    spans: dict[str, float] = {}
    for places, weights in zip(np.split(shared, cuts), np.split(idf, cuts), strict=True):
        text = cleaned[places[0] : places[-1] + 3]
        spans[text] = float(weights[weights >= rarity.common].sum())
    return sorted(spans.items(), key=lambda pair: -pair[1])


def _length(weights: NDArray[np.float32]) -> float:
    return float(np.sqrt(weights @ weights))


def _ratio(part: float, whole: float) -> float:
    return min(part / whole, 1.0) if whole > 0 else 0.0
