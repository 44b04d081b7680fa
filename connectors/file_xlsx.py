"""XLSX: the rows of one sheet as texts, read one after the other.

The package is tested whole before its first row is given: a damaged or exploding file is refused, so that
nobody has to find out how much of it went in.
"""

from __future__ import annotations

import lzma
import re
import struct
import warnings
import zipfile
import zlib
from contextlib import closing
from datetime import date, datetime, time, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from connectors.file_rows import HEADER_DEPTH, RawRow, check_repeats, header_names, require
from connectors.file_xlsx_marks import Marks, scan
from connectors.records import FileRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from openpyxl.workbook import Workbook

    from connectors.file_rows import Columns
    from connectors.records import Limits

Row = tuple[int, tuple[str, ...], tuple[str, ...]]
"""Sheet row from 1, cell texts, error values met."""

_BATCH: Final = 256
_SHEET_ROWS: Final = 1_048_576  # what the format allows
_EXACT_DIGITS: Final = 15  # what Excel keeps of a number
_ERRORS: Final = frozenset({"#N/A", "#VALUE!", "#REF!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"})
_ESCAPED: Final = re.compile(r"_x00([01][0-9A-Fa-f])_", re.ASCII)  # how XLSX writes control characters
# What zipfile, expat, lxml (both SyntaxError) and openpyxl raise for damaged packages.
_DAMAGE: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, SyntaxError,
    InvalidFileException, KeyError, ValueError, TypeError, AttributeError, IndexError,
    OSError, OverflowError, AssertionError, struct.error, lzma.LZMAError,
)  # fmt: skip


def _number(value: float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        digits = str(abs(value))
        tail = digits[_EXACT_DIGITS:]
        # Zeros after the 15th digit are what Excel leaves of an id that was typed as a number.
        return f"{value:.14E}" if len(tail) > 1 and not tail.strip("0") else str(value)
    if abs(value) >= 10**_EXACT_DIGITS:
        return f"{value:.14E}"
    return str(int(value)) if value.is_integer() else repr(value)


def _moment(value: datetime) -> str:
    # Excel's day fractions miss the second by microseconds.
    whole = (value + timedelta(microseconds=500_000)).replace(microsecond=0)
    return whole.isoformat(sep=" ") if whole.time() != time() else whole.date().isoformat()


def cell_text(value: object) -> str:
    """Write a cell's value as text: dates in ISO, whole numbers without `.0`, an empty cell as "".

    A number that lost digits in Excel comes in scientific notation, so that nobody takes it for an id.
    """
    if isinstance(value, str):
        return _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), value)
    if isinstance(value, bool | int | float):
        return _number(value)
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, time):
        return value.isoformat("seconds")
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(value)


def _check_package(path: Path, limits: Limits) -> None:
    """Refuse a package that is damaged or unfolds to too much, without keeping any of it."""
    try:
        with zipfile.ZipFile(path) as package:
            # zipfile never gives more bytes than the directory says, so the directory's sum can be trusted.
            total = sum(entry.file_size for entry in package.infolist())
            if total > limits.unzipped_max:
                raise FileRefused(
                    f"文件 {path.name}：解压后有 {total >> 20} MiB，"
                    f"超过上限 {limits.unzipped_max >> 20} MiB；"
                    "请拆分，或另存为 UTF-8 的 CSV"
                )
            broken = package.testzip()
            names = set(package.namelist())
    except _DAMAGE as damage:
        raise FileRefused(f"文件 {path.name}：已损坏，无法作为 XLSX 打开") from damage
    if broken is not None:
        raise FileRefused(f"文件 {path.name}：已损坏（{broken} 校验不符），请重新导出")
    if "[Content_Types].xml" not in names:
        raise FileRefused(f"文件 {path.name}：是 ZIP 文件，但不是 XLSX 工作簿")


def _open(path: Path) -> Workbook:
    try:
        with warnings.catch_warnings():  # openpyxl remarks on styles and validations that we do not use
            warnings.simplefilter("ignore")
            return openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except _DAMAGE as damage:
        raise FileRefused(f"文件 {path.name}：已损坏，无法作为 XLSX 打开") from damage


def _values(book: Workbook, name: str, path: Path) -> Iterator[tuple[int, tuple[object, ...]]]:
    """Give the rows of a sheet with their numbers from 1."""
    sheet = book[name]
    reset = getattr(sheet, "reset_dimensions", None)
    if reset is None:
        raise FileRefused(f"文件 {path.name}：工作表“{name}”是图表，没有行")
    reset()  # some exporters write a wrong extent, and rows beyond it would be lost
    rows = enumerate(sheet.iter_rows(values_only=True), start=1)
    number = 0
    while True:
        batch: list[tuple[int, tuple[object, ...]]] = []
        broken: Exception | None = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                batch.extend(islice(rows, _BATCH))  # what came before a break stays in it
        except _DAMAGE as damage:
            broken = damage
        if batch:
            number = batch[-1][0]
        if number > _SHEET_ROWS + _BATCH:  # a row that claims to be the billionth is padded up to there
            raise FileRefused(f"文件 {path.name}：工作表“{name}”的行号超过 {_SHEET_ROWS}，文件不正常")
        yield from batch
        if broken is not None:
            raise FileRefused(
                f"文件 {path.name}：工作表“{name}”第 {number} 行之后已损坏，请重新导出"
            ) from broken
        if not batch:
            return


def _rows(book: Workbook, name: str, path: Path) -> Iterator[Row]:
    """Give the rows that are not empty, as texts."""
    for number, values in _values(book, name, path):
        texts = [cell_text(value) for value in values]
        errors = tuple(text for text in texts if text in _ERRORS)
        if any(text and not text.isspace() for text in texts):
            yield number, tuple("" if text in _ERRORS else text for text in texts), errors


def _choose_sheet(book: Workbook, sheet: str | None, path: Path) -> str:
    """Take the sheet that was named, else the first that is not hidden."""
    names = list(book.sheetnames)
    if sheet is not None:
        if sheet not in names:
            raise FileRefused(f"文件 {path.name}：没有工作表“{sheet}”；文件里的工作表：{'、'.join(names)}")
        return sheet
    shown = [name for name in names if book[name].sheet_state == "visible"]
    if not shown:
        raise FileRefused(f"文件 {path.name}：没有可见的工作表；文件里的工作表：{'、'.join(names)}")
    return shown[0]


def _joined(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    """Lay a two-row header together: merged cells stand in the upper row, their parts in the lower."""
    width = max(len(upper), len(lower))
    above = [*upper, *[""] * (width - len(upper))]
    below = [*lower, *[""] * (width - len(lower))]
    return [under or over for over, under in zip(above, below, strict=True)]


def header_choices(top: Sequence[Row]) -> list[tuple[int, tuple[str, ...]]]:
    """Give the possible headers among the first rows, as (rows used, names): single rows, then pairs."""
    single = [(place + 1, header_names(cells)) for place, (_, cells, _) in enumerate(top)]
    pairs = [
        (place + 2, header_names(_joined(top[place][1], top[place + 1][1]))) for place in range(len(top) - 1)
    ]
    return single + pairs


def best_header(
    choices: Sequence[tuple[int, tuple[str, ...]]], column_maps: Sequence[Columns]
) -> tuple[int, tuple[str, ...]]:
    """Choose the header that gives a map what it requires and has most columns that it knows.

    Of equals the first, so a single row comes before a pair; without any choice, no row and no column.
    """

    def score(choice: tuple[int, tuple[str, ...]]) -> tuple[bool, int]:
        columns = choice[1]
        return max((not one.missing(columns), len(one.recognised(columns))) for one in column_maps)

    return max(choices, key=score, default=(0, ()))


def xlsx_header(
    path: Path, sheet: str | None, limits: Limits, column_maps: Sequence[Columns]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give a sheet's column names, as far as the maps know them, and the other sheets with anything in them.

    Raises FileRefused like `xlsx_rows`.
    """
    _check_package(path, limits)
    with closing(_open(path)) as book:
        read = _choose_sheet(book, sheet, path)
        top = list(islice(_rows(book, read, path), HEADER_DEPTH))
        # Charts are not among them; lists of a form's choices stand on hidden ones.
        others = (one.title for one in book.worksheets if one.title != read and one.sheet_state == "visible")
        filled = tuple(name for name in others if _filled(book, name, path))
        return best_header(header_choices(top), column_maps)[1], filled


def _filled(book: Workbook, name: str, path: Path) -> bool:
    try:
        return next(_rows(book, name, path), None) is not None
    except FileRefused:
        return True  # damaged: something stood in it


def xlsx_rows(path: Path, column_map: Columns, limits: Limits, sheet: str | None) -> Iterator[RawRow]:
    """Give the rows of a sheet after its header, empty ones left out.

    Raises FileRefused for a damaged, exploding or foreign package, an unknown sheet, a sheet without the
    required columns, and rows that stop being readable (the message says after which row).
    """
    _check_package(path, limits)
    with closing(_open(path)) as book:
        name = _choose_sheet(book, sheet, path)
        rows = _rows(book, name, path)
        top = list(islice(rows, HEADER_DEPTH))
        used, columns = best_header(header_choices(top), [column_map])
        require(column_map, columns, f"{path.name} 工作表“{name}”")
        check_repeats(column_map, columns, path.name)
        marks = _marks(book, name, path)
        names = tuple(column if column_map.find(column) else None for column in columns)
        for row in chain(top[used:], rows):
            yield _raw(row, columns, tuple(marks.notes(row[0], names)))


def _marks(book: Workbook, name: str, path: Path) -> Marks:
    try:
        # openpyxl keeps the name of the sheet's part to itself.
        return scan(path, getattr(book[name], "_worksheet_path"))  # noqa: B009  (untyped)
    except _DAMAGE:
        return Marks()  # notes are a help: the rows themselves are read without them


def _raw(row: Row, columns: tuple[str, ...], remarks: tuple[str, ...]) -> RawRow:
    number, cells, errors = row
    beyond = tuple(f"第{place}列" for place in range(len(columns) + 1, len(cells) + 1))
    notes = (
        (f"有 {len(errors)} 个单元格是错误值（{'、'.join(sorted(set(errors)))}），按空处理",)
        if errors
        else ()
    )
    return RawRow(number, list(zip((*columns, *beyond), cells, strict=False)), (*notes, *remarks))
