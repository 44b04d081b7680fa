"""What a row must have, whatever the format it came in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from connectors.files import FileRefused, guess_file_map, load_map, read_file
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
