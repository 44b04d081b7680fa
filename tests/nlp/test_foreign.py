"""A site's own Hugging Face folder reads in the encoder's place; what is wrong with it is named.

`three_labels.onnx` (406 bytes, made by hand): the mean over tokens of a table that gives each
of 吵, 臭 and 钱 a label of its own. `sixteen_places.onnx` does the same of sixteen tokens at most, as a
network with positions does.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
import yaml
from tokenizers import Tokenizer, models, pre_tokenizers

from models.appeals import Reading
from models.corrections import Correction
from models.rollups import RollupTicket
from nlp.cascade import NO_ENCODER, CascadeReader
from nlp.folder import VERSION_MOST, WeightsError, version_of
from nlp.foreign import CONFIG, LABELS, ForeignEncoder, load_encoder
from nlp.pipeline import Reader
from nlp.places import PlaceReader
from nlp.topics import TopicReader
from triage.jobs import load_reader
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Base

GRAPH = Path(__file__).parent / "three_labels.onnx"
LABELS_OF = {"噪声": "NOI-01", "气味": "AIR-11", "其他": "not_environmental"}
KINDS = ("NOI-01", "AIR-11")


def made(
    folder: Path,
    *,
    graph: str | None = "model.onnx",
    name: str = "own",
    words: str = "吵臭钱",
    **said: object,
) -> Path:
    """A folder as `transformers` writes it, with our labels."""
    own = folder / name
    own.mkdir()
    (own / CONFIG).write_text(json.dumps({"id2label": {"0": "噪声", "1": "气味", "2": "其他"}}), "utf-8")
    known = {"[UNK]": 0, **{word: at for at, word in enumerate(words, start=2)}}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.save(str(own / "tokenizer.json"))
    labels = {"schema": "jiesu-labels/1", "labels": LABELS_OF, **said}
    (own / LABELS).write_text(yaml.safe_dump(labels, allow_unicode=True), "utf-8")
    for place in (own / graph,) if graph else ():
        place.parent.mkdir(exist_ok=True)
        shutil.copyfile(GRAPH, place)
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


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"id2label": {"1": "噪声", "2": "气味", "3": "其他"}}, "id2label: expected 0 to 2, found 1, 2, 3"),
        ({"id2label": {"一": "噪声", "二": "气味", "三": "其他"}}, "id2label"),
        ({"id2label": {"0": "噪声", "1": "气味", "2": "噪声", "3": "其他"}}, "two labels of one name"),
        (
            {"id2label": {"0": "噪声", "1": "气味", "2": "其他"}, "max_position_embeddings": 64},
            "tokens: 128 is more than max_position_embeddings",
        ),
    ],
)
def test_a_config_that_does_not_go_with_the_rest_is_refused(
    tmp_path: Path, config: dict[str, object], told: str
) -> None:
    own = made(tmp_path)
    (own / CONFIG).write_text(json.dumps(config), "utf-8")
    with pytest.raises(WeightsError, match=told):
        load_encoder(own)


def test_a_tokenizer_that_is_another_models_is_found_at_the_start(tmp_path: Path) -> None:
    """The first appeal with a word that the graph has no row for would stop the worker."""
    reader = Reader.load(weights=made(tmp_path, words="吵臭钱水土气声光"))
    assert "cannot read token 9" in (reader.degraded or "")
    assert NO_ENCODER in reader.model_version


def test_a_graph_that_ends_before_a_text_may_is_found_at_the_start(tmp_path: Path) -> None:
    own = made(tmp_path, graph=None, tokens=17)
    shutil.copyfile(GRAPH.with_name("sixteen_places.onnx"), own / "model.onnx")
    assert "cannot read a text of 17 tokens" in (Reader.load(weights=own).degraded or "")
    labels = own / LABELS
    labels.write_text(labels.read_text("utf-8").replace("tokens: 17", "tokens: 16"), "utf-8")
    reader = Reader.load(weights=own)
    assert reader.degraded is None
    assert reader.read(None, "吵" * 200).topic.environmental


def test_a_graph_that_may_not_be_read_leaves_the_lexicon_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nlp.foreign.hashlib.file_digest", forbidden)
    assert "model.onnx: cannot be read" in (Reader.load(weights=made(tmp_path)).degraded or "")


def test_a_folder_that_may_not_be_looked_into_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = made(tmp_path)
    monkeypatch.setattr(Path, "stat", forbidden)
    with pytest.raises(WeightsError, match=r"card\.json"):
        load_encoder(own)


def forbidden(*_asked: object, **_how: object) -> None:
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    "name", ["chinese-roberta-wwm-ext-large-finetuned-complaints-2026-11-v3", "投诉" * 40]
)
def test_a_long_name_is_cut_and_what_tells_models_apart_is_not(tmp_path: Path, name: str) -> None:
    own = made(tmp_path, name=name)
    reader = Reader.load(weights=own)
    assert reader.degraded is None
    digest = hashlib.sha256((own / "model.onnx").read_bytes()).hexdigest()[:8]
    assert f"+{name[:24]}-{digest}/" in reader.model_version
    assert len(reader.model_version) <= VERSION_MOST
    places = PlaceReader.load()
    versions = set()
    for end in "ab":
        places.version = "places" * 30 + end
        reader.use_places(places)
        versions.add(reader.model_version)
    assert {len(version) for version in versions} == {VERSION_MOST}
    assert len(versions) == 2


def test_a_folder_that_is_named_in_another_encoding_has_a_version_that_can_be_kept() -> None:
    assert version_of("\udcc4模型", "0123456789") == "?模型-01234567"


@pytest.mark.parametrize("table", [Reading, Correction, RollupTicket])
def test_a_version_has_room_in_every_column_that_keeps_it(table: type[Base]) -> None:
    columns = sa.inspect(table).columns
    (column,) = [found for name in ("model_version", "model") if (found := columns.get(name)) is not None]
    assert isinstance(column.type, sa.String)
    assert column.type.length == VERSION_MOST


def test_a_missing_labels_file_says_what_it_is_for(tmp_path: Path) -> None:
    own = made(tmp_path)
    (own / LABELS).unlink()
    assert "which label is which kind" in (Reader.load(weights=own).degraded or "")


def test_our_own_folder_is_told_by_its_card() -> None:
    assert not isinstance(load_encoder(Path(__file__).parents[2] / "nlp" / "weights"), ForeignEncoder)
