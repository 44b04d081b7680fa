"""From the trained network to what reading loads: int8 ONNX graphs that also tell what decided.

`low.onnx` takes `ids` and `mask` (B, T) and gives `low` (B, T, width: what the lowest four layers give; from
here `nlp.pair_net` goes on, too). `model.onnx` takes `low` and `mask` and gives `scores` (B, classes of all
heads), `why` (B, T, 2: each token's share of environmental and of the likeliest kind) and `tags` (B, T, 7:
BIO of place, party, when).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import onnx
import torch
from onnx import TensorProto
from onnx.utils import Extractor
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions
from torch import nn

from nlp.encoder import CARD, LOWER, SCHEMA, UPPER
from nlp.folder import version_of
from nlp.training.evening import evened, round_weights
from nlp.training.examples import APPEAL_TYPES, URGENCIES
from nlp.training.fit import PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nlp.training.net import ReadingNet


TOKENIZER: Final = "tokenizer.json"
#: The pair model goes on from what so many layers give; training leaves them as the base has them.
LOW: Final = 4


class _Graph(nn.Module):
    """The network as reading needs it."""

    def __init__(self, net: ReadingNet) -> None:
        super().__init__()
        self.net = net

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Scores, why, tags, low: see the module."""
        low = self.net.lower(ids, mask, LOW)
        hidden = self.net.through(low, mask, LOW)
        scores, shares = self.net.pooled(hidden, mask)
        kinds = self.net.sizes[1]
        best = scores[:, 1 : 1 + kinds].argmax(dim=1) + 1
        chosen = shares.gather(2, best[:, None, None].expand(-1, shares.shape[1], 1))
        return scores, torch.cat([shares[:, :, :1], chosen], dim=2), self.net.tags(hidden), low


def export(
    net: ReadingNet, folder: Path, seen: Sequence[Sequence[int]], *, lower: Path | None = None
) -> None:
    """Write the quantised graphs. Per channel: per tensor cost three points and changed with the batch.

    Two files: what compares pairs needs the lowest layers alone. `lower` is such a file of weights that this
    network goes on from: it is taken as it is, for the layers in it have not changed, and the pair net stands
    on them; without it they are rounded anew, by what they make of `seen`. (The layers above are rounded by
    what the lowest give in full precision.) `seen` are the token ids of some
    texts that were learned from (`nlp.training.evening`).
    """

    def show(net: ReadingNet) -> None:
        for ids in seen:
            net(torch.tensor([list(ids)]), torch.ones((1, len(ids)), dtype=torch.int64))

    net = evened(net, show)
    net.base.set_attn_implementation("eager")
    round_weights(net, net.base.encoder.layer[LOW if lower else 0 :], show)
    given = {
        "ids": torch.full((2, 8), 7, dtype=torch.int64),
        "mask": torch.ones((2, 8), dtype=torch.int64),
    }
    long = {name: {0: "batch", 1: "length"} for name in ("ids", "mask", "why", "tags", "low")}
    outputs = {"scores": {0: "batch"}, "why": long["why"], "tags": long["tags"], "low": long["low"]}
    with tempfile.TemporaryDirectory() as place:
        whole = Path(place) / "whole.onnx"
        write_graph(_Graph(net), given, outputs, whole, config=net.base.config, layers="layer.")
        cut = Extractor(onnx.load(str(whole)))
        if lower is None:
            onnx.save(cut.extract_model(["ids", "mask"], ["low"]), str(folder / LOWER))
        elif lower != folder / LOWER:
            shutil.copyfile(lower, folder / LOWER)
        onnx.save(cut.extract_model(["low", "mask"], ["scores", "why", "tags"]), str(folder / UPPER))


def write_graph(
    module: nn.Module,
    given: dict[str, torch.Tensor],
    outputs: dict[str, dict[int, str]],
    path: Path,
    *,
    config: Any,  # noqa: ANN401  (transformers' own class)
    layers: str,
) -> None:
    """Write a module as a graph in int8.

    `given` are inputs to follow it with (each of a batch and a length), `outputs` its outputs and their axes,
    `layers` what the names of the nodes have that are rounded: all others stay as they are.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain, fused = Path(folder) / "plain.onnx", Path(folder) / "fused.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                tuple(given.values()),
                str(plain),
                input_names=list(given),
                output_names=list(outputs),
                dynamic_axes={name: {0: "batch", 1: "length"} for name in given} | outputs,
                opset_version=17,
                dynamo=False,
            )
        options = FusionOptions("bert")
        # Joined with what stands before it a normalisation takes seven times as long on a CPU, a Gelu twice
        # (`nlp.encoder.SLOWER`).
        options.enable_skip_layer_norm = options.enable_bias_skip_layer_norm = False
        options.enable_bias_gelu = False
        model = optimizer.optimize_model(
            str(plain),
            model_type="bert",
            num_heads=config.num_attention_heads,
            hidden_size=config.hidden_size,
            optimization_options=options,
        )
        model.save_model_to_file(str(fused))
        quantize_dynamic(
            str(fused),
            str(path),
            weight_type=QuantType.QInt8,
            per_channel=True,
            # Seven bits: with eight, sums of two products overflow on a CPU without VNNI, and the same text
            # would get other scores there.
            reduce_range=True,
            # The heads are small, and what they round is the answer itself.
            nodes_to_exclude=[
                node.name
                for node in model.model.graph.node
                if node.op_type in {"MatMul", "Gemm"} and layers not in node.name
            ],
            # Types cannot be inferred through the fused nodes; all of them are floats.
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )


def write_card(
    folder: Path,
    *,
    kinds: Sequence[str],
    tokens: int,
    name: str,
    about: dict[str, Any],
    chosen: dict[str, Any],
) -> None:
    """Write `card.json`: what the model is, from what, how it is joined with the lexicon, and checksums."""
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (folder / LOWER, folder / UPPER, folder / TOKENIZER)
    }
    graphs = hashlib.sha256(f"{files[LOWER]} {files[UPPER]}".encode()).hexdigest()
    card = {
        "schema": SCHEMA,
        "version": version_of(name, graphs),
        "prefix": PREFIX,
        "tokens": tokens,
        "classes": {"kind": list(kinds), "appeal_type": list(APPEAL_TYPES), "urgency": list(URGENCIES)},
        **chosen,
        "about": about,
        "files": files,
    }
    (folder / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def copy_tokenizer(base: Path, folder: Path) -> None:
    """The base's tokenizer goes with the weights, without the blanks between its words: two fifths of it."""
    words = json.loads((base / TOKENIZER).read_bytes())
    packed = json.dumps(words, ensure_ascii=False, separators=(",", ":"))
    (folder / TOKENIZER).write_text(packed, encoding="utf-8")
