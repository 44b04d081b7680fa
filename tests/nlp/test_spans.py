"""The model of who and when: spans by weights, at most one of each, and what a broken folder says."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp import WEIGHTS
from nlp.facts import Facts, Seen, Span, look
from nlp.folder import WeightsError
from nlp.pipeline import Reader
from nlp.span_features import READ, ROWS, rows_of
from nlp.spans import CARD, LONGEST, NAMES, OUTSIDE, WEIGHTS_FILE, Said, Spans, scores_of, spread, tidied
from nlp.text import normalize

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = Spans(WEIGHTS)


def read(source: str, title_length: int = 0) -> Facts:
    folded = normalize(source)
    return SHIPPED.read(folded, title_length, look(source, folded, title_length))


@pytest.mark.parametrize(
    ("text", "party", "when"),
    [
        ("投诉北辰烤鱼店每天晚上十点到凌晨两点排放油烟，呛得睡不着", "北辰烤鱼店", "每天晚上十点到凌晨两点"),
        ("我举报宏达塑料厂夜间偷排废水，河里的鱼都死了", "宏达塑料厂", "夜间"),
        ("小区南边的鑫源搅拌站天天从早上五点干到晚上十一点", "鑫源搅拌站", "天天从早上五点干到晚上十一点"),
    ],
)
def test_who_and_when_of_a_plain_complaint(text: str, party: str, when: str) -> None:
    found = read(text)
    assert (found.party_text(text), found.when_text(text)) == (party, when)


@pytest.mark.parametrize(
    ("text", "span", "told"),
    [
        ("投诉顺达纸厂，鸿运塑料厂排污", (2, 12), "顺达纸厂"),
        ("楼下“红太阳”歌厅很吵", (3, 9), "“红太阳”歌厅"),
        ("老北京涮肉（望京店）油烟", (0, 9), "老北京涮肉（望京店）"),
        ("顺达公司的工地", (0, 5), "顺达公司"),
        ("打了[手机号]没人接", (3, 6), None),
        ("楼下底商甲乙丙烤串店油烟", (2, 10), "甲乙丙烤串店"),
        ("楼下餐馆油烟", (0, 4), "楼下餐馆"),
        ("[急 顺达公司排污", (3, 7), "顺达公司"),
        ("天天、夜夜施工", (0, 5), "天天、夜夜"),
    ],
)
def test_a_span_is_told_as_a_clerk_would_copy_it(text: str, span: tuple[int, int], told: str | None) -> None:
    folded = normalize(text)
    found = tidied(folded, Span(*span))
    assert (None if found is None else text[found.start : found.end]) == told


def test_a_folder_of_its_own_has_its_own_spans(tmp_path: Path) -> None:
    for path in WEIGHTS.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / CARD).unlink()
    card = json.loads((WEIGHTS / CARD).read_text(encoding="utf-8"))
    (tmp_path / CARD).write_text(json.dumps(card | {"version": "who-mine"}), encoding="utf-8")
    assert "+who-mine+" in Reader.load(weights=tmp_path).model_version


@pytest.mark.parametrize(
    ("text", "when"), [("上个月河道发臭", "上个月"), ("刚才有人烧秸秆", "刚才"), ("周末装修噪音", "周末")]
)
def test_a_word_of_time_is_told_where_nothing_is_likelier(text: str, when: str) -> None:
    found = read(text)
    assert (found.party_text(text), found.when_text(text)) == (None, when)


@pytest.mark.parametrize("text", ["", "。", "\n", "谢谢你们的工作", "请问垃圾分类怎么分"])
def test_nobody_where_nobody_is_named(text: str) -> None:
    assert read(text) == Facts()


def test_the_reader_tells_them_with_their_evidence() -> None:
    text = "投诉北辰烤鱼店每天晚上十点到凌晨两点排放油烟，呛得睡不着"
    reading = Reader.load().read(None, text)
    assert (reading.topic.party, reading.topic.when) == ("北辰烤鱼店", "每天晚上十点到凌晨两点")
    assert SHIPPED.version in reading.model_version


PIECES = (
    *(
        "投诉",
        "北辰烤鱼店",
        "宏达塑料厂",
        "“红太阳”歌厅",
        "每天晚上十点",
        "从早上五点",
        "到凌晨两点",
        "夜间",
        "施工",
    ),
    *(
        "排放油烟",
        "噪音扰民",
        "小区南边的",
        "某某物业公司",
        "[手机号]",
        "。",
        "！",
        "\n",
        "？",
        "，",
        "、",
        "（",
        "）",
    ),
)


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.integers(0, 40))
def test_spans_lie_in_one_sentence_and_are_of_some_length(text: str, title_length: int) -> None:
    folded = normalize(text)
    found = SHIPPED.read(folded, title_length, look(folded, folded, title_length))
    assert all(
        0 <= span.start < span.end <= len(folded)
        and span.end - span.start <= LONGEST
        and not set("。!?;\n") & set(folded[span.start : span.end])
        for span in (found.party, found.when)
        if span is not None
    )


def test_what_stands_beyond_what_is_read_changes_nothing() -> None:
    text = "投诉北辰烤鱼店每晚十点排放油烟。" + "很难受。" * (READ // 4)
    longer = text[:READ] + "金源酒吧" * 200
    assert read(text[:READ]) == read(longer)


def test_rows_are_those_of_the_table_for_every_character() -> None:
    text = normalize("宏达塑料厂夜间２点偷排，𠮷祥面馆也是")
    rows = rows_of(text, 0, look(text, text, 0))
    assert len(rows) == len(text)
    assert 0 <= rows.min() <= rows.max() < ROWS


def test_which_digit_stands_there_changes_no_row() -> None:
    first, second = "晚上9点12分吵", "晚上8点05分吵"
    nothing = Seen(Facts())
    assert (rows_of(first, 0, nothing) == rows_of(second, 0, nothing)).all()


def test_a_span_scores_what_its_characters_say() -> None:
    said = np.arange(12, dtype=np.float32).reshape(4, 3)
    lengths = np.linspace(0, 1, LONGEST, dtype=np.float32)
    scores = scores_of(said, lengths)
    assert scores.shape == (4, LONGEST)
    # Begins at 1, ends at 2: 3 + 7, within 5 + 8, and the length of two.
    assert scores[1, 1] == pytest.approx(3 + 7 + 5 + 8 + float(lengths[1]))
    assert np.isneginf(scores[3, 1:]).all()


def test_tokens_speak_where_they_begin_and_end() -> None:
    values = np.arange(12, dtype=np.float32).reshape(2, 6)
    # " 上" is a token with the space before it, "海站" another; a mark that is not of the text says nothing.
    found = spread(5, "我 上海站", [Said([(0, 0), (1, 3), (3, 5)], np.vstack([values[:1] + 90, values]))])
    assert found[0].tolist() == [OUTSIDE, OUTSIDE, 0, OUTSIDE, OUTSIDE, 0]
    assert found[2].tolist() == values[0].tolist()
    assert found[3].tolist() == [6, OUTSIDE, 8, 9, OUTSIDE, 11]
    assert found[4].tolist() == [OUTSIDE, 7, 0, OUTSIDE, 10, 0]


def test_of_two_parts_of_a_text_the_earlier_speaks_where_both_read() -> None:
    first = Said([(0, 1), (1, 2)], np.full((2, 6), 1, dtype=np.float32))
    second = Said([(1, 3)], np.full((1, 6), 2, dtype=np.float32))
    found = spread(3, "甲乙丙", [first, second])
    assert found[:, 0].tolist() == [1, 1, OUTSIDE]
    assert found[:, 1].tolist() == [1, 1, 2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (CARD, WEIGHTS_FILE):
        (tmp_path / name).write_bytes((WEIGHTS / name).read_bytes())
    return tmp_path


def changed(folder: Path, **changes: object) -> None:
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    (folder / CARD).write_text(json.dumps(card | changes), encoding="utf-8")


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / WEIGHTS_FILE).unlink()
    with pytest.raises(WeightsError, match=WEIGHTS_FILE):
        Spans(folder)


def test_a_damaged_file_is_named(folder: Path) -> None:
    (folder / WEIGHTS_FILE).write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="checksum"):
        Spans(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": "jiesu-spans/9"}, "schema"),
        ({"alone": {"least": {}}}, "party"),
        ({"beside": []}, "list"),
        ({"files": {}}, WEIGHTS_FILE),
    ],
)
def test_a_card_of_another_sort_is_named(folder: Path, changes: dict[str, object], words: str) -> None:
    changed(folder, **changes)
    with pytest.raises(WeightsError, match=words):
        Spans(folder)


def test_a_card_that_is_no_object_is_named(folder: Path) -> None:
    (folder / CARD).write_text("[]", encoding="utf-8")
    with pytest.raises(WeightsError, match=CARD):
        Spans(folder)


def test_weights_of_another_shape_are_refused(folder: Path) -> None:
    with np.load(folder / WEIGHTS_FILE) as kept:
        arrays = dict(kept)
    np.savez_compressed(folder / WEIGHTS_FILE, **(arrays | {"none": np.zeros((2, len(NAMES) + 1))}))
    digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    changed(folder, files={WEIGHTS_FILE: digest})
    with pytest.raises(WeightsError, match="shapes"):
        Spans(folder)


def test_without_its_weights_the_rules_tell() -> None:
    text = "投诉北辰烤鱼店每晚排放油烟"
    assert look(text, text, 0).told.party == Span(2, 7)


def open_in(spans: Spans, text: str) -> bool:
    folded = normalize(text)
    return spans.leaves_open(folded, 0, look(text, folded, 0))


def test_what_the_table_half_believes_is_open() -> None:
    """Of texts whose kind is sure the encoder is asked for names alone, and only where some are open."""
    open_ones = {
        text: open_in(SHIPPED, text)
        for text in ("投诉北辰烤鱼店每天晚上十点到凌晨两点排放油烟", "楼下那家每到饭点油烟呛人，物业不管")
    }
    assert list(open_ones.values()) == [False, True]


def test_a_folder_of_before_leaves_nothing_open(tmp_path: Path) -> None:
    for path in WEIGHTS.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / CARD).unlink()
    card = json.loads((WEIGHTS / CARD).read_text(encoding="utf-8"))
    del card["unsure"]
    (tmp_path / CARD).write_text(json.dumps(card), encoding="utf-8")
    assert not open_in(Spans(tmp_path), "楼下那家每到饭点油烟呛人，物业不管")


@pytest.mark.parametrize("unsure", [[0.1], "half", [0.1, "x"]])
def test_limits_that_are_none_are_refused(tmp_path: Path, unsure: object) -> None:
    for path in WEIGHTS.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / CARD).unlink()
    card = json.loads((WEIGHTS / CARD).read_text(encoding="utf-8"))
    (tmp_path / CARD).write_text(json.dumps(card | {"unsure": unsure}), encoding="utf-8")
    with pytest.raises(WeightsError, match=CARD):
        Spans(tmp_path)
