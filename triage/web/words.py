"""Plain words and marked pieces of text: how long is left, which characters were found or decided."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from models.lines import Count

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_SOON: Final = timedelta(hours=2)
_SNIPPET_BEFORE: Final = 24
_SNIPPET_CHARACTERS: Final = 90


def length(span: timedelta) -> str:
    """A length of time in its two greatest units: `3 小时 20 分`. `span` is not negative."""
    if span < _MINUTE:
        return "不到 1 分钟"
    minutes = span // _MINUTE
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} 天 {hours} 小时" if hours else f"{days} 天"
    if hours:
        return f"{hours} 小时 {minutes % 60} 分" if minutes % 60 else f"{hours} 小时"
    return f"{minutes} 分钟"


def until(due: datetime, now: datetime) -> str:
    """`剩 3 小时 20 分` or `超期 2 天`."""
    return f"剩 {length(due - now)}" if due >= now else f"超期 {length(now - due)}"


def tone(due: datetime, now: datetime, day_ends: datetime) -> str:
    """How pressing: `over`, `soon` (within two hours), `today`, `later`."""
    if due < now:
        return "over"
    if due < now + _SOON:
        return "soon"
    return "today" if due < day_ends else "later"


def counted(count: Count) -> str:
    """`312`, or `1000+` when the counting stopped there."""
    return f"{count.value}+" if count.more else str(count.value)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text with the classes that mark it (none: plain) and a note to show on it."""

    text: str
    marks: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A marked stretch [start, end) of a text; spans may overlap."""

    start: int
    end: int
    mark: str
    note: str = ""


def cut(text: str, spans: Sequence[Span]) -> tuple[Piece, ...]:
    """Cut a text where spans begin and end; each piece knows all spans over it. Loses no character."""
    if not spans:
        return (Piece(text),) if text else ()
    held = sorted(
        (s for s in spans if 0 <= s.start < s.end <= len(text)), key=lambda s: (s.start, s.end, s.mark)
    )
    edges = sorted({0, len(text), *(s.start for s in held), *(s.end for s in held)})
    pieces: list[Piece] = []
    for start, end in pairwise(edges):
        over = [s for s in held if s.start <= start and end <= s.end]
        marks = tuple(dict.fromkeys(s.mark for s in over))
        notes = "；".join(dict.fromkeys(s.note for s in over if s.note))
        pieces.append(Piece(text[start:end], marks, notes))
    return tuple(pieces)


@lru_cache(maxsize=50_000)
def _fold(character: str) -> str:
    return unicodedata.normalize("NFKC", character).lower()


def find(text: str, phrases: Sequence[str]) -> list[Span]:
    """Where the folded phrases stand in a text, whatever its width and case."""
    if not phrases:
        return []
    folded = [_fold(character) for character in text]
    whole = "".join(folded)
    origin: Sequence[int] = range(len(text))
    if len(whole) != len(text):
        # Some character became several: ㎡ is m2.
        origin = [index for index, part in enumerate(folded) for _ in part]
    found: list[Span] = []
    for phrase in phrases:
        at = whole.find(phrase)
        while phrase and at >= 0:
            found.append(Span(origin[at], origin[at + len(phrase) - 1] + 1, "found"))
            at = whole.find(phrase, at + len(phrase))
    return found


def snippet(text: str, phrases: Sequence[str]) -> tuple[Piece, ...]:
    """The neighbourhood of the first phrase found, with all found phrases marked; empty when none is."""
    spans = find(text, phrases)
    if not spans:
        return ()
    start = max(0, min(span.start for span in spans) - _SNIPPET_BEFORE)
    end = min(len(text), start + _SNIPPET_CHARACTERS)
    shifted = [Span(max(s.start, start) - start, min(s.end, end) - start, s.mark) for s in spans]
    pieces = cut(text[start:end].replace("\n", " "), shifted)
    head = (Piece("…"),) if start else ()
    tail = (Piece("…"),) if end < len(text) else ()
    return (*head, *pieces, *tail)
