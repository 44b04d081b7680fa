"""The seven appeal types: their cues, and what is read from plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from nlp.appeal_type import TypeRules, load_type_cues
from nlp.cues import Cues, LexiconError
from nlp.text import LEXICON, normalize
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
        ("感谢生态环境局解决油烟问题", "表扬"),
        ("表扬望京街道城管队", "表扬"),
        ("送锦旗给环保局", "表扬"),
        ("给街道值班的同志点个赞，希望继续保持", "表扬"),
        ("感谢政府解决油烟问题，但是现在又开始冒烟了", "投诉"),
        ("饭店油烟呛人，感谢城管帮忙处理，请尽快来", "投诉"),
        ("举报村东的洗砂场，没挂牌子，白天锁门干活", "举报"),
        ("有人在水库边上电鱼，你们管管", "举报"),
        ("有人触电倒在路边，快叫救护车", "求助"),
        ("户口本丢了，不知道该去哪补办，求指路", "求助"),
        ("社区换锁的补贴没到账，帮我问问", "求助"),
        ("小区充电桩一度电多少", "咨询"),
        ("救命啊，楼上天天蹦迪，吵死了", "投诉"),
        ("有人晕倒了救命啊", "求助"),
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
        ("schema: cues/1\ngroups: {a: [甲]}\nfloors: []\n", "floors"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, content: str, named: str) -> None:
    (tmp_path / "appeal_type.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(LexiconError, match=rf"appeal_type\.yaml[\s\S]*{named}"):
        (load_type_cues(tmp_path), TypeRules.load(tmp_path))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"type": "闲聊"}, "type"),
        ({"confidence": 2.0}, "confidence"),
        ({"below": 1}, "below"),
        ({"any": ["("]}, "any"),
        ({"without": None}, "without"),
        ({"colour": 1}, "colour"),
        ({"id": None}, "id is missing"),
        ({"id": "help.own"}, "repeated"),
    ],
)
def test_a_wrong_floor_is_refused_by_name(tmp_path: Path, change: dict[str, object], named: str) -> None:
    raw = yaml.safe_load((LEXICON / "appeal_type.yaml").read_text(encoding="utf-8"))
    raw["floors"][0] |= change
    (tmp_path / "appeal_type.yaml").write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    with pytest.raises(LexiconError, match=rf"appeal_type\.yaml: floors.*{named}"):
        TypeRules.load(tmp_path)


def test_a_sure_answer_stands_against_a_floor_that_yields() -> None:
    rules = TypeRules.load()
    said = normalize("举报村东的洗砂场，没挂牌子")
    assert rules.decided(said, confidence=0.95) is None
    assert rules.decided(said, confidence=0.5) is not None


def test_a_report_is_taken_before_it_is_the_likeliest() -> None:
    rules = TypeRules.load()
    assert rules.learned({"投诉": 0.6, "举报": 0.38, "求助": 0.02}) == "举报"
    assert rules.learned({"投诉": 0.7, "举报": 0.2, "求助": 0.1}) == "投诉"
    assert rules.learned({"求助": 0.4, "举报": 0.38, "投诉": 0.22}) == "求助"


def test_the_floor_names_its_words(reader: TopicReader) -> None:
    evidence = reader.read(None, "送锦旗给环保局").evidence
    assert "锦旗" in [item.text for item in evidence if item.value == "表扬"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match=r"appeal_type\.yaml: cannot be read"):
        load_type_cues(tmp_path)


def test_only_the_first_hit_of_a_group_counts() -> None:
    cues = Cues.parse({"a": ["吵"], "b": ["臭"]}, where="here")
    assert [(hit.group, hit.start) for hit in cues.find("又吵又吵")] == [("a", 1)]
