"""Drawn pairs: each counts for as many as it was drawn from, and what is unsure is told both ways."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nlp import WEIGHTS
from nlp.folder import WeightsError
from nlp.pair_net import GRAPH
from nlp.training import pairs_drawn
from nlp.training.pairs_drawn import Drawn, read_drawn, weighed_figures, write_drawn
from nlp.training.repeats import digest, folds_beside, folds_of, read_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PAIR = Drawn("x|1", "x|2", same=True, unsure=False, weight=2.5, group=7, log_odds=0.25)


def of(weight: float, answers: Sequence[bool | None], group: int | None = None) -> list[Drawn]:
    """Pairs of one layer."""
    return [Drawn("a", "b", bool(same), same is None, weight, group, 0.0) for same in answers]


def test_a_pair_counts_for_as_many_as_it_was_drawn_from() -> None:
    pairs = [*of(1, [True, True]), *of(10, [True, False])]
    told = weighed_figures(np.array([True, True, False, True]), pairs)
    assert (told["precision"], told["recall"], told["false_merge_rate"]) == (
        pytest.approx(2 / 12, abs=1e-4), pytest.approx(2 / 12, abs=1e-4), 1.0
    )  # fmt: skip


def test_what_is_unsure_is_left_out_and_told_both_ways() -> None:
    told = weighed_figures(np.array([True, True, False]), of(1, [True, None, False]))
    assert told["precision"] == 1.0
    assert told["unsure_as_two"]["precision"] == 0.5
    assert told["unsure_as_one"]["precision"] == 1.0


@pytest.mark.parametrize("group", [None, 3])
def test_the_interval_is_wider_where_few_were_drawn_or_all_are_of_one_matter(group: int | None) -> None:
    width = []
    for each in (20, 200):
        pairs = of(1, [True] * each + [False] * each)
        pairs += of(2, [True] * each, group)
        low, high = weighed_figures(np.arange(3 * each) % 4 > 0, pairs)["recall_between"]
        width.append(high - low)
    assert width[0] > width[1] > 0


def test_pairs_of_one_matter_tell_less_than_pairs_of_many() -> None:
    """Twenty found and twenty missed: of forty matters, or all that were missed of a single one."""
    called = np.arange(60) < 20
    width = []
    for group in (None, 5):
        pairs = [*of(1, [True] * 20), *of(1, [True] * 20, group), *of(1, [False] * 20)]
        low, high = weighed_figures(called, pairs)["recall_between"]
        width.append(high - low)
    assert width[1] > 1.3 * width[0]


def test_where_none_was_found_some_may_be() -> None:
    """None of 50 that stand for 5,000: recall is not certain for that."""
    pairs = [*of(1, [True] * 50), *of(100, [False] * 50)]
    told = weighed_figures(np.arange(100) < 50, pairs)
    assert told["recall"] == 1.0
    assert told["recall_between"][0] < 0.7


def test_what_is_written_is_read_and_of_another_net_refused(tmp_path: Path) -> None:
    path = tmp_path / "drawn.jsonl"
    unsure = PAIR._replace(same=False, unsure=True, group=None)
    write_drawn([PAIR, unsure], "abc", path)
    assert read_drawn("abc", path) == read_drawn(None, path) == [PAIR, unsure]
    with pytest.raises(WeightsError, match=r"drawn\.jsonl"):
        read_drawn("abd", path)


def test_a_drawn_pair_is_asked_of_the_fold_that_left_its_matter_out() -> None:
    pairs = read_pairs()
    folds = folds_of(pairs)
    drawn = [PAIR._replace(group=pair.group) for pair in pairs[:200]]
    assert folds_beside(pairs, drawn).tolist() == folds[:200].tolist()
    assert folds_beside(pairs, [PAIR._replace(group=None)]).tolist() == [0]
    with pytest.raises(KeyError):
        folds_beside(pairs, [PAIR._replace(group=10**9)])


def test_the_shipped_ones_hold_ids_and_no_text_and_are_of_the_shipped_net() -> None:
    found = read_drawn(digest(WEIGHTS / GRAPH))
    with pairs_drawn.DRAWN.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines][1:]
    assert len(rows) == len(found) == 1_480
    assert {tuple(row) for row in rows} == {("a", "b", "same", "weight", "group", "log_odds")}
    assert {name.count("|") for pair in found for name in (pair.a, pair.b)} == {1}
    assert sum(pair.weight for pair in found) == pytest.approx(17_062, rel=1e-3)
    assert len(folds_beside(read_pairs(), found)) == len(found)
