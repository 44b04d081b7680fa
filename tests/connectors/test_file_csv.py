"""CSV: encodings, delimiters, quotes, and every way a row can be bad, each at its own line."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from connectors.files import (
    BadRow,
    FileRefused,
    Limits,
    RowRecord,
    describe_file,
    guess_file_map,
    load_map,
    read_file,
)
from models.vocab import AppealType, Channel
from tests.connectors.file_helpers import bad, good, put

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = load_map("plain")
WIDE = load_map("wide_table")
BEIJING = timezone(timedelta(hours=8))
TABLE = (
    "编号,标题,内容,时间,姓名,电话\n"
    "a1,夜间施工,“工地”夜里打桩，睡不着,2026-11-23 08:05,王某,13800000001\n"
    "a2,油烟,楼下烤串油烟直排,2026/11/9 7:05:09,李某,13800000002\n"
)


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("gbk", "gb18030"),
        ("gb18030", "gb18030"),
        ("utf-16", "utf-16"),
    ],
)
def test_every_encoding_gives_the_same_records(tmp_path: Path, codec: str, name: str) -> None:
    expected = list(read_file(put(tmp_path, TABLE, "utf8.csv"), PLAIN))
    path = put(tmp_path, TABLE.encode(codec))

    assert list(read_file(path, PLAIN)) == expected
    guess = describe_file(path).encoding
    assert guess is not None
    assert guess.name == name


def test_utf16_big_endian_with_bom(tmp_path: Path) -> None:
    path = put(tmp_path, b"\xfe\xff" + TABLE.encode("utf-16-be"))

    assert [row.external_id for row in good(read_file(path, PLAIN))] == ["a1", "a2"]


def test_utf16_without_bom_is_refused_until_named(tmp_path: Path) -> None:
    path = put(tmp_path, TABLE.encode("utf-16-le"))

    with pytest.raises(FileRefused, match="utf-16-le"):
        read_file(path, PLAIN)
    assert len(good(read_file(path, PLAIN, encoding="utf-16-le"))) == 2


def test_gb18030_beyond_gbk(tmp_path: Path) -> None:
    path = put(tmp_path, "编号,内容\n1,㐀𠮷野家门口噪声\n".encode("gb18030"))

    assert good(read_file(path, PLAIN))[0].text == "㐀𠮷野家门口噪声"


def test_an_unknown_encoding_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="klingon"):
        read_file(put(tmp_path, TABLE), PLAIN, encoding="klingon")
    with pytest.raises(FileRefused, match="base64"):
        read_file(put(tmp_path, TABLE), PLAIN, encoding="base64")


def test_a_named_encoding_that_cannot_be_applied_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="无法按编码 utf-16 读取"):
        read_file(put(tmp_path, TABLE), PLAIN, encoding="utf-16")


def test_an_encoding_that_is_none_is_refused(tmp_path: Path) -> None:
    broken = "".join("编号,内容\n").encode() + b"\xff\xfd\xff,\xff\x80\n" * 9
    with pytest.raises(FileRefused, match="无法识别编码"):
        read_file(put(tmp_path, broken), PLAIN)


def test_a_record_in_full(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        "工单编号\t标题\t主要内容\t来电时间\t受理渠道\t来电类别\t事发地\t诉求人\t来电号码\t是否保密\t问题分类\n"
        "2026110001\t扰民\t半夜施工\t2026/11/1 23:05:00\t微信\t举报\t某路1号\t赵某\t13800000003\t是\t噪声\n",
    )

    (row,) = list(read_file(path, WIDE))

    assert row == RowRecord(
        line=2,
        text="半夜施工",
        content_hash=row.content_hash if isinstance(row, RowRecord) else "",
        external_id="2026110001",
        source="12345 工单宽表",
        title="扰民",
        received_at=datetime(2026, 11, 1, 23, 5, tzinfo=BEIJING),
        channel=Channel.WECHAT,
        appeal_type=AppealType.REPORT,
        address="某路1号",
        name="赵某",
        phone="13800000003",
        secret=True,
        extra={"问题分类": "噪声"},
    )
    assert re.fullmatch(r"[0-9a-f]{64}", row.content_hash)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_by_the_header(tmp_path: Path, delimiter: str) -> None:
    text = f'编号{delimiter}内容\n1{delimiter}"又臭,又吵;还有\t灰，，，"\n'

    assert good(read_file(put(tmp_path, text), PLAIN))[0].text == "又臭,又吵;还有\t灰，，，"


def test_a_title_row_and_blank_lines_may_stand_above_the_header(tmp_path: Path) -> None:
    path = put(tmp_path, "sep=;\n\n十一月诉求汇总表;\n编号;内容\n\n7;冒黑烟\n;\n")

    assert [(row.line, row.external_id) for row in good(read_file(path, PLAIN))] == [(6, "7")]
    assert bad(read_file(path, PLAIN)) == []


def test_quoted_newlines_count_as_physical_lines(tmp_path: Path) -> None:
    path = put(tmp_path, '编号,内容,时间\r\n1,"第一行\r\n\r\n说""很臭"", 是的",\r\n2,好,\r\n')

    rows = good(read_file(path, PLAIN))

    assert [(row.line, row.text) for row in rows] == [(2, '第一行\n\n说"很臭", 是的'), (5, "好")]


def test_old_mac_line_ends_and_line_separators_in_text(tmp_path: Path) -> None:
    path = put(tmp_path, "编号,内容\r1,有\u2028分隔符\r2,乙\r")

    assert [(row.line, row.text) for row in good(read_file(path, PLAIN))] == [
        (2, "有\u2028分隔符"),
        (3, "乙"),
    ]


def test_wrong_column_counts(tmp_path: Path) -> None:
    path = put(tmp_path, "编号,内容,时间\n1,甲,\n2,乙\n3,丙,,多\n4,丁,,,,\n")

    assert bad(read_file(path, PLAIN)) == [
        (3, None, "应有 3 列，实有 2 列"),
        (4, None, "应有 3 列，实有 4 列"),
    ]
    assert [row.external_id for row in good(read_file(path, PLAIN))] == ["1", "4"]


@pytest.mark.parametrize(
    "broken",
    [
        '3,"没有收尾,x',  # open to the end of the file
        '3,"已收尾"又来,x',
        '3,x,"没有收尾',
    ],
)
def test_a_broken_quote_costs_only_its_own_row(tmp_path: Path, broken: str) -> None:
    later = "".join(f"{n},丁{n},\n" for n in range(4, 3000))
    path = put(tmp_path, f'编号,内容,备注\n1,"甲",\n2,乙,\n{broken}\n{later}')

    rows = list(read_file(path, PLAIN))

    assert bad(rows) == [(4, None, "引号没有配对，或引号之后还有文字")]
    assert len(good(rows)) == 2 + 2996


def test_rows_run_together_by_two_open_quotes_come_apart(tmp_path: Path) -> None:
    path = put(tmp_path, '编号,备注,内容\n1,x,"甲\n2,x,乙\n3,x,丙\n4,x,"\n5,x,戊\n')

    rows = list(read_file(path, PLAIN))

    assert [row.external_id for row in good(rows)] == ["2", "3", "5"]
    assert [line for line, _, _ in bad(rows)] == [2, 5]


def test_a_text_whose_lines_look_like_rows_stays_one_text(tmp_path: Path) -> None:
    path = put(tmp_path, '编号,内容,时间\n1,"字,\n,字",\n2,"字,\n,""字",\n')

    assert [(row.line, row.text) for row in good(read_file(path, PLAIN))] == [
        (2, "字,\n,字"),
        (4, '字,\n,"字'),
    ]


def test_a_long_row_of_wrong_width_is_one_report(tmp_path: Path) -> None:
    path = put(tmp_path, '编号,内容,备注\n1,"甲\n乙\n丙",x,多\n2,丁,\n')

    rows = list(read_file(path, PLAIN))

    assert bad(rows) == [(2, None, "应有 3 列，实有 4 列")]
    assert [row.line for row in good(rows)] == [5]


@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
def test_a_byte_that_does_not_decode_spoils_only_its_row(tmp_path: Path, codec: str) -> None:
    lines = TABLE.encode(codec).splitlines(keepends=True)
    spoilt = "a9,标题,好的".encode(codec) + b"\xff" + ",2026-11-23,,\n".encode(codec)
    path = put(tmp_path, b"".join([*lines[:2], spoilt, lines[2]]))

    rows = list(read_file(path, PLAIN))

    assert bad(rows) == [(3, "内容", "有无法解码的字节")]
    assert [(row.line, row.external_id) for row in good(rows)] == [(2, "a1"), (4, "a2")]


def test_a_half_character_in_utf16_spoils_only_its_row(tmp_path: Path) -> None:
    parts = ["编号,内容\n1,甲\n2,乙", ",丙"[1:], "\n3,丁\n"]
    path = put(tmp_path, b"\xff\xfe" + b"\x00\xd8".join(part.encode("utf-16-le") for part in parts[::2]))

    rows = list(read_file(path, PLAIN))

    assert bad(rows) == [(3, "内容", "有无法解码的字节")]
    assert [row.line for row in good(rows)] == [2, 4]


def test_nul_bytes_spoil_only_their_row(tmp_path: Path) -> None:
    path = put(tmp_path, "编号,内容,备注\n1,甲\x00\x00,\n2,乙,\n")

    rows = list(read_file(path, PLAIN))

    assert bad(rows) == [(2, "内容", "含有 NUL 字节，数据可能已损坏")]
    assert [row.text for row in good(rows)] == ["乙"]


def test_a_time_that_is_none_names_its_column(tmp_path: Path) -> None:
    path = put(tmp_path, "orderNum,majorContent,createdTime\n1,甲,2026-13-01\n2,乙,13800000001\n3,丙,\n")

    rows = list(read_file(path, WIDE))

    assert bad(rows) == [
        (2, "createdTime", "无法识别的时间‘2026-13-01’"),
        (3, "createdTime", "无法识别的时间（原值不显示）"),
    ]
    sentences = [row.sentence() for row in rows if isinstance(row, BadRow)]
    assert sentences[0] == "诉求.csv 第 2 行 createdTime：无法识别的时间‘2026-13-01’"
    assert good(rows)[0].received_at is None


def test_a_row_without_words_is_reported_and_an_empty_one_is_not(tmp_path: Path) -> None:
    path = put(tmp_path, "编号,标题,内容\n1,,\n,,\n2,只有标题,\n3,\u202e\x07 ,\x1b\n")

    rows = list(read_file(path, PLAIN))

    assert bad(rows) == [(2, "内容", "内容和标题都是空的"), (5, "内容", "内容和标题都是空的")]
    assert [(row.title, row.text) for row in good(rows)] == [("只有标题", "")]


def test_lengths(tmp_path: Path) -> None:
    limits = Limits(text_flag=5, text_max=8, short_max=6, line_max=40)
    lines = [
        "编号,内容,姓名",
        "1,五个字符哦,",
        "2,六个字符了哦,",
        f"3,{'长' * 9},",
        "4,甲,姓名太长超上限",
        f"5,{'长' * 60},",
        "6,末,",
    ]
    path = put(tmp_path, "\n".join(lines))

    rows = list(read_file(path, PLAIN, limits=limits))

    assert bad(rows) == [
        (4, "内容", "有 9 个字符，超过上限 8"),
        (5, "姓名", "有 7 个字符，超过上限 6"),
        (6, None, "行过长，超过 40 个字符"),
    ]
    assert [(row.line, row.notes) for row in good(rows)] == [(2, ()), (3, ("文字超过 5 个字符",)), (7, ())]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("over", range(1, 5))
def test_lines_are_counted_right_after_a_line_just_too_long(tmp_path: Path, ending: str, over: int) -> None:
    path = put(tmp_path, ending.join(["编号,内容", "x" * (20 + over), "2,乙", ""]))

    rows = list(read_file(path, PLAIN, limits=Limits(line_max=20)))

    assert [line for line, _, _ in bad(rows)] == [2]
    assert [row.line for row in good(rows)] == [3]


def test_controls_go_and_formulas_stay(tmp_path: Path) -> None:
    path = put(tmp_path, '编号,内容,备注\n\t0012,=cmd|"/c"!A1\x07\u202e,-1+1\n')

    (row,) = good(read_file(path, PLAIN))

    assert (row.external_id, row.text, row.extra) == ("0012", '=cmd|"/c"!A1', {"备注": "-1+1"})


def test_ids_and_phones_that_went_through_a_spreadsheet(tmp_path: Path) -> None:
    path = put(tmp_path, "编号,内容,电话\n2.02611E+17,甲,13800000001.0\n20261100000000001,乙,010-1234\n")

    first, second = good(read_file(path, PLAIN))

    assert (first.external_id, first.phone, first.key) == (None, "13800000001", first.content_hash)
    assert first.extra == {"编号": "2.02611E+17"}
    assert first.notes == ("列“编号”是科学计数法，末位数字已丢失，未作为编号或号码使用",)
    assert (second.key, second.notes) == ("20261100000000001", ())


def test_words_that_no_map_knows_are_kept_and_noted(tmp_path: Path) -> None:
    path = put(tmp_path, "编号,内容,渠道,诉求类型,保密\n1,甲,飞鸽,不明,看情况\n2,乙,PHONE,感谢,否\n")

    first, second = good(read_file(path, PLAIN))

    assert (first.channel, first.appeal_type, first.secret) == (Channel.FILE, None, True)
    assert first.extra == {"渠道": "飞鸽", "诉求类型": "不明", "保密": "看情况"}
    assert len(first.notes) == 3
    assert (second.channel, second.appeal_type, second.secret) == (Channel.PHONE, AppealType.PRAISE, False)


def test_no_file_brings_what_was_found_on_patrol(tmp_path: Path) -> None:
    (row,) = good(read_file(put(tmp_path, "编号,内容,渠道\n1,甲,patrol\n"), PLAIN))
    assert (row.channel, row.extra) == (Channel.FILE, {"渠道": "patrol"})


def test_the_preferred_column_counts_and_the_other_is_kept(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        "orderId,orderNum,createdTime,callTime,majorContent,content\n"
        "9,N1,2026-11-02,2026-11-01,甲,已回复\n"
        "10,,2026-11-02,,乙,\n",
    )

    first, second = good(read_file(path, WIDE))

    assert (first.external_id, second.external_id) == ("N1", "10")
    assert first.extra == {"orderId": "9", "createdTime": "2026-11-02", "content": "已回复"}
    assert [row.received_at for row in (first, second)] == [
        datetime(2026, 11, 1, tzinfo=BEIJING),
        datetime(2026, 11, 2, tzinfo=BEIJING),
    ]


def test_a_missing_column_is_named_with_those_found(tmp_path: Path) -> None:
    with pytest.raises(
        FileRefused, match=r"缺少必需的列 “text”（majorContent、主要内容.*文件里的列：编号、标题$"
    ):
        read_file(put(tmp_path, "编号,标题\n1,甲\n"), WIDE)


def test_a_file_without_header_does_not_show_its_first_row(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="看起来是数据") as refusal:
        read_file(put(tmp_path, "1,王小某,13800000001\n"), PLAIN)
    assert "王小某" not in str(refusal.value)


def test_a_needed_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="列“内容”出现了不止一次"):
        read_file(put(tmp_path, "内容,内容\n甲,乙\n"), PLAIN)


def test_other_columns_may_stand_twice(tmp_path: Path) -> None:
    (row,) = good(read_file(put(tmp_path, "内容,备注,备注,\n甲,一,二,三\n"), PLAIN))

    assert row.extra == {"备注": "一", "备注#2": "二", "第4列": "三"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("空.csv", b"", "空文件"),
        ("旧.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, r"另存为 \.xlsx"),
        ("网页.xls", b"\r\n<html><table>", "网页"),
        ("整体.json", b'[{"text": "x"}]', "JSONL"),
        ("坏.xlsx", b"text,time\n", "不是 XLSX"),
        ("只有空行.csv", b"\n\n \n", "缺少必需的列"),
    ],
)
def test_files_that_are_something_else(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(FileRefused, match=message):
        read_file(put(tmp_path, content, name), PLAIN)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match=r"没有\.csv：无法打开"):
        read_file(tmp_path / "没有.csv", PLAIN)


def test_the_map_is_guessed_from_the_file(tmp_path: Path) -> None:
    assert guess_file_map(put(tmp_path, TABLE.encode("gbk"))).column_map.name == "plain"
    with pytest.raises(FileRefused, match="文件里的列：甲、乙"):
        guess_file_map(put(tmp_path, "甲,乙\n1,2\n"))
