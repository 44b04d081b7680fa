"""新词: which words are said more than before, by the likelihood ratio (Dunning 1993). Pure.

G² of a word in so many of the demands now and in so many of those before, against one share in both; its
root is a number of standard errors. It holds for words that were never said before, where a Wald score (the
log-odds over its standard error) has next to nothing to divide by: a word in 1,000 of two million demands
and in none before would not reach four by that.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Only plain Chinese words of two to eight characters: no numbers, marks of masking or letters.
WORD: Final = re.compile(r"[一-鿿]{2,8}")
#: Standard errors a word must be away: with thousands of words looked at, chance alone reaches four.
LEAST_SCORE: Final = 4.0
#: Demands a word must stand in (k ≥ 5).
LEAST_DEMANDS: Final = 5


@dataclass(frozen=True, slots=True)
class NewWord:
    """A word, in how many demands it stands now and stood before, and how far that is from chance."""

    word: str
    now: int
    before: int
    score: float


def new_words(
    now: Mapping[str, int],
    demands_now: int,
    before: Mapping[str, int],
    demands_before: int,
    *,
    most: int = 40,
) -> list[NewWord]:
    """The words said more in `now` than in `before`, surest first. Counted are demands with the word."""
    whole = demands_now + demands_before
    if not demands_now or not demands_before:
        return []
    found = []
    for word, count in now.items():
        old = before.get(word, 0)
        if count < LEAST_DEMANDS or count * demands_before <= old * demands_now:
            continue
        score = _root(count, demands_now, old, demands_before, (count + old) / whole)
        if score >= LEAST_SCORE:
            found.append(NewWord(word, count, old, score))
    return sorted(found, key=lambda w: (-w.score, w.word))[:most]


def _root(count: int, demands: int, old: int, demands_before: int, share: float) -> float:
    """√G²: of four cells, seen against expected at one share."""
    cells = (
        (count, demands * share), (demands - count, demands * (1 - share)),
        (old, demands_before * share), (demands_before - old, demands_before * (1 - share)),
    )  # fmt: skip
    return math.sqrt(max(2 * sum(seen * math.log(seen / due) for seen, due in cells if seen), 0.0))
