"""The weights of an int8 graph back in the network that it was made from: training goes on where it ended.

What was rounded to seven bits stays rounded, which a few hundred steps repair; the layers that were frozen
are the base's own and are taken from it. Needs torch and onnx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from nlp.folder import WeightsError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from nlp.training.net import ReadingNet

#: What `nlp.training.export` and onnxruntime's quantiser call the parts.
_PREFIX: Final = "net."
_LAYERS: Final = "base.encoder."
_QUANTISED: Final = "_quantized"
_EVENED: Final = ".layer"
_PRODUCTS: Final = frozenset({"MatMulInteger", "MatMul"})


def take_back(net: ReadingNet, graph: Path, *, frozen: int) -> None:
    """Give the network the weights of the graph, but for the word vectors and the lowest `frozen` layers.

    Raises WeightsError when the graph lacks some of them, as that of another network does.
    """
    given = _weights(onnx.load(str(graph)))
    mine = net.state_dict()
    kept = ("base.embeddings.", *(f"{_LAYERS}layer.{layer}." for layer in range(frozen)))
    wanted = [name for name in mine if not name.startswith(kept)]
    wrong = [name for name in wanted if name not in given or given[name].shape != mine[name].shape]
    if wrong:
        raise WeightsError(f"{graph.name}: no weights for {wrong[0]} and {len(wrong) - 1} others")
    net.load_state_dict(mine | {name: given[name] for name in wanted})


def _weights(model: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401  (onnx has no types)
    """The graph's numbers by the network's own names."""
    raw = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    found = {
        name.removeprefix(_PREFIX).replace(f"{_EVENED}.bias", ".bias"): numbers
        for name, numbers in raw.items()
        if name.startswith(_PREFIX) and name.endswith((".bias", "LayerNorm.weight"))
    }
    for node in model.graph.node:
        if node.op_type in _PRODUCTS and node.input[1] in raw:
            name, numbers = _product(node, raw)
            found[name] = numbers
    return {name: torch.from_numpy(np.array(numbers, dtype=np.float32)) for name, numbers in found.items()}


def _product(node: Any, raw: dict[str, NDArray[Any]]) -> tuple[str, NDArray[np.float32]]:  # noqa: ANN401
    """The name and weights (outputs, inputs) of the linear layer that a product of matrices is."""
    weights = node.input[1]
    numbers = raw[weights].astype(np.float32)
    if weights.endswith(_QUANTISED):
        numbers = numbers * raw[f"{weights.removesuffix(_QUANTISED)}_scale"]
    path = node.name.strip("/").split("/")[:-1]
    if not path:
        return "scores.weight", numbers.T
    name = ".".join(path)
    if not name.startswith("layer."):
        return f"{name}.weight", numbers.T
    name = f"{_LAYERS}{name.removesuffix(_EVENED)}"
    inverse = raw.get(f"{_PREFIX}{name}.inverse", np.float32(1.0))
    return f"{name}.weight", numbers.T * inverse
