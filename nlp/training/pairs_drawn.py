"""Pairs as the search meets them: what the figures are where pairs were not chosen for being hard.

The labelled pairs (`pairs.jsonl`) were mostly chosen where a model was unsure, so they say how it does on
what is hard, not how often a clerk is wrongly asked. These were drawn: texts at random, and for each what
the index would give (docs/repeats.md). Nothing learns from them. Called by `bench.repeats`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from nlp.training.repeat_limits import figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DRAWN: Final = Path(__file__).with_name("pairs_drawn.jsonl")
_DRAWINGS: Final = 1_000
_SEED: Final = 0


class Drawn(NamedTuple):
    """Two texts by id, whether they are one matter, and for how many pairs that were met they stand."""

    a: str
    b: str
    same: bool
    weight: float
    group: int | None
    """The group of labelled pairs that one of them belongs to; None: no labelled pair has either."""
    log_odds: float
    """What a net says that learned from no pair of that group."""


def read_drawn(path: Path = DRAWN) -> list[Drawn]:
    """The pairs that could be told; those marked unsure (null) are left out."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Drawn(**row) for row in rows if row["same"] is not None]


def weighed_figures(called: NDArray[np.bool_], pairs: Sequence[Drawn]) -> dict[str, Any]:
    """The figures over all pairs that were met, F0.5 and precision with the middle 95 % of 1,000 drawings.

    Drawn again are the pairs of each weight, as they were drawn in the first place.
    """
    same = np.array([pair.same for pair in pairs])
    weights = np.array([pair.weight for pair in pairs])
    random = np.random.default_rng(_SEED)
    parts = [np.flatnonzero(weights == weight) for weight in np.unique(weights)]
    again = []
    for _ in range(_DRAWINGS):
        chosen = np.concatenate([random.choice(part, len(part)) for part in parts])
        told = figures(called[chosen], same[chosen], weights[chosen])
        again.append((told["f05"], told["precision"], told["recall"]))
    low, high = np.quantile(np.array(again), (0.025, 0.975), axis=0).round(4).tolist()
    return {
        **figures(called, same, weights),
        "f05_between": [low[0], high[0]],
        "precision_between": [low[1], high[1]],
        "recall_between": [low[2], high[2]],
    }
