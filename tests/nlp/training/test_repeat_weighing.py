"""Three opinions about a pair: each weighs what it is worth, and nothing is answered by what learned it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from nlp.repeat_profile import MEASURES
from nlp.repeats import weighed_columns
from nlp.training.boosting import Plan
from nlp.training.repeat_limits import FOLDS
from nlp.training.repeat_weighing import Opinions, cross_validated, joined, together, worth

PLAN: Final = Plan(trees=60, rate=0.1, measures=0.5, drawings=1)


def test_the_trees_alone_decide_below_the_limit() -> None:
    opinions = np.array([[-4.0, 9.0, 9.0], [0.0, 1.0, -0.5]])
    assert joined(np.array([0.01, 0.3]), opinions, [1.0, 2.0, 2.0, -1.0]).tolist() == [0.01, 0.5]


def test_opinions_are_weighed_by_what_they_are_worth() -> None:
    random = np.random.default_rng(2)
    same = random.random(4000) > 0.5
    good, noise = np.where(same, 1.0, -1.0) + random.normal(0, 1.5, 4000), random.normal(0, 1, 4000)
    of_noise, of_good, _ = worth(np.stack([noise, good], axis=1), same)
    assert of_good > 0.5
    assert abs(of_noise) < 0.1


def drawn(seed: int, count: int, *, likeness: float, net: float, form: float) -> Opinions:
    """Pairs whose likeness in words and whose net say so much of what they are; `form` is a measure."""
    random = np.random.default_rng(seed)
    same = random.random(count) > 0.5
    rows = random.normal(0, 1, (count, len(MEASURES)))
    sign = np.where(same, 1.0, -1.0)
    rows[:, 0] += likeness * sign
    rows[:, 1] = form
    logits = 2 * rows[:, 0] + rows[:, 2]
    words = net * sign + random.normal(0, 1, count)
    teaches = np.ones(count, dtype=np.bool_)
    return Opinions(rows, 1 / (1 + np.exp(-logits)), logits, words, same, np.arange(count) % FOLDS, teaches)


def test_the_weighing_trees_learn_where_words_mislead() -> None:
    """Found pairs: likeness is right, the net knows little. Ours: likeness misleads, the net knows."""
    found = drawn(3, 600, likeness=1.5, net=0.3, form=0)
    ours = drawn(4, 200, likeness=-1.5, net=1.5, form=1)
    judged = together(found, ours, plan=PLAN)
    assert ((judged.p >= 0.5) == found.same).mean() >= ((found.logits >= 0) == found.same).mean() - 0.02
    unseen = drawn(5, 400, likeness=-1.5, net=1.5, form=1)
    told = judged.trees.logits(weighed_columns(unseen.rows, unseen.words)) >= 0
    assert (told == unseen.same).mean() > 0.85


def test_no_pair_is_answered_by_trees_that_learned_it() -> None:
    """Where nothing can be known nothing is: trees that had seen the answers would know them."""
    found, ours = (drawn(seed, 400, likeness=0, net=0, form=0) for seed in (6, 7))
    judged = together(found, ours, plan=PLAN)
    assert ((judged.p >= 0.5) == found.same).mean() < 0.6


def test_what_does_not_teach_is_answered_and_changes_nothing() -> None:
    """Pairs that were drawn to measure: their answers, were they learned, would turn the others round."""
    found, ours = (drawn(seed, 400, likeness=1.5, net=1, form=0) for seed in (8, 9))
    asked = drawn(10, 200, likeness=1.5, net=1, form=0)
    wrong = replace(asked, same=~asked.same, teaches=~asked.teaches)
    alone, beside = (together(some, ours, plan=PLAN) for some in (found, found.beside(wrong)))
    assert beside.odds == alone.odds
    assert beside.p[:400].tolist() == alone.p.tolist()
    assert ((beside.p[400:] >= 0.5) == asked.same).mean() > 0.85


def test_trees_by_folds_learn_nothing_from_what_does_not_teach() -> None:
    found, asked = (drawn(seed, 400, likeness=1.5, net=1, form=0) for seed in (11, 12))
    rows, same = np.concatenate([found.rows, asked.rows]), np.concatenate([found.same, ~asked.same])
    more = (found.rows[:2], found.same[:2])
    told = cross_validated(
        rows, same, np.tile(found.folds, 2), PLAN, more=more, teaches=np.arange(800) < 400, seed=1
    )
    alone = cross_validated(
        found.rows, found.same, found.folds, PLAN, more=more, teaches=found.teaches, seed=1
    )
    assert told[:400].tolist() == alone.tolist()
    assert ((told[400:] >= 0) == asked.same).mean() > 0.85


def test_the_weighing_trees_do_not_see_the_days_which_ours_have_not() -> None:
    rows = np.ones((1, len(MEASURES)))
    columns = weighed_columns(rows, np.array([3.0]))
    assert columns.shape == (1, len(MEASURES) + 1)
    assert columns[0, -1] == 3.0
    assert [name for name, at in zip(MEASURES, columns[0], strict=False) if at == 0] == ["days", "undated"]
    assert rows.min() == 1
