"""Pairs that nobody has labelled, from which the pair net learns to compare before it is shown any label.

Public texts alone: a title and its own text, a complaint and its answer, two halves of a complaint belong
together; a title or an answer of the text that shares most rare runs with it does not, unless the trees
think otherwise. Texts of labelled pairs are left out, whatever they say. Called by `nlp.training.pair_net`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from nlp.repeat_grams import clean, overlap
from nlp.repeat_profile import words_of
from nlp.text import normalize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nlp.repeat_profile import Profile
    from nlp.repeats import PairReader

#: So many pairs of each sort at most.
WANTED: Final = {
    "title": 10_350, "other title": 12_649, "answer": 5175, "other answer": 5175,
    "halves": 3449, "trees": 8049, "trees same": 3449,
}  # fmt: skip
#: Above it the trees hold a neighbour for too likely the same matter to teach that it is another.
_OTHER: Final = 0.25
_SAME: Final = 0.5
_SURELY_OTHER: Final = 0.1
_NEIGHBOURS: Final = 6
_SHOWN: Final = 2
_IN_TEXTS: Final = 40
_LEAST_TITLE, _MOST_TITLE, _LEAST_TEXT, _LEAST_HALVES = 6, 60, 40, 160
_BUSES: Final = "beijing/"
_BUSES_SHARE: Final = 0.3


class Told(NamedTuple):
    """Two texts and how likely they are one matter."""

    a: str
    b: str
    share: float


class _Texts:
    """The texts that may be learned from, and which of them are alike."""

    def __init__(self, texts: dict[str, dict[str, Any]], labelled: set[str], reader: PairReader) -> None:
        self.reader = reader
        said = {_cleaned(texts[name]) for name in labelled if name in texts}
        self.rows = {
            name: row
            for name, row in texts.items()
            if name not in labelled
            and not name.startswith("media/")
            and (row.get("text") or "").strip()
            and _cleaned(row) not in said
        }
        self.names = list(self.rows)
        self.profiles: list[Profile] = [
            reader.profile(row.get("title"), row.get("text") or "") for row in self.rows.values()
        ]

    def neighbours(self) -> list[list[int]]:
        """For each text those that share most rare runs with it, the likest first."""
        rare = [profile.whole.keys[profile.whole.rare] for profile in self.profiles]
        owner = np.repeat(np.arange(len(rare)), [len(keys) for keys in rare])
        _, of_key, often = np.unique(np.concatenate(rare), return_inverse=True, return_counts=True)
        order = np.argsort(of_key, kind="stable")
        starts = np.concatenate([[0], np.cumsum(often)])
        owners, at = owner[order], 0
        found: list[list[int]] = []
        for mine, own in enumerate(rare):
            numbers = of_key[at : at + len(own)]
            at += len(own)
            numbers = numbers[(often[numbers] > 1) & (often[numbers] <= _IN_TEXTS)]
            if len(numbers) == 0:
                found.append([])
                continue
            others = np.concatenate([owners[starts[key] : starts[key + 1]] for key in numbers.tolist()])
            weights = np.repeat(often[numbers] ** -0.25, often[numbers])
            scores = np.bincount(others, weights=weights)
            scores[mine] = 0
            best = np.argsort(-scores, kind="stable")[:_NEIGHBOURS]
            found.append([int(other) for other in best if scores[other] > 0])
        return found

    def likely(self, one: int, other: int) -> float:
        """What the trees alone think of two texts."""
        return self.reader.by_measures(self.profiles[one], self.profiles[other])

    def named(self, one: str, other: str) -> float:
        """How much two texts share by rare runs."""
        rarity = self.reader.rarity
        return overlap(rarity.runs(clean(one)), rarity.runs(clean(other))).named


def _cleaned(row: dict[str, Any]) -> str:
    """What a text says, whatever id it goes by."""
    return clean(words_of(normalize(row.get("title") or ""), normalize(row.get("text") or "")))


def unlabelled(
    texts: dict[str, dict[str, Any]], labelled: set[str], reader: PairReader, seed: int
) -> list[Told]:
    """The pairs, in random order."""
    rng = np.random.default_rng(seed)
    known = _Texts(texts, labelled, reader)
    near = known.neighbours()
    counted: Counter[str] = Counter()
    found: list[Told] = []
    for at in rng.permutation(len(known.names)).tolist():
        for sort, pair in _of(known, at, near[at], rng):
            if counted[sort] < WANTED[sort]:
                counted[sort] += 1
                found.append(pair)
    return [found[at] for at in rng.permutation(len(found)).tolist()]


def _of(known: _Texts, at: int, near: Sequence[int], rng: np.random.Generator) -> Iterator[tuple[str, Told]]:
    """The pairs that one text gives, each with its sort."""
    row = known.rows[known.names[at]]
    title, text = normalize(row.get("title") or ""), normalize(row.get("text") or "")
    whole = words_of(title, text)
    likely = {other: known.likely(at, other) for other in near}
    others = {other: likely[other] for other in near[:_SHOWN] if likely[other] < _OTHER}
    if _LEAST_TITLE <= len(title) <= _MOST_TITLE and len(text) >= _LEAST_TEXT and whole != text:
        if known.named(title, text) > 0:
            yield "title", Told(title, text, 1.0)
        yield from _beside(known, title, others, "text", "other title")
    buses = known.names[at].startswith(_BUSES) and rng.random() > _BUSES_SHARE
    if not buses:
        yield from _answers(known, whole, normalize(row.get("reply") or ""), others)
    if len(whole) >= _LEAST_HALVES:
        first, second = _halves(whole)
        if known.named(first, second) > 0:
            yield "halves", Told(first, second, 1.0)
    for other in near:
        if rng.random() < 1 / _NEIGHBOURS:
            theirs = known.profiles[other].source
            yield ("trees same" if likely[other] > _SAME else "trees"), Told(whole, theirs, likely[other])


def _answers(known: _Texts, whole: str, answer: str, others: dict[int, float]) -> Iterator[tuple[str, Told]]:
    """A complaint beside its own answer, and beside those of others."""
    if len(answer) < _LEAST_TEXT:
        return
    # Two rare runs at least: many answers say no more than that it was passed on.
    twice = 2 * known.reader.rarity.common
    if known.named(whole, answer) >= twice:
        yield "answer", Told(whole, answer, 1.0)
    telling = {
        other: share
        for other, share in others.items()
        if known.named(
            known.profiles[other].source, normalize(known.rows[known.names[other]].get("reply") or "")
        )
        >= twice
    }
    yield from _beside(known, whole, telling, "reply", "other answer")


def _beside(
    known: _Texts, mine: str, others: dict[int, float], field: str, sort: str
) -> Iterator[tuple[str, Told]]:
    """Words of one text beside the text or answer of others that are hardly the same matter."""
    for other, share in others.items():
        theirs = normalize(known.rows[known.names[other]].get(field) or "")
        if len(theirs) >= _LEAST_TEXT:
            yield sort, Told(mine, theirs, _unlikely(share))


def _unlikely(share: float) -> float:
    return 0.0 if share < _SURELY_OTHER else share


def _halves(text: str) -> tuple[str, str]:
    """Cut at the first end of a sentence in the middle third, else in the middle."""
    third = len(text) // 3
    cut = text.find("。", third, 2 * third) + 1 or len(text) // 2
    return text[:cut], text[cut:]
