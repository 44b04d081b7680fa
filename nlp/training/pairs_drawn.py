"""Pairs as the search meets them: what the figures are where pairs were not chosen for being hard.

The labelled pairs (`pairs.jsonl`) were mostly chosen where a model was unsure, so they say how it does on
what is hard, not how often a clerk is wrongly asked. These were drawn: texts at random, and for each what
the index would give (docs/repeats.md). As drawn pairs they teach nothing; those that are labelled pairs too
are answered by what left them out. Called by `bench.repeats` and, for what nets say, `nlp.training.pair_net`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from nlp.folder import WeightsError
from nlp.training.repeat_limits import figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DRAWN: Final = Path(__file__).with_name("pairs_drawn.jsonl")
_DRAWINGS: Final = 1_000
_SEED: Final = 0
#: What is believed of a layer before a pair of it was read: half a pair of either sort (Jeffreys). Where none
#: of a hundred is one matter, a few of the ten thousand that they stand for may be.
_BEFORE: Final = 0.5


class Drawn(NamedTuple):
    """Two texts by id, whether they are one matter, and for how many pairs that were met they stand."""

    a: str
    b: str
    same: bool
    unsure: bool
    """Not to be told from the texts: `same` is no answer then."""
    weight: float
    """Pairs of one layer (a band of what the model then said) have the same."""
    group: int | None
    """The labelled pairs whose matter it may be, by text or a text nearly the same; None: none."""
    log_odds: float
    """What a net says that learned from no pair of that group."""


def read_drawn(net: str | None, path: Path = DRAWN) -> list[Drawn]:
    """The pairs. Raises WeightsError where the net's answers are another net's than `net` (its checksum).

    None: whichever net they are of.
    """
    with path.open(encoding="utf-8") as lines:
        head, *rows = (json.loads(line) for line in lines)
    if net is not None and head["net"] != net:
        raise WeightsError(f"{path.name}: answered by another net: run nlp.training.pair_net first")
    return [Drawn(**{**row, "same": bool(row["same"]), "unsure": row["same"] is None}) for row in rows]


def write_drawn(pairs: Sequence[Drawn], net: str, path: Path = DRAWN) -> None:
    """Keep the pairs with the checksum of the net that is shipped beside those that answered them."""
    rows = [
        {
            "a": pair.a, "b": pair.b, "same": None if pair.unsure else pair.same, "weight": pair.weight,
            "group": pair.group, "log_odds": round(pair.log_odds, 3),
        }
        for pair in pairs
    ]  # fmt: skip
    lines = [json.dumps(row, ensure_ascii=False) for row in ({"net": net}, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def weighed_figures(called: NDArray[np.bool_], pairs: Sequence[Drawn]) -> dict[str, Any]:
    """The figures over all pairs that were met: without the unsure ones, and with them as either.

    `…_between`: the middle 95 % of 1,000 drawings of whole matters, each layer with what was believed of it
    before (`_BEFORE`).
    """
    same, unsure, weights = (
        np.array([getattr(pair, name) for pair in pairs]) for name in ("same", "unsure", "weight")
    )
    sure = ~unsure
    again = np.quantile(_drawings(called[sure], [p for p in pairs if not p.unsure]), (0.025, 0.975), axis=0)
    told: dict[str, Any] = dict(figures(called[sure], same[sure], weights[sure]))
    for at, name in enumerate(("precision", "recall", "f05")):
        told[f"{name}_between"] = again[:, at].round(4).tolist()
    for name, answer in (("unsure_as_two", same & sure), ("unsure_as_one", same | unsure)):
        held = figures(called, answer, weights)
        told[name] = {key: held[key] for key in ("precision", "recall", "f05", "false_merge_rate")}
    return told


def _drawings(called: NDArray[np.bool_], pairs: Sequence[Drawn]) -> NDArray[np.float64]:
    """Precision, recall and F0.5 of each drawing (n, 3)."""
    random = np.random.default_rng(_SEED)
    same = np.array([pair.same for pair in pairs])
    weights = np.array([pair.weight for pair in pairs])
    matters = [at if pair.group is None else -1 - pair.group for at, pair in enumerate(pairs)]
    _, matter = np.unique(matters, return_inverse=True)
    layers, layer = np.unique(weights, return_inverse=True)
    stands_for = np.bincount(layer, weights=weights)
    # Believed before: of each layer half a pair of one matter and half one of two, called as most are.
    mostly = np.array([2 * called[layer == at].sum() >= (layer == at).sum() for at in range(len(layers))])
    all_called = np.concatenate([called, mostly, mostly])
    all_same = np.concatenate([same, np.ones(len(layers), np.bool_), np.zeros(len(layers), np.bool_)])
    all_layers = np.concatenate([layer, np.arange(len(layers)), np.arange(len(layers))])
    found = np.zeros((_DRAWINGS, 3))
    for row in found:
        often = random.exponential(size=int(matter.max()) + 1)[matter]
        often = np.concatenate([often, random.gamma(_BEFORE, size=2 * len(layers))])
        each = often * (stands_for / np.bincount(all_layers, weights=often))[all_layers]
        told = figures(all_called, all_same, each)
        row[:] = told["precision"], told["recall"], told["f05"]
    return found
