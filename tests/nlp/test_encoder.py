"""The weights load, answer in order and explain themselves; damaged ones are refused and reading goes on."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from nlp import WEIGHTS
from nlp.cascade import NO_ENCODER
from nlp.encoder import CARD, LOWER, UPPER, Encoder
from nlp.folder import WeightsError
from nlp.pipeline import Reader
from nlp.types import Head

WHOLE = Path(__file__).with_name("whole.onnx")
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


@pytest.mark.parametrize("name", [LOWER, UPPER])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = copied(tmp_path)
    with (folder / name).open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    with pytest.raises(WeightsError, match=f"{re.escape(name)}.*checksum"):
        Encoder(folder)


def test_a_folder_of_before_with_the_whole_network_in_one_graph_still_reads(tmp_path: Path) -> None:
    """`whole.onnx` (2 kB, made by hand): 吵 is environmental and of the 24th kind, 钱 is not."""
    shutil.copyfile(WHOLE, tmp_path / UPPER)
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "吵": 2, "钱": 4}, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    card = json.loads((WEIGHTS / CARD).read_text("utf-8"))
    files = {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in (UPPER, "tokenizer.json")
    }
    told = {**card, "schema": "jiesu-encoder/1", "files": files, "prefix": ""}
    (tmp_path / CARD).write_text(json.dumps(told), "utf-8")
    noise, wages = Encoder(tmp_path).read_many(["吵吵", "钱"])
    assert noise.beliefs.environmental > 0.9
    assert noise.beliefs.kinds[card["classes"]["kind"][23]] > 0.9
    assert wages.beliefs.environmental < 0.1


def test_files_that_do_not_go_together_are_found_at_the_start(tmp_path: Path) -> None:
    """With right checksums, as a careless release would have them."""
    folder = copied(tmp_path)
    shutil.copyfile(WHOLE, folder / UPPER)
    card = json.loads((folder / CARD).read_text("utf-8"))
    card["files"][UPPER] = hashlib.sha256(WHOLE.read_bytes()).hexdigest()
    (folder / CARD).write_text(json.dumps(card), "utf-8")
    with pytest.raises(WeightsError, match=f"{re.escape(UPPER)}: does not go with {re.escape(LOWER)}"):
        Encoder(folder)
    assert NO_ENCODER in Reader.load(weights=folder).model_version


def test_a_graph_in_two_files_is_not_taken_for_one_of_before(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    card = json.loads((folder / CARD).read_text("utf-8"))
    (folder / CARD).write_text(json.dumps({**card, "schema": "jiesu-encoder/1"}), "utf-8")
    with pytest.raises(WeightsError, match="does not go with"):
        Encoder(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": "other/1"}, "schema"),
        ({"files": {}}, LOWER),
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
