"""The rows of a file of names (`nlp.overlay`), CSV or JSONL, as texts by our own columns."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

from nlp.gazetteer import GazetteerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: What a column may be called.
COLUMNS: Final = {
    "name": ("name", "名称"),
    "kind": ("kind", "类型", "类别"),
    "lon": ("lon", "lng", "经度"),
    "lat": ("lat", "纬度"),
    "crs": ("crs", "坐标系"),
    "district": ("district", "区", "所在区"),
    "street": ("street", "街道", "街乡镇"),
    "community": ("community", "社区", "社区村"),
    "aliases": ("aliases", "别名"),
    "trust": ("trust", "把握"),
}
FIELDS: Final = {written: field for field, known in COLUMNS.items() for written in known}
#: Controls, formats (the direction of writing, no width), separators of lines, halves of signs.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: A cell of more lines than this is an open quote.
_RECORD_LINES: Final = 50
_BREAK: Final = re.compile(r"\r\n?|\n")


def rows_of(path: Path) -> Iterator[tuple[int, dict[str, str] | str]]:
    """(line, fields) of a CSV or JSONL file; text for a line that has none. Raises GazetteerError."""
    try:
        raw = path.read_bytes()
    except OSError as fault:
        raise GazetteerError(f"{path.name}: {fault.strerror}") from fault
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = raw.decode("gb18030")
        except UnicodeDecodeError as fault:
            raise GazetteerError(f"{path.name}: 既不是 UTF-8 也不是 GB18030 编码") from fault
    if text.lstrip().startswith("{"):
        yield from _json_rows(text)
        return
    records = _csv_records(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    header = next((cells for _, cells in records if isinstance(cells, list)), [])
    if not {"name", "kind"} <= {FIELDS.get(_clean(column), "") for column in header}:
        raise GazetteerError(f"{path.name}: 缺少列 name(名称) 或 kind(类型)；认识的列：{'、'.join(FIELDS)}")
    for line, cells in records:
        yield line, cells if isinstance(cells, str) else _fields(zip(header, cells, strict=False))


def _csv_records(lines: list[str]) -> Iterator[tuple[int, list[str] | str]]:
    """(line, cells) of each record that is not blank; text for one whose quotes are not right.

    A quote that is never closed would swallow the rest of the file: it costs its own line, and reading goes
    on with the next.
    """
    place, width = 0, 0
    while place < len(lines):
        count, cells = (1, _cells(lines[place])) if lines[place].strip() else (1, [])
        if cells is None:
            count, cells = _over_lines(lines[place : place + _RECORD_LINES], width)
        if cells is None:
            yield place + 1, "引号没有配对，或引号之后还有文字"
        elif any(cell.strip() for cell in cells):
            width = width or len(cells)
            yield place + 1, cells
        place += count


def _over_lines(lines: list[str], width: int) -> tuple[int, list[str] | None]:
    """The record that begins with an open quote and how many lines it has; none when it ran rows together."""
    quotes = 0
    for count, line in enumerate(lines, start=1):
        quotes += line.count('"')
        if quotes % 2 == 0:
            cells = _cells("\n".join(lines[:count]))
            # A row of its own among the lines, or lines that all have a row's commas: they are rows.
            inner = any(len(_cells(one) or ()) == width for one in lines[1 : count - 1])
            alike = all(one.count(",") == width - 1 for one in lines[:count])
            whole = cells is not None and len(cells) == (width or len(cells))
            return (count, cells) if whole and not inner and not alike else (1, None)
    return 1, None


def _cells(text: str) -> list[str] | None:
    """The cells of one record, or None when its quotes are not right."""
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _clean(value: str) -> str:
    """A value without signs that nobody sees and that break lines, files or screens further on."""
    return "".join(sign for sign in value if unicodedata.category(sign) not in _UNSEEN).strip()


def _json_rows(text: str) -> Iterator[tuple[int, dict[str, str] | str]]:
    """Rows of JSONL, or why a line is none."""
    for line, raw in enumerate(text.split("\n"), start=1):
        if not raw.strip():
            continue
        try:
            row: Any = json.loads(raw)
        except (ValueError, RecursionError):  # thousands of brackets
            row = None
        yield line, _fields(row.items()) if isinstance(row, dict) else "不是 JSON 对象"


def _fields(items: Iterable[tuple[Any, Any]]) -> dict[str, str]:
    """The known fields as text; a list of aliases is joined."""
    row = dict.fromkeys(COLUMNS, "")
    for column, value in items:
        field = FIELDS.get(_clean(str(column)))
        if field and value is not None:
            told = "|".join(map(str, value)) if isinstance(value, list) else str(value)
            row[field] = _clean("|".join(_BREAK.split(told)) if field == "aliases" else told)
    return row
