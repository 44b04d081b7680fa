"""Cells that look empty and are not: merged over rows, or formulas that nobody calculated."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import openpyxl
import pytest

from connectors import file_xlsx_marks
from connectors.files import load_map, read_file
from tests.connectors.file_helpers import bad, good

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = load_map("plain")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A workbook with a text merged over three rows, a merged remark, and formulas never calculated."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["编号", "标题", "内容", "无关"])
    sheet.append(["1", "夜间施工", "工地半夜打桩", "甲"])
    sheet.append(["2", "夜间施工", None, None])
    sheet.append(["3", "夜间施工", None, None])
    sheet.append(["4", "垃圾", "没人清", "乙"])
    sheet.append(["5", "油烟", '=CONCATENATE("油","烟")', "=1+1"])
    sheet.merge_cells("C2:C4")
    sheet.merge_cells("D2:D5")
    sheet.merge_cells("E1:F1")
    book.save(tmp_path / "a.xlsx")
    return tmp_path / "a.xlsx"


NOTES = [
    (2, ()),
    (3, ("列“内容”与第 2 行是合并单元格，文字只算第 2 行的",)),
    (4, ("列“内容”与第 2 行是合并单元格，文字只算第 2 行的",)),
    (5, ()),
    (6, ("列“内容”是没有计算结果的公式，按空处理；请在 Excel 或 WPS 中打开、保存后重新导入",)),
]


@pytest.mark.parametrize("chunk", [64, 100, 777, 1 << 20])
def test_what_only_looks_empty_gets_a_note(path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(file_xlsx_marks, "_CHUNK", chunk)
    assert [(row.line, row.notes) for row in good(read_file(path, PLAIN))] == NOTES


def test_a_row_left_without_words_says_why(path: Path) -> None:
    book = openpyxl.load_workbook(path)
    book.worksheets[0].delete_cols(2)
    book.worksheets[0].cell(6, 2, "=1+1")
    book.save(path)
    (told,) = [reason for line, _, reason in bad(read_file(path, PLAIN)) if line == 6]
    assert told.startswith("内容和标题都是空的（列“内容”是没有计算结果的公式")


@pytest.mark.parametrize(
    ("cell", "unknown"),
    [
        ('<c r="B2"><f>A1</f></c>', {2: [2]}),
        ('<c r="B2"><f>A1</f><v/></c>', {2: [2]}),
        ('<x:c r="B2" s="1"><x:f t="shared" si="0"/><x:v></x:v></x:c>', {2: [2]}),
        ('<c r="B2"><f>A1</f><v>0</v></c>', {}),
        ('<c r="B2" t="str"><f>A1</f><v></v></c>', {}),
        ('<c r="B2"><v>1</v></c>', {}),
        ('<c r="A2"/><c r="B2" t="inlineStr"><is><t>f</t></is></c>', {}),
    ],
)
def test_a_formula_counts_only_without_its_result(tmp_path: Path, cell: str, unknown: object) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as package:
        package.writestr("s.xml", f'<sheetData><row r="2">{cell}</row></sheetData>')
    assert file_xlsx_marks.scan(tmp_path / "a.xlsx", "s.xml").unknown == unknown
