"""Character runs are found where they stand; weights load or are refused by name; beliefs are explained."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp import WEIGHTS
from nlp.cascade import CascadeReader
from nlp.folder import WeightsError
from nlp.grams import CARD, READ, WEIGHTS_FILE, Grams, keys_of
from nlp.pipeline import Reader
from nlp.text import normalize
from nlp.topics import TopicReader
from nlp.types import Head

if TYPE_CHECKING:
    from pathlib import Path

SMOKE = "小区楼下饭馆油烟很大，排烟管正对着我家窗户，熏得睡不着。"
WAGES = "公司拖欠三个月工资不发，请帮忙要回工资。"
_BITS = 21


def spelled(key: int) -> str:
    """The characters of a key."""
    parts = [(key >> shift) & ((1 << _BITS) - 1) for shift in (2 * _BITS, _BITS, 0)]
    return "".join(chr(code) for code in parts if code)


@pytest.fixture(scope="module")
def grams() -> Grams:
    return Grams(WEIGHTS)


def test_runs_of_one_to_three_characters_with_their_places() -> None:
    keys, starts = keys_of("油 烟12")
    found = {(spelled(int(key)), int(start)) for key, start in zip(keys, starts, strict=True)}
    assert found == {
        *(("油", 0), ("烟", 2), ("0", 3), ("0", 4)),
        *(("油烟", 0), ("烟0", 2), ("00", 3)),
        *(("油烟0", 0), ("烟00", 2)),
    }


@given(st.text(max_size=40))
def test_every_run_stands_where_it_is_said_to(text: str) -> None:
    folded = normalize(text)
    keys, starts = keys_of(folded)
    plain = "".join("0" if "0" <= character <= "9" else character for character in folded)
    for key, start in zip(keys.tolist(), starts.tolist(), strict=True):
        run = spelled(key)
        assert plain[start:].replace(" ", "").replace("\n", "").startswith(run.replace("\0", ""))


@pytest.mark.parametrize("text", ["", " ", "\n", "油", "油烟"])
def test_the_shortest_texts_are_read(grams: Grams, text: str) -> None:
    beliefs = grams.read(text).beliefs
    assert 0 < beliefs.environmental < 1
    assert sum(beliefs.kinds.values()) == pytest.approx(1.0)


def test_a_text_without_end_is_read_as_far_as_the_limit(grams: Grams) -> None:
    assert grams.read("油烟" * READ).beliefs == grams.read(("油烟" * READ)[:READ]).beliefs


def test_what_each_character_said_adds_up_to_what_was_believed(grams: Grams) -> None:
    text = normalize(SMOKE)
    counted = grams.read(text)
    heat = grams.said(counted, "environmental", "true", len(text))
    nothing = grams.read("").beliefs.environmental
    believed = counted.beliefs.environmental
    assert heat.sum() == pytest.approx(
        np.log(believed / (1 - believed)) - np.log(nothing / (1 - nothing)), abs=1e-3
    )
    smoke = [at for at, character in enumerate(text) if character in "油烟"]
    assert heat[smoke].sum() > 0.5


def test_without_the_encoder_what_was_counted_explains_a_yes_no_word_explains(grams: Grams) -> None:
    reader = CascadeReader(TopicReader.load(), None, grams)
    reading = reader.read(None, SMOKE)
    assert reading.environmental
    assert reading.kind == "AIR-06"
    heads = {item.head for item in reading.evidence}
    assert {Head.ENVIRONMENTAL, Head.KIND} <= heads
    assert all(SMOKE[item.start : item.end] == item.text for item in reading.evidence)
    assert not reader.read(None, WAGES).environmental


def damaged(tmp_path: Path) -> Path:
    return shutil.copytree(WEIGHTS, tmp_path / "weights")


def test_another_schema_is_refused(tmp_path: Path) -> None:
    folder = damaged(tmp_path)
    (folder / CARD).write_text(json.dumps({"schema": "other/9"}), encoding="utf-8")
    with pytest.raises(WeightsError, match=r"grams\.json: schema: .*other/9"):
        Grams(folder)


def test_a_card_without_its_parts_is_refused(tmp_path: Path) -> None:
    folder = damaged(tmp_path)
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    del card["temperature"]
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(WeightsError, match=r"grams\.json: .*temperature"):
        Grams(folder)


def test_exchanged_weights_are_refused_and_reading_goes_on(tmp_path: Path) -> None:
    folder = damaged(tmp_path)
    (folder / WEIGHTS_FILE).write_bytes(b"other")
    with pytest.raises(WeightsError, match=r"grams\.npz: the checksum"):
        Grams(folder)
    reader = Reader.load(weights=folder)
    assert reader.degraded is not None
    assert WEIGHTS_FILE in reader.degraded
    assert reader.read(None, SMOKE).topic.environmental


def test_a_folder_of_ones_own_need_not_hold_them(tmp_path: Path) -> None:
    folder = damaged(tmp_path)
    (folder / CARD).unlink()
    assert Reader.load(weights=folder).degraded is None
