"""Small helpers of the file connector's tests: write a file, part good rows from reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.files import BadRow, RowRecord

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def put(folder: Path, content: str | bytes, name: str = "诉求.csv") -> Path:
    """Write a file; text as UTF-8."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def good(rows: Iterable[RowRecord | BadRow]) -> list[RowRecord]:
    """Give the records."""
    return [row for row in rows if isinstance(row, RowRecord)]


def bad(rows: Iterable[RowRecord | BadRow]) -> list[tuple[int, str | None, str]]:
    """Give line, column and reason of each report."""
    return [(row.line, row.column, row.reason) for row in rows if isinstance(row, BadRow)]
