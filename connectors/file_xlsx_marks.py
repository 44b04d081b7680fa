"""What a sheet's values do not tell: cells merged over rows, and formulas that were never calculated.

Both look like empty cells, so a complaint would lose its words unnoticed. The sheet's XML is scanned once, in
pieces, for just these two; openpyxl's reading of rows one by one knows neither.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK: Final = 1 << 20
_LONGEST: Final = 1 << 25
_MERGED: Final = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*?\bref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"')
# A cell of a formula and no value. A text (t="str") may well be calculated to nothing.
_UNKNOWN: Final = re.compile(
    rb"<(?:\w+:)?c\b(?![^>]*\bt=\"str\")[^>]*?\br=\"([A-Z]{1,3}\d{1,7})\"[^>]*>\s*"
    rb"<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)


@dataclass(slots=True)
class Marks:
    """Merged ranges over more than one row, by their first row, and cells of formulas without a result."""

    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    unknown: dict[int, list[int]] = field(default_factory=dict)
    _open: list[tuple[int, int, int, int]] = field(default_factory=list)

    def notes(self, row: int, names: tuple[str | None, ...]) -> Iterator[str]:
        """What staff should know of a row; rows in ascending order.

        `names`: the columns' names, None for those that are not used.
        """
        while self.merged and self.merged[-1][0] < row:
            self._open.append(self.merged.pop())
        self._open = [one for one in self._open if one[1] >= row]
        for first, _, left, right in sorted(self._open):
            for name in filter(None, names[left - 1 : right]):
                yield f"列“{name}”与第 {first} 行是合并单元格，文字只算第 {first} 行的"
        unknown = [names[column - 1] for column in self.unknown.get(row, ()) if column <= len(names)]
        for name in filter(None, unknown):
            yield f"列“{name}”是没有计算结果的公式，按空处理；请在 Excel 或 WPS 中打开、保存后重新导入"


def scan(path: Path, part: str) -> Marks:
    """Find the marks of a sheet; `part` is its name within the package. Raises what `zipfile` raises."""
    marks = Marks()
    with zipfile.ZipFile(path) as package, package.open(part.lstrip("/")) as stream:
        rest = b""
        while chunk := stream.read(_CHUNK):
            rest += chunk
            # Cells stand within rows, and merged ranges after the last: none is cut at the end of either.
            end = max(rest.rfind(b"row>"), rest.rfind(b"mergeCell "))
            if len(rest) > _LONGEST and end <= 0:
                end = len(rest)  # no row is as long: what is here is something else
            if end > 0:
                _find(rest[:end], marks)
                rest = rest[end:]
        _find(rest, marks)
    marks.merged.sort(reverse=True)
    return marks


def _find(piece: bytes, marks: Marks) -> None:
    # A piece may begin within the name of the tag that the one before it ended at.
    piece = b"<" + piece if piece.startswith(b"mergeCell ") else piece
    for found in _MERGED.finditer(piece):
        start, end = (_place(part) for part in found[1].split(b":"))
        if start[0] < end[0]:
            marks.merged.append((start[0], end[0], start[1], end[1]))
    for found in _UNKNOWN.finditer(piece):
        row, column = _place(found[1])
        marks.unknown.setdefault(row, []).append(column)


def _place(reference: bytes) -> tuple[int, int]:
    """Row and column, from 1, of a reference as `B12`."""
    letters, row = coordinate_from_string(reference.decode())
    return row, column_index_from_string(letters)
