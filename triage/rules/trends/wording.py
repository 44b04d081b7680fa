"""新词: which words are said more than before, by weighted log-odds with a prior, not by raw counts. Pure.

After Monroe, Colaresi and Quinn (2008): the log-odds of a word now against before, drawn towards what the
word is usually, over its standard error. A frequent word must move much more in count than a rare one, and
a rare one must be said often enough to be told from chance.
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
#: How many demands the prior weighs.
_PRIOR: Final = 500.0
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
        if count < LEAST_DEMANDS:
            continue
        old = before.get(word, 0)
        usual = _PRIOR * (count + old) / whole
        rest = _PRIOR - usual
        one = (count + usual) / (demands_now - count + rest)
        other = (old + usual) / (demands_before - old + rest)
        score = math.log(one / other) / math.sqrt(1 / (count + usual) + 1 / (old + usual))
        if score >= LEAST_SCORE:
            found.append(NewWord(word, count, old, score))
    return sorted(found, key=lambda w: (-w.score, w.word))[:most]
