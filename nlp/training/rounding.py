"""Weights in seven bits, rounded so that what a layer answers changes least (GPTQ).

Knows one layer's weights and how its inputs move together; called by `nlp.training.evening`. To round each
weight to the nearest step is not to round the layer: a row's errors add up. Here they are rounded one after
the other, and each one's error goes over to those that are not rounded yet, as far as the inputs that texts
bring move together (Frantar et al., 2022, arXiv 2210.17323). The graph's own rounding then finds every weight
on a step already. Needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Seven bits: the largest weight of a row stands on this step (`quantize_dynamic` with `reduce_range`).
STEPS: Final = 64
#: Added to each input's own strength, as a share of the mean: without it what is seldom given runs wild.
_DAMPING: Final = 0.01
_LEAST: Final = 1e-12


def rounded(weights: NDArray[np.floating], moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights (out, in), each on a step of its row: a multiple of the row's largest / STEPS.

    `moments` (in, in) are the sum over inputs of each input times each other.
    """
    step = np.maximum(np.abs(weights).max(1, keepdims=True), _LEAST) / STEPS
    strength = moments.diagonal()
    # What is given most is rounded first: the rest can still make up for it.
    order = np.argsort(-strength, kind="stable")
    damped = moments + np.eye(len(moments)) * (_DAMPING * strength.mean() + _LEAST)
    carry = np.linalg.cholesky(np.linalg.inv(damped[np.ix_(order, order)])).T
    left = (weights / step)[:, order]
    found = np.zeros_like(left)
    for at in range(left.shape[1]):
        found[:, at] = np.clip(np.round(left[:, at]), -STEPS, STEPS)
        error = (left[:, at] - found[:, at]) / carry[at, at]
        left[:, at:] -= error[:, None] * carry[at, at:]
    # The row's largest tells its step in the graph.
    rows, largest = np.arange(len(found)), np.abs(found).argmax(1)
    found[rows, largest] = np.where(found[rows, largest] < 0, -STEPS, STEPS)
    answer: NDArray[np.float64] = np.empty_like(found)
    answer[:, order] = found * step
    return answer
