"""A site's own Hugging Face folder reads in the encoder's place; what is wrong with it is named.

`three_labels.onnx` (406 bytes, made by hand): the mean over tokens of a table that gives each
of 吵, 臭 and 钱 a label of its own.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from tokenizers import Tokenizer, models, pre_tokenizers

from nlp.cascade import NO_ENCODER, CascadeReader
from nlp.folder import WeightsError
from nlp.foreign import CONFIG, LABELS, ForeignEncoder, load_encoder
from nlp.pipeline import Reader
from nlp.topics import TopicReader
from triage.jobs import load_reader
from triage.settings import Settings

GRAPH = Path(__file__).parent / "three_labels.onnx"
LABELS_OF = {"噪声": "NOI-01", "气味": "AIR-11", "其他": "not_environmental"}
KINDS = ("NOI-01", "AIR-11")


def made(folder: Path, *, graph: str | None = "model.onnx", **said: object) -> Path:
    """A folder as `transformers` writes it, with our labels."""
    own = folder / "own"
    own.mkdir()
    (own / CONFIG).write_text(json.dumps({"id2label": {"0": "噪声", "1": "气味", "2": "其他"}}), "utf-8")
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "吵": 2, "臭": 3, "钱": 4}, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.save(str(own / "tokenizer.json"))
    labels = {"schema": "jiesu-labels/1", "labels": LABELS_OF, **said}
    (own / LABELS).write_text(yaml.safe_dump(labels, allow_unicode=True), "utf-8")
    for name in (graph,) if graph else ():
        (own / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(GRAPH, own / name)
    return own


def test_labels_become_kinds_and_a_no(tmp_path: Path) -> None:
    encoder = load_encoder(made(tmp_path), kinds=KINDS)
    noise, wages = encoder.read_many(["吵吵吵", "钱钱"])
    assert noise.beliefs.environmental > 0.9
    assert noise.beliefs.kinds["NOI-01"] > 0.9
    assert sum(noise.beliefs.kinds.values()) == pytest.approx(1)
    assert wages.beliefs.environmental < 0.1


@pytest.mark.parametrize("graph", ["model.onnx", "onnx/model.onnx", "model_quantized.onnx"])
def test_the_graph_is_found_where_exporters_put_it(tmp_path: Path, graph: str) -> None:
    assert load_encoder(made(tmp_path, graph=graph)).version.startswith("own-")


def test_two_labels_may_mean_one_kind(tmp_path: Path) -> None:
    labels = {"噪声": "NOI-01", "气味": "NOI-01", "其他": "not_environmental"}
    (answer,) = load_encoder(made(tmp_path, labels=labels)).read_many(["吵臭"])
    assert answer.beliefs.kinds == {"NOI-01": pytest.approx(1)}


def test_without_a_no_environmental_or_not_stays_the_lexicons(tmp_path: Path) -> None:
    labels = {"噪声": "NOI-01", "气味": "AIR-11", "其他": "SOL-01"}
    encoder = load_encoder(made(tmp_path, labels=labels))
    assert (encoder.card.blend.environmental[0], encoder.card.blend.kind[0]) == (0.0, 0.7)


def test_it_reads_beside_the_lexicon_which_keeps_type_and_urgency(tmp_path: Path) -> None:
    topics = TopicReader.load()
    text = "楼下太吵吵吵吵吵吵吵吵吵吵，请处理"
    alone = CascadeReader(topics, None).read(None, text)
    both = CascadeReader(topics, load_encoder(made(tmp_path, share=1.0))).read(None, text)
    assert both.kind == "NOI-01"
    assert (both.appeal_type, both.urgency) == (alone.appeal_type, alone.urgency)


def test_the_setting_points_to_it(tmp_path: Path) -> None:
    reader = load_reader(Settings(nlp_model=str(made(tmp_path))))
    assert reader.degraded is None
    assert "own-" in reader.model_version


def test_a_folder_that_does_not_fit_leaves_the_lexicon_reading(tmp_path: Path) -> None:
    reader = load_reader(Settings(nlp_model=str(made(tmp_path, labels={**LABELS_OF, "噪声": "NOI-99"}))))
    assert "NOI-99" in (reader.degraded or "")
    assert NO_ENCODER in reader.model_version


def test_weights_without_a_graph_say_what_to_run(tmp_path: Path) -> None:
    own = made(tmp_path, graph=None)
    (own / "model.safetensors").write_bytes(b"")
    with pytest.raises(WeightsError, match="jiesu nlp export"):
        load_encoder(own)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"schema": "other"}, "schema"),
        ({"labels": {}}, "labels"),
        ({"labels": {**LABELS_OF, "水": "WAT-01"}}, "labels.水"),
        ({"labels": {"噪声": "NOI-01", "气味": "AIR-11"}}, "says nothing of 其他"),
        ({"labels": dict.fromkeys(LABELS_OF, "not_environmental")}, "no label is a kind"),
        ({"labels": {**LABELS_OF, "噪声": 5}}, "labels.噪声"),
        ({"share": 0}, "share"),
        ({"tokens": 4}, "tokens"),
        ({"prefix": 1}, "prefix"),
        ({"colour": "red"}, "unknown keys colour"),
    ],
)
def test_what_is_wrong_in_the_labels_is_named(tmp_path: Path, said: dict[str, Any], told: str) -> None:
    with pytest.raises(WeightsError, match=f"{LABELS}.*{told}"):
        load_encoder(made(tmp_path, **said))


def test_a_model_that_is_no_classifier_is_refused(tmp_path: Path) -> None:
    own = made(tmp_path)
    (own / CONFIG).write_text("{}", "utf-8")
    with pytest.raises(WeightsError, match="id2label"):
        load_encoder(own)


def test_more_labels_than_scores_are_refused(tmp_path: Path) -> None:
    own = made(tmp_path, labels={**LABELS_OF, "水": "WAT-01"})
    names = {"0": "噪声", "1": "气味", "2": "其他", "3": "水"}
    (own / CONFIG).write_text(json.dumps({"id2label": names}, ensure_ascii=False), "utf-8")
    with pytest.raises(WeightsError, match="3 scores"):
        load_encoder(own)


def test_a_missing_labels_file_says_what_it_is_for(tmp_path: Path) -> None:
    own = made(tmp_path)
    (own / LABELS).unlink()
    assert "which label is which kind" in (Reader.load(weights=own).degraded or "")


def test_our_own_folder_is_told_by_its_card() -> None:
    assert not isinstance(load_encoder(Path(__file__).parents[2] / "nlp" / "weights"), ForeignEncoder)
