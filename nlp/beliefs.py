"""What is believed of a text's matter before anything is decided: a probability for every possible answer.

Two models give beliefs (the lexicon, the encoder); `blend` joins them. Called by `nlp.topics` and
`nlp.cascade`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The heads that two models' beliefs are joined in.
BLENDED: Final = ("environmental", "kind", "appeal_type", "urgency")
#: What a model takes to be impossible is taken to be this likely.
_LEAST: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Beliefs:
    """Probabilities in [0, 1], each mapping adding up to 1; `kinds` hold if the text is environmental."""

    environmental: float
    kinds: Mapping[str, float]
    appeal_types: Mapping[str, float]
    urgencies: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Blend:
    """How two beliefs are joined, per head: the second one's share in [0, 1], and the temperature after it.

    A temperature above 1 makes a blend less sure of itself, below 1 more; 1 leaves it. Heads named in
    `products` are joined as products of powers (their logarithms are averaged), the others as weighted means:
    in a product, a class that one model rules out stays ruled out, however sure the other is.
    """

    environmental: tuple[float, float] = (0.5, 1.0)
    kind: tuple[float, float] = (0.5, 1.0)
    appeal_type: tuple[float, float] = (0.5, 1.0)
    urgency: tuple[float, float] = (0.5, 1.0)
    products: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no share, temperature or head. Raises ValueError naming the head."""
        for head in BLENDED:
            share, temperature = getattr(self, head)
            if not (0 <= share <= 1 and temperature > 0):
                raise ValueError(f"{head}: {share}, {temperature} are no share and temperature")
        for head in self.products:
            if head not in BLENDED:
                raise ValueError(f"products: {head} is no head")


@dataclass(frozen=True, slots=True)
class Sure:
    """When a first belief needs no second opinion; measured on texts that were not learned from.

    At or below `not_environmental` the no is final; from both `environmental` and `kind` on the yes is. A
    value above 1 is never reached: then every yes is asked about.
    """

    environmental: float
    not_environmental: float
    kind: float

    def leaves_open(self, beliefs: Beliefs) -> bool:
        """Whether a second opinion is wanted."""
        if beliefs.environmental <= self.not_environmental:
            return False
        likeliest = max(beliefs.kinds.values(), default=0.0)
        return beliefs.environmental < self.environmental or likeliest < self.kind


def blend(first: Beliefs, second: Beliefs, how: Blend) -> Beliefs:
    """Join two beliefs head by head, as `how` says."""
    return Beliefs(
        environmental=_join(
            {"yes": first.environmental, "no": 1 - first.environmental},
            {"yes": second.environmental, "no": 1 - second.environmental},
            "environmental",
            how,
        )["yes"],
        kinds=_join(first.kinds, second.kinds, "kind", how),
        appeal_types=_join(first.appeal_types, second.appeal_types, "appeal_type", how),
        urgencies=_join(first.urgencies, second.urgencies, "urgency", how),
    )


def _join(
    first: Mapping[str, float], second: Mapping[str, float], head: str, how: Blend
) -> Mapping[str, float]:
    share, temperature = getattr(how, head)
    if head in how.products:
        names = {**first, **second}
        of_first, of_second = (1 - share) / temperature, share / temperature
        return _adding_up(
            {
                n: max(first.get(n, 0.0), _LEAST) ** of_first * max(second.get(n, 0.0), _LEAST) ** of_second
                for n in names
            }
        )
    mine, power = 1 - share, 1 / temperature
    if len(first) == len(second) and first.keys() == second.keys():
        return _adding_up(
            {n: math.pow(max(mine * p + share * second[n], _LEAST), power) for n, p in first.items()}
        )
    names = {**first, **second}
    return _adding_up(
        {
            n: math.pow(max(mine * first.get(n, 0.0) + share * second.get(n, 0.0), _LEAST), power)
            for n in names
        }
    )


def _adding_up(powers: Mapping[str, float]) -> dict[str, float]:
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}
