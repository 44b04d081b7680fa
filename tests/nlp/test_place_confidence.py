"""The weights of the confidence: strict to load, and abstaining follows them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import yaml

from nlp.gazetteer import LEXICON, GazetteerError
from nlp.place_confidence import FEATURES, FILE, Confidence, probability

if TYPE_CHECKING:
    from pathlib import Path


def test_the_shipped_weights_are_those_of_the_model() -> None:
    confidence = Confidence.load(LEXICON)
    assert len(confidence.weights) == len(FEATURES)
    assert 0.5 <= confidence.abstain < 1
    assert confidence.weights[FEATURES.index("score")] > 0
    assert confidence.weights[FEATURES.index("namesakes")] < 0
    assert confidence.weights[FEATURES.index("misspelt")] < 0


@pytest.mark.parametrize(
    "table",
    [
        {"weights": dict.fromkeys(FEATURES, 0.0)},
        {"weights": {"bias": 1.0}, "abstain": 0.5},
        {"weights": dict.fromkeys(FEATURES, 0.0), "abstain": 2},
        {"weights": dict.fromkeys(FEATURES, math.inf), "abstain": 0.5},
        [],
    ],
)
def test_other_weights_are_refused_by_file(tmp_path: Path, table: object) -> None:
    (tmp_path / FILE).write_text(yaml.safe_dump(table), encoding="utf-8")
    with pytest.raises(GazetteerError, match=FILE):
        Confidence.load(tmp_path)


def test_a_probability_is_never_sure() -> None:
    assert probability(0) == 0.5
    assert 0 < probability(-1e9) < probability(1e9) < 1
