"""CSV that an office program opens: read as UTF-8, and nothing in it runs."""

from __future__ import annotations

import csv
import io

import pytest

from connectors import office_csv


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=1+1", "'=1+1"), ("+8613800000000", "'+8613800000000"), ("-x", "'-x"), ("@a", "'@a"),
        ("\t=1", "'\t=1"),
        ("望京街道", "望京街道"), ("a=1", "a=1"), (-3, "-3"), (0.5, "0.5"), (None, ""), ("", ""),
    ],
)  # fmt: skip
def test_a_text_like_a_formula_is_shown_and_a_number_stays_one(cell: office_csv.Value, shown: str) -> None:
    (row,) = csv.reader(io.StringIO(office_csv.line(["甲", cell]), newline=""))
    assert row == ["甲", shown]


def test_a_file_is_marked_once() -> None:
    made = office_csv.table([["名称", "件数"], ['a,"b"\n', 2], []])
    text = made.decode("utf-8")
    assert text.count(office_csv.MARK) == 1
    assert text.startswith(office_csv.MARK)
    rows = list(csv.reader(io.StringIO(made.decode("utf-8-sig"), newline="")))
    assert rows == [["名称", "件数"], ['a,"b"\n', "2"], []]
