"""Two texts in a row: the matter counts wherever it stands, and nothing else is taught."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nlp.training.examples import Example
from nlp.training.in_a_row import in_a_row

PARKING = [
    Example(
        source=f"小区第{n}排车位被人长期占着，物业说管不了，我们几十户天天为停车吵架，请帮忙协调。",
        environmental=0.0,
    )
    for n in range(20)
]
SMELL = [
    Example(
        source=f"第{n}号楼下的烧烤店油烟直冲我家窗户。", environmental=1.0, kinds={"AIR-06": 1.0},
        urgencies={"U3": 1.0},
    )
    for n in range(20)
]  # fmt: skip


def test_what_is_told_counts_before_and_behind() -> None:
    made = in_a_row(PARKING * 20 + SMELL * 20, seed=1)
    told = [item for item in made if item.environmental]
    assert {tuple(item.kinds) for item in told} == {("AIR-06",)}
    behind = sum(item.source.index("油烟") > item.source.index("车位") for item in told)
    assert 0.5 < behind / len(told) < 0.95
    assert all("车位" in item.source for item in made)


def test_two_that_are_none_are_none() -> None:
    none = [item for item in in_a_row(PARKING * 20 + SMELL, seed=2) if not item.environmental]
    assert none
    assert not any("油烟" in item.source or item.kinds for item in none)


def test_type_urgency_and_spans_are_of_neither() -> None:
    made = in_a_row(PARKING * 20 + SMELL * 20, seed=3)
    assert not any(item.urgencies or item.appeal_types or item.tagged for item in made)
    assert {item.weight for item in made} == {0.7}


def test_a_doubtful_label_makes_a_doubtful_row_and_no_row_is_longer_than_what_is_read() -> None:
    doubtful = [replace(item, weight=0.5) for item in SMELL]
    long = [replace(item, source=item.source * 12) for item in PARKING]
    made = in_a_row(PARKING * 10 + long * 10 + doubtful * 20, seed=7)
    assert [item.weight for item in made if item.environmental] == pytest.approx(
        [0.35] * len([i for i in made if i.environmental])
    )
    assert 400 < max(len(item.source) for item in made) <= 701


def test_without_one_sort_there_are_none() -> None:
    assert in_a_row(SMELL * 20, seed=4) == []
    assert in_a_row(PARKING * 20, seed=4) == []


def test_the_same_seed_makes_the_same() -> None:
    examples = PARKING * 20 + SMELL * 20
    assert in_a_row(examples, seed=5) == in_a_row(examples, seed=5) != in_a_row(examples, seed=6)
