"""One matter or two: what is shared and what differs is measured, told in words, the same both ways."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp import WEIGHTS
from nlp.folder import WeightsError
from nlp.grams import Grams
from nlp.repeat_facts import agreement, signs_of
from nlp.repeat_grams import clean, keys_of, overlap
from nlp.repeats import CARD, WEIGHTS_FILE, PairReader, Trees
from nlp.training.boosting import Plan, grow
from nlp.training.repeat_limits import figures
from nlp.training.repeats import day_of, folds_of, read_pairs

PAIRS = [
    json.loads(line)
    for line in Path(__file__).with_name("repeat_pairs.jsonl").read_text(encoding="utf-8").splitlines()
]
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def pairs() -> PairReader:
    return PairReader.load()


def likely(pairs: PairReader, row: dict[str, Any]) -> float:
    a, b = (pairs.profile(row[side]["title"], row[side]["text"]) for side in ("a", "b"))
    return pairs.likeness(a, b).p


def test_what_is_one_matter_is_likelier_than_what_is_not(pairs: PairReader) -> None:
    one = [likely(pairs, row) for row in PAIRS if row["same"]]
    two = [likely(pairs, row) for row in PAIRS if not row["same"]]
    assert min(one) > max(two)
    assert max(two) < pairs.same_from


@pytest.mark.parametrize("row", PAIRS)
def test_the_answer_does_not_depend_on_which_came_first(pairs: PairReader, row: dict[str, Any]) -> None:
    turned = {"a": row["b"], "b": row["a"]}
    assert likely(pairs, row) == pytest.approx(likely(pairs, turned), abs=1e-9)


def test_the_trees_were_grown_with_the_character_runs_beside_them() -> None:
    """How these hold the kinds is a measure: once they are exchanged `nlp.training.repeats` is due."""
    assert json.loads((WEIGHTS / CARD).read_text("utf-8"))["grown_with"] == Grams(WEIGHTS).version


def test_a_text_sent_twice_is_one_matter(pairs: PairReader) -> None:
    sent = pairs.profile(PAIRS[0]["a"]["title"], PAIRS[0]["a"]["text"])
    found = pairs.likeness(sent, sent)
    assert found.same
    assert "文字几乎相同" in found.why


def test_the_reasons_name_what_is_shared_and_what_differs(pairs: PairReader) -> None:
    one = pairs.profile("凉水河发臭", "凉水河旧宫桥段河水发黑发臭", NOW)
    other = pairs.profile("温榆河发臭", "温榆河沙子营段河水发黑发臭", NOW - timedelta(days=3, hours=1))
    why = pairs.likeness(one, other).why
    assert "河湖名称不同（…凉水河 / …温榆河）" in why
    assert why[-1] == "相隔3天"


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=10))
def test_any_two_texts_get_a_probability(pairs: PairReader, a: str, b: str, title: str) -> None:
    found = pairs.likeness(pairs.profile(title, a), pairs.profile(None, b))
    assert 0 <= found.p <= 1


def test_marks_of_masking_dates_and_page_addresses_are_no_words() -> None:
    cleaned = clean("投诉人[姓名]2026年3月1日[手机号]反映http://example.cn/a 油烟")
    assert cleaned.replace("\x01", " ").split() == ["投诉人", "反映油烟"]


def test_runs_do_not_cross_a_mark() -> None:
    assert len(keys_of("油烟")) == 1
    assert len(keys_of("油烟\x01扰民")) == 2


def test_nothing_is_shared_with_silence(pairs: PairReader) -> None:
    silent, text = pairs.rarity.runs(""), pairs.rarity.runs("河水发臭")
    assert overlap(silent, text).cosine == 0
    assert overlap(text, text).cosine == pytest.approx(1)


def test_names_are_told_by_what_they_end_in() -> None:
    signs = signs_of("金港河边的丽泽小区3号楼，609路车站，共1234户")
    assert "金港河" in signs.names["water"]
    assert signs.numbered == {"3号楼"}
    assert signs.lines == {"609"}
    assert "1234" in signs.long


def test_agreement_is_silent_where_one_text_is() -> None:
    one, other, none = frozenset("ab"), frozenset("bc"), frozenset[str]()
    assert (agreement(one, other), agreement(one, frozenset("c")), agreement(one, none)) == (0.5, -1.0, 0.0)


def test_damaged_weights_are_refused_by_name(tmp_path: Path) -> None:
    for name in (CARD, WEIGHTS_FILE, "grams.json", "grams.npz"):
        shutil.copy(WEIGHTS / name, tmp_path / name)
    (tmp_path / WEIGHTS_FILE).write_bytes(b"x")
    with pytest.raises(WeightsError, match=WEIGHTS_FILE):
        PairReader.load(tmp_path)


def test_weights_for_other_measures_are_refused(tmp_path: Path) -> None:
    for name in (CARD, WEIGHTS_FILE, "grams.json", "grams.npz"):
        shutil.copy(WEIGHTS / name, tmp_path / name)
    card = json.loads((tmp_path / CARD).read_text(encoding="utf-8"))
    (tmp_path / CARD).write_text(json.dumps({**card, "measures": ["cosine"]}), encoding="utf-8")
    with pytest.raises(WeightsError, match="measures"):
        PairReader.load(tmp_path)


def test_trees_learn_what_one_measure_tells_and_are_the_same_each_time() -> None:
    random = np.random.default_rng(1)
    rows = random.random((200, 4))
    same = rows[:, 2] > 0.5
    plan = Plan(trees=40, rate=0.2, measures=1.0, drawings=1)
    trees = grow(rows, same, plan, seed=3)
    assert ((trees.logits(rows) > 0) == same).mean() > 0.97
    again = grow(rows, same, plan, seed=3)
    assert np.array_equal(trees.leaf, again.leaf)


def test_a_tree_goes_right_above_its_limit() -> None:
    trees = Trees(
        measure=np.array([[0]], dtype=np.int16),
        limit=np.array([[0.5]], dtype=np.float32),
        leaf=np.array([[-1.0, 2.0]], dtype=np.float32),
        base=0.25,
    )
    assert trees.logits(np.array([[0.5], [0.6]])).tolist() == [-0.75, 2.25]


def test_no_matter_is_in_two_folds() -> None:
    pairs = read_pairs()
    folds = folds_of(pairs)
    of_group: dict[int, set[int]] = {}
    for pair, fold in zip(pairs, folds.tolist(), strict=True):
        of_group.setdefault(pair.group, set()).add(fold)
    assert {len(found) for found in of_group.values()} == {1}
    texts: dict[str, set[int]] = {}
    for pair in pairs:
        texts.setdefault(pair.a, set()).add(pair.group)
        texts.setdefault(pair.b, set()).add(pair.group)
    assert {len(found) for found in texts.values()} == {1}


def test_figures_count_false_merges_among_what_is_two_matters() -> None:
    called, same = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert figures(called, same) == {
        "precision": 0.5, "recall": 0.5, "f05": 0.5, "false_merge_rate": 0.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("told", "day"),
    [("2019/2/28 11:25:05", "2019-02-28"), ("05/03/2016", "2016-05-03"), ("2018-1-7", "2018-01-07")],
)
def test_days_of_public_texts(told: str, day: str) -> None:
    found = day_of(told)
    assert found is not None
    assert found.date().isoformat() == day
