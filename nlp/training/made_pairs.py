"""Pairs that are made rather than found: what labelled pairs of public texts hold too few of.

From public texts at the time of training, and never stored: a complaint with another place in it (two
matters, though nearly every word is shared), a complaint about something else at the same place (two
matters, though the name is shared), and a complaint with sentences left out and turned around (one
matter).
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nlp.repeat_facts import PLACES, name_spans
from nlp.text import normalize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

_SHORTEST, _LONGEST = 30, 300
_LEAST_SENTENCES: Final = 3
_KEPT, _TURNED, _TITLED = 0.6, 0.5, 0.7
_SENTENCE: Final = re.compile(r"[^。!！?？;；\n]+[。!！?？;；\n]*")
_DIGITS: Final = re.compile(r"\d{1,3}(?=[号栋幢座楼])")


class Told(NamedTuple):
    """A title and a text."""

    title: str
    text: str


class Made(NamedTuple):
    """Two of them, and whether they are one matter."""

    a: Told
    b: Told
    same: bool


def made(rows: Sequence[dict[str, Any]], each: int, random: Generator) -> list[Made]:
    """`each` pairs of every sort from public texts."""
    told = [Told(normalize(row.get("title") or ""), normalize(row.get("text") or "")) for row in rows]
    fit = [item for item in told if _SHORTEST <= len(item.text) <= _LONGEST]
    places = [(item, place) for item in fit if (place := _place(item))]
    order = random.permutation(len(places))
    found: list[Made] = []
    for at in range(each):
        item, place = places[order[2 * at]]
        other, elsewhere = places[order[2 * at + 1]]
        if not _overlapping(place, elsewhere):
            moved = _renamed(item, place, elsewhere, random)
            found.extend(
                (
                    Made(item, _thinned(moved, random), same=False),
                    Made(item, _renamed(other, elsewhere, place, random), same=False),
                )
            )
        found.append(Made(_thinned(item, random), _thinned(item, random), same=True))
    return found


def _place(item: Told) -> str:
    """The name of a place that the text says most often, the longest of these."""
    counts: dict[str, int] = {}
    for source in item:
        for kind in PLACES:
            for start, end in name_spans(source, kind):
                counts[source[start:end]] = counts.get(source[start:end], 0) + 1
    return max(counts, key=lambda name: (counts[name], len(name), name), default="")


def _overlapping(one: str, other: str) -> bool:
    """Whether two names share two characters, so that one may be the other's short form."""
    return bool(set(pairwise(one)) & set(pairwise(other)))


def _renamed(item: Told, name: str, into: str, random: Generator) -> Told:
    """The same with another place, and other numbers of houses."""

    def other(source: str) -> str:
        return _DIGITS.sub(lambda _: str(random.integers(1, 60)), source.replace(name, into))

    return Told(other(item.title), other(item.text))


def _thinned(item: Told, random: Generator) -> Told:
    """The same with some sentences left out and two turned around; what names a place stays."""
    sentences = _SENTENCE.findall(item.text)
    if len(sentences) < _LEAST_SENTENCES:
        return item
    kept = [
        sentence
        for sentence in sentences
        if any(name_spans(sentence, kind) for kind in PLACES) or random.random() < _KEPT
    ]
    if len(kept) > 1 and random.random() < _TURNED:
        kept[0], kept[-1] = kept[-1], kept[0]
    return Told(item.title if random.random() < _TITLED else "", "".join(kept) or item.text)
