"""Vectors of the seven-class texts from a frozen encoder, kept in a file so that they are made once.

Two encoders: a Hugging Face folder through `transformers` (the base as it came), and our own int8 graph
through onnxruntime, whose last hidden layer is tapped. One thread. Called by `bench.seven`.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp.encoder import LOWER, UPPER, session_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

TOKENS: Final = 128
PREFIX: Final = "query: "
#: The last hidden layer of the exported graph: what its heads look at.
HIDDEN: Final = "/layer.11/output/LayerNorm/LayerNormalization_output_0"
_TOLD: Final = 500


def kept(cache: Path, name: str, texts: Sequence[str], make: Callable[[Sequence[str]], Vectors]) -> Vectors:
    """The vectors of `texts`, from the cache when these very texts were asked before."""
    digest = hashlib.sha256("\n".join((name, str(TOKENS), *texts)).encode()).hexdigest()[:16]
    path = cache / f"seven-{name}-{digest}.npy"
    if path.exists():
        found: Vectors = np.load(path)
        return found
    vectors = make(texts)
    cache.mkdir(parents=True, exist_ok=True)
    np.save(path, vectors)
    return vectors


def of_base(folder: Path) -> Callable[[Sequence[str]], Vectors]:
    """Mean-pooled vectors of a Hugging Face folder, as its authors mean them to be used."""
    import torch  # noqa: PLC0415  (an extra)
    from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415

    torch.set_num_threads(1)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    model = model.to(torch.float32).eval()

    def make(texts: Sequence[str]) -> Vectors:
        rows = []
        with torch.inference_mode():
            for text in _told(texts):
                coded = tokenizer(PREFIX + text, truncation=True, max_length=TOKENS, return_tensors="pt")
                rows.append(model(**coded).last_hidden_state[0].mean(dim=0).numpy())
        return _unit(rows)

    return make


def of_ours(folder: Path) -> Callable[[Sequence[str]], Vectors]:
    """Mean-pooled vectors of our own int8 encoder, and its answers of kind, type and urgency behind them."""
    import onnx  # noqa: PLC0415  (an extra)
    from tokenizers import Tokenizer  # noqa: PLC0415

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(TOKENS)
    tokenizer.no_padding()
    graph: Any = onnx.load(str(folder / UPPER))
    graph.graph.output.append(onnx.helper.make_tensor_value_info(HIDDEN, onnx.TensorProto.FLOAT, None))
    lower = session_of(folder / LOWER)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "tapped.onnx"
        onnx.save(graph, str(path))
        upper = session_of(path)

    def make(texts: Sequence[str]) -> Vectors:
        rows = []
        for text in _told(texts):
            ids = np.array([tokenizer.encode(PREFIX + text).ids], dtype=np.int64)
            mask = np.ones_like(ids)
            low = lower.run(["low"], {"ids": ids, "mask": mask})[0]
            hidden, scores = upper.run([HIDDEN, "scores"], {"low": low, "mask": mask})
            pooled = hidden[0].mean(axis=0)
            rows.append(np.concatenate([pooled / np.linalg.norm(pooled), scores[0] / 10]))
        return _unit(rows)

    return make


def _told(texts: Sequence[str]) -> Any:  # noqa: ANN401  (a generator of texts)
    for at, text in enumerate(texts):
        if at % _TOLD == 0:
            print(f"{at} of {len(texts)} texts encoded", file=sys.stderr, flush=True)
        yield text


def _unit(rows: Sequence[Any]) -> Vectors:
    table = np.stack(rows).astype(np.float32)
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    unit: Vectors = (table / np.maximum(lengths, 1e-9)).astype(np.float32)
    return unit
