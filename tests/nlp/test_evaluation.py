"""Figures against labels: the curve, and the threshold that a wanted accuracy costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from models.vocab import AppealType, Urgency
from nlp import evaluation
from nlp.types import KindGuess, TopicReading

if TYPE_CHECKING:
    from pathlib import Path


def reading(kind: str, p: float, *, environmental: bool = True) -> TopicReading:
    return TopicReading(
        environmental=environmental,
        p_environmental=0.9 if environmental else 0.1,
        kind=kind if environmental else None,
        kind_confidence=p,
        kinds=(KindGuess(kind, p),),
        appeal_type=AppealType.COMPLAINT,
        appeal_type_confidence=0.9,
        urgency=Urgency.U3,
        urgency_confidence=0.9,
    )


def row(kind: str | None, second: str | None = None) -> dict[str, Any]:
    return {
        "environmental": kind is not None,
        "kind": kind,
        "kind2": second,
        "appeal_type": "投诉",
        "urgency": "U3",
    }


PAIRS = [
    (row("NOI-01"), reading("NOI-01", 0.9)),
    (row("NOI-01", "AIR-01"), reading("AIR-01", 0.8)),
    (row("SOL-01"), reading("NOI-01", 0.6)),
    (row("SOL-01"), reading("SOL-01", 0.4)),
    (row(None), reading("SOL-01", 0.1, environmental=False)),
]


def test_the_curve_counts_either_kind_over_environmental_texts_surest_first() -> None:
    assert evaluation.curve(PAIRS) == [
        (0.9, 0.25, 1.0),
        (0.8, 0.5, 1.0),
        (0.6, 0.75, 0.6667),
        (0.4, 1.0, 0.75),
    ]


def test_the_threshold_is_the_one_that_covers_most() -> None:
    points = evaluation.curve(PAIRS)
    assert evaluation.threshold_for(points, 0.95) == (0.8, 0.5, 1.0)
    assert evaluation.threshold_for(points, 0.7) == (0.4, 1.0, 0.75)
    assert evaluation.threshold_for(points[2:], 0.99) is None


TIED = [
    (row("NOI-01"), reading("NOI-01", 0.9)),
    *((row("NOI-01"), reading("NOI-01", 0.8)) for _ in range(4)),
    *((row("SOL-01"), reading("NOI-01", 0.8)) for _ in range(5)),
]


def test_texts_of_one_confidence_go_together() -> None:
    points = evaluation.curve(TIED)
    assert points == [(0.9, 0.1, 1.0), (0.8, 1.0, 0.5)]
    assert evaluation.at_coverage(points, 0.5) == 0.5
    assert evaluation.threshold_for(points, 0.95) == (0.9, 0.1, 1.0)


def test_what_is_told_of_a_setting_is_what_it_does() -> None:
    """A setting has three digits: what lies between it and the confidence it was rounded from goes along."""
    pairs = [
        (row("NOI-01"), reading("NOI-01", 0.9)),
        (row("NOI-01"), reading("NOI-01", 0.8004)),
        (row("SOL-01"), reading("NOI-01", 0.8001)),
        (row("NOI-01"), reading("NOI-01", 0.7)),
    ]
    points = evaluation.settable(evaluation.curve(pairs))
    assert points == [(0.9, 0.25, 1.0), (0.8, 0.75, 0.6667), (0.7, 1.0, 0.75)]
    assert evaluation.threshold_for(points, 1.0) == (0.9, 0.25, 1.0)


def test_accuracy_at_a_coverage_is_that_of_the_surest_texts() -> None:
    assert evaluation.at_coverage(evaluation.curve(PAIRS), 0.5) == 1.0
    assert evaluation.at_coverage(evaluation.curve(PAIRS), 0.6) == 0.6667


def test_figures_of_known_answers() -> None:
    figures = evaluation.figures(PAIRS)
    assert figures["env_f1"] == 1.0
    assert (figures["kind_first"], figures["kind_either"], figures["parent"]) == (0.5, 0.75, 0.5)
    assert (figures["type"], figures["urgency"]) == (1.0, 1.0)


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text('{"text": "好"}\nnot json\n', "utf-8")
    with pytest.raises(ValueError, match=r"gold\.jsonl 第 2 行"):
        evaluation.rows(path)


def test_a_label_that_the_tables_do_not_have_is_named_where_they_are_asked(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text('{"text": "好", "environmental": true, "kind": "ZZZ-01"}\n', "utf-8")
    assert len(evaluation.labelled(path)) == 1
    with pytest.raises(ValueError, match=r"gold\.jsonl 第 1 行：kind 没有这个值：ZZZ-01"):
        evaluation.labelled(path, {"kind": ("NOI-01",)})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[1]", "应是一个对象"),
        ('{"text": 12, "environmental": false}', "text 应是文字"),
        ('{"text": "好", "environmental": false, "party": 5}', "party 应是文字"),
        ('{"text": "好", "environmental": false, "when": ["昨晚"]}', "when 应是文字"),
        ('{"text": "好", "environmental": true, "kind": "AIR-01", "kind2": {}}', "kind2 应是文字"),
        ('{"text": "好"}', "缺少 environmental"),
        ('{"text": "好", "environmental": "false"}', "应是 true 或 false"),
        ('{"text": "好", "environmental": true, "kind": null}', "kind 应是种类代码"),
        ("\udcff", "不是 UTF-8"),
    ],
)
def test_a_row_that_cannot_be_counted_is_named_with_what_it_lacks(
    tmp_path: Path, line: str, words: str
) -> None:
    path = tmp_path / "gold.jsonl"
    good = b'\xef\xbb\xbf{"text": "\xe5\xa5\xbd", "environmental": false}\r\n\n'
    path.write_bytes(good)
    assert [row["text"] for row in evaluation.labelled(path)] == ["好"]
    path.write_bytes(good + line.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=rf"gold\.jsonl 第 3 行：.*{words}"):
        evaluation.labelled(path)
