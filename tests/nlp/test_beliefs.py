"""Beliefs of two models become one, and say when one was enough."""

from __future__ import annotations

import pytest

from nlp.beliefs import Beliefs, Blend, Sure, blend

LEXICON = Beliefs(0.9, {"NOI-01": 0.8, "AIR-01": 0.2}, {"投诉": 1.0}, {"U3": 1.0})
ENCODER = Beliefs(0.5, {"NOI-01": 0.4, "AIR-01": 0.5, "SOL-01": 0.1}, {"投诉": 0.6, "举报": 0.4}, {"U3": 1.0})


def test_a_blend_is_the_weighted_mean() -> None:
    both = blend(LEXICON, ENCODER, Blend(environmental=(0.25, 1.0), kind=(0.5, 1.0)))
    assert both.environmental == pytest.approx(0.8)
    assert both.kinds == pytest.approx({"NOI-01": 0.6, "AIR-01": 0.35, "SOL-01": 0.05})


def test_a_temperature_below_one_makes_it_surer_and_above_one_less() -> None:
    surer = blend(LEXICON, ENCODER, Blend(kind=(0.5, 0.5))).kinds
    plain = blend(LEXICON, ENCODER, Blend(kind=(0.5, 1.0))).kinds
    calmer = blend(LEXICON, ENCODER, Blend(kind=(0.5, 2.0))).kinds
    assert surer["NOI-01"] > plain["NOI-01"] > calmer["NOI-01"]
    assert sum(surer.values()) == pytest.approx(sum(calmer.values())) == pytest.approx(1.0)


def test_in_a_product_a_class_that_one_rules_out_stays_ruled_out() -> None:
    how = Blend(kind=(0.5, 1.0), products=("kind",))
    both = blend(LEXICON, ENCODER, how)
    assert both.kinds["NOI-01"] == pytest.approx(
        (0.8 * 0.4) ** 0.5 / ((0.8 * 0.4) ** 0.5 + (0.2 * 0.5) ** 0.5), abs=1e-4
    )
    assert both.kinds["SOL-01"] < 0.001
    assert both.environmental == pytest.approx(0.7)


def test_a_yes_joined_as_a_product_is_the_mean_of_the_odds() -> None:
    both = blend(LEXICON, ENCODER, Blend(environmental=(0.5, 1.0), products=("environmental",)))
    assert both.environmental == pytest.approx(0.75)


def test_a_product_over_an_unknown_head_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="colour"):
        Blend(products=("colour",))


@pytest.mark.parametrize("pair", [(-0.1, 1.0), (1.1, 1.0), (0.5, 0.0)])
def test_a_share_or_temperature_out_of_range_is_refused_by_name(pair: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="kind"):
        Blend(kind=pair)


@pytest.mark.parametrize(
    ("p", "kind", "opened"),
    [(0.02, 0.9, False), (0.021, 0.9, True), (0.96, 0.9, False), (0.94, 0.9, True), (0.96, 0.79, True)],
)
def test_the_second_opinion_is_asked_only_where_the_first_is_unsure(
    p: float, kind: float, *, opened: bool
) -> None:
    beliefs = Beliefs(p, {"NOI-01": kind, "AIR-01": 1 - kind}, {"投诉": 1.0}, {"U3": 1.0})
    assert Sure(environmental=0.95, not_environmental=0.02, kind=0.8).leaves_open(beliefs) is opened
