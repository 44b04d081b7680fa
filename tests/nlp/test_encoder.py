"""The weights load, answer in order and explain themselves; damaged ones are refused and reading goes on."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from nlp import WEIGHTS
from nlp.cascade import NO_ENCODER
from nlp.encoder import CARD, Encoder
from nlp.folder import WeightsError
from nlp.pipeline import Reader
from nlp.types import Head

if TYPE_CHECKING:
    from pathlib import Path

BARBECUE = "楼下的烧烤店每天晚上十点以后油烟呛人，家里不敢开窗，请尽快处理。"
WAGES = "公司拖欠三个月工资不发，请帮忙要回工资。"
ODD = "最近每到后半夜就有一股说不清的酸味往屋里钻，老人咳个不停，味道像是西边那排平房里出来的。"


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Encoder(WEIGHTS)


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader.load()


def test_answers_come_in_the_order_asked_whatever_their_length(encoder: Encoder) -> None:
    texts = [BARBECUE * 5, WAGES, BARBECUE, WAGES * 9]
    together = [answer.beliefs.environmental for answer in encoder.read_many(texts)]
    alone = [encoder.read_many([text])[0].beliefs.environmental for text in texts]
    assert together == alone
    assert together[0] > 0.5 > together[1]
    assert together[2] > 0.5 > together[3]


def test_beliefs_are_probabilities(encoder: Encoder) -> None:
    (answer,) = encoder.read_many([BARBECUE])
    for shares in (answer.beliefs.kinds, answer.beliefs.appeal_types, answer.beliefs.urgencies):
        assert sum(shares.values()) == pytest.approx(1.0)
    assert len(answer.beliefs.kinds) == 63


def test_the_words_that_decided_and_the_spans_lie_in_the_text(encoder: Encoder) -> None:
    (answer,) = encoder.read_many([BARBECUE])
    places = [(word.start, word.end) for word in (*answer.kind, *answer.environmental)]
    places += answer.spans.values()
    assert all(0 <= start < end <= len(BARBECUE) for start, end in places)
    start, end = answer.spans["when"]
    assert "晚上十点" in BARBECUE[start:end]


def test_an_empty_text_and_none_at_all_are_read_too(encoder: Encoder) -> None:
    assert encoder.read_many([]) == []
    assert len(encoder.read_many(["", " "])) == 2


def test_a_text_far_over_the_limit_is_read_by_its_beginning(encoder: Encoder) -> None:
    (answer,) = encoder.read_many([BARBECUE * 200])
    assert answer.beliefs.environmental > 0.5


def copied(folder: Path) -> Path:
    return shutil.copytree(WEIGHTS, folder / "weights")


def test_a_damaged_file_is_refused_by_name(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    with (folder / "model.onnx").open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    with pytest.raises(WeightsError, match=r"model\.onnx.*checksum"):
        Encoder(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": "other/1"}, "schema"),
        ({"classes": {"kind": []}}, "appeal_type"),
        ({"blend": {"kind": [2.0, 1.0]}}, "kind"),
        ({"sure": {}}, "Sure"),
    ],
)
def test_a_card_that_is_wrong_is_refused(tmp_path: Path, change: dict[str, object], told: str) -> None:
    folder = copied(tmp_path)
    card = json.loads((folder / CARD).read_text("utf-8"))
    (folder / CARD).write_text(json.dumps({**card, **change}), "utf-8")
    with pytest.raises(WeightsError, match=told):
        Encoder(folder)


def test_without_weights_the_lexicon_reads_on_and_says_so(tmp_path: Path) -> None:
    reader = Reader.load(weights=tmp_path / "none")
    reading = reader.read(None, BARBECUE)
    assert reader.degraded is not None
    assert CARD in reader.degraded
    assert NO_ENCODER in reading.model_version
    assert reading.topic.environmental


def test_with_weights_nothing_is_degraded(reader: Reader) -> None:
    assert reader.degraded is None
    assert NO_ENCODER not in reader.model_version


def test_a_batch_reads_as_each_text_alone(reader: Reader) -> None:
    items = [(None, BARBECUE), ("味道", ODD), (None, ""), (None, WAGES)]
    together = reader.read_many(items)
    alone = [reader.read(*item) for item in items]
    assert [reading.topic.kind for reading in together] == [reading.topic.kind for reading in alone]
    assert [reading.review_reasons for reading in together] == [reading.review_reasons for reading in alone]


def test_evidence_of_both_models_does_not_overlap_within_a_head(reader: Reader) -> None:
    reading = reader.read("味道", ODD)
    spans = sorted(
        (item.start, item.end) for item in reading.topic.evidence if item.head is Head.ENVIRONMENTAL
    )
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
