"""Gradient boosting of small complete trees, in numpy alone: some hundred rows, some dozen measures, seconds.

Every tree asks at each of its forks for the split that lowers the logistic loss most, over a drawn part of
the rows and of the measures. The same seed gives the same trees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from nlp.repeats import Trees

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CUTS: Final = 40
_NOTHING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Plan:
    """How trees are grown."""

    trees: int = 400
    depth: int = 3
    rate: float = 0.04
    rows: float = 0.6
    measures: float = 0.25
    least_rows: int = 10
    ridge: float = 1.0
    drawings: int = 2
    """Forests grown from different seeds and averaged."""


def grow(rows: NDArray[np.float64], same: NDArray[np.bool_], plan: Plan, *, seed: int) -> Trees:
    """Grow the forests on rows of measures and what each row is."""
    cuts = [_cuts(rows[:, column]) for column in range(rows.shape[1])]
    binned = np.stack([np.searchsorted(cut, rows[:, at]) for at, cut in enumerate(cuts)], axis=1)
    target = same.astype(np.float64)
    base = float(np.log((target.mean() + _NOTHING) / (1 - target.mean() + _NOTHING)))
    forks, leaves = 2**plan.depth - 1, 2**plan.depth
    total = plan.trees * plan.drawings
    measure = np.zeros((total, forks), dtype=np.int16)
    limit = np.full((total, forks), np.inf, dtype=np.float32)
    leaf = np.zeros((total, leaves), dtype=np.float32)
    for drawing in range(plan.drawings):
        random = np.random.default_rng([seed, drawing])
        sums = np.full(len(rows), base)
        for number in range(plan.trees):
            at = drawing * plan.trees + number
            p = 1 / (1 + np.exp(-sums))
            drawn = random.random(len(rows)) < plan.rows
            columns = np.sort(
                random.choice(rows.shape[1], max(1, round(rows.shape[1] * plan.measures)), replace=False)
            )
            slope, bend = target - p, p * (1 - p)
            node = np.zeros(len(rows), dtype=np.intp)
            for fork in range(forks):
                here = np.flatnonzero((node == fork) & drawn)
                found = _best(binned[here], columns, slope[here], bend[here], plan=plan)
                goes_right = np.zeros(len(rows), dtype=bool)
                if found is not None:
                    measure[at, fork] = found[0]
                    limit[at, fork] = np.float32(cuts[found[0]][found[1]])
                    goes_right = rows[:, found[0]] > limit[at, fork]
                inside = node == fork
                node[inside] = 2 * fork + 1 + goes_right[inside]
            for number_of_leaf in range(leaves):
                inside = (node == forks + number_of_leaf) & drawn
                value = slope[inside].sum() / (bend[inside].sum() + plan.ridge)
                leaf[at, number_of_leaf] = plan.rate * value
            sums += leaf[at][node - forks]
    return Trees(measure, limit, (leaf / plan.drawings).astype(np.float32), base)


def _cuts(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where a measure may be cut: between its different values, some forty of them at most."""
    different = np.unique(values)
    between = (different[:-1] + different[1:]) / 2
    if len(between) > _CUTS:
        between = np.unique(np.quantile(values, np.linspace(0, 1, _CUTS + 2)[1:-1]))
    return between.astype(np.float32).astype(np.float64)


def _best(
    binned: NDArray[np.intp],
    columns: NDArray[np.int64],
    slope: NDArray[np.float64],
    bend: NDArray[np.float64],
    *,
    plan: Plan,
) -> tuple[int, int] | None:
    """The measure and the cut that gain most; None when no cut leaves enough rows on both sides."""
    width = _CUTS + 2
    # All columns at once: each has its own stretch of numbers.
    bins = (binned[:, columns] + width * np.arange(len(columns))).ravel()
    shape = (len(columns), width)

    def summed(weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
        repeated = None if weights is None else np.repeat(weights, len(columns))
        counted = np.bincount(bins, repeated, minlength=len(columns) * width)
        return np.cumsum(counted.reshape(shape), axis=1, dtype=np.float64)[:, :-1]

    counts, slopes, bends = summed(None), summed(slope), summed(bend)
    enough = (counts >= plan.least_rows) & (len(slope) - counts >= plan.least_rows)
    gains = (
        _gain(slopes, bends, plan.ridge)
        + _gain(slope.sum() - slopes, bend.sum() - bends, plan.ridge)
        - _gain(slope.sum(), bend.sum(), plan.ridge)
    )
    gains = np.where(enough, gains, 0.0)
    column, at = divmod(int(gains.argmax()), width - 1)
    return (int(columns[column]), at) if gains[column, at] > _NOTHING else None


def _gain(slope: NDArray[np.float64], bend: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    gained: NDArray[np.float64] = slope**2 / (bend + ridge)
    return gained
