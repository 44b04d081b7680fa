"""`jiesu nlp …`: figures, thresholds, and words instead of traces."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from triage.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOLD: list[dict[str, Any]] = [
    {"text": "楼下烧烤摊每晚占道露天烧烤，烟熏火燎，开不了窗户", "kind": "AIR-07"},
    {"text": "工地半夜还在打桩浇筑混凝土，吵得睡不着", "kind": "NOI-01"},
    {"text": "河水发黑发臭，河道里全是垃圾和死鱼", "kind": "WAT-01"},
    {"text": "公司拖欠三个月工资不发，请帮忙要回工资", "kind": None},
]


def written(folder: Path, *rows: dict[str, Any]) -> str:
    path = folder / "gold.jsonl"
    lines = [
        json.dumps(
            {"environmental": bool(row["kind"]), "appeal_type": "投诉", "urgency": "U3", **row},
            ensure_ascii=False,
        )
        for row in rows
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return str(path)


def jiesu(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["nlp", *arguments])


def test_evaluate_prints_one_json_line_with_every_figure(tmp_path: Path) -> None:
    result = jiesu("evaluate", "--gold", written(tmp_path, *GOLD))
    figures = json.loads(result.stdout.splitlines()[-1])
    assert result.exit_code == 0
    assert figures["texts"] == 4
    assert (figures["env_f1"], figures["kind_either"]) == (1.0, 1.0)
    assert {
        "parent",
        "kind_top3",
        "kind_either_at_88_percent",
        "u1_recall",
        "model_version",
    } <= figures.keys()


def test_threshold_says_what_an_accuracy_costs_and_which_setting_gives_it(tmp_path: Path) -> None:
    result = jiesu("threshold", "--gold", written(tmp_path, *GOLD), "--accuracy", "0.9")
    assert result.exit_code == 0
    assert "自动处理 100.0%" in result.stdout
    assert "JIESU_REVIEW_KIND=0." in result.stdout


def test_an_accuracy_out_of_reach_is_said_so(tmp_path: Path) -> None:
    wrong = {**GOLD[0], "kind": "WAT-01"}
    result = jiesu("threshold", "--gold", written(tmp_path, wrong), "--accuracy", "0.9")
    assert result.exit_code == 1
    assert "达不到 90.0%" in result.stderr


@pytest.mark.parametrize(("content", "told"), [("not json\n", "第 1 行"), ("", "没有标注数据")])
def test_a_bad_file_is_named(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text(content, "utf-8")
    result = jiesu("evaluate", "--gold", str(path))
    assert result.exit_code == 1
    assert told in result.stderr


def test_compare_says_in_words_which_model_is_better_and_over_what(tmp_path: Path) -> None:
    gold = written(tmp_path, *GOLD)
    result = jiesu("compare", "lexicon", "builtin", "--gold", gold)
    assert result.exit_code == 0
    assert "A：lexicon" in result.stdout
    assert "样本太少，不下结论：是否环境类(F1)" in result.stdout


def test_compare_as_json_names_both_models_and_every_head(tmp_path: Path) -> None:
    result = jiesu("compare", "lexicon", "lexicon", "--gold", written(tmp_path, *GOLD * 6), "--json")
    told = json.loads(result.stdout.splitlines()[-1])
    assert (told["texts"], told["a"]["model"], told["b"]["model"]) == (24, "lexicon", "lexicon")
    assert told["heads"]["kind_first"] == {
        "texts": 18,
        "a": 1.0,
        "b": 1.0,
        "low": 0.0,
        "high": 0.0,
        "only_a": 0,
        "only_b": 0,
        "verdict": "too_few",
    }
    assert told["heads"]["environmental_f1"]["verdict"] == "none"


def test_a_model_that_cannot_be_loaded_is_not_compared(tmp_path: Path) -> None:
    result = jiesu("compare", "builtin", str(tmp_path / "none"), "--gold", written(tmp_path, *GOLD))
    assert result.exit_code == 1
    assert "不可用，无法比较" in result.stderr


@pytest.mark.parametrize("command", ["evaluate", "threshold"])
def test_a_model_that_cannot_be_loaded_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The lexicon would read in its place, and its figures be taken for the model's."""
    monkeypatch.setenv("JIESU_NLP_MODEL", str(tmp_path / "none"))
    result = jiesu(command, "--gold", written(tmp_path, *GOLD))
    assert result.exit_code == 1
    assert "不可用，无法评测" in result.stderr
    assert result.stdout == ""


def exporter(monkeypatch: pytest.MonkeyPatch, export: Callable[..., object]) -> None:
    """The module that needs torch, which is not installed here."""
    module = SimpleNamespace(GRAPH="model.onnx", export_folder=export)
    monkeypatch.setitem(sys.modules, "nlp.training.export_folder", module)


def test_an_export_that_would_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    exporter(monkeypatch, lambda *_given, **_how: asked.append(1))
    (tmp_path / "model_quantized.onnx").write_bytes(b"of before")
    result = jiesu("export", str(tmp_path))
    assert (result.exit_code, asked) == (1, [])
    assert "已有 model_quantized.onnx" in result.stderr


def test_an_export_that_fails_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_given: object, **_how: object) -> None:
        raise RuntimeError("size mismatch for classifier.weight")

    exporter(monkeypatch, fails)
    result = jiesu("export", str(tmp_path))
    assert result.exit_code == 1
    assert "不能导出：RuntimeError：size mismatch" in result.stderr
