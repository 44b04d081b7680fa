"""How sure is sure enough: a curve over log-odds, the figures of what is called one matter, two thresholds.

Pure: numbers about labelled pairs in, numbers out. Called by `nlp.training.repeats`, the weighing beside it
and the benchmarks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

FOLDS: Final = 8
#: Acting alone: where at most this share of the pairs that are two matters (all of them hard ones: see the
#: labelling) would be merged. Calling it the same matter: of the probabilities whose F0.5 is within so much
#: of the best the highest, for a wrong proposal costs more than one that is not made.
FALSE_MERGES: Final = 0.01
NEARLY_BEST: Final = 0.02


def calibration(logits: NDArray[np.float64], same: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and shift of a logistic curve over log-odds."""
    slope, shift = logistic(np.stack([logits, np.ones_like(logits)], axis=1), same)
    return slope, shift


def logistic(design: NDArray[np.float64], same: NDArray[np.bool_]) -> list[float]:
    """Weights of a logistic curve over the columns of `design` (Newton steps)."""
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ weights))
        bend = design.T @ (design * (p * (1 - p))[:, None])
        weights = weights + np.linalg.solve(bend, design.T @ (same - p))
    return [float(weight) for weight in weights]


def probabilities(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of log-odds."""
    found: NDArray[np.float64] = 1 / (1 + np.exp(-odds))
    return found


def figures(
    called: NDArray[np.bool_], same: NDArray[np.bool_], weights: NDArray[np.float64] | None = None
) -> dict[str, float]:
    """Precision, recall, F0.5, and the share of pairs of two matters that are called one.

    Each pair counts as often as its weight says, once without weights.
    """
    each = np.ones(len(same)) if weights is None else weights
    right, wrong = float(each[called & same].sum()), float(each[called & ~same].sum())
    precision = _share(right, right + wrong)
    recall = _share(right, float(each[same].sum()))
    denominator = 0.25 * precision + recall
    return {
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f05": round(1.25 * precision * recall / denominator, 4) if denominator else 0.0,
        "false_merge_rate": round(_share(wrong, float(each[~same].sum())), 4),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def same_from(p: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """The highest probability, in hundredths, whose F0.5 is nearly the best."""
    tried = [step / 100 for step in range(50, 100)]
    scores = [figures(p >= step, same)["f05"] for step in tried]
    return max(step for step, score in zip(tried, scores, strict=True) if score >= max(scores) - NEARLY_BEST)


def called(
    choose: Callable[[NDArray[np.float64], NDArray[np.bool_]], float],
    p: NDArray[np.float64],
    same: NDArray[np.bool_],
    folds: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """Which pairs are called one matter when each fold's threshold is chosen on the others."""
    found = np.zeros(len(p), dtype=np.bool_)
    for fold in range(FOLDS):
        held = folds == fold
        found[held] = p[held] >= choose(p[~held], same[~held])
    return found


def certain_from(p: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """The probability above which false merges are rare enough, to the next thousandth."""
    allowed = int(FALSE_MERGES * int((~same).sum()))
    wrong = np.sort(p[~same])[::-1]
    return float(min(0.99, np.ceil(wrong[allowed] * 1000 + 1e-6) / 1000))


def curve(p: NDArray[np.float64], same: NDArray[np.bool_]) -> list[dict[str, float]]:
    """What is called one matter from each hundredth on: what a site's own threshold would give."""
    tried = [step / 100 for step in range(50, 100)]
    return [{"from": step, **figures(p >= step, same)} for step in tried]


def limits(p: NDArray[np.float64], same: NDArray[np.bool_], folds: NDArray[np.intp]) -> dict[str, Any]:
    """Both thresholds, and what they give when each fold's are chosen on the others."""
    return {
        "same_from": same_from(p, same),
        "certain_from": certain_from(p, same),
        "cross_validated": {
            "same": figures(called(same_from, p, same, folds), same),
            "certain": figures(called(certain_from, p, same, folds), same),
        },
        "curve": curve(p, same),
    }
