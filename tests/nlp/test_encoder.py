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


@pytest.mark.parametrize("text", [BARBECUE * 200, BARBECUE * 20 + WAGES * 60, WAGES * 60 + BARBECUE * 20])
def test_a_text_far_over_the_limit_is_read_by_its_beginning_and_its_end(encoder: Encoder, text: str) -> None:
    (answer,) = encoder.read_many([text])
    assert answer.beliefs.environmental > 0.5
    assert max(answer.beliefs.kinds, key=answer.beliefs.kinds.__getitem__) == "AIR-06"
    for shares in (answer.beliefs.kinds, answer.beliefs.appeal_types, answer.beliefs.urgencies):
        assert sum(shares.values()) == pytest.approx(1.0)


def test_the_words_of_the_end_are_shown_where_they_stand(encoder: Encoder) -> None:
    text = WAGES * 60 + BARBECUE * 20
    (answer,) = encoder.read_many([text])
    strongest = max(answer.environmental, key=lambda word: word.weight)
    assert strongest.start >= len(WAGES) * 60
    assert text[strongest.start : strongest.end] in BARBECUE
    first = min(answer.environmental, key=lambda word: word.start)
    assert text[first.start : first.end].strip()
    assert max(word.end for word in answer.environmental) == len(text)


def test_a_danger_that_is_told_at_the_end_is_not_halved(encoder: Encoder) -> None:
    danger = "化工厂的罐子正在漏，刺鼻的气味把好几个人熏倒了，快来人救命！"
    late, alone = encoder.read_many([WAGES * 60 + danger * 20, danger * 20])
    assert late.beliefs.urgencies["U1"] > 0.5 < alone.beliefs.urgencies["U1"]


@pytest.mark.parametrize("tokens", [12, 63])
def test_a_model_that_reads_few_tokens_is_asked_about_the_beginning_alone(
    tmp_path: Path, tokens: int
) -> None:
    folder = copied(tmp_path)
    card = json.loads((folder / CARD).read_text("utf-8"))
    (folder / CARD).write_text(json.dumps({**card, "tokens": tokens}), "utf-8")
    few = Encoder(folder)
    first, second = few.read_many([BARBECUE * 20, BARBECUE * 20 + WAGES * 50])
    assert first.beliefs == second.beliefs


def test_a_matter_that_comes_late_in_a_letter_is_read(reader: Reader) -> None:
    """Until 2026-11-28 the encoder read 192 tokens, and outvoted the linear models about the rest."""
    letter = (
        "尊敬的市领导：您好。我是锦华里小区的老住户，退休前在纺织厂上班。先要谢谢政府，去年把我们门口的断头路修通了，"
        "孙子上学近了二十分钟。物业费的事我们也跟街道谈过几回，今年总算公示了账目，大家没有意见。停车位还是紧，"
        "晚上八点以后回来就要转圈，这个我们知道急不得，只盼规划的立体车库早点有消息。电梯年检的贴纸也换成新的了。"
        "楼道里的灯上个月坏了三盏，报修第二天就有师傅来换，这一点要表扬。小区里养狗的人多，牵绳的也多起来了。"
        "广场上新装的健身器材老人们都喜欢，每天早上七点多就有人去活动。业委会正在换届，候选人的名单贴在了公告栏，"
        "过程公开，没有什么好说的。写了这么多，其实真正想求您的只有一件：我家楼下新开的烤肉馆没有装油烟净化器，"
        "排烟管就对着二楼的窗子，一到晚上整个单元都是呛人的烟，老伴有哮喘，夜里咳得睡不着，请环保部门来查一查。"
    )
    reading = reader.read("一位老住户的来信", letter)
    assert reading.topic.environmental
    assert reading.topic.kinds[0].code == "AIR-06"


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
        ({"version": 3}, "no card"),
        ({"tokens": float("inf")}, "infinity"),
        ({"tokens": -1}, "cannot be loaded"),
    ],
)
def test_a_card_that_is_wrong_is_refused(tmp_path: Path, change: dict[str, object], told: str) -> None:
    folder = copied(tmp_path)
    card = json.loads((folder / CARD).read_text("utf-8"))
    (folder / CARD).write_text(json.dumps({**card, **change}), "utf-8")
    with pytest.raises(WeightsError, match=told):
        Encoder(folder)


def test_a_card_that_is_no_object_leaves_the_lexicon_reading(tmp_path: Path) -> None:
    (tmp_path / CARD).write_text("[]", "utf-8")
    assert CARD in (Reader.load(weights=tmp_path).degraded or "")


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
