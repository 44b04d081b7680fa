"""The weighted lexicon: its loader names what is wrong, and its readings hold together."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from nlp.cues import LexiconError
from nlp.text import LEXICON
from nlp.topic_model import MODEL_FILE, checksum, load_model, load_words, logistic
from nlp.topics import TOP_KINDS, TopicReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KINDS = 63


@pytest.fixture(scope="module")
def reader() -> TopicReader:
    return TopicReader.load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the lexicon that a test may spoil."""
    for name in ("appeal_type.yaml", "urgency.yaml", "topic_words.yaml", MODEL_FILE):
        shutil.copy(LEXICON / name, tmp_path / name)
    return tmp_path


def respelled(folder: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Change the model file's lines after the two head lines, with a checksum that holds."""
    magic, _, *body = (folder / MODEL_FILE).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    lines = change(body)
    head = [magic, f"version:spoiled\tsha256:{checksum(lines)}"]
    (folder / MODEL_FILE).write_text("\n".join(head + lines) + "\n", encoding="utf-8")


def test_every_kind_has_words_and_weights() -> None:
    words = set(load_words()) - {"environmental", "elsewhere"}
    assert len(words) == KINDS
    assert set(load_model().heads["kind"].values) == words


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("加油站卸油时汽油味很大，油气没有回收", "AIR-13"),
        ("湿地里的芦苇荡被人填土占用", "ECO-03"),
        ("污水厂的污泥夜里倾倒在农田边", "SOL-10"),
        ("诊所把用过的针头和输液管扔进垃圾桶，是医疗废物", "SOL-07"),
        ("楼下汽车防盗报警器整夜响个不停，噪音扰民", "NOI-13"),
        ("对面商场的霓虹灯和大屏幕太亮，光污染严重", "LIG-01"),
        ("有人在禁渔期用电鱼器非法捕捞", "ECO-07"),
        ("企业在线监测数据造假，还埋了暗管偷排", "OTH-02"),
    ],
)
def test_rare_kinds_are_among_the_three(reader: TopicReader, text: str, kind: str) -> None:
    assert kind in [guess.code for guess in reader.read(None, text).kinds]


def test_three_kinds_are_given_and_fall(reader: TopicReader) -> None:
    kinds = reader.read("工地噪音", "工地半夜施工打桩，噪音扰民，尘土也大").kinds
    shares = [guess.p for guess in kinds]
    assert len(shares) == TOP_KINDS
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1


def test_a_kind_is_never_likelier_than_the_matter(reader: TopicReader) -> None:
    reading = reader.read(None, "楼下餐馆油烟太大，噪音也大")
    assert all(guess.p <= reading.p_environmental for guess in reading.kinds)


def test_reading_twice_gives_the_same(reader: TopicReader) -> None:
    assert reader.read("臭味", "垃圾站臭味扰民") == reader.read("臭味", "垃圾站臭味扰民")


def test_full_width_text_is_read_as_half_width(reader: TopicReader) -> None:
    wide, narrow = reader.read(None, "楼下ＫＴＶ噪音扰民"), reader.read(None, "楼下KTV噪音扰民")
    assert (wide.kinds, wide.p_environmental) == (narrow.kinds, narrow.p_environmental)


def test_the_version_changes_with_the_words(folder: Path) -> None:
    before = load_model(folder).version
    path = folder / "topic_words.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("[工地扬尘,", "[工地扬尘, 又一词,", 1), encoding="utf-8"
    )
    assert load_model(folder).version != before


def test_a_changed_weight_is_refused(folder: Path) -> None:
    path = folder / MODEL_FILE
    path.write_text(path.read_text(encoding="utf-8") + "gram\t甲乙丙\t1.0\t0:1\t\t\t\n", encoding="utf-8")
    with pytest.raises(LexiconError, match=rf"{MODEL_FILE}, line 2: the checksum"):
        load_model(folder)


def test_another_format_is_refused(folder: Path) -> None:
    (folder / MODEL_FILE).write_text("something else\n", encoding="utf-8")
    with pytest.raises(LexiconError, match=rf"{MODEL_FILE}, line 1"):
        load_model(folder)


def test_a_missing_model_is_named(folder: Path) -> None:
    (folder / MODEL_FILE).unlink()
    with pytest.raises(LexiconError, match=rf"{MODEL_FILE}: cannot be read"):
        load_model(folder)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("gram\t甲乙丙\t1.0\t7:1\t\t\t", "class 7"),
        ("gram\t甲乙丙\t1.0\t0:x\t\t\t", "invalid literal"),
        ("gram\t甲乙丙\t1.0\t0:1", "weights of 4 heads"),
        ("poem\t甲乙丙\t1.0\t0:1\t\t\t", "no family"),
        ("gram\t甲乙丙\tmuch\t0:1\t\t\t", "could not convert"),
        ("head\tcolour\t1.0\t0.0\ta=1", "unknown or repeated"),
    ],
)
def test_a_wrong_line_is_refused_by_its_number(folder: Path, line: str, named: str) -> None:
    respelled(folder, lambda body: [*body[:4], line, *body[4:]])
    with pytest.raises(LexiconError, match=rf"{MODEL_FILE}, line 7: .*{named}"):
        load_model(folder)


def test_a_missing_head_is_named(folder: Path) -> None:
    respelled(folder, lambda body: body[:3])
    with pytest.raises(LexiconError, match="no head kind"):
        load_model(folder)


@pytest.mark.parametrize(("score", "share"), [(0.0, 0.5), (1e9, 1.0), (-1e9, 0.0)])
def test_logistic_is_safe_at_any_size(score: float, share: float) -> None:
    assert logistic(score) == pytest.approx(share)
