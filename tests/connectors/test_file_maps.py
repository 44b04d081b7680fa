"""Column maps: what ships, what is refused and at which line, which map fits a header."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.files import Field, FileRefused, available_maps, guess_map, load_map, parse_map

if TYPE_CHECKING:
    from pathlib import Path

SOUND = """name: own
title: 自制
required: [text]
fields:
  text: [话]
  channel: [路]
values:
  channel:
    鸽子: letter
defaults:
  source: 某区
time_formats: [ymd, "%d.%m.%Y"]
"""


def test_the_shipped_maps_load() -> None:
    assert available_maps() == ("plain", "wide_table")
    assert [load_map(name).name for name in available_maps()] == ["plain", "wide_table"]


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("majorContent", Field.TEXT),
        ("主要内容", Field.TEXT),
        ("工单编号", Field.EXTERNAL_ID),
        ("orderNum", Field.EXTERNAL_ID),
        ("受理渠道", Field.CHANNEL),
        ("isSecret", Field.SECRET),
        ("来电号码", Field.PHONE),
        ("callTime", Field.RECEIVED_AT),
    ],
)
def test_the_wide_table_knows_both_languages(column: str, field: Field) -> None:
    hit = load_map("wide_table").find(column)
    assert hit is not None
    assert hit[0] is field


def test_the_reply_of_the_wide_table_is_not_the_complaint() -> None:
    assert load_map("wide_table").find("content") is None


@pytest.mark.parametrize("column", ["内容", " 内 容 ", "内容*", "\ufeff内容", "TEXT", "ｔｅｘｔ"])
def test_names_are_compared_without_width_case_and_space(column: str) -> None:
    assert load_map("plain").find(column) is not None


def test_a_sound_map() -> None:
    own = parse_map(SOUND, "own.yaml")

    assert own.fields == {Field.TEXT: ("话",), Field.CHANNEL: ("路",)}
    assert own.required == (Field.TEXT,)
    assert own.defaults == {Field.SOURCE: "某区"}
    assert own.values[Field.CHANNEL]["鸽子"] == "letter"
    assert own.values[Field.CHANNEL]["phone"] == "phone"
    assert own.time_formats == ("ymd", "%d.%m.%Y")


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("name: own", "nmae: own", 1, "未知的键‘nmae’"),
        ("title: 自制", "name: 自制", 2, "键‘name’重复"),
        ("  channel: [路]", "  chanel: [路]", 6, "未知字段‘chanel’"),
        ("  channel: [路]", "  text: [路]", 6, "键‘text’重复"),
        ("  channel: [路]", "  channel: [话]", 6, "列名‘话’出现了两次"),
        ("  channel: [路]", "  channel: 路", 6, "非空的列表"),
        ("  channel: [路]", "  channel: []", 6, "非空的列表"),
        ("  channel: [路]", "  channel: [[路]]", 6, "应是文字"),
        ("[text]", "[title]", 3, "必需字段‘title’没有列名"),
        ("[text]", "[words]", 3, "未知字段‘words’"),
        ("鸽子: letter", "鸽子: pigeon", 9, "channel 没有‘pigeon’这个值"),
        ("鸽子: letter", "鸽子: letter\n    ' 鸽子': phone", 10, "键‘鸽子’重复"),
        ("鸽子: letter", "APP: web\n    app: web", 10, "‘app’与前面的值相同"),
        ("source: 某区", "text: 某区", 11, "未知字段‘text’"),
        ("[ymd,", "[dmy,", 12, "未知的时间格式‘dmy’"),
        ('"%d.%m.%Y"', '"%H:%M"', 12, "未知的时间格式‘%H:%M’"),
        ("title: 自制", "title: [", 4, "不是有效的 YAML"),
        ("title: 自制", "title: ''", 2, "应是文字"),
    ],
)
def test_an_unsound_map_is_refused_with_its_line(old: str, new: str, line: int, reason: str) -> None:
    assert old in SOUND
    with pytest.raises(FileRefused) as refusal:
        parse_map(SOUND.replace(old, new, 1), "own.yaml")
    assert str(refusal.value).startswith(f"列名对照表 own.yaml 第 {line} 行：")
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "reason"), [("", "文件是空的"), ("- a\n", "键: 值"), ("name: x\n", "缺少键‘title’")]
)
def test_a_map_that_is_no_map(text: str, reason: str) -> None:
    with pytest.raises(FileRefused, match=reason):
        parse_map(text, "own.yaml")


def test_a_map_may_be_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(SOUND, encoding="utf-8")

    assert load_map(path) == load_map(str(path))
    assert load_map(path).title == "自制"


def test_maps_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="可用的是：plain、wide_table"):
        load_map("wide")
    with pytest.raises(FileRefused, match=r"own\.yaml：无法读取"):
        load_map(tmp_path / "own.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"name: \xe9\n")
    with pytest.raises(FileRefused, match="UTF-8"):
        load_map(latin)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (["id", "title", "text", "time"], "plain"),
        (["编号", "标题", "内容", "时间"], "plain"),
        (["orderNum", "title", "majorContent", "callTime", "content"], "wide_table"),
        (["工单编号", "标题", "主要内容", "来电时间", "来电号码"], "wide_table"),
        (["编号", "主要内容", "姓名", "手机"], "plain"),
    ],
)
def test_the_map_is_guessed_and_the_guess_explained(header: list[str], name: str) -> None:
    guess = guess_map(header)

    assert guess.column_map.name == name
    assert guess.reason.startswith(f"选用“{load_map(name).title}”：{len(header)} 列中认出")


def test_no_map_fits() -> None:
    with pytest.raises(FileRefused, match="“普通表格”缺 text；“12345 工单宽表”缺 majorContent"):
        guess_map(["a", "b"])
