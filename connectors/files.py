"""The file connector: complaints out of CSV, XLSX and JSONL files, one row at a time.

Nothing good is lost for something bad: a row that cannot be read becomes a `BadRow` with its line, and the
rest goes in. Only what spoils every row (no such column, a damaged workbook) refuses the file as a whole.
Callers: the import service, with a map from `load_map` or `guess_file_map`.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Final

from connectors.file_csv import csv_rows, find_header, peek
from connectors.file_jsonl import jsonl_keys, jsonl_rows
from connectors.file_maps import (
    ColumnMap,
    Field,
    LeftOut,
    MapGuess,
    available_maps,
    guess_map,
    load_map,
    parse_map,
)
from connectors.file_rows import RawRow, RowMaker, like_data, listed
from connectors.file_text import (
    EncodingGuess,
    Lines,
    blame_encoding,
    chosen_encoding,
    detect_encoding,
    open_text,
)
from connectors.records import DEFAULT_LIMITS, BadRow, FileRefused, Limits, RowRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = [
    "BadRow",
    "ColumnMap",
    "EncodingGuess",
    "Field",
    "FileKind",
    "FileRefused",
    "FileShape",
    "LeftOut",
    "Limits",
    "MapGuess",
    "RowRecord",
    "available_maps",
    "describe_file",
    "detect_encoding",
    "guess_file_map",
    "guess_map",
    "left_out",
    "load_map",
    "parse_map",
    "read_file",
]

_ZIP: Final = b"PK\x03\x04"
_OLE2: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEAD: Final = 512
_REASONS: Final[dict[type[OSError], str]] = {FileNotFoundError: "没有这个文件", PermissionError: "没有权限"}
_JSONL_ENDINGS: Final = frozenset({".jsonl", ".ndjson"})
_WIDE: Final = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_BLANK: Final = b" \t\r\n\x00\xef\xbb\xbf\xff\xfe"


class FileKind(StrEnum):
    """The formats that are read."""

    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class FileShape:
    """What a file turned out to be; `encoding` is None for a workbook."""

    kind: FileKind
    encoding: EncodingGuess | None


def _start(head: bytes, encoding: str | None) -> bytes:
    """The first signs of a text as UTF-8: in UTF-16 half a Chinese character may look like a bracket."""
    mark = next((name for bom, name in _WIDE if head.startswith(bom)), encoding)
    try:
        text = head.decode(mark, "ignore").encode("utf-8", "ignore") if mark else head
    except (LookupError, ValueError):  # no encoding of texts: whoever reads the text says so
        text = head
    return text.lstrip(_BLANK)


def _kind(path: Path, encoding: str | None) -> FileKind:
    """Tell the format by the first bytes; the name only helps between the two text formats."""
    try:
        # A pipe or device can be read once at most, and every file is read more often than that.
        if path.exists() and not path.is_file():
            raise FileRefused(f"文件 {path.name}：不是普通文件（是目录、管道或设备），不能导入")
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError as error:
        reason = _REASONS.get(type(error), error.strerror)
        raise FileRefused(f"文件 {path.name}：无法打开（{reason}）") from error
    if not head:
        raise FileRefused(f"文件 {path.name}：是空文件")
    if head.startswith(_ZIP):
        return FileKind.XLSX
    if head.startswith(_OLE2):
        raise FileRefused(
            f"文件 {path.name}：是旧的 .xls 格式，或加了密码的工作簿；"
            "请在 Excel 或 WPS 中去掉密码，并另存为 .xlsx"
        )
    if path.suffix.lower() == ".xlsx":
        raise FileRefused(f"文件 {path.name}：已损坏，或不是 XLSX 工作簿")
    start = _start(head, encoding)
    if start.startswith(b"<"):
        raise FileRefused(f"文件 {path.name}：内容是网页或 XML；请另存为 .xlsx 或 CSV")
    if path.suffix.lower() in _JSONL_ENDINGS or start.startswith(b"{"):
        return FileKind.JSONL
    if path.suffix.lower() == ".json" or start.startswith((b"[{", b"[\n", b"[\r")):
        raise FileRefused(f"文件 {path.name}：是整体的 JSON；请转成每行一个对象的 JSONL")
    return FileKind.CSV


def describe_file(path: Path, *, encoding: str | None = None) -> FileShape:
    """Find a file's format and encoding, with the reason for the encoding.

    Raises FileRefused when the file cannot be opened, is empty, or is of a kind that is not read.
    """
    kind = _kind(path, encoding)
    return FileShape(kind, None if kind is FileKind.XLSX else chosen_encoding(path, encoding))


def _blame(path: Path, shape: FileShape) -> None:
    """Raise FileRefused when it is the encoding that keeps the columns from being found."""
    if shape.encoding is not None:
        blame_encoding(path, shape.encoding.name)


def _text_rows(path: Path, column_map: ColumnMap, limits: Limits, shape: FileShape) -> Iterator[RawRow]:
    read = csv_rows if shape.kind is FileKind.CSV else jsonl_rows
    with open_text(path, shape.encoding.name if shape.encoding else "utf-8") as stream:
        yield from read(Lines(stream, longest=limits.line_max), column_map, limits, path.name)


def read_file(
    path: Path,
    column_map: ColumnMap,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[RowRecord | BadRow]:
    """Read a file row by row: a RowRecord for each good row, a BadRow for each other, in the file's order.

    `sheet` names a workbook's sheet (else the first visible one), `encoding` overrides the detection of a
    text file's encoding. CSV and JSONL are read in constant memory; a workbook keeps its distinct texts.

    Raises FileRefused, with a message for staff, when the file cannot be read as a whole: at once for what
    shows at its head (format, encoding, columns), while iterating only for a workbook that breaks off.
    """
    shape = describe_file(path, encoding=encoding)
    if shape.kind is FileKind.XLSX:
        from connectors.file_xlsx import xlsx_rows  # noqa: PLC0415  (only a workbook pays for loading it)

        raw = xlsx_rows(path, column_map, limits, sheet)
    else:
        raw = _text_rows(path, column_map, limits, shape)
    try:
        first = next(raw, None)  # the header is checked here, not when somebody starts to iterate
    except FileRefused:
        _blame(path, shape)
        raise
    maker = RowMaker(path.name, column_map, limits)
    return (maker.make(row) for row in chain(() if first is None else (first,), raw))


def guess_file_map(
    path: Path, *, sheet: str | None = None, encoding: str | None = None, limits: Limits = DEFAULT_LIMITS
) -> MapGuess:
    """Choose the shipped map that fits a file's columns best, and say why.

    Raises FileRefused when none fits (the message lists the file's columns) or the file cannot be read.
    """
    shape = describe_file(path, encoding=encoding)
    columns, sheets = _columns(path, shape, sheet, limits, [load_map(name) for name in available_maps()])
    try:
        guess = guess_map(columns)
    except FileRefused as refusal:
        _blame(path, shape)
        raise FileRefused(f"文件 {path.name}：{refusal}。文件里的列：{listed(columns)}") from refusal
    return replace(guess, left_out=_unread(columns, sheets, guess.column_map))


def _columns(
    path: Path, shape: FileShape, sheet: str | None, limits: Limits, maps: Sequence[ColumnMap]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of a file's columns, as far as the maps tell a header, and the sheets that are not read."""
    if shape.kind is FileKind.XLSX:
        from connectors.file_xlsx import xlsx_header  # noqa: PLC0415  (as above)

        return xlsx_header(path, sheet, limits, maps)
    with open_text(path, shape.encoding.name if shape.encoding else "utf-8") as stream:
        lines = Lines(stream, longest=limits.line_max)
        if shape.kind is FileKind.JSONL:
            return jsonl_keys(lines, limits), ()
        header = find_header(peek(lines), maps, limits)
        return (header.columns if header else ()), ()


def left_out(
    path: Path,
    column_map: ColumnMap,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> LeftOut:
    """Say what `read_file` would leave out. Raises FileRefused like it."""
    shape = describe_file(path, encoding=encoding)
    return _unread(*_columns(path, shape, sheet, limits, [column_map]), column_map)


def _unread(columns: tuple[str, ...], sheets: tuple[str, ...], column_map: ColumnMap) -> LeftOut:
    return LeftOut(
        tuple(one for one in columns if column_map.find(one) is None and not like_data(one)), sheets
    )
