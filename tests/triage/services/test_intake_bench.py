"""The figures of `make bench-intake`: what the files hold is counted without the import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.intake import figures_of, lines
from triage.services.importing import CHANGED

if TYPE_CHECKING:
    from pathlib import Path


def test_lines_are_counted_blank_ones_are_none(tmp_path: Path) -> None:
    one, other = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    one.write_bytes(b'\xef\xbb\xbf\n{"id": 1}\r\n\r\n  \nnot json')
    other.write_bytes(b"\xef\xbb\xbf{}\n")
    assert lines([one, other]) == 3


def test_a_row_that_the_import_lost_is_seen() -> None:
    """It says 9 of 10 rows, one refused, one repeated, and stored 7: one is missing."""
    refused = {"reason": CHANGED}
    report = {"rows": 9, "bad": [refused], "repeated": 1, "stored": 7}
    assert figures_of(10, [report]) == {
        "rows": 10,
        "received": 8,
        "repeated_in_files": 1,
        "bad_in_files": 1,
        "refused_same_number": 1,
    }
