"""CSV: records out of physical lines, so that a broken row costs itself and nothing after it.

A quote that is never closed would swallow the rest of a file. Here a record that cannot be read is reported
at the line where it starts, and reading goes on with the very next line.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

from connectors.file_rows import (
    HEADER_DEPTH,
    Fault,
    RawRow,
    check_repeats,
    header_names,
    require,
)
from connectors.file_text import Line, Lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connectors.file_rows import Columns
    from connectors.records import Limits

DELIMITERS: Final = (",", ";", "\t")
_PEEK_LINES: Final = 40
_RECORD_LINES: Final = 2000
_MIN_WIDTH_TO_TELL: Final = 3
_FIELD_LIMIT: Final = 1 << 24
# csv's own limit (128 Ki) is below the longest text we take; Limits.line_max bounds a record before that.
csv.field_size_limit(max(csv.field_size_limit(), _FIELD_LIMIT))


def _split(text: str, delimiter: str) -> list[str] | None:
    """Split one record into its fields, or give None when its quotes are not right."""
    if '"' not in text:
        return text.split(delimiter)
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


class CsvRecords:
    """Iterates (line, fields) or (line, Fault). Set `width` once the header is known."""

    def __init__(self, lines: Lines, delimiter: str, limits: Limits) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._limits = limits
        self.width: int | None = None

    def __iter__(self) -> Iterator[tuple[int, list[str] | Fault]]:
        while (line := self._lines.take()) is not None:
            if line.text is None:
                yield line.number, Fault(None, f"行过长，超过 {self._limits.line_max} 个字符")
                continue
            if line.text and not line.text.isspace():
                yield line.number, self._record(line.text)

    def _record(self, text: str) -> list[str] | Fault:
        fields = _split(text, self._delimiter)
        if fields is not None:
            return self._fit(fields)
        taken = self._gather(text)
        whole = "\n".join([text, *(more.text or "" for more in taken)])
        fields = _split(whole, self._delimiter) if taken else None
        if fields is None or self._swallowed(fields, text, taken):
            self._lines.push_back(taken)
            return Fault(None, "引号没有配对，或引号之后还有文字")
        return self._fit(fields)

    def _gather(self, text: str) -> list[Line]:
        """Take the lines after an open quote until the quotes are even, or give up at the caps."""
        taken: list[Line] = []
        quotes, size = text.count('"'), len(text)
        while quotes % 2 and len(taken) < _RECORD_LINES:
            line = self._lines.take()
            if line is None:
                break
            taken.append(line)
            if line.text is None or (size := size + len(line.text)) > self._limits.line_max:
                break
            quotes += line.text.count('"')
        return taken

    def _swallowed(self, fields: list[str], text: str, taken: list[Line]) -> bool:
        """Tell a record of several lines from rows that an open quote ran together.

        With the wrong width, one further line that is a row by itself gives it away. With the right width all
        lines must have a row's delimiters and the closing quote must be a field of its own, as of a second
        quote that was left open: a citizen's text may well hold lines with that many delimiters.
        """
        width = self.width
        if width is None or width < _MIN_WIDTH_TO_TELL:
            return False
        later = [more.text or "" for more in taken]
        if len(fields) != width:
            # The last line closes the quote, so by itself it is never a row.
            return any(len(_split(more, self._delimiter) or ()) == width for more in later[:-1])
        lone_quote = '"' in later[-1].split(self._delimiter)
        return lone_quote and all(more.count(self._delimiter) == width - 1 for more in (text, *later))

    def _fit(self, fields: list[str]) -> list[str] | Fault:
        width = self.width
        if width is None or len(fields) == width:
            return fields
        if len(fields) > width and not any(fields[width:]):  # delimiters at the end: empty columns
            return fields[:width]
        return Fault(None, f"应有 {width} 列，实有 {len(fields)} 列")


def _candidates(peeked: list[Line], delimiter: str, limits: Limits) -> list[tuple[int, tuple[str, ...]]]:
    """Give the first records that may be the header, as (last line, column names)."""
    lines = Lines.of(peeked, longest=limits.line_max)
    found: list[tuple[int, tuple[str, ...]]] = []
    for number, fields in CsvRecords(lines, delimiter, limits):
        if isinstance(fields, list) and any(field.strip() for field in fields):
            breaks = sum(field.count("\n") for field in fields)
            found.append((number + breaks, header_names(fields)))
        if len(found) == HEADER_DEPTH:
            break
    return found


class Header:
    """Where a CSV table's header ends, what its columns are and what parts them."""

    __slots__ = ("columns", "delimiter", "last_line")

    def __init__(self, last_line: int, columns: tuple[str, ...], delimiter: str) -> None:
        self.last_line = last_line
        self.columns = columns
        self.delimiter = delimiter


def find_header(peeked: list[Line], column_maps: Sequence[Columns], limits: Limits) -> Header | None:
    """Find header and delimiter by what the maps know, not by counting signs that texts also contain.

    The best header serves a map's required fields and has most known columns; then the most columns at all;
    then the one higher up. None when there is no line with text.
    """
    best: tuple[tuple[int, int, int, int], Header] | None = None
    for delimiter in DELIMITERS:
        for place, (last_line, columns) in enumerate(_candidates(peeked, delimiter, limits)):
            known = max(
                ((not one.missing(columns), len(one.recognised(columns))) for one in column_maps),
                default=(False, 0),
            )
            score = (int(known[0]), known[1], 0 if place else len(columns), -place)
            if best is None or score > best[0]:
                best = (score, Header(last_line, columns, delimiter))
    return best[1] if best else None


def peek(lines: Lines) -> list[Line]:
    """Take the lines among which the header stands, and put them back."""
    peeked: list[Line] = []
    while len(peeked) < _PEEK_LINES and (line := lines.take()) is not None:
        peeked.append(line)
    lines.push_back(peeked)
    return peeked


def csv_rows(lines: Lines, column_map: Columns, limits: Limits, file: str) -> Iterator[RawRow]:
    """Give the rows of a CSV table after its header.

    Raises FileRefused when no line near the top has the required columns.
    """
    header = find_header(peek(lines), [column_map], limits)
    columns = header.columns if header else ()
    require(column_map, columns, file)
    check_repeats(column_map, columns, file)
    delimiter = header.delimiter if header else DELIMITERS[0]
    records = CsvRecords(lines, delimiter, limits)
    records.width = len(columns)
    for _ in range(header.last_line if header else 0):
        lines.take()
    for number, fields in records:
        if isinstance(fields, Fault):
            yield RawRow(number, fields)
        elif any(field.strip() for field in fields):
            yield RawRow(number, list(zip(columns, fields, strict=True)))
