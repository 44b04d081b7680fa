"""Labelled rows become targets; what is wrong is named by file and line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from nlp.training import examples
from nlp.training.examples import BadExample, as_example, read_examples

if TYPE_CHECKING:
    from pathlib import Path

ROW: dict[str, Any] = {
    "title": "噪音",
    "text": "望京某工地每晚打桩，灰也大。",
    "environmental": True,
    "kind": "NOI-01",
    "kind2": "AIR-01",
    "appeal_type": "投诉",
    "urgency": "U3",
    "places": ["望京"],
    "party": "某工地",
    "when": "每晚",
    "sure": False,
}


def test_a_row_gives_shares_and_spans() -> None:
    example = as_example(ROW)
    assert example.kinds == {"NOI-01": 0.75, "AIR-01": 0.25}
    assert example.environmental == 1.0
    assert {(name, example.source[start:end]) for name, start, end in example.spans} == {
        ("place", "望京"),
        ("party", "某工地"),
        ("when", "每晚"),
    }
    assert example.weight < 1


def test_annotators_who_differ_share_the_target() -> None:
    second = {"env": 1, "kind": "NOI-02", "type": "举报", "urgency": "U3"}
    example = as_example({**ROW, "kind2": None, "second": [second]})
    assert example.kinds == {"NOI-01": 0.5, "NOI-02": 0.5}
    assert example.appeal_types == {"投诉": 0.5, "举报": 0.5}
    assert example.urgencies == {"U3": 1.0}


def test_a_label_that_is_absent_teaches_nothing() -> None:
    example = as_example({"text": "河水发黑。", "environmental": True, "kind": "WAT-01"})
    assert (example.appeal_types, example.urgencies, example.tagged) == ({}, {}, False)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("not json", "line 2"),
        (json.dumps({**ROW, "urgency": "U9"}), "U9"),
        (json.dumps({key: value for key, value in ROW.items() if key != "text"}), "text"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps(ROW) + "\n" + line + "\n", "utf-8")
    with pytest.raises(BadExample, match=told) as caught:
        read_examples([path])
    assert "data.jsonl, line 2" in str(caught.value)


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps({**ROW, "text": "上半\u2028下半"}, ensure_ascii=False) + "\n", "utf-8")
    assert len(read_examples([path])) == 1


def test_labels_are_joined_with_the_texts_they_are_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = tmp_path / "labels.jsonl"
    labels.write_text('{"id": "a", "environmental": true, "kind": "NOI-01"}\n{"id": "b"}\n', "utf-8")
    monkeypatch.setattr(examples, "LABELS", labels)
    texts = tmp_path / "texts" / "deep"
    texts.mkdir(parents=True)
    (texts / "some.jsonl").write_text('{"id": "a", "text": "打桩声"}\n{"id": "c", "text": "别的"}\n', "utf-8")
    assert examples.labelled_texts(tmp_path / "texts") == [
        {"id": "a", "title": None, "text": "打桩声", "environmental": True, "kind": "NOI-01"}
    ]


def test_about_one_in_twelve_of_our_labels_is_held_out() -> None:
    ids = [json.loads(line) for line in examples.LABELS.read_text("utf-8").splitlines()]
    assert 0.06 < sum(map(examples.is_held_out, ids)) / len(ids) < 0.11
