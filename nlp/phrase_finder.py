"""Find phrases in one pass: an Aho-Corasick automaton over half characters.

The library looks for a node's next letter in a list, one by one, and a Chinese vocabulary has more than a
thousand first characters. Given each character as its two bytes no node has more than 256 children: about
four times as fast on complaints (measured with 12,000 place names), and the same finds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import ahocorasick

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

#: Characters of four bytes would shift the offsets; no phrase of ours holds one.
WIDE: Final = re.compile(r"[\U00010000-\U0010ffff]")


def _halves(text: str) -> str:
    """Each character as two letters of 0 to 255."""
    return text.encode("utf-16-be", "surrogatepass").decode("latin-1")


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

    def find(self, text: str) -> list[tuple[int, T]]:
        """Give (end, value) of every occurrence, in order of their ends and linear time."""
        halves = _halves(text)
        if len(halves) != 2 * len(text):
            halves = _halves(WIDE.sub("\ufffd", text))
        # An odd index is the second half of a character: the others fell between two characters.
        return [((last + 1) // 2, value) for last, value in self._automaton.iter(halves) if last & 1]
