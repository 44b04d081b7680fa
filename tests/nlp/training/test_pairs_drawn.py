"""Drawn pairs: each counts for as many as it was drawn from, and what is unsure for none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nlp.training import pairs_drawn
from nlp.training.pairs_drawn import Drawn, read_drawn, weighed_figures
from nlp.training.repeats import read_pairs

if TYPE_CHECKING:
    from pathlib import Path


def of(weight: float, answers: list[bool]) -> list[Drawn]:
    """Pairs of one weight."""
    return [Drawn("a", "b", same, weight, None, 0.0) for same in answers]


def test_a_pair_counts_for_as_many_as_it_was_drawn_from() -> None:
    pairs = [*of(1, [True, True]), *of(10, [True, False])]
    told = weighed_figures(np.array([True, True, False, True]), pairs)
    assert (told["precision"], told["recall"], told["false_merge_rate"]) == (
        pytest.approx(2 / 12, abs=1e-4), pytest.approx(2 / 12, abs=1e-4), 1.0
    )  # fmt: skip


def test_the_interval_is_wider_where_few_were_drawn() -> None:
    width = []
    for each in (20, 200):
        pairs = of(1, [True] * each + [False] * each)
        low, high = weighed_figures(np.arange(2 * each) % 4 > 0, pairs)["precision_between"]
        width.append(high - low)
    assert width[0] > 2 * width[1] > 0


def test_what_is_unsure_is_left_out(tmp_path: Path) -> None:
    row = {"a": "x|1", "b": "x|2", "same": True, "weight": 2.5, "group": 7, "log_odds": 0.25}
    path = tmp_path / "drawn.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in (row, {**row, "same": None})), encoding="utf-8")
    assert read_drawn(path) == [Drawn("x|1", "x|2", same=True, weight=2.5, group=7, log_odds=0.25)]


def test_the_shipped_ones_hold_ids_and_no_text() -> None:
    with pairs_drawn.DRAWN.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    assert len(rows) == 960
    assert {tuple(row) for row in rows} == {("a", "b", "same", "weight", "group", "log_odds")}
    assert {name.count("|") for row in rows for name in (row["a"], row["b"])} == {1}
    assert {row["group"] for row in rows} - {None} <= {pair.group for pair in read_pairs()}
    assert sum(row["weight"] for row in rows) == pytest.approx(17_062, rel=1e-3)
