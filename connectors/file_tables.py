"""Tables that are no complaints, out of CSV and XLSX files: the same reading, with columns of the caller's.

What spoils every row refuses the file; a row that cannot be read is a `BadRow` with its line, and the rest
goes on. Callers: services that import lists of an office's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from connectors.file_csv import csv_rows
from connectors.file_maps import normal_name
from connectors.file_rows import Fault
from connectors.file_text import Lines, blame_encoding, clean, open_text
from connectors.files import FileKind, describe_file
from connectors.records import DEFAULT_LIMITS, BadRow, FileRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from connectors.file_rows import RawRow
    from connectors.files import FileShape
    from connectors.records import Limits

_LONGEST_CELL: Final = 500


@dataclass(frozen=True, slots=True)
class PlainColumns:
    """Our names of columns with the spellings that files have for each, the preferred one first."""

    fields: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...]
    _lookup: Mapping[str, tuple[str, int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lookup = {
            normal_name(spelling): (name, rank)
            for name, spellings in self.fields.items()
            for rank, spelling in enumerate(spellings)
        }
        object.__setattr__(self, "_lookup", lookup)

    def find(self, column: str) -> tuple[str, int] | None:
        """Our name of a column and its rank among the spellings; None for one that is not ours."""
        return self._lookup.get(normal_name(column))

    def recognised(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Those of the columns that are ours."""
        return tuple(column for column in columns if self.find(column))

    def missing(self, columns: Sequence[str]) -> tuple[str, ...]:
        """The required ones that none of the columns serves."""
        present = {hit[0] for column in columns if (hit := self.find(column))}
        return tuple(name for name in self.required if name not in present)

    def accepted(self, name: str) -> tuple[str, ...]:
        """The spellings of a column."""
        return self.fields[name]


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row: its line from 1, and the text of each of our columns that is not empty."""

    line: int
    values: Mapping[str, str] = field(repr=False)


def read_table(
    path: Path,
    columns: PlainColumns,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> list[TableRow | BadRow]:
    """Every row of a CSV or XLSX file, in its order. Raises FileRefused, with a message for staff."""
    shape = describe_file(path, encoding=encoding)
    if shape.kind is FileKind.JSONL:
        raise FileRefused(f"文件 {path.name}：是 JSONL；这里只读 CSV 和 XLSX 表格")
    try:
        return [_row(path.name, columns, raw) for raw in _raw(path, columns, shape, sheet, limits)]
    except FileRefused:
        if shape.encoding is not None:
            blame_encoding(path, shape.encoding.name)
        raise


def _raw(
    path: Path, columns: PlainColumns, shape: FileShape, sheet: str | None, limits: Limits
) -> Iterator[RawRow]:
    if shape.kind is FileKind.XLSX:
        from connectors.file_xlsx import xlsx_rows  # noqa: PLC0415  (only a workbook pays for loading it)

        yield from xlsx_rows(path, columns, limits, sheet)
        return
    with open_text(path, shape.encoding.name if shape.encoding else "utf-8") as stream:
        yield from csv_rows(Lines(stream, longest=limits.line_max), columns, limits, path.name)


def _row(file: str, columns: PlainColumns, raw: RawRow) -> TableRow | BadRow:
    if isinstance(raw.content, Fault):
        return BadRow(file, raw.line, raw.content.column, raw.content.reason)
    ranked: dict[str, tuple[int, str]] = {}
    for column, told in raw.content:
        hit, value = columns.find(column), clean(told).strip()
        if hit is None or not value:
            continue
        if len(value) > _LONGEST_CELL:
            return BadRow(file, raw.line, column, f"有 {len(value)} 个字符，超过上限 {_LONGEST_CELL}")
        name, rank = hit
        if name not in ranked or rank < ranked[name][0]:
            ranked[name] = (rank, value)
    return TableRow(raw.line, {name: value for name, (_, value) in ranked.items()})
