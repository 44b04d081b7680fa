"""A checkpoint belongs to one run; a folder of weights is handed over whole, its card last."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nlp.encoder import CARD, UPPER
from nlp.grams import CARD as GRAMS_CARD
from nlp.training import runs
from nlp.training.examples import BadExample, Example

KINDS = ("AIR-01", "NOI-01")
EXAMPLES = [Example("工地打桩", 1.0, {"NOI-01": 1.0}), Example("工资没发", 0.0)]
PLAN = {"epochs": 4, "rate": 1e-4}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors", "README.md"):
        (folder / name).write_text(name, "utf-8")
    return folder


def test_the_same_texts_kinds_and_base_are_the_same_run(base: Path) -> None:
    first = runs.identity(base, EXAMPLES, KINDS, None)
    (base / "README.md").write_text("other words", "utf-8")
    assert runs.identity(base, list(EXAMPLES), list(KINDS), None) == first


@pytest.mark.parametrize(
    "changed",
    [
        {"examples": EXAMPLES[:1]},
        {"examples": [replace(EXAMPLES[0], source="工地停了"), EXAMPLES[1]]},
        {"examples": [replace(EXAMPLES[0], kinds={"AIR-01": 1.0}), EXAMPLES[1]]},
        {"examples": [replace(EXAMPLES[0], weight=0.7), EXAMPLES[1]]},
        {"kinds": KINDS[::-1]},
        {"start": Path(__file__)},
    ],
)
def test_another_text_label_or_kind_is_another_run(base: Path, changed: dict[str, Any]) -> None:
    given: dict[str, Any] = {"examples": EXAMPLES, "kinds": KINDS, "start": None}
    assert runs.identity(base, **given) != runs.identity(base, **{**given, **changed})


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_another_base_is_another_run(base: Path, name: str) -> None:
    first = runs.identity(base, EXAMPLES, KINDS, None)
    (base / name).write_text("another", "utf-8")
    assert runs.identity(base, EXAMPLES, KINDS, None) != first


@pytest.mark.parametrize(
    ("changed", "goes_on"),
    [
        ({}, True),
        ({"plan": {**PLAN, "epochs": 2}}, True),
        ({"plan": {**PLAN, "epochs": 9}, "epoch": 5}, False),
        ({"plan": {**PLAN, "rate": 6e-5}}, False),
        ({"learned": "others"}, False),
        # What versions until 2026-11-28 kept says nothing of what was learned.
        ({"learned": None}, False),
    ],
)
def test_a_checkpoint_is_gone_on_from_by_its_own_run_alone(changed: dict[str, Any], goes_on: object) -> None:
    kept = {"plan": PLAN, "learned": "mine", "epoch": 2, **changed}
    assert runs.goes_on(kept, PLAN, "mine") is goes_on


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"text": "工地", "urgency": "U2"}, "缺少 environmental"),
        ({"text": "工地", "environmental": True}, ".*kind 应是种类代码"),
        ({"text": "工地", "environmental": True, "kind": "ZZZ-01"}, "kind 没有这个值：ZZZ-01"),
        ({"text": "工地", "environmental": True, "kind": "NOI-01", "kind2": "ZZZ-01"}, "kind2 没有这个值"),
        ({"text": "工地", "environmental": False, "urgency": "急"}, "urgency 没有这个值：急"),
    ],
)
def test_what_cannot_be_calibrated_on_is_named_by_its_line(
    tmp_path: Path, row: dict[str, Any], told: str
) -> None:
    path = tmp_path / "held.jsonl"
    good = {"text": "工地打桩", "environmental": True, "kind": "NOI-01", "urgency": "U3"}
    path.write_text(json.dumps(good) + "\n", "utf-8")
    assert runs.held_rows(path, KINDS) == [good]
    path.write_text(f"{json.dumps(good)}\n{json.dumps(row)}\n", "utf-8")
    with pytest.raises(BadExample, match=rf"held\.jsonl 第 2 行：{told}"):
        runs.held_rows(path, KINDS)


def test_a_folder_is_handed_over_its_card_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, out = tmp_path / "made", tmp_path / "out"
    made.mkdir()
    for name in (CARD, GRAMS_CARD, UPPER, "tokenizer.json"):
        (made / name).write_text("new", "utf-8")
    runs.check_out(out)
    (out / CARD).write_text("old", "utf-8")
    (out / "repeats.npz").write_text("of others", "utf-8")
    written: list[str] = []
    replaced = Path.replace

    def note(path: Path, target: Path) -> Path:
        written.append(target.name)
        return replaced(path, target)

    monkeypatch.setattr(Path, "replace", note)
    runs.hand_over(made, out)
    assert written[-2:] == [GRAMS_CARD, CARD]
    assert {path.name: path.read_text("utf-8") for path in out.iterdir()} == {
        **dict.fromkeys((CARD, GRAMS_CARD, UPPER, "tokenizer.json"), "new"),
        "repeats.npz": "of others",
    }


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_learned(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file", "utf-8")
    with pytest.raises(FileExistsError):
        runs.check_out(tmp_path / "out")
