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

#: A probability is never taken to be less: its power would be none.
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

    A temperature above 1 makes a blend less sure of itself, below 1 more; 1 leaves it.
    """

    environmental: tuple[float, float] = (0.5, 1.0)
    kind: tuple[float, float] = (0.5, 1.0)
    appeal_type: tuple[float, float] = (0.5, 1.0)
    urgency: tuple[float, float] = (0.5, 1.0)

    def __post_init__(self) -> None:
        """Refuse what is no share or temperature. Raises ValueError naming the head."""
        for head in ("environmental", "kind", "appeal_type", "urgency"):
            share, temperature = getattr(self, head)
            if not (0 <= share <= 1 and temperature > 0):
                raise ValueError(f"{head}: {share}, {temperature} are no share and temperature")


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
    """Join two beliefs: weighted means of the probabilities, then the temperature."""
    share, temperature = how.environmental
    p = (1 - share) * first.environmental + share * second.environmental
    return Beliefs(
        environmental=_tempered({"yes": p, "no": 1 - p}, temperature)["yes"],
        kinds=_joined(first.kinds, second.kinds, how.kind),
        appeal_types=_joined(first.appeal_types, second.appeal_types, how.appeal_type),
        urgencies=_joined(first.urgencies, second.urgencies, how.urgency),
    )


def _joined(
    first: Mapping[str, float], second: Mapping[str, float], how: tuple[float, float]
) -> Mapping[str, float]:
    share, temperature = how
    mine, power = 1 - share, 1 / temperature
    if len(first) == len(second) and first.keys() == second.keys():
        powers = {n: math.pow(max(mine * p + share * second[n], _LEAST), power) for n, p in first.items()}
    else:
        names = {**first, **second}
        powers = {
            n: math.pow(max(mine * first.get(n, 0.0) + share * second.get(n, 0.0), _LEAST), power)
            for n in names
        }
    return _adding_up(powers)


def _tempered(shares: Mapping[str, float], temperature: float) -> dict[str, float]:
    """Sharpened or flattened, adding up to 1 again."""
    return _adding_up({name: math.pow(max(p, _LEAST), 1 / temperature) for name, p in shares.items()})


def _adding_up(powers: Mapping[str, float]) -> dict[str, float]:
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}
