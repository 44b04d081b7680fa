"""Our labels of who and when: ids and places that are joined with texts which lie beside the checkout."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from nlp.spans import LONGEST
from nlp.training import span_labels
from nlp.training.examples import BadExample

if TYPE_CHECKING:
    from pathlib import Path

TITLE, TEXT = "酒吧扰民", "城南小站酒吧每晚十一点放歌"


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def joined(folder: Path, *labels: dict[str, Any], text: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    row = {"id": "a-1", "title": TITLE, "text": TEXT} | (text or {})
    texts = written(folder / "texts" / "a.jsonl", row)
    return span_labels.labelled([texts], written(folder / "labels.jsonl", *labels))


LABEL: dict[str, Any] = {"id": "a-1", "of": 18, "party": [5, 11], "when": [11, 16]}


def test_a_label_is_joined_with_its_text(tmp_path: Path) -> None:
    assert joined(tmp_path, LABEL) == [
        {"id": "a-1", "title": TITLE, "text": TEXT, "party": "城南小站酒吧", "when": "每晚十一点"}
    ]


def test_a_name_that_the_label_lacks_has_no_words(tmp_path: Path) -> None:
    (row,) = joined(tmp_path, {"id": "a-1", "of": 18})
    assert set(row) == {"id", "title", "text"}


@pytest.mark.parametrize(
    "text",
    [{"text": TEXT + "。"}, {"title": None}, {"id": "a-2"}, {"id": 1}, {"text": None}],
)
def test_another_text_than_the_one_that_was_read_is_passed_over(tmp_path: Path, text: dict[str, Any]) -> None:
    assert joined(tmp_path, LABEL, text=text) == []


def test_the_same_text_in_two_files_is_one(tmp_path: Path) -> None:
    row = {"id": "a-1", "title": TITLE, "text": TEXT}
    texts = [written(tmp_path / name, row) for name in ("a.jsonl", "b.jsonl")]
    assert len(span_labels.labelled(texts, written(tmp_path / "labels.jsonl", LABEL))) == 1


@pytest.mark.parametrize(
    ("label", "told"),
    [
        ({"id": None}, "id: None"),
        ({"of": "18"}, "of: '18'"),
        ({"party": [5, 19]}, r"party: \[5, 19\]"),
        ({"party": [5, 5]}, r"party: \[5, 5\]"),
        ({"when": [11]}, r"when: \[11\]"),
        ({"when": [True, 16]}, r"when: \[True, 16\]"),
        ({"when": "每晚"}, "when: '每晚'"),
    ],
)
def test_a_label_that_is_wrong_is_named_with_its_line(
    tmp_path: Path, label: dict[str, Any], told: str
) -> None:
    with pytest.raises(BadExample, match=f"labels.jsonl, line 2: {told}"):
        joined(tmp_path, {"id": "a-0", "of": 3}, LABEL | label)


def test_a_text_is_labelled_once(tmp_path: Path) -> None:
    with pytest.raises(BadExample, match="line 2: id: 'a-1' is missing or stands there twice"):
        joined(tmp_path, LABEL, LABEL)


def test_files_of_folders_come_in_order(tmp_path: Path) -> None:
    last, first = written(tmp_path / "b.jsonl"), written(tmp_path / "a" / "c.jsonl")
    assert span_labels.files_of([last, tmp_path / "a"]) == [first, last]


def test_the_shipped_labels_can_be_learned() -> None:
    labels = [json.loads(line) for line in span_labels.FILE.read_text("utf-8").splitlines()]
    spans = [label[name] for label in labels for name in ("party", "when") if name in label]
    assert len(labels) > 6_000
    assert all(end - start <= LONGEST for start, end in spans)
    assert all(set(label) <= {"id", "of", "party", "when"} for label in labels)
