"""语气: how the words of an appeal sound: angry (激烈) or not; negative, neutral or positive, with the words.

One pass finds every word of `sentiment.yaml`; what stands before and after a word says whether it counts. It
knows words and signs, not irony: who praises in scorn is read as praising.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from models.vocab_mood import Mood
from nlp.cues import LexiconError, pattern, read_yaml, refuse_unknown, texts
from nlp.phrase_finder import PhraseFinder
from nlp.text import LEXICON, normalize
from nlp.types import MoodReading, MoodWord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FILE: Final = "sentiment.yaml"
_POINTS: Final = ("anger", "negative", "positive")
_FACTS: Final = ("id", "valid_from", "source", "status", *_POINTS)
_ROW: Final = (*_FACTS, "words", "then", "unless")
_SIGN: Final = (*_FACTS, "pattern", "unless")
#: Characters before a word in which a denial or a degree may stand, and after it what it must be followed by.
_BEFORE: Final = 6
_AFTER: Final = 24
#: Characters on each side of a word, within its clause, where what makes it another word may stand.
_AROUND: Final = 12
_CLAUSES: Final = re.compile(r"[,。;!?\n]")
#: Characters of a sign that are shown as its words.
_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of words."""

    id: str
    points: tuple[int, int, int]
    then: re.Pattern[str] | None
    unless: re.Pattern[str] | None

    def fits(self, folded: str, start: int, end: int) -> bool:
        """Whether what stands around lets the word count."""
        if self.then and not self.then.match(folded[end : end + _AFTER]):
            return False
        return not (self.unless and self.unless.search(_clause(folded, start, end)))


@dataclass(frozen=True, slots=True)
class _Sign:
    """A sign of the whole text."""

    id: str
    points: tuple[int, int, int]
    some: re.Pattern[str]
    unless: re.Pattern[str] | None

    def find(self, folded: str) -> tuple[int, int] | None:
        """The first that nothing before it excuses."""
        for match in self.some.finditer(folded):
            before = folded[max(0, match.start() - _AROUND) : match.start()]
            if not (self.unless and self.unless.search(before)):
                # Of a sign that spans sentences the end is shown.
                return max(match.start(), match.end() - _SHOWN), match.end()
        return None


def _clause(folded: str, start: int, end: int) -> str:
    before = _CLAUSES.split(folded[max(0, start - _AROUND) : start])[-1]
    return before + folded[start:end] + _CLAUSES.split(folded[end : end + _AROUND], maxsplit=1)[0]


class MoodReader:
    """Reads how texts sound. Build it once: it holds the automaton."""

    def __init__(
        self,
        rows: Mapping[str, _Row],
        signs: tuple[_Sign, ...],
        *,
        least: tuple[int, int, int],
        long: int,
        around: tuple[re.Pattern[str], re.Pattern[str]],
        version: str,
    ) -> None:
        """Take rows by word, signs, from how many points on; and what denies and what heightens a word."""
        self._finder = PhraseFinder({word: (len(word), row) for word, row in rows.items()})
        self._signs = signs
        self._least = least
        self._long = long
        self._denied, self._degree = (re.compile(f"(?:{one.pattern})$") for one in around)
        self.version = version

    @classmethod
    def load(cls, folder: Path = LEXICON) -> MoodReader:
        """Load the rows. Raises LexiconError naming the file and the row's id."""
        raw = read_yaml(folder / FILE, "sentiment/1")
        known = ("schema", "version", "from", "long", "denied", "degree", "signs", "rows")
        refuse_unknown(raw, known, where=FILE)
        least = raw.get("from")
        if not isinstance(least, dict) or set(least) != set(_POINTS) or not all(_whole(least).values()):
            raise LexiconError(f"{FILE}: from: expected points of {', '.join(_POINTS)}")
        long = raw.get("long")
        if not isinstance(long, int) or long < 1:
            raise LexiconError(f"{FILE}: long: expected a number of characters")
        rows: dict[str, _Row] = {}
        ids: set[str] = set()
        for item in _items(raw, "rows"):
            where = _dated(item, _ROW, ids)
            row = _Row(
                item["id"], _points(item, where), _part(item, "then", where), _part(item, "unless", where)
            )
            for word in texts(item.get("words"), where=f"{where}: words"):
                if normalize(word) in rows:
                    raise LexiconError(f"{where}: words: {word} stands in another row")
                rows[normalize(word)] = row
        signs = []
        for item in _items(raw, "signs"):
            where = _dated(item, _SIGN, ids)
            some = pattern([item.get("pattern")], where=f"{where}: pattern")
            signs.append(_Sign(item["id"], _points(item, where), some, _part(item, "unless", where)))
        around = (
            pattern(raw.get("denied"), where=f"{FILE}: denied"),
            pattern(raw.get("degree"), where=f"{FILE}: degree"),
        )
        points = (least["anger"], least["negative"], least["positive"])
        version = str(raw.get("version"))
        return cls(rows, tuple(signs), least=points, long=long, around=around, version=version)

    def read(self, source: str) -> MoodReading:
        """Read one text; offsets count its characters."""
        folded = normalize(source)
        words = tuple(self._counted(folded))
        anger = sum(word.anger for word in words)
        # A word that is angry is negative, but not twice.
        negative = sum(max(word.anger, word.negative) for word in words)
        positive = sum(word.positive for word in words)
        angry = anger >= self._least[0] + (len(folded) > self._long)
        if angry or negative >= self._least[1]:
            mood = Mood.POSITIVE if positive > negative else Mood.NEGATIVE
        else:
            mood = Mood.POSITIVE if positive >= self._least[2] else Mood.NEUTRAL
        return MoodReading(mood, angry and mood is Mood.NEGATIVE, words, self.version)

    def _counted(self, folded: str) -> Iterator[MoodWord]:
        """Each row's words that count, every word once; of overlapping ones the longest."""
        seen: set[str] = set()
        for start, end, row in _longest(self._finder.find(folded)):
            word = folded[start:end]
            if word in seen or not row.fits(folded, start, end):
                continue
            before = _CLAUSES.split(folded[max(0, start - _BEFORE) : start])[-1]
            if before and self._denied.search(before):
                continue
            seen.add(word)
            more = int(bool(before and self._degree.search(before)))
            yield MoodWord(start, end, row.id, *(n + more if n else 0 for n in row.points))
        for sign in self._signs if "!" in folded or "?" in folded else ():
            span = sign.find(folded)
            if span:
                yield MoodWord(*span, sign.id, *sign.points)


def _longest(found: list[tuple[int, tuple[int, _Row]]]) -> list[tuple[int, int, _Row]]:
    """Spans in order, without those that lie within a longer one."""
    kept: list[tuple[int, int, _Row]] = []
    # By their ends: a longer word that ends at the same place or later takes the shorter ones in it.
    for end, (length, row) in found:
        start = end - length
        while kept and kept[-1][0] >= start:
            kept.pop()
        if not kept or kept[-1][1] < end:
            kept.append((start, end, row))
    return kept


def _items(raw: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    items = raw.get(name)
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise LexiconError(f"{FILE}: {name}: expected a list of rows")
    return items


def _dated(item: Mapping[str, Any], known: tuple[str, ...], ids: set[str]) -> str:
    """Check what every row has; gives how errors name it."""
    name = item.get("id")
    if not isinstance(name, str) or not name or name in ids:
        raise LexiconError(f"{FILE}: id {name!r} is missing or repeated")
    ids.add(name)
    where = f"{FILE}: {name}"
    refuse_unknown(item, known, where=where)
    if not isinstance(item.get("valid_from"), date):
        raise LexiconError(f"{where}: valid_from: expected a date")
    if not isinstance(item.get("source"), str) or item.get("status") not in ("V", "A"):
        raise LexiconError(f"{where}: source and status (V or A) are needed")
    return where


def _points(item: Mapping[str, Any], where: str) -> tuple[int, int, int]:
    found = _whole({name: item.get(name, 0) for name in _POINTS})
    if any(value is None for value in found.values()) or not any(found.values()):
        raise LexiconError(f"{where}: expected points of {', '.join(_POINTS)}")
    return (found["anger"] or 0, found["negative"] or 0, found["positive"] or 0)


def _whole(raw: Mapping[str, object]) -> dict[str, int | None]:
    return {
        k: v if isinstance(v, int) and not isinstance(v, bool) and v >= 0 else None for k, v in raw.items()
    }


def _part(item: Mapping[str, Any], name: str, where: str) -> re.Pattern[str] | None:
    return pattern([item[name]], where=f"{where}: {name}") if name in item else None
