"""XLSX: cell types, headers, sheets, and packages that must be refused."""

from __future__ import annotations

import random
import zipfile
from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING

import openpyxl
import pytest
from openpyxl.chart import BarChart, Reference

from connectors.file_xlsx import cell_text
from connectors.files import FileRefused, Limits, guess_file_map, left_out, load_map, read_file
from tests.connectors.file_helpers import bad, good, put

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from openpyxl.worksheet.worksheet import Worksheet

PLAIN = load_map("plain")
BEIJING = timezone(timedelta(hours=8))
Cell = str | float | bool | datetime | None
HEADER = ("编号", "内容", "时间", "电话")


def book(rows: Sequence[Sequence[Cell]]) -> tuple[openpyxl.Workbook, Worksheet]:
    made = openpyxl.Workbook()
    sheet = made.worksheets[0]
    for row in rows:
        sheet.append(list(row))
    return made, sheet


def saved(made: openpyxl.Workbook, folder: Path) -> Path:
    path = folder / "诉求.xlsx"
    made.save(path)
    return path


def rewrite(path: Path, member: str, old: bytes, new: bytes) -> Path:
    """Copy a package with one member changed."""
    changed = path.with_name("改.xlsx")
    with zipfile.ZipFile(path) as package, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in package.namelist():
            content = package.read(name)
            copy.writestr(name, content.replace(old, new, 1) if name == member else content)
        assert old in package.read(member)
    return changed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("字_x000D_\n_x005F_", "字\r\n_x005F_"),
        (True, "true"),
        (12.0, "12"),
        (12.5, "12.5"),
        (13800000001, "13800000001"),
        (202611230000000001, "202611230000000001"),
        (202611230000000000, "2.02611230000000E+17"),
        (2.0261123e17, "2.02611230000000E+17"),
        (-3, "-3"),
        (datetime(2026, 11, 23, 8, 4, 59, 999_998), "2026-11-23 08:05:00"),  # noqa: DTZ001 - likewise
        (datetime(2026, 11, 23), "2026-11-23"),  # noqa: DTZ001 - a sheet's dates have no zone
        (date(2026, 11, 23), "2026-11-23"),
        (time(8, 5), "08:05:00"),
        (timedelta(hours=30), "1 day, 6:00:00"),
    ],
)
def test_cells_as_text(value: object, text: str) -> None:
    assert cell_text(value) == text


def test_rows_with_gaps_and_types(tmp_path: Path) -> None:
    made, sheet = book([HEADER])
    sheet.append([1001, "锅炉房冒黑烟", datetime(2026, 11, 23, 8, 5), 13800000001])  # noqa: DTZ001
    sheet["A5"], sheet["B5"], sheet["C5"] = "000000000000000012345", "河道漂油", 46349.5
    sheet["B7"], sheet["C7"] = "无编号", "2026年11月23日 8时5分"
    sheet["F7"] = "表外"

    rows = list(read_file(saved(made, tmp_path), PLAIN))

    assert bad(rows) == []
    first, second, third = good(rows)
    assert [row.line for row in (first, second, third)] == [2, 5, 7]
    assert (first.external_id, first.phone) == ("1001", "13800000001")
    assert first.received_at == third.received_at == datetime(2026, 11, 23, 8, 5, tzinfo=BEIJING)
    assert (second.external_id, third.external_id) == ("000000000000000012345", None)
    assert second.received_at == datetime(2026, 11, 23, 12, tzinfo=BEIJING)
    assert third.extra == {"第6列": "表外"}


def test_bad_rows_have_their_sheet_row(tmp_path: Path) -> None:
    made, _ = book([HEADER, ("1", "甲", "2026-13-01", ""), ("2", "", "", ""), ("3", "丙", None, None)])

    rows = list(read_file(saved(made, tmp_path), PLAIN))

    assert bad(rows) == [(2, "时间", "无法识别的时间‘2026-13-01’"), (3, "内容", "内容和标题都是空的")]
    assert [row.line for row in good(rows)] == [4]


def test_formulas_give_their_cached_value_and_errors_nothing(tmp_path: Path) -> None:
    made, _ = book([HEADER, ("1", "甲", None, "#N/A"), ("2", "占位", None, None)])
    path = saved(made, tmp_path)
    with zipfile.ZipFile(path) as package:
        xml = package.read("xl/worksheets/sheet1.xml").decode()
    cell = next(part for part in xml.split("<c ") if part.startswith('r="B3"')).split("</c>")[0]
    formula = 'r="B3" t="str"><f>CONCATENATE("河","道")</f><v>河道</v>'

    first, second = good(
        read_file(rewrite(path, "xl/worksheets/sheet1.xml", cell.encode(), formula.encode()), PLAIN)
    )

    assert (first.phone, first.notes) == (None, ("有 1 个单元格是错误值（#N/A），按空处理",))
    assert second.text == "河道"


def test_texts_in_the_shared_table_as_excel_writes_them(tmp_path: Path) -> None:
    made, _ = book([("内容",), ("占位",)])
    path = saved(made, tmp_path)
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    part = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        b"</Types>", f'<Override PartName="/xl/sharedStrings.xml" ContentType="{part}"/></Types>'.encode()
    )
    parts["xl/sharedStrings.xml"] = (
        f"<sst {main}><si><t>内容</t></si>"
        "<si><r><t>半夜</t></r><r><rPr><b/></rPr><t>打桩_x000D_\n很吵</t></r></si></sst>"
    ).encode()
    parts["xl/worksheets/sheet1.xml"] = (
        f'<worksheet {main}><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c></row>'
        '<row r="2"><c r="A2" t="s"><v>1</v></c></row></sheetData></worksheet>'
    ).encode()
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)

    (row,) = good(read_file(path, PLAIN))

    assert (row.line, row.text) == (2, "半夜打桩\n很吵")


def test_a_merged_title_and_a_two_row_header(tmp_path: Path) -> None:
    made, sheet = book(
        [
            ("十一月诉求", None, None, None),
            ("编号", "诉求", None, None),
            (None, "标题", "内容", "时间"),
            ("7", "扰民", "半夜装修", None),
        ]
    )
    sheet.merge_cells("A1:D1")
    sheet.merge_cells("B2:D2")
    sheet.merge_cells("A2:A3")
    sheet.column_dimensions["C"].hidden = True
    sheet.row_dimensions[4].hidden = True

    (row,) = good(read_file(saved(made, tmp_path), PLAIN))

    assert (row.line, row.title, row.text) == (4, "扰民", "半夜装修")


def test_a_title_row_above_a_plain_header(tmp_path: Path) -> None:
    made, sheet = book([("十一月汇总", None, None, None), HEADER, ("7", "臭味", None, None)])
    sheet.merge_cells("A1:D1")
    path = saved(made, tmp_path)

    (row,) = good(read_file(path, PLAIN))

    assert (row.line, row.external_id) == (3, "7")
    assert guess_file_map(path).column_map.name == "plain"


def test_a_wrong_extent_hides_no_row(tmp_path: Path) -> None:
    made, _ = book([HEADER, ("1", "甲", None, None)])
    path = rewrite(saved(made, tmp_path), "xl/worksheets/sheet1.xml", b'ref="A1:D2"', b'ref="A1"')

    assert [row.text for row in good(read_file(path, PLAIN))] == ["甲"]


def test_the_first_shown_sheet_or_the_named_one(tmp_path: Path) -> None:
    made, hidden = book([HEADER, ("1", "藏着的", None, None)])
    hidden.title, hidden.sheet_state = "旧", "hidden"
    shown = made.create_sheet("新")
    shown.append(list(HEADER))
    shown.append(["2", "看得见的"])
    path = saved(made, tmp_path)

    assert [row.text for row in good(read_file(path, PLAIN))] == ["看得见的"]
    assert [row.text for row in good(read_file(path, PLAIN, sheet="旧"))] == ["藏着的"]
    with pytest.raises(FileRefused, match="没有工作表“三月”；文件里的工作表：旧、新"):
        read_file(path, PLAIN, sheet="三月")


def test_a_chart_has_no_rows(tmp_path: Path) -> None:
    made, _ = book([HEADER])
    chart = BarChart()
    chart.add_data(Reference(made.worksheets[0], min_col=1, min_row=1))
    made.create_chartsheet("图").add_chart(chart)

    with pytest.raises(FileRefused, match="工作表“图”是图表"):
        read_file(saved(made, tmp_path), PLAIN, sheet="图")


def test_a_sheet_without_the_column(tmp_path: Path) -> None:
    made, _ = book([("编号", "时间"), ("1", None)])

    with pytest.raises(FileRefused, match=r"工作表“Sheet”：缺少必需的列 “text”.*文件里的列：编号、时间$"):
        read_file(saved(made, tmp_path), PLAIN)


def test_an_empty_sheet(tmp_path: Path) -> None:
    made, _ = book([])

    with pytest.raises(FileRefused, match="缺少必需的列"):
        read_file(saved(made, tmp_path), PLAIN)


def test_damaged_packages(tmp_path: Path) -> None:
    made, _ = book([HEADER, *[(str(n), f"内容{n}", None, None) for n in range(2000)]])
    whole = saved(made, tmp_path).read_bytes()

    with pytest.raises(FileRefused, match="已损坏"):
        read_file(put(tmp_path, whole[: len(whole) // 2], "半.xlsx"), PLAIN)
    middle = whole.index(b"xl/worksheets/sheet1.xml") + 200
    with pytest.raises(FileRefused, match="已损坏"):
        read_file(put(tmp_path, whole[:middle] + b"\xff" * 50 + whole[middle + 50 :], "坏.xlsx"), PLAIN)


def test_a_sheet_that_breaks_off_says_where(tmp_path: Path) -> None:
    made, _ = book([HEADER, *[(str(n), f"内容{n}", None, None) for n in range(2000)]])
    path = rewrite(saved(made, tmp_path), "xl/worksheets/sheet1.xml", b'<row r="1500"', b'<row r="1500"<<')

    rows = read_file(path, PLAIN)

    before = [next(rows).line for _ in range(2, 1500)]
    assert before == list(range(2, 1500))
    with pytest.raises(FileRefused, match="第 1499 行之后已损坏"):
        next(rows)


def test_sheets_beside_the_one_that_is_read_are_told(tmp_path: Path) -> None:
    made, _ = book([HEADER, ("1", "甲", None, None)])
    made.create_sheet("二月").append(["内容"])
    made.create_sheet("空")
    choices = made.create_sheet("字典")
    choices.append(["噪声"])
    choices.sheet_state = "veryHidden"
    path = saved(made, tmp_path)
    assert left_out(path, PLAIN).sheets == ("二月",)
    assert left_out(path, PLAIN, sheet="二月").sheets == (made.sheetnames[0],)


def test_a_row_beyond_the_format_is_refused(tmp_path: Path) -> None:
    made, _ = book([HEADER, ("1", "甲", None, None)])
    path = rewrite(saved(made, tmp_path), "xl/worksheets/sheet1.xml", b'<row r="2"', b'<row r="999999999999"')

    with pytest.raises(FileRefused, match="行号超过 1048576"):
        list(read_file(path, PLAIN))


@pytest.mark.parametrize("seed", range(60))
def test_random_damage_never_gives_another_error(tmp_path: Path, seed: int) -> None:
    made, _ = book([HEADER, *[(str(n), f"内容{n}", None, None) for n in range(20)]])
    content = bytearray(saved(made, tmp_path).read_bytes())
    dice = random.Random(seed)  # noqa: S311 - damage, not a secret
    for _ in range(dice.randint(1, 12)):
        content[dice.randrange(4, len(content))] = dice.randrange(256)

    try:
        texts = {row.text for row in good(read_file(put(tmp_path, bytes(content), "坏.xlsx"), PLAIN))}
    except FileRefused:
        texts = set()

    # Damage that goes unnoticed has not touched what was read: the package's checksums see to that.
    assert texts <= {f"内容{n}" for n in range(20)}


def test_a_zip_that_is_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "照片.zip"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("a.txt", "x")

    with pytest.raises(FileRefused, match="不是 XLSX 工作簿"):
        read_file(path, PLAIN)


def test_a_bomb_is_refused_unopened(tmp_path: Path) -> None:
    made, _ = book([HEADER])
    path = saved(made, tmp_path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/bomb.xml", b"0" * (5 << 20))

    with pytest.raises(FileRefused, match="解压后有 5 MiB，超过上限 4 MiB"):
        read_file(path, PLAIN, limits=Limits(unzipped_max=4 << 20))
