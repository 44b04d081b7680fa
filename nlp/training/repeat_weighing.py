"""How three opinions about a pair become one probability: trees, net, and trees that weigh the two.

Trees over measures of words are right about found pairs, and wrong where another compound stands in the same
form; the net is not misled so, and knows less. *Weighing trees* see the measures and what the net says, and
have learned from found pairs and from groups that we wrote, so that they know when words mislead. A logistic
curve over both sorts of pairs joins the three. Pure; called by `nlp.training.repeats` alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from nlp.repeats import weighed_columns
from nlp.training.boosting import Plan, grow
from nlp.training.repeat_limits import FOLDS, logistic, probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlp.repeats import Trees

#: The net is asked about pairs that the trees hold for at least so likely; below it they alone decide.
ASKED_FROM: Final = 0.05
#: What the net says is so many of the columns that trees draw from: as one of seventy it is seldom drawn.
_TIMES: Final = 4
#: Of the pairs that we wrote this share is learned by the weighing trees, and counts when the three are
#: joined: with more of them, whose words mislead, words are trusted too little where they are right.
OF_WRITTEN: Final = 0.3
_SEED: Final = 20261127


@dataclass(frozen=True, slots=True)
class Opinions:
    """What is known of pairs, one a row."""

    rows: NDArray[np.float64]
    """Measures, in the order of MEASURES."""
    p: NDArray[np.float64]
    """By trees that never saw the pair."""
    logits: NDArray[np.float64]
    """Their log-odds, not calibrated."""
    words: NDArray[np.float64]
    """Log-odds of a net that never saw it."""
    same: NDArray[np.bool_]
    folds: NDArray[np.intp]
    """No matter, and no group that we wrote, is divided."""
    teaches: NDArray[np.bool_]
    """Whether anything learns from the pair; one that does not is only answered."""

    def of(self, chosen: NDArray[np.bool_]) -> Opinions:
        """These pairs alone."""
        return Opinions(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    def beside(self, more: Opinions) -> Opinions:
        """These pairs, and others behind them."""
        return Opinions(
            **{
                field.name: np.concatenate([getattr(self, field.name), getattr(more, field.name)])
                for field in fields(self)
            }
        )


@dataclass(frozen=True, slots=True)
class Weighed:
    """How the three are joined, and the probabilities that come of it for the labelled pairs."""

    odds: list[float]
    """What the trees, the net and the weighing trees weigh, and the shift."""
    trees: Trees
    """The weighing trees, grown on all pairs: their last measure is what the net says."""
    p: NDArray[np.float64]


def cross_validated(
    rows: NDArray[np.float64],
    same: NDArray[np.bool_],
    folds: NDArray[np.intp],
    plan: Plan,
    *,
    more: tuple[NDArray[np.float64], NDArray[np.bool_]],
    teaches: NDArray[np.bool_],
    seed: int,
) -> NDArray[np.float64]:
    """The log-odds of each pair from trees that did not see its group; `more` are made and always learned.

    A pair that does not teach is answered alone.
    """
    logits = np.zeros(len(rows))
    for fold in range(FOLDS):
        held = folds == fold
        shown = ~held & teaches
        learned = np.concatenate([rows[shown], more[0]])
        trees = grow(learned, np.concatenate([same[shown], more[1]]), plan, seed=seed)
        logits[held] = trees.logits(rows[held])
    return logits


def together(found: Opinions, written: Opinions, *, plan: Plan | None = None) -> Weighed:
    """Grow the weighing trees on labelled pairs and on some that we wrote, and join the three by both.

    No pair is answered by weighing trees that saw its fold. What they learn from are answers of nets of other
    folds, which did see the fold's labels, and the curve's four numbers are fitted to all pairs.
    """
    plan = plan or Plan()
    both = found.beside(written)
    weighing = np.zeros(len(both.p))
    for fold in range(FOLDS):
        held = both.folds == fold
        asked = both.of(held)
        learned = both.of(~held & both.teaches)
        weighing[held] = grown(learned, plan).logits(weighed_columns(asked.rows, asked.words))
    opinions = np.stack([both.logits, both.words, weighing], axis=1)
    asked_about = (both.p >= ASKED_FROM) & both.teaches
    odds = worth(opinions[asked_about], both.same[asked_about])
    labelled = slice(len(found.p))
    return Weighed(odds, grown(both.of(both.teaches), plan), joined(found.p, opinions[labelled], odds))


def grown(pairs: Opinions, plan: Plan) -> Trees:
    """Weighing trees that have learned these pairs."""
    last = pairs.rows.shape[1]
    columns = weighed_columns(pairs.rows, pairs.words)
    trees = grow(columns[:, [*range(last), *[last] * _TIMES]], pairs.same, plan, seed=_SEED)
    return replace(trees, measure=np.minimum(trees.measure, last).astype(np.int16))


def worth(opinions: NDArray[np.float64], same: NDArray[np.bool_]) -> list[float]:
    """What each opinion (a column of log-odds) weighs beside the others, and last the shift."""
    return logistic(np.column_stack([opinions, np.ones(len(opinions))]), same)


def joined(p: NDArray[np.float64], opinions: NDArray[np.float64], odds: list[float]) -> NDArray[np.float64]:
    """The probabilities of the three together; the trees' own `p` where the net is not asked."""
    return np.where(p >= ASKED_FROM, probabilities(opinions @ np.array(odds[:-1]) + odds[-1]), p)
