"""JSONL: each fault at its own line, nested values kept, and the same table equal in all three formats."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import openpyxl
import pytest

from connectors.files import FileKind, FileRefused, Limits, describe_file, guess_file_map, load_map, read_file
from tests.connectors.file_helpers import bad, good, put

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = load_map("plain")


def test_each_fault_has_its_line(tmp_path: Path) -> None:
    lines: list[bytes] = [
        b'\xef\xbb\xbf{"id": 1, "text": "\xe7\x94\xb2"}',
        b'{"id": 2, "text": ',
        b'["text"]',
        b'{"id": 4, "text": 5}',
        b'{"id": 5}',
        b"",
        b'{"id": 7, "text": "x", "text": "y"}',
        b'{"id": 8, "text": "x", "time": "2026-02-30"}',
        b'{"id": 9, "text": "x", "phone": ["1"]}',
        b'{"id": 10, "text": "\xff"}',
        b'{"id": 11, "text": "x\x00"}',
        b'{"id": 12, "text": "x", "n": NaN}',
        b"[" * 100_000,
        b'{"id": 14, "n": ' + b"9" * 5000 + b"}",
        b'{"id": 15, "text": "' + b"x" * 200_000 + b'"}',
        b'{"id": 16, "text": "\xe6\x9c\xab"}',
    ]
    path = put(tmp_path, b"\n".join(lines), "诉求.jsonl")

    rows = list(read_file(path, PLAIN, limits=Limits(line_max=150_000)))

    assert bad(rows) == [
        (2, None, "不是有效的 JSON（第 19 个字符处）"),
        (3, None, "不是 JSON 对象"),
        (4, "text", "应为文字"),
        (5, None, "内容和标题都是空的"),
        (7, None, "同一个键出现了两次"),
        (8, "time", "无法识别的时间‘2026-02-30’"),
        (9, "phone", "应为单个值，而不是列表或对象"),
        (10, None, "有无法解码的字节"),
        (11, None, "含有 NUL 字节，数据可能已损坏"),
        (12, None, "不是有效的 JSON（数值或嵌套超出范围）"),
        (13, None, "不是有效的 JSON（数值或嵌套超出范围）"),
        (14, None, "不是有效的 JSON（数值或嵌套超出范围）"),
        (15, None, "行过长，超过 150000 个字符"),
    ]
    assert [(row.line, row.external_id, row.text) for row in good(rows)] == [(1, "1", "甲"), (16, "16", "末")]


def test_an_escaped_nul_spoils_its_row_and_half_an_emoji_does_not(tmp_path: Path) -> None:
    path = put(tmp_path, '{"text": "a\\u0000"}\n{"text": "b\\ud83d"}\n', "x.jsonl")

    rows = list(read_file(path, PLAIN))

    assert bad(rows) == [(1, "text", "含有 NUL 字节，数据可能已损坏")]
    assert [row.text for row in good(rows)] == ["b"]


def test_values_that_are_not_text(tmp_path: Path) -> None:
    row = {
        "id": 20261100000000000001,
        "text": "内容",
        "time": 1795392300000,
        "phone": 13800000001,
        "secret": True,
        "places": [{"name": "某路"}],
        "likes": 3,
        "share": 0.5,
        "kind": None,
    }
    path = put(tmp_path, json.dumps(row, ensure_ascii=False), "x.jsonl")

    (record,) = good(read_file(path, PLAIN))

    assert (record.external_id, record.phone, record.secret) == ("20261100000000000001", "13800000001", True)
    assert record.received_at is not None
    assert record.received_at.isoformat() == "2026-11-23T08:05:00+08:00"
    assert record.extra == {"places": '[{"name": "某路"}]', "likes": "3", "share": "0.5"}


def test_keys_that_are_others_altogether_refuse_the_file(tmp_path: Path) -> None:
    path = put(tmp_path, '{"问": "x", "答": "y"}\n' * 20, "x.jsonl")

    with pytest.raises(FileRefused, match=r"缺少必需的列.*文件里的列：问、答"):
        read_file(path, PLAIN)


def test_a_few_rows_without_words_are_only_reported(tmp_path: Path) -> None:
    path = put(tmp_path, '{"问": "x"}\n' * 19 + '{"text": "好"}\n', "x.jsonl")

    assert [line for line, _, _ in bad(read_file(path, PLAIN))] == list(range(1, 20))
    assert [row.line for row in good(read_file(path, PLAIN))] == [20]


def test_the_kind_shows_without_the_name(tmp_path: Path) -> None:
    path = put(tmp_path, '{"majorContent": "x", "orderNum": 7}\n', "export.txt")

    assert describe_file(path).kind is FileKind.JSONL
    assert guess_file_map(path).column_map.name == "wide_table"


def test_the_same_table_gives_equal_records_in_every_format(tmp_path: Path) -> None:
    columns = ["编号", "标题", "内容", "时间", "渠道", "姓名", "电话", "保密", "热度", "备注"]
    table = [
        [
            "b1",
            "扰民",
            "夜里“打桩”,\n还\t有灰",
            "2026-11-23 08:05:09",
            "微信",
            "周某",
            "13800000004",
            "是",
            "3",
            "",
        ],
        ["b2", "", "=SUM(1)说明", "2026-11-01", "电话", "", "", "", "2.5", "无"],
        ["", "只有标题", "", "", "", "", "13800000005", "否", "", "="],
    ]
    csv_path, xlsx_path, jsonl_path = (tmp_path / name for name in ("a.csv", "a.xlsx", "a.jsonl"))
    with csv_path.open("w", encoding="gb18030", newline="") as stream:
        csv.writer(stream, delimiter=";").writerows([columns, *table])
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for number, row in enumerate([columns, *table], start=1):
        for place, value in enumerate(row, start=1):
            cell = sheet.cell(number, place)
            cell.value = value
            cell.data_type = "s"
    book.save(xlsx_path)
    lines = [json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) for row in table]
    jsonl_path.write_text("\n".join(lines), encoding="utf-8")

    # Lines differ by nature: a table has a header line, a text with a newline takes two lines.
    records = [
        [replace(row, line=0) for row in good(read_file(path, PLAIN))]
        for path in (csv_path, xlsx_path, jsonl_path)
    ]

    assert len(records[0]) == 3
    assert records[0] == records[1]
    assert records[0] == records[2]
