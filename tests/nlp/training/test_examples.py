"""Labelled rows become targets; what is wrong is named by file and line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from nlp import WEIGHTS
from nlp.encoder import Card
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

SECOND: dict[str, Any] = {"env": 1, "kind": "ZZZ-01", "type": "投诉", "urgency": "U3"}


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


def test_a_later_reader_who_did_not_see_the_label_counts_half() -> None:
    later = {"environmental": False, "appeal_type": "举报", "urgency": "U3"}
    example = as_example({**ROW, "again": later})
    assert example.environmental == pytest.approx(2 / 3)
    # A kind that the later reader did not give is no vote against one.
    assert example.kinds == {"NOI-01": 0.75, "AIR-01": 0.25}
    assert example.appeal_types == pytest.approx({"投诉": 2 / 3, "举报": 1 / 3})
    assert example.urgencies == {"U3": 1.0}


def test_later_answers_are_joined_by_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = tmp_path / "again.jsonl"
    again.write_text('{"id": "a", "environmental": true, "kind": "NOI-02"}\n', "utf-8")
    monkeypatch.setattr(examples, "AGAIN", again)
    labels = tmp_path / "labels.jsonl"
    labels.write_text('{"id": "a", "environmental": true, "kind": "NOI-01"}\n', "utf-8")
    monkeypatch.setattr(examples, "LABELS", labels)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "some.jsonl").write_text('{"id": "a", "text": "打桩声"}\n', "utf-8")
    data = tmp_path / "data.jsonl"
    rows = [{**ROW, "id": name, "kind2": None} for name in ("a", ["a"])]
    data.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    both = pytest.approx({"NOI-01": 2 / 3, "NOI-02": 1 / 3})
    (labelled,) = examples.labelled_texts(tmp_path / "texts")
    assert as_example(labelled).kinds == both
    assert [example.kinds for example in read_examples([data])] == [both, {"NOI-01": 1.0}]


@pytest.mark.parametrize(
    "line",
    [
        '{"environmental": true}',
        '{"id": "a", "environmental": false}',
        '{"id": "b", "environmental": true, "urgency": "U9"}',
        "[1]",
    ],
)
def test_a_bad_later_answer_is_named_by_its_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    again = tmp_path / "again.jsonl"
    again.write_text('{"id": "a", "environmental": true, "kind": "NOI-02"}\n' + line, "utf-8")
    monkeypatch.setattr(examples, "AGAIN", again)
    with pytest.raises(BadExample, match=r"again\.jsonl, line 2"):
        examples.read_again()


def test_the_shipped_later_answers_hold_codes_and_no_text() -> None:
    known = {"id", "environmental", "kind", "kind2", "appeal_type", "urgency", "sure"}
    answers = examples.read_again()
    kinds = set(Card.load(WEIGHTS).classes["kind"])
    assert len(answers) > 2_000
    for answer in answers.values():
        assert set(answer) <= known
        assert ("kind" in answer) == answer["environmental"]
        assert {answer[key] for key in ("kind", "kind2") if key in answer} <= kinds
        assert isinstance(answer["sure"], bool)
        assert as_example({"text": "某处。", **answer}).appeal_types == dict.fromkeys(
            filter(None, [answer.get("appeal_type")]), 1.0
        )


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("emergencies_held.jsonl", 190),
        ("kinds_held.jsonl", 190),
        ("misleading_held.jsonl", 419),
        ("letters_held.jsonl", 150),
        ("passing_held.jsonl", 120),
    ],
)
def test_what_is_held_out_is_in_no_sample(name: str, texts: int) -> None:
    held = {example.source for example in read_examples([examples.HERE / name])}
    assert len(held) == texts
    assert not held & {example.source for example in read_examples([examples.SAMPLES])}


def test_a_label_that_is_absent_teaches_nothing() -> None:
    example = as_example({"text": "河水发黑。", "environmental": True, "kind": "WAT-01"})
    assert (example.appeal_types, example.urgencies, example.tagged) == ({}, {}, False)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("not json", "line 2"),
        (json.dumps({**ROW, "urgency": "U9"}), "U9"),
        (json.dumps({key: value for key, value in ROW.items() if key != "text"}), "text"),
        (json.dumps({**ROW, "again": "y"}), "again"),
        ("[1]", "no object"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps(ROW) + "\n" + line + "\n", "utf-8")
    with pytest.raises(BadExample, match=told) as caught:
        read_examples([path])
    assert "data.jsonl, line 2" in str(caught.value)


@pytest.mark.parametrize(
    "row",
    [{"kind": "ZZZ-01"}, {"kind2": "ZZZ-01"}, {"second": [SECOND]}],
)
def test_a_kind_that_the_table_has_not_is_named(tmp_path: Path, row: dict[str, Any]) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps(ROW) + "\n" + json.dumps({**ROW, **row}), "utf-8")
    with pytest.raises(BadExample, match=r"data\.jsonl, line 2: kind2?: 'ZZZ-01'"):
        read_examples([path], ("NOI-01", "AIR-01"))
    assert len(read_examples([path])) == 2


def test_a_byte_order_mark_is_passed_over_and_another_encoding_named(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    line = json.dumps({"text": "工地"}, ensure_ascii=False)
    path.write_text(line, "utf-8-sig")
    assert len(read_examples([path])) == 1
    path.write_bytes(f"{json.dumps(ROW)}\n{line}".encode("gbk"))
    with pytest.raises(BadExample, match=r"data\.jsonl, line 2: no UTF-8"):
        read_examples([path])


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
