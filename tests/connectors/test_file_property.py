"""Whatever the mixture and order, good rows all go in and bad rows are all reported; size does not matter."""

from __future__ import annotations

import json
import tempfile
import tracemalloc
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.files import BadRow, RowRecord, load_map, read_file
from tests.connectors.file_helpers import bad, good

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PLAIN = load_map("plain")
WORDS = st.text(st.sampled_from('工地夜间施工噪声油烟臭味,;\t"\n =é𠮷'), min_size=1, max_size=30).map(
    lambda text: f"字{text}字"
)
# Each spoils one CSV row of four columns, in bytes of its own.
CSV_FAULTS = st.sampled_from(
    [
        b"x,\xe5\xad\x97\xff,2026-11-23,",
        b"x,\xe5\xad\x97\x00,2026-11-23,",
        b"x,a,2026-11-23",
        b"x,a,2026-11-23,b,c",
        b"x,a,2026-11-31,",
        b"x,,2026-11-23,",
        b'x,"a,2026-11-23,',
        b'x,"a"b,2026-11-23,',
        b"x," + b"a" * 200_001 + b",2026-11-23,",
    ]
)
JSONL_FAULTS = st.sampled_from(
    [
        b'{"text": "\xff"}',
        b'{"text": "a"',
        b"7",
        b'{"text": 7}',
        b'{"title": ""}',
        b'{"text": "a", "time": "2026-11-31"}',
        b'{"text": "a", "text": "b"}',
        b'{"text": "' + b"a" * 200_001 + b'"}',
    ]
)
Seeded = tuple[bool, bytes]


def csv_row(text: str) -> bytes:
    quoted = text.replace('"', '""')
    return f'y,"{quoted}",2026-11-23 08:05,备'.encode()


def jsonl_row(text: str) -> bytes:
    return json.dumps({"text": text, "time": "2026-11-23 08:05"}, ensure_ascii=False).encode()


def count(
    rows: Sequence[Seeded], head: bytes, name: str
) -> tuple[list[int], list[int], list[int], list[int]]:
    """Write seeded rows and read them: lines of good and of bad rows, expected and found."""
    lines: dict[bool, list[int]] = {True: [], False: []}
    content, number = head, 1 + head.count(b"\n")
    for sound, row in rows:
        lines[sound].append(number)
        content += row + b"\n"
        number += row.count(b"\n") + 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        found = list(read_file(path, PLAIN, encoding="utf-8"))
    return lines[True], [row.line for row in good(found)], lines[False], [line for line, _, _ in bad(found)]


def mixed(
    sound: st.SearchStrategy[bytes], faults: st.SearchStrategy[bytes]
) -> st.SearchStrategy[list[Seeded]]:
    seeded = st.tuples(st.sampled_from([True]), sound) | st.tuples(st.sampled_from([False]), faults)
    return st.lists(seeded, max_size=25)


@settings(max_examples=150, deadline=None)
@given(rows=mixed(WORDS.map(csv_row), CSV_FAULTS))
def test_csv_gives_exactly_the_good_and_reports_exactly_the_bad(rows: list[Seeded]) -> None:
    expected, found, faults, reported = count(rows, "编号,内容,时间,备注\n".encode(), "x.csv")

    assert found == expected
    assert reported == faults


@settings(max_examples=150, deadline=None)
@given(rows=mixed(WORDS.map(jsonl_row), JSONL_FAULTS))
def test_jsonl_gives_exactly_the_good_and_reports_exactly_the_bad(rows: list[Seeded]) -> None:
    expected, found, faults, reported = count(rows, b'{"text": "first"}\n', "x.jsonl")

    assert found == [1, *expected]
    assert reported == faults


def tally(rows: Iterator[RowRecord | BadRow]) -> tuple[int, int]:
    kinds = [0, 0]
    for row in rows:
        kinds[isinstance(row, BadRow)] += 1
    return kinds[0], kinds[1]


def test_fifty_thousand_rows_need_no_more_memory_than_a_few(tmp_path: Path) -> None:
    path = tmp_path / "大.csv"
    with path.open("w", encoding="gb18030", newline="") as stream:
        stream.write("编号,内容,时间\n")
        for number in range(50_000):
            stream.write(f'{number},"第{number}号，工地夜间施工，""太吵""\n请处理{"。" * 20}",2026-11-23\n')
        stream.write('坏,"没有收尾\n')

    # Tracing is slow, so only the opening and the first rows are traced: a reader that loads the file would
    # need its 4 MB at once, one that keeps its rows about 1 KB for each.
    tracemalloc.start()
    try:
        rows = read_file(path, PLAIN)
        first = tally(islice(rows, 5_000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert path.stat().st_size > 4_000_000
    assert first == (5_000, 0)
    assert tally(rows) == (45_000, 1)
    assert peak < 1_500_000
