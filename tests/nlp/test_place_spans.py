"""The span model that is trained beside the rules: the same data give the same weights, and it learns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bench import place_spans

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NAMES = ("荷塘小区", "青禾花园", "柳泉家园", "松竹小区", "梅岭花园", "苇塘家园")
TAUGHT = [
    place_spans.example({"title": None, "text": f"我家在{name}，夜里施工很吵"}, [name]) for name in NAMES
] + [place_spans.example({"title": None, "text": "夜里施工很吵，没有人管"}, [])]


def test_a_phrase_is_marked_wherever_it_stands_and_the_longest_first() -> None:
    row = {"title": "荷塘小区", "text": "荷塘小区东门"}
    found = place_spans.example(row, ["荷塘小区", "荷塘小区东门", ""])
    assert found == ("荷塘小区\n荷塘小区东门", ((0, 4), (5, 11)))


def test_the_same_rows_give_the_same_weights_and_what_was_taught_is_found() -> None:
    model, again = (place_spans.train(TAUGHT) for _ in range(2))
    assert model.dump() == again.dump()
    text = "我家在桃源花园，夜里施工很吵"
    assert [text[start:end] for start, end in model.spans(text)] == ["桃源花园"]
    assert model.spans("夜里施工很吵，没有人管") == []


def test_the_bench_prints_one_json_line_and_writes_the_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def jsonl(name: str, *found: dict[str, Any]) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")

    taught = [
        {"title": None, "text": text, "places": [text[start:end] for start, end in spans]}
        for text, spans in TAUGHT
    ]
    jsonl("gold/train.jsonl", *taught)
    jsonl("gold/dev.jsonl", *taught)
    row = {"title": None, "text": "我家在望京街道，很吵", "place": "望京街道"}
    labelled = [row | {"id": f"t-{number}"} for number in range(20)]
    jsonl("beijing/transplant_dev.jsonl", *labelled)
    place_spans.main(["--data", str(tmp_path), "--out", str(tmp_path / "weights.json")])
    figures = json.loads(capsys.readouterr().out)
    held = figures["held"]
    assert held["rules_exact"] == held["model_exact"] == held["rows"] > 0
    assert figures["gold_dev"]["recall"] == 1.0
    weights = json.loads((tmp_path / "weights.json").read_text("utf-8"))
    assert len(weights) == figures["features"]
