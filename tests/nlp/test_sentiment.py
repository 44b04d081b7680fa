"""语气: what sounds angry, what negative or positive, and what only looks so; the table is read strictly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from models.vocab_mood import Mood
from nlp.cues import LexiconError
from nlp.sentiment import FILE, MoodReader
from nlp.text import LEXICON

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def reader() -> MoodReader:
    return MoodReader.load()


@pytest.mark.parametrize(
    "text",
    [
        "天天半夜砸墙，投诉多少回了没人管，你们不作为！！",
        "难道老百姓的命就不是命吗？",
        "这家黑心工厂又往河里倒废水。",
        "再不处理我们就找媒体曝光。",
        "物业拿着业主的钱不办事。",
        "管这事的人都是干什么吃的？到底管不管！",
        "烧烤店太嚣张，谁说都没用",
    ],
)
def test_angry(reader: MoodReader, text: str) -> None:
    found = reader.read(text)

    assert (found.angry, found.mood) == (True, Mood.NEGATIVE)
    assert found.evidence(text)


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("楼下饭店排烟，味道难闻，孩子头疼。", Mood.NEGATIVE),
        ("夜里施工，老人无法入睡，苦不堪言。", Mood.NEGATIVE),
        ("请问垃圾分类桶什么时候更换？谢谢！！！", Mood.NEUTRAL),
        ("小区门口的路灯不亮，请派人维修。", Mood.NEUTRAL),
        ("国务院令第641号规定排水要许可，请核查。", Mood.NEUTRAL),
        ("渣土车清晨经过，希望调整路线。", Mood.NEUTRAL),
        ("他并不嚣张，请协调。", Mood.NEUTRAL),
        ("表扬环卫师傅，服务热情，我们非常满意。", Mood.POSITIVE),
        ("感谢你们及时处理，噪声没有了。", Mood.POSITIVE),
        ("如果能解决一定送锦旗，请尽快处理。", Mood.NEUTRAL),
    ],
)
def test_not_angry(reader: MoodReader, text: str, mood: Mood) -> None:
    found = reader.read(text)

    assert (found.angry, found.mood) == (False, mood)


def test_a_degree_word_adds_a_point_and_a_denial_takes_the_word_away(reader: MoodReader) -> None:
    plain, more, denied = (
        sum(word.negative for word in reader.read(text).words)
        for text in ("我很失望", "我实在失望", "我并不失望")
    )

    assert (plain, more, denied) == (1, 2, 0)


def test_the_evidence_stands_in_the_text(reader: MoodReader) -> None:
    text = "ＡＢ小区的施工方无法无天，为所欲为！！"

    found = reader.read(text).evidence(text)

    assert [item.text for item in found] == ["无法无天", "为所欲为", "！！"]
    assert all(text[item.start : item.end] == item.text for item in found)


def test_a_longer_text_needs_one_point_more(reader: MoodReader) -> None:
    text = "施工方非常霸道。"
    mild = "施工方霸道。"

    assert reader.read(mild).angry
    assert not reader.read(mild + "附近还有一处空地。" * 50).angry
    assert reader.read(text + "附近还有一处空地。" * 50).angry


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rows": []}, "rows: expected a list of rows"),
        ({"long": 0}, "long: expected a number of characters"),
        ({"from": {"anger": 2}}, "from: expected points"),
        ({"more": 1}, "unknown keys more"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, change: dict[str, object], told: str) -> None:
    raw = yaml.safe_load((LEXICON / FILE).read_text(encoding="utf-8"))
    (tmp_path / FILE).write_text(yaml.safe_dump({**raw, **change}, allow_unicode=True), encoding="utf-8")

    with pytest.raises(LexiconError, match=told):
        MoodReader.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"source": None}, "source and status"),
        ({"valid_from": "soon"}, "valid_from: expected a date"),
        ({"anger": -1}, "expected points"),
        ({"words": ["没人管"]}, "stands in another row"),
        ({"then": "("}, "then"),
    ],
)
def test_a_wrong_row_is_refused(tmp_path: Path, change: dict[str, object], told: str) -> None:
    raw = yaml.safe_load((LEXICON / FILE).read_text(encoding="utf-8"))
    raw["rows"][0] |= change
    (tmp_path / FILE).write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")

    with pytest.raises(LexiconError, match=told):
        MoodReader.load(tmp_path)
