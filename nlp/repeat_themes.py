"""What two texts are about, apart from where and who: the words that everybody uses, by how much they say.

Runs of two characters that no name is made of, weighed by their rarity and kept in two bands: words of a
subject (停水, 尾气, 补课) and words of all subjects. Held against each other by title, by beginning (title
and first sentences: what the matter is stands there) and by whole text. Two complaints about one compound
share their names; whether it is one trouble is told here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from nlp.repeat_grams import clean, tally_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlp.repeat_grams import Rarity, Tally

#: Characters of the text that belong to its beginning, beside the title.
_LEAD: Final = 60
#: Shares of texts between which a run is a word of a subject, or of all subjects, as logarithms of rarity.
_SUBJECT: Final = 4.6
_ALL: Final = 2.3
_TELLING: Final = 3.0
#: The runs of the beginning that say most.
_FOCUS: Final = 6
_FOCUS_FROM: Final = 2.5
_THREE: Final = np.uint64(42)
NAMES: Final = (
    *("title_subject", "title_plain", "lead_subject", "lead_plain", "whole_subject", "whole_plain"),
    *("title_told_least", "title_told_most", "lead_told_least", "lead_told_most"),
    *("focus_least", "focus_most"),
)


class Words(NamedTuple):
    """Different runs of two characters that everybody uses, in order of their keys."""

    keys: NDArray[np.uint64]
    weights: NDArray[np.float32]
    length: float
    total: float


class Themes(NamedTuple):
    """The words of a text, in bands of title, beginning and whole: what two texts are held against by."""

    bands: tuple[Words, ...]
    """Words of a subject and of all subjects: of the title, of the beginning, of all of it."""
    told: tuple[Words, ...]
    """What the other text is asked for: of the title, of the beginning, and what says most there."""
    whole: NDArray[np.uint64]


def themes_of(rarity: Rarity, title: str, body: str, whole: Tally) -> Themes:
    """The words of a text: title and body folded, and both together as they are compared."""
    beginnings = (clean(title), clean(f"{title}\n{body[:_LEAD]}"))
    found = [_words(rarity, one) for one in (*(tally_of(text) for text in beginnings), whole)]
    keys, weights, worth = found[1]
    telling = np.flatnonzero(worth >= _FOCUS_FROM)
    most = np.sort(telling[np.argsort(-weights[telling], kind="stable")[:_FOCUS]])
    return Themes(
        bands=tuple(
            _some(*one, (one[2] >= low) & (one[2] < high))
            for one in found
            for low, high in ((_SUBJECT, np.inf), (_ALL, _SUBJECT))
        ),
        told=(*(_some(*one, one[2] >= _TELLING) for one in found[:2]), _some(keys, weights, worth, most)),
        whole=found[2][0],
    )


def held(a: Themes, b: Themes) -> tuple[float, ...]:
    """How far two texts are about the same, in the order of `NAMES`; the same whichever comes first."""
    found = [_cosine(mine, theirs) for mine, theirs in zip(a.bands, b.bands, strict=True)]
    for mine, theirs in zip(a.told, b.told, strict=True):
        found += sorted((_said(mine, b.whole), _said(theirs, a.whole)))
    return tuple(found)


def _words(
    rarity: Rarity, tally: Tally
) -> tuple[NDArray[np.uint64], NDArray[np.float32], NDArray[np.float32]]:
    """Keys, weights and rarity of the runs."""
    keys, counts = tally
    two = keys >> _THREE == 0
    keys, counts = keys[two], counts[two]
    worth = rarity.of(keys)
    common = worth < rarity.common
    worth = worth[common]
    return keys[common], ((1 + np.log(counts[common])) * worth).astype(np.float32), worth


def _some(
    keys: NDArray[np.uint64],
    weights: NDArray[np.float32],
    worth: NDArray[np.float32],
    which: NDArray[np.intp] | NDArray[np.bool_],
) -> Words:
    del worth
    mine = weights[which]
    return Words(keys[which], mine, float(np.sqrt(float(mine @ mine))), float(mine.sum()))


def _cosine(a: Words, b: Words) -> float:
    length = a.length * b.length
    if length <= 0:
        return 0.0
    mine, theirs = _places(a.keys, b.keys)
    return float(a.weights[mine] @ b.weights[theirs]) / length


def _said(some: Words, whole: NDArray[np.uint64]) -> float:
    """The share of some words that a text has; a half where there are none."""
    if some.total <= 0:
        return 0.5
    return float(some.weights[_places(some.keys, whole)[0]].sum()) / some.total


def _places(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where keys that both have stand in each; both are sorted."""
    if not len(b):
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    at = np.searchsorted(b, a)
    at[at == len(b)] = 0
    both = np.flatnonzero(b[at] == a)
    return both, at[both]
