"""Two whole texts told in one breath: what either tells counts, wherever it stands.

Labelled texts say what they are about at the beginning, mostly, so a network learns to look there; a letter
that first tells of the parking and then of the smell is read as one about parking. Rows of labelled texts
make such letters without end. Pure; called by `nlp.training.make`.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from nlp.training.examples import Example

if TYPE_CHECKING:
    from collections.abc import Sequence

#: So many are made for each example, about.
SHARE: Final = 0.15
#: Of these so many have a matter of pollution in them, and of those so many have it behind the other text.
POLLUTION: Final = 0.55
BEHIND: Final = 0.75
#: What one weighs beside a text that somebody wrote.
WEIGHT: Final = 0.7
#: Characters of what is put before or behind, of what tells of a pollution, and of both: no matter may stand
#: behind what a network of 512 tokens reads (some 800 characters, fewer where there are many digits).
_LEAST, _MOST, _MOST_TOLD, _MOST_BOTH = 40, 480, 400, 700
_SURE_NOT, _SURE = 0.1, 0.9


def in_a_row(examples: Sequence[Example], *, seed: int) -> list[Example]:
    """Examples of two texts each; none where there are none of the one sort or the other.

    Taught are environmental or not, and the kind. Type, urgency and spans would be those of neither text.
    Two that would be too long together are passed over, so there may be fewer.
    """
    rng = random.Random(seed)  # noqa: S311  (a choice of texts, no secret)
    others = [
        item
        for item in examples
        if item.environmental is not None
        and item.environmental <= _SURE_NOT
        and _LEAST <= len(item.source) <= _MOST
    ]
    told = [
        item
        for item in examples
        if item.environmental is not None
        and item.environmental >= _SURE
        and item.kinds
        and len(item.source) <= _MOST_TOLD
    ]
    if not others or not told:
        return []
    found: list[Example] = []
    for _ in range(int(SHARE * len(examples))):
        pollution = rng.random() < POLLUTION
        one, other = rng.choice(others), rng.choice(told if pollution else others)
        if one is other or len(one.source) + len(other.source) > _MOST_BOTH:
            continue
        first, second = (other, one) if pollution and rng.random() >= BEHIND else (one, other)
        found.append(
            Example(
                source=f"{first.source.rstrip('。')}。{second.source}",
                environmental=other.environmental if pollution else 0.0,
                kinds=other.kinds if pollution else {},
                weight=WEIGHT * min(one.weight, other.weight),
            )
        )
    return found
