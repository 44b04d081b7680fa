"""CSV as offices open it: plain values in, lines out that Excel and WPS read as what they are.

A text that begins like a formula is shown as text: a name or a title of somebody's must not run in an
auditor's or an officer's spreadsheet.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What makes an office program read a file as UTF-8; once, before the first line.
MARK: Final = "\ufeff"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

Value = str | float | None


def line(cells: Iterable[Value]) -> str:
    """One line, its line break included."""
    stream = io.StringIO()
    csv.writer(stream).writerow([_harmless(cell) for cell in cells])
    return stream.getvalue()


def table(rows: Iterable[Iterable[Value]]) -> bytes:
    """A whole file."""
    return (MARK + "".join(map(line, rows))).encode()


def _harmless(value: Value) -> Value:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
