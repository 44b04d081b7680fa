"""A city's export becomes labelled, masked rows; what is wrong is named by line and field."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
from click.testing import CliRunner

import triage.tables
from nlp.training.examples import as_example
from triage.cli import main
from triage.commands import city_texts
from triage.commands.nlp import city_files
from triage.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

KINDS = sorted(triage.tables.load().kinds)
MAP = """schema: jiesu-city/1
columns: plain
category: [问题分类, 污染类型]
kinds:
  施工噪声: NOI-01
  物业纠纷: not_environmental
  其他: skip
"""
ROWS = (
    ("A1", "工地半夜打桩，我的电话13800000001", "施工噪声", "投诉"),
    ("A2", "物业费又涨了，业主不同意", "物业纠纷", ""),
    ("A3", "说不清楚的事情请来看看", "其他", ""),
    ("A4", "没有写分类的诉求内容在这里", "", ""),
)


def exported(folder: Path, *rows: tuple[str, str, str, str]) -> Path:
    path = folder / "导出.csv"
    lines = ["编号,诉求内容,问题分类,诉求类型", *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def mapped(folder: Path, text: str = MAP) -> Path:
    path = folder / "map.yaml"
    path.write_text(text, "utf-8")
    return path


def read(folder: Path, *rows: tuple[str, str, str, str]) -> city_texts.CityTexts:
    return city_texts.read(exported(folder, *rows), city_texts.load_map(mapped(folder), KINDS))


def test_rows_become_labelled_masked_texts(tmp_path: Path) -> None:
    found = read(tmp_path, *ROWS)
    rows = {row["text"]: row for row in (*found.learned, *found.held_out)}
    assert len(rows) == 2
    noise = rows["工地半夜打桩，我的电话[手机号]"]
    assert (noise["environmental"], noise["kind"], noise["appeal_type"]) == (True, "NOI-01", "投诉")
    assert as_example(noise).kinds == {"NOI-01": 1.0}
    other = rows["物业费又涨了，业主不同意"]
    assert (other["environmental"], "kind" in other) == (False, False)
    assert "用 2 行，没有类别 1 行，对照表说不用 1 行" in found.notes[0]


def test_a_name_in_a_column_of_its_own_is_masked_and_what_is_confided_not_used(tmp_path: Path) -> None:
    path = tmp_path / "导出.csv"
    path.write_text(
        "编号,标题,诉求内容,地址,问题分类,姓名,保密\n"
        "E1,李春燕的投诉,李春燕反映工地半夜打桩,李春燕家,施工噪声,李春燕,否\n"
        "E2,打桩,工地半夜打桩不让说是谁讲的,,施工噪声,王小明,是\n"
        "E3,油烟,本市没有的类别也不必认识它,,油烟,赵大力,是\n",
        "utf-8",
    )
    found = city_texts.read(path, city_texts.load_map(mapped(tmp_path), KINDS))
    (row,) = (*found.learned, *found.held_out)
    assert (row["title"], row["text"]) == ("李某的投诉", "李某反映工地半夜打桩\n地址：李某家")
    assert "要求保密、没有用 2 行" in found.notes[0]


def test_one_in_twelve_is_held_out_and_the_same_text_never_on_both_sides(tmp_path: Path) -> None:
    rows = [(f"B{n}", f"第{n % 120}号工地半夜打桩太吵", "施工噪声", "") for n in range(240)]
    found = read(tmp_path, *rows)
    learned, held = ({row["text"] for row in side} for side in (found.learned, found.held_out))
    assert len(learned) + len(held) == 120
    assert learned.isdisjoint(held)
    assert 3 <= len(held) <= 20


def test_a_workbook_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "导出.xlsx"
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (("编号", "诉求内容", "污染类型"), ("C1", "工地半夜打桩太吵了", "施工噪声")):
        sheet.append(row)
    book.save(path)
    found = city_texts.read(path, city_texts.load_map(mapped(tmp_path), KINDS))
    assert [row["kind"] for row in (*found.learned, *found.held_out)] == ["NOI-01"]


def test_a_category_that_the_table_does_not_know_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"导出\.csv 的问题分类、污染类型列.*“油烟”（2 行，先见于第 3 行）"):
        read(tmp_path, ROWS[0], ("D1", "饭店油烟太大了", "油烟", ""), ("D2", "饭店油烟还是很大", "油烟", ""))


def test_a_file_without_a_usable_row_says_why(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"没有可用的行.*没有类别 1 行，不用 1 行，要求保密 0 行"):
        read(tmp_path, *ROWS[2:])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("jiesu-city/1", "jiesu-city/9", "1.*schema 应为"),
        ("NOI-01", "NOI-99", "5.*“施工噪声”：没有这个种类 NOI-99"),
        ("columns: plain", "columns: nowhere", "2.*nowhere"),
        ("category: [问题分类, 污染类型]", "category: []", "3.*category"),
        ("category:", "colour: red\ncategory:", "3.*不认识的键“colour”"),
        ("  其他: skip", "  施工噪声: skip", "7.*写了两次"),
        (
            "kinds:\n  施工噪声: NOI-01\n  物业纠纷: not_environmental\n  其他: skip\n",
            "kinds: []\n",
            "4.*kinds",
        ),
    ],
)
def test_what_is_wrong_in_the_table_is_named_by_line_and_field(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert old in MAP
    with pytest.raises(BadInput, match=rf"map\.yaml.*{told}"):
        city_texts.load_map(mapped(tmp_path, MAP.replace(old, new)), KINDS)


def test_a_column_map_beside_the_table_goes_before_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "name: mine\ntitle: 本市\nrequired: [text]\nfields:\n  text: [说了什么]\n", "utf-8"
    )
    city = city_texts.load_map(mapped(tmp_path, MAP.replace("columns: plain", "columns: mine.yaml")), KINDS)
    path = tmp_path / "own.csv"
    path.write_text("说了什么,问题分类\n工地半夜打桩太吵,施工噪声\n", "utf-8")
    found = city_texts.read(path, city)
    assert len(found.learned) + len(found.held_out) == 1


def test_the_rows_are_written_for_their_owner_alone(tmp_path: Path) -> None:
    work = tmp_path / "work"
    city = city_files([exported(tmp_path, *ROWS)], str(mapped(tmp_path)), KINDS, work)
    (learned,) = city.learned
    assert learned.stat().st_mode & 0o777 == 0o600
    kept = "".join(path.read_text("utf-8") for path in work.glob("city*.jsonl"))
    assert len([json.loads(line) for line in kept.splitlines()]) == 2
    assert "13800000001" not in kept


MANY = [(f"B{n}", f"第{n}号工地半夜打桩太吵", "施工噪声", "") for n in range(120)]


def trained_on(folder: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> dict[str, Any]:
    """What `jiesu nlp train` would learn from and calibrate on."""
    asked: dict[str, Any] = {}

    def make(**given: object) -> dict[str, object]:
        asked.update(given)
        return {}

    monkeypatch.setitem(sys.modules, "nlp.training.make", SimpleNamespace(make=make))
    files = ["--texts", str(exported(folder, *MANY)), "--map", str(mapped(folder))]
    rest = ["--base", str(folder), "--out", str(folder / "out"), "--work", str(folder / "work")]
    result = CliRunner().invoke(main, ["nlp", "train", *files, *rest, *more])
    assert result.exit_code == 0
    return asked


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def test_what_is_held_out_of_a_city_is_calibrated_on_beside_the_public_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folders in ((), ("--texts", str(tmp_path))):
        asked = trained_on(tmp_path, monkeypatch, *folders)
        (learned,) = asked["data"]
        assert asked["held_out"] is None
        assert lines(learned) + lines(asked["beside"]) == 120
        assert 3 <= lines(asked["beside"]) <= 20


def test_what_is_calibrated_on_otherwise_leaves_all_of_a_city_to_learn_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = tmp_path / "held.jsonl"
    held.write_text("{}\n", "utf-8")
    asked = trained_on(tmp_path, monkeypatch, "--held-out", str(held))
    (learned,) = asked["data"]
    assert (asked["held_out"], asked["beside"], lines(learned)) == (held, None, 120)


def test_without_a_table_the_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--map"):
        city_files([exported(tmp_path, *ROWS)], None, KINDS, tmp_path)


def test_training_is_told_of_a_second_folder_or_the_missing_extra(tmp_path: Path) -> None:
    folders = ["--texts", str(tmp_path), "--texts", str(tmp_path)]
    rest = ["--base", str(tmp_path), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, ["nlp", "train", *folders, *rest])
    assert result.exit_code == 1
    assert "错误：" in result.stderr
