"""The arithmetic of the seven-class benchmark; the models themselves need extras that tests do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench import seven, seven_linear, seven_vectors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def held(y: list[int], groups: list[int]) -> seven.Held:
    return seven.Held(
        words=["甲"] * len(y),
        characters=["甲"] * len(y),
        classes=("a", "b"),
        y=np.array(y),
        groups=np.array(groups),
        folds=np.zeros(len(y), dtype=np.int64),
    )


def test_macro_f1_is_the_mean_of_the_classes() -> None:
    y, given = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    # Class a: precision 1, recall 2/3: 0.8; class b: precision 1/2, recall 1: 2/3.
    assert seven.macro_f1(y, given, np.ones(4), 2) == pytest.approx((0.8 + 2 / 3) / 2)


def test_a_text_counts_as_often_as_it_is_drawn() -> None:
    y, given = np.array([0, 0, 1]), np.array([0, 1, 1])
    assert seven.macro_f1(y, given, np.array([1, 0, 1]), 2) == pytest.approx(1.0)


def test_a_run_is_weighed_by_how_much_oftener_a_class_has_it() -> None:
    # Of two texts of the class and two others: a run of the class alone, one of all, one of the others alone.
    has = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1], [0, 1, 1]])
    mine, both, theirs = seven_linear.log_ratio(has, np.array([True, True, False, False]))
    assert mine == pytest.approx(np.log(3))
    assert both == pytest.approx(0)
    assert theirs == pytest.approx(-np.log(3))


def test_the_interval_is_wider_when_near_duplicates_are_drawn_together() -> None:
    y = [0] * 50 + [1] * 50
    scores = np.eye(2)[[*y[:40], *[1] * 10, *y[50:]]]
    apart = seven.figures(held(y, list(range(100))), scores)
    together = seven.figures(held(y, [at // 10 for at in range(100)]), scores)
    assert apart["macro_f1"] == together["macro_f1"]
    assert apart["low"] < apart["macro_f1"] < apart["high"]
    assert together["high"] - together["low"] > apart["high"] - apart["low"]
    assert apart["by_class"] == {"a": 0.8889, "b": 0.9091}


def test_vectors_are_made_once_for_the_same_texts(tmp_path: Path) -> None:
    asked: list[int] = []

    def make(texts: Sequence[str]) -> seven_vectors.Vectors:
        asked.append(len(texts))
        return np.ones((len(texts), 3), dtype=np.float32)

    for texts in (["甲", "乙"], ["甲", "乙"], ["甲"]):
        assert seven_vectors.kept(tmp_path, "base", texts, make).shape == (len(texts), 3)
    assert asked == [2, 1]
