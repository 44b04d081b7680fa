"""Excel tables as government offices lay them out: plain values in, the bytes of a workbook out.

A sheet: title across all columns; a line with period on the left and unit of measure on the right; a header
of one or two rows, the upper one merged over its columns; rows; a total row; notes; when it was made.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.header_footer import HeaderFooterItem, _HeaderFooterPart
from openpyxl.worksheet.properties import PageSetupProperties

from connectors.office_text import fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openpyxl.worksheet.worksheet import Worksheet

Cell = str | int | float | None

_THIN: Final = Side(style="thin")
_BORDER: Final = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
_CENTRE: Final = Alignment(horizontal="center", vertical="center", wrap_text=True)
_LEFT: Final = Alignment(horizontal="left", vertical="center", wrap_text=True)
_TITLE: Final = Font(name="方正小标宋简体", size=18, bold=True)
_HEAD: Final = Font(name="黑体", size=11)
_BODY: Final = Font(name="仿宋", size=11)
_BOLD: Final = Font(name="仿宋", size=11, bold=True)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the header over it, the group header over that (alike ones are merged), width, format."""

    name: str
    group: str = ""
    width: float = 10
    number_format: str = "General"
    left: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook."""

    name: str
    title: str
    period: str
    measure: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] | None = None
    notes: tuple[str, ...] = ()
    made: str = ""


def workbook(sheets: Sequence[Sheet]) -> bytes:
    """The workbook, ready to be written to a file."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for sheet in sheets:
        _write(book.create_sheet(sheet.name), sheet)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _write(page: Worksheet, sheet: Sheet) -> None:
    last = len(sheet.columns)
    half = max(last // 2, 1)
    _across(page, 1, 1, last, sheet.title, font=_TITLE, alignment=_CENTRE)
    page.row_dimensions[1].height = 34
    _across(page, 2, 1, half, sheet.period, font=_BODY, alignment=_LEFT)
    if half < last:
        right = Alignment(horizontal="right", vertical="center")
        _across(page, 2, half + 1, last, sheet.measure, font=_BODY, alignment=right)
    first = _header(page, sheet.columns)
    for row, values in enumerate(sheet.rows, start=first):
        _line(page, row, sheet.columns, values, _BODY)
    after = first + len(sheet.rows)
    if sheet.total is not None:
        _line(page, after, sheet.columns, sheet.total, _BOLD)
        after += 1
    for note in (*sheet.notes, sheet.made):
        if note:
            _across(page, after, 1, last, note, font=_BODY, alignment=_LEFT)
            page.row_dimensions[after].height = 18 * (1 + len(note) // 70)
            after += 1
    for number, column in enumerate(sheet.columns, start=1):
        page.column_dimensions[get_column_letter(number)].width = column.width
    page.freeze_panes = f"A{first}"
    page.print_title_rows = f"1:{first - 1}"
    page.page_setup.orientation = "landscape"
    page.page_setup.paperSize = page.PAPERSIZE_A4
    page.page_setup.fitToHeight = 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    page.oddFooter = HeaderFooterItem(center=_HeaderFooterPart(text="第 &P 页，共 &N 页"))


def _header(page: Worksheet, columns: tuple[Column, ...]) -> int:
    """Write the header from row 3 on; gives the first row under it."""
    grouped = any(column.group for column in columns)
    low = 4 if grouped else 3
    start = 1
    for number, column in enumerate(columns, start=1):
        for row in range(3, low + 1):
            page.cell(row, number).border = _BORDER
        if grouped and not column.group:
            _across(page, 3, number, number, column.name, font=_HEAD, alignment=_CENTRE, down=low)
            start = number + 1
            continue
        _put(page, (low, number), column.name, _HEAD, _CENTRE)
        following = columns[number].group if number < len(columns) else ""
        if grouped and following != column.group:
            _across(page, 3, start, number, column.group, font=_HEAD, alignment=_CENTRE)
            start = number + 1
    return low + 1


def _across(
    page: Worksheet,
    row: int,
    first: int,
    last: int,
    text: str,
    *,
    font: Font,
    alignment: Alignment,
    down: int | None = None,
) -> None:
    """One text over several cells."""
    _put(page, (row, first), text, font, alignment)
    if first < last or (down or row) > row:
        page.merge_cells(start_row=row, start_column=first, end_row=down or row, end_column=last)


def _line(page: Worksheet, row: int, columns: tuple[Column, ...], values: Sequence[Cell], font: Font) -> None:
    for number, (column, value) in enumerate(zip(columns, values, strict=True), start=1):
        _put(page, (row, number), value, font, _LEFT if column.left else _CENTRE)
        cell = page.cell(row, number)
        cell.border = _BORDER
        if not isinstance(value, str):
            cell.number_format = column.number_format


def _put(page: Worksheet, place: tuple[int, int], value: Cell, font: Font, alignment: Alignment) -> None:
    cell = page.cell(*place, fit(value) if isinstance(value, str) else value)
    if isinstance(value, str):
        cell.data_type = "s"  # what begins with = is a text too, never a formula
    cell.font, cell.alignment = font, alignment
