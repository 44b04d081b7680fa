"""What a row must have, whatever the format it came in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from connectors.files import BadRow, FileRefused, guess_file_map, left_out, load_map, read_file
from models.appeals import Source
from tests.connectors.file_helpers import bad, good, put

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = load_map("plain")


def test_a_source_has_the_length_that_the_database_has_room_for(tmp_path: Path) -> None:
    path = put(tmp_path, f"来源,内容\n{'源' * 120},甲\n{'源' * 121},乙\n")

    rows = list(read_file(path, PLAIN))

    assert bad(rows) == [(3, "来源", "有 121 个字符，超过上限 120")]
    assert [row.text for row in good(rows)] == ["甲"]
    assert {str(column.type) for column in (Source.__table__.c.key, Source.__table__.c.name)} == {
        "VARCHAR(120)"
    }


@pytest.mark.parametrize("unseen", ["\u200b", "\u200d\u2060", "\u00ad \u3164", "\u2800\u3000", "\ufe0f"])
def test_what_nobody_can_see_is_empty(tmp_path: Path, unseen: str) -> None:
    path = put(tmp_path, f"编号,标题,内容\n1,{unseen},{unseen}\n2,,河\u200b水{unseen}\n")

    rows = list(read_file(path, PLAIN))

    assert bad(rows) == [(2, "内容", "内容和标题都是空的")]
    assert [row.text.startswith("河\u200b水") for row in good(rows)] == [True]


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_plain_file_is_refused_and_not_waited_for(tmp_path: Path, kind: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    with pytest.raises(FileRefused, match=f"{kind}：不是普通文件"):
        read_file(tmp_path / kind, PLAIN)


def test_a_file_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="没有这个文件"):
        read_file(tmp_path / "诉求.csv", PLAIN)


def test_a_wrong_encoding_is_blamed_and_not_the_columns(tmp_path: Path) -> None:
    path = put(tmp_path, "编号,内容\n1,河水发黑\n")
    with pytest.raises(FileRefused, match="内容不是编码 ascii"):
        guess_file_map(path, encoding="ascii")
    with pytest.raises(FileRefused, match="内容不是编码 ascii"):
        read_file(path, PLAIN, encoding="ascii")


def test_a_named_encoding_still_bears_a_bad_byte(tmp_path: Path) -> None:
    path = put(tmp_path, "编号,内容\n1,河水发黑\n2,垃圾".encode() + b"\xff\n")
    rows = list(read_file(path, PLAIN, encoding="utf-8"))
    assert [row.text for row in good(rows)] == ["河水发黑"]
    assert bad(rows) == [(3, "内容", "有无法解码的字节")]


@pytest.mark.parametrize(
    ("row", "when"),
    [
        ("2026-11-20,09:30", "2026-11-20T09:30:00+08:00"),
        ("2026/11/20,9:30:15", "2026-11-20T09:30:15+08:00"),
        ("2026年11月20日,9时30分", "2026-11-20T09:30:00+08:00"),
        ("2026-11-20 00:00:00,09:30:15.5", "2026-11-20T09:30:15+08:00"),
        ("45981,9：30", "2025-11-20T09:30:00+08:00"),
        ("2026-11-20,", "2026-11-20T00:00:00+08:00"),
        (",2026-11-20 09:30", "2026-11-20T09:30:00+08:00"),
        ("2026-11-21,2026-11-20 09:30", "2026-11-20T09:30:00+08:00"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_day_and_a_time_in_two_columns_are_one(tmp_path: Path, row: str, when: str, turned: bool) -> None:  # noqa: FBT001
    lines = [cells.split(",")[:: 1 - 2 * turned] for cells in ("日期,时间", row)]
    path = put(tmp_path, "内容," + "\n甲,".join(map(",".join, lines)) + "\n")

    (found,) = good(read_file(path, PLAIN))

    assert found.received_at is not None
    assert found.received_at.isoformat() == when


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (",09:30", "时间", "无法识别的时间‘09:30’，只有时刻，没有日期"),
        ("2026-13-01,09:30", "时间", "无法识别的时间‘09:30’，只有时刻，没有日期"),
        ("2026-11-20 08:00,09:30", "时间", "无法识别的时间‘09:30’，只有时刻，没有日期"),
        ("2026-11-20,25:30", "时间", "无法识别的时间‘25:30’，只有时刻，没有日期"),
        ("王某,13800000001", "时间", "无法识别的时间（原值不显示）"),
    ],
)
def test_a_time_without_a_day_says_so(tmp_path: Path, row: str, column: str, reason: str) -> None:
    path = put(tmp_path, f"内容,日期,时间\n甲,{row}\n")
    assert bad(read_file(path, PLAIN)) == [(2, column, reason)]


def test_what_was_joined_is_not_kept_aside(tmp_path: Path) -> None:
    path = put(tmp_path, "内容,日期,时间,登记时间\n甲,2026-11-20,09:30,2026-11-21 08:00\n")
    (found,) = good(read_file(path, PLAIN))
    assert dict(found.extra) == {"登记时间": "2026-11-21 08:00"}


@pytest.mark.parametrize("table", ["plain", "wide_table"])
@pytest.mark.parametrize(
    ("header", "row", "secret"),
    [
        ("是否匿名", "是", True),
        ("是否匿名", "否", False),
        ("是否匿名", "实名", False),
        ("是否匿名", "也许", True),
        ("是否保密,是否匿名", "否,是", True),
        ("是否匿名,是否保密", "是,否", True),
        ("是否匿名,是否保密", "否,是", True),
        ("是否匿名,是否保密", "否,否", False),
        ("是否匿名,是否保密", ",否", False),
    ],
)
def test_who_wants_to_be_nameless_is_kept_secret(
    tmp_path: Path,
    table: str,
    header: str,
    row: str,
    secret: bool,  # noqa: FBT001
) -> None:
    path = put(tmp_path, f"主要内容,{header}\n甲,{row}\n")
    assert [one.secret for one in good(read_file(path, load_map(table)))] == [secret]


def test_columns_that_nobody_reads_are_told(tmp_path: Path) -> None:
    path = put(tmp_path, "某年台账\n内容,备注,愿否公开,13800000001\n甲,乙,否,\n")
    assert (left_out(path, PLAIN).columns, left_out(path, PLAIN).sheets) == (("备注", "愿否公开"), ())
    lines = put(tmp_path, '{"text": "甲", "备注\\ud800": 1}\n', "a.jsonl")
    assert left_out(lines, PLAIN).columns == ("备注",)


@pytest.mark.parametrize("first", ["登", "第", "等", "答", "筼", "弼"])
@pytest.mark.parametrize("order", ["le", "be"])
def test_half_a_character_is_no_bracket(tmp_path: Path, first: str, order: str) -> None:
    """In UTF-16 one byte of 登 or 第 is an opening brace, and such a table was taken for JSONL."""
    mark = {"le": b"\xff\xfe", "be": b"\xfe\xff"}[order]
    body = f"{first}记时间\t内容\n2026-11-20\t噪音\n".encode(f"utf-16-{order}")
    for path, named in (
        (put(tmp_path, mark + body), None),
        (put(tmp_path, body, "b.csv"), f"utf-16-{order}"),
    ):
        found = list(read_file(path, PLAIN, encoding=named))
        assert [one.text for one in good(found)] == ["噪音"]


def test_json_in_utf_16_is_still_known(tmp_path: Path) -> None:
    assert [one.text for one in good(read_file(put(tmp_path, '{"text": "甲"}'.encode("utf-16")), PLAIN))] == [
        "甲"
    ]
    with pytest.raises(FileRefused, match="整体的 JSON"):
        read_file(put(tmp_path, '[{"text": "甲"}]'.encode("utf-16")), PLAIN)


def test_a_key_that_cannot_be_written_spoils_nothing(tmp_path: Path) -> None:
    """Half a surrogate in a key ended the import, and so did the report of a bad row under it."""
    path = put(
        tmp_path,
        '{"text": "甲", "\\ud800备注": "x", "备注": "y"}\n{"text": "乙", "\\ud800id": "\\udcff"}\n',
        "a.jsonl",
    )
    rows = list(read_file(path, PLAIN))
    assert [dict(one.extra) for one in good(rows)] == [{"备注": "x", "备注#2": "y"}]
    assert [one.sentence().encode().decode() for one in rows if isinstance(one, BadRow)] == [
        "a.jsonl 第 2 行 id：有无法解码的字节"
    ]
