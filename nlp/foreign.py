"""A site's own model: any Hugging Face sequence-classification folder as the encoder, without torch.

The folder holds what `transformers` writes (`config.json` with `id2label`, `tokenizer.json`), the graph in
ONNX (`model.onnx`, or where optimum puts it), and our `jiesu_labels.yaml`, which says what its labels are:

    schema: jiesu-labels/1
    labels: {噪声扰民: NOI-01, 非环境: not_environmental}
    share: 0.7

`share` is its part beside the lexicon. It answers environmental or not (where a label says no) and the kind;
appeal type, urgency and spans stay the lexicon's. It explains nothing: the words shown are the lexicon's.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import yaml
from tokenizers import Tokenizer

from nlp.beliefs import Beliefs, Blend, Sure
from nlp.encoder import CARD, Card, Encoded, Encoder, session_of
from nlp.folder import WeightsError, is_there, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

CONFIG: Final = "config.json"
LABELS: Final = "jiesu_labels.yaml"
SCHEMA: Final = "jiesu-labels/1"
NOT_ENVIRONMENTAL: Final = "not_environmental"
#: Where the graph may lie, as `jiesu nlp export` and optimum write it; the first that is there is used.
GRAPHS: Final = ("model_quantized.onnx", "model.onnx", "onnx/model_quantized.onnx", "onnx/model.onnx")
_WEIGHTS: Final = ("model.safetensors", "pytorch_model.bin")
_KEYS: Final = frozenset({"schema", "labels", "share", "tokens", "prefix"})
_TOKENS: Final = 128
_MOST_TOKENS: Final = 512
_SHARE: Final = 0.7
_CHUNK: Final = 8


def load_encoder(folder: Path, *, kinds: Collection[str] | None = None, threads: int = 1) -> Encoder:
    """The encoder of a folder: ours by its card, else a site's own. Raises WeightsError.

    `kinds` are the codes its labels may mean; None lets any pass.
    """
    if not is_there(folder / CARD) and is_there(folder / CONFIG):
        return ForeignEncoder(folder, kinds=kinds, threads=threads)
    return Encoder(folder, threads=threads)


class ForeignEncoder(Encoder):
    """Reads with a site's own model. Build it once per process."""

    def __init__(self, folder: Path, *, kinds: Collection[str] | None = None, threads: int = 1) -> None:
        """Load it. Raises WeightsError naming the file and the label or key that is wrong."""
        config = _json(folder / CONFIG)
        said = _labels(folder / LABELS, kinds)
        most = config.get("max_position_embeddings")
        if isinstance(most, int) and 0 < most < said["tokens"]:
            raise WeightsError(
                f"{LABELS}: tokens: {said['tokens']} is more than max_position_embeddings of {CONFIG}: {most}"
            )
        self._means = _meanings(config, said["labels"])
        self._many = config.get("problem_type") == "multi_label_classification"
        graph = _graph(folder)
        share = 0.0 if NOT_ENVIRONMENTAL not in self._means else said["share"]
        self.version = version_of(folder.name, _digest(graph))
        self.card = Card(
            version=self.version,
            prefix=said["prefix"],
            tokens=said["tokens"],
            classes={
                "kind": tuple(sorted({*self._means} - {NOT_ENVIRONMENTAL})),
                "appeal_type": (),
                "urgency": (),
            },
            blend=Blend(
                environmental=(share, 1.0),
                kind=(said["share"], 1.0),
                appeal_type=(0.0, 1.0),
                urgency=(0.0, 1.0),
            ),
            # What it is sure of nobody has measured: it is asked about everything.
            sure=Sure(1.01, -1.0, 1.01),
        )
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._tokenizer.enable_truncation(self.card.tokens)
            self._tokenizer.no_padding()
        except Exception as fault:  # the library raises bare Exceptions of its own
            raise WeightsError(f"{folder.name}: cannot be loaded: {fault}") from fault
        self._upper = session_of(graph, threads=threads)
        self._inputs = [item.name for item in self._upper.get_inputs()]
        unknown = sorted({*self._inputs} - {"input_ids", "attention_mask", "token_type_ids"})
        outputs = [item.name for item in self._upper.get_outputs()]
        if unknown or "logits" not in outputs:
            raise WeightsError(
                f"{graph.name}: no graph of a sequence classifier: inputs {self._inputs}, outputs {outputs}"
            )
        self._try_all(graph.name, len(config["id2label"]))

    def _try_all(self, graph: str, labels: int) -> None:
        """Read what asks most of the files: if they do not go together that is said now. Raises WeightsError.

        At the first appeal it would stop the worker, and at every one after it.
        """
        last = max(self._tokenizer.get_vocab(with_added_tokens=True).values(), default=0)
        asked: dict[str, Callable[[], NDArray[np.float64]]] = {
            "a short text": lambda: self._logits("试"),
            f"token {last}, the tokenizer's last": lambda: self._scores([last]),
            f"a text of {self.card.tokens} tokens": lambda: self._scores([last] * self.card.tokens),
        }
        for what, ask in asked.items():
            try:
                shape = ask().shape
            except Exception as fault:  # onnxruntime raises bare Exceptions of its own
                raise WeightsError(f"{graph}: cannot read {what}: {fault}") from fault
            if shape != (labels,):
                found = " x ".join(map(str, shape)) or 1
                raise WeightsError(f"{graph}: gives {found} scores, but {CONFIG} has {labels} labels")

    def read_many(self, sources: Sequence[str]) -> list[Encoded]:
        """What the model says of each text, in the same order."""
        return [
            Encoded(beliefs=self._believed(self._logits(source)), environmental=(), kind=(), spans={})
            for source in sources
        ]

    def _logits(self, source: str) -> NDArray[np.float64]:
        return self._scores(self._tokenizer.encode(self.card.prefix + source).ids)

    def _scores(self, ids: Sequence[int]) -> NDArray[np.float64]:
        row = np.array([ids], dtype=np.int64)
        made = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
        (logits,) = self._upper.run(["logits"], {name: made[name] for name in self._inputs})
        scores: NDArray[np.float64] = logits[0].astype(np.float64)
        return scores

    def _believed(self, logits: NDArray[np.float64]) -> Beliefs:
        if self._many:
            shares = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
        else:
            powers = np.exp(logits - logits.max())
            shares = powers / powers.sum()
        means = {name: float(shares[list(places)].sum()) for name, places in self._means.items()}
        no = means.pop(NOT_ENVIRONMENTAL, 0.0)
        total = sum(means.values())
        yes = total / max(total + no, 1e-9)
        return Beliefs(yes, {code: p / max(total, 1e-9) for code, p in means.items()}, {}, {})


def _json(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise WeightsError(f"{path.name}: {fault}") from fault
    labels = raw.get("id2label") if isinstance(raw, dict) else None
    if not isinstance(labels, dict) or not labels:
        raise WeightsError(f"{path.name}: id2label: missing; this is no sequence-classification model")
    found: dict[str, Any] = raw
    return found


def _labels(path: Path, kinds: Collection[str] | None) -> dict[str, Any]:
    """Our own file, with what it leaves out filled in."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise WeightsError(f"{path.name}: {fault.strerror}: it says which label is which kind") from fault
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise WeightsError(f"{path.name}: {fault}") from fault
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
        raise WeightsError(f"{path.name}: schema: expected {SCHEMA!r}")
    if unknown := sorted(set(raw) - _KEYS):
        raise WeightsError(f"{path.name}: unknown keys {', '.join(unknown)}")
    labels = _codes(path.name, raw.get("labels"), kinds)
    share, tokens, prefix = raw.get("share", _SHARE), raw.get("tokens", _TOKENS), raw.get("prefix", "")
    if not isinstance(share, int | float) or not 0 < share <= 1:
        raise WeightsError(f"{path.name}: share: {share!r} is not in (0, 1]")
    if not isinstance(tokens, int) or not _CHUNK <= tokens <= _MOST_TOKENS:
        raise WeightsError(f"{path.name}: tokens: {tokens!r} is not in {_CHUNK} to {_MOST_TOKENS}")
    if not isinstance(prefix, str):
        raise WeightsError(f"{path.name}: prefix: {prefix!r} is no text")
    return {"labels": labels, "share": float(share), "tokens": tokens, "prefix": prefix}


def _codes(file: str, labels: object, kinds: Collection[str] | None) -> dict[str, str]:
    """The labels with the codes they mean."""
    if not isinstance(labels, dict) or not labels:
        raise WeightsError(f"{file}: labels: expected label: code")
    for label, code in labels.items():
        known = isinstance(code, str) and (kinds is None or code in kinds)
        if code != NOT_ENVIRONMENTAL and not known:
            raise WeightsError(f"{file}: labels.{label}: {code!r} is neither a kind nor {NOT_ENVIRONMENTAL}")
    return labels


def _meanings(config: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """Which scores speak for a code; several labels may mean the same."""
    names = {str(label): at for at, label in enumerate(_in_order(config["id2label"]))}
    means: dict[str, list[int]] = {}
    for label, code in labels.items():
        if str(label) not in names:
            raise WeightsError(f"{LABELS}: labels.{label}: {CONFIG} has no such label")
        means.setdefault(code, []).append(names[str(label)])
    if missing := sorted(set(names) - {str(label) for label in labels}):
        raise WeightsError(f"{LABELS}: labels: says nothing of {', '.join(missing)}")
    if set(means) == {NOT_ENVIRONMENTAL}:
        raise WeightsError(f"{LABELS}: labels: no label is a kind")
    return {code: tuple(places) for code, places in means.items()}


def _in_order(labels: Mapping[str, object]) -> list[object]:
    """The labels in the order of the scores."""
    if set(labels) != {str(at) for at in range(len(labels))}:
        raise WeightsError(f"{CONFIG}: id2label: expected 0 to {len(labels) - 1}, found {', '.join(labels)}")
    if len({str(label) for label in labels.values()}) < len(labels):
        raise WeightsError(f"{CONFIG}: id2label: two labels of one name")
    return [labels[str(at)] for at in range(len(labels))]


def _graph(folder: Path) -> Path:
    for name in GRAPHS:
        if (folder / name).is_file():
            return folder / name
    if any((folder / name).exists() for name in _WEIGHTS):
        raise WeightsError(
            f"{folder.name}: 只有 PyTorch 权重，没有 ONNX 图；请先在装有 jiesu[train] 的机器上运行"
            f"：jiesu nlp export {folder}"
        )
    raise WeightsError(f"{folder.name}: no graph: none of {', '.join(GRAPHS)}")


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise WeightsError(f"{path.name}: cannot be read: {fault.strerror}") from fault
