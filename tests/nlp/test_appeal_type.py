"""The seven appeal types: their cues, and what is read from plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nlp.appeal_type import load_type_cues
from nlp.cues import Cues, LexiconError
from nlp.text import normalize
from nlp.topics import TopicReader

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def reader() -> TopicReader:
    return TopicReader.load()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("楼下饭店油烟直冲我家窗户，严重影响生活，投诉多次没人管，要求处理。", "投诉"),
        ("举报某加工厂无证生产，夜间偷排废水，涉嫌违法，请依法查处。", "举报"),
        ("请问夜间施工许可证在哪里可以查询？需要什么材料？", "咨询"),
        ("建议在路口增加隔音屏，希望相关部门能够考虑。", "建议"),
    ],
)
def test_reads_the_type(reader: TopicReader, text: str, expected: str) -> None:
    assert reader.read(None, text).appeal_type == expected


def test_cues_give_their_span() -> None:
    folded = normalize("您好，请问去哪里办")
    (hit,) = [hit for hit in load_type_cues().find(folded) if hit.group == "enquire"]
    assert folded[hit.start : hit.end] == "请问"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("schema: cues/2\ngroups: {}\n", "schema"),
        ("schema: cues/1\ngroups: {}\n", "groups"),
        ("schema: cues/1\ngroups: {a: ['(']}\n", "groups.a"),
        ("schema: cues/1\ngroups: {a: []}\n", "groups.a"),
        ("schema: cues/1\ngroups: {a: [甲, 甲]}\n", "repeated"),
        ("schema: cues/1\ngroups: {a: [1]}\n", "groups.a"),
        ("schema: cues/1\ngroups: {a: [甲]}\nmore: 1\n", "more"),
        ("schema: [\n", "line"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, content: str, named: str) -> None:
    (tmp_path / "appeal_type.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(LexiconError, match=rf"appeal_type\.yaml[\s\S]*{named}"):
        load_type_cues(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match=r"appeal_type\.yaml: cannot be read"):
        load_type_cues(tmp_path)


def test_only_the_first_hit_of_a_group_counts() -> None:
    cues = Cues.parse({"a": ["吵"], "b": ["臭"]}, where="here")
    assert [(hit.group, hit.start) for hit in cues.find("又吵又吵")] == [("a", 1)]
