"""Platform maps: the shipped one is sound, and each fault is refused with file and line."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import pytest

from connectors.hotline import mapping
from connectors.hotline.mapping import MapRefused
from models.vocab_sources import ActionKind, OrderStatus

if TYPE_CHECKING:
    from pathlib import Path

TEXT = (resources.files("connectors") / "maps" / "hotline" / "wide_table.yaml").read_text(encoding="utf-8")


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_the_shipped_map_knows_all_seven_actions_and_common_statuses() -> None:
    found = mapping.load("wide_table")
    assert set(found.actions) == set(ActionKind)
    assert found.status(" 已 办结 ") is OrderStatus.CLOSED
    assert found.status("撤单") is OrderStatus.WITHDRAWN
    assert found.status("没听说过") is OrderStatus.OPEN
    assert found.columns.name == "wide_table"


@pytest.mark.parametrize(
    ("old", "new", "where", "words"),
    [
        ("name: wide_table", "nam: wide_table", "nam: wide", "未知的键‘nam’"),
        ("title: 12345", "name: 12345", "name: 12345", "键‘name’重复"),
        ("columns: wide_table", "columns: nowhere", "columns: nowhere", "没有名为‘nowhere’的列名对照表"),
        ("  number: orderNum\n", "", "order:", "缺少键‘number’"),
        ("待签收: open", "待签收: opened", "待签收: opened", "没有‘opened’"),
        ("  下发: open", "  待 签收: open", "待 签收: open", "‘待 签收’与前面的状态相同"),
        ('"%Y-%m-%d %H:%M:%S"', '"%Y-%m-%d"', 'time_format: "', "时间格式应含年月日时分秒"),
        ("reason: backReason", "why: backReason", "why: backReason", "未知的键‘why’"),
        ("clause: backClause", "clause: backReason", "at: backTime", "两项写进了平台的同一个字段"),
        ("  closed:\n", "  ended:\n", "  ended:", "没有‘ended’"),
        ("    code: sign\n", "", "  signed:", "缺少键‘code’"),
        ('reached: "1"', 'seen: "1"', "seen:", "outcome 没有‘seen’这个值"),
        ("  attachments: attachments\n", "", "order:", "要么都写，要么都不写"),
    ],
)
def test_a_faulty_map_is_refused_with_its_line(old: str, new: str, where: str, words: str) -> None:
    text = TEXT.replace(old, new, 1)
    assert text != TEXT
    with pytest.raises(MapRefused, match=words) as caught:
        mapping.parse(text, "本市.yaml")
    told = str(caught.value)
    number = int(told.partition("第 ")[2].partition(" 行")[0])
    assert told.startswith("平台对照表 本市.yaml 第 ")
    assert abs(number - line_of(text, where)) <= 2


@pytest.mark.parametrize(
    ("text", "words"), [("", "文件是空的"), ("a: [", "不是有效的 YAML"), ("- 1", "这里应是“键: 值”")]
)
def test_what_is_no_map_is_refused(text: str, words: str) -> None:
    with pytest.raises(MapRefused, match=words):
        mapping.parse(text, "x.yaml")


def test_a_map_that_lacks_an_action_is_refused() -> None:
    start = TEXT.index("  follow_up:")
    end = TEXT.index("values:")
    with pytest.raises(MapRefused, match="缺少动作‘follow_up’（回访结果）"):
        mapping.parse(TEXT[:start] + TEXT[end:], "x.yaml")


def test_a_sites_own_file_is_read_and_a_missing_one_named(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(TEXT.replace("name: wide_table", "name: own", 1), encoding="utf-8")
    assert mapping.load(str(own)).name == "own"
    with pytest.raises(MapRefused, match=r"gone\.yaml：无法读取"):
        mapping.load(str(tmp_path / "gone.yaml"))
    with pytest.raises(MapRefused, match="可用的是：wide_table"):
        mapping.load("nowhere")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("marks: {重新办理: closed}", "这里可用的是：rehandled、supervised"),
        ("marks: {另办: rehandled}", "‘另办’在这里重复，或不在 statuses 里"),
    ],
)
def test_a_mark_is_of_a_known_status_and_of_two_kinds(lines: str, words: str) -> None:
    start, end = TEXT.index("marks:"), TEXT.index("# Times we write")
    with pytest.raises(MapRefused, match=words):
        mapping.parse(TEXT[:start] + lines + "\n" + TEXT[end:], "x.yaml")
    assert mapping.parse(TEXT[:start] + TEXT[end:], "x.yaml").mark("督办") is None, "a map of before"
