"""What the encoder's own tokens say of who and when: six numbers a token, an output of its graph.

Knows the encoder's inner states and its graph; fits a small head over two inner layers that looks at a token
and its neighbours, and writes it into the graph, which then answers it with everything else. Called by
`nlp.training.spans` alone.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn
from torch.nn import functional

from nlp.encoder import CARD, LOWER, SAID, UPPER
from nlp.spans import ASKED, LONGEST, NAMES, OUTSIDE
from nlp.training.span_teacher import EARLIER, LATER, LAYERS, Lessons, inner_name, learn, padded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nlp.training.span_teacher import Stated

_EPOCHS: Final = 4
_RATE: Final = 2e-3
_DECAY: Final = 1e-2
_DROPOUT: Final = 0.35
_NEVER: Final = -1e4
_HIDDEN: Final = 96
#: A token and the one on either side.
_NEAR: Final = 3
_EPSILON: Final = 1e-5


class Beside(nn.Module):
    """A head over the inner states, and what lengths and none add."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=_EPSILON)
        self.near = nn.Conv1d(width, _HIDDEN, _NEAR, padding=_NEAR // 2)
        self.said = nn.Linear(_HIDDEN, ASKED * len(NAMES))
        self.lengths = nn.Parameter(torch.zeros(len(NAMES), LONGEST))
        self.none = nn.Parameter(torch.full((len(NAMES),), 2.0))
        self.dropout = nn.Dropout(_DROPOUT)
        nn.init.zeros_(self.said.weight)
        nn.init.zeros_(self.said.bias)

    def forward(self, texts: Sequence[Stated]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """For each name the scores (texts, characters, lengths) and those of none (texts)."""
        states, mask, tokens, places = padded(texts)
        seen = self.dropout(self.norm(states) * mask[..., None])
        said = self.said(self.dropout(torch.relu(self.near(seen.transpose(1, 2)).transpose(1, 2))))
        said = torch.gather(said, 1, tokens.clamp(min=0)[..., None].expand(-1, -1, said.shape[2]))
        known = tokens >= 0
        first, last = known & (places & LATER == 0), known & (places & EARLIER == 0)
        wide = torch.tensor([len(one.text) for one in texts])
        beyond = torch.arange(tokens.shape[1])[None] >= wide[:, None]
        return [
            (
                _scores(
                    said[..., ASKED * name : ASKED * (name + 1)], first, last, beyond, self.lengths[name]
                ),
                self.none[name].expand(len(texts)),
            )
            for name in range(len(NAMES))
        ]


def _scores(
    said: torch.Tensor, first: torch.Tensor, last: torch.Tensor, beyond: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """As `nlp.spans.spread` and `nlp.spans.scores_of`, for a batch."""
    begins = said[..., 0].masked_fill(~first, OUTSIDE).masked_fill(beyond, _NEVER)
    ends = said[..., 1].masked_fill(~last, OUTSIDE).masked_fill(beyond, _NEVER)
    upto = functional.pad(said[..., 2].masked_fill(~first, 0.0).cumsum(1), (1, 0))
    upon = functional.pad(upto[:, 1:], (0, LONGEST - 1)).unfold(1, LONGEST, 1)
    ends = functional.pad(ends, (0, LONGEST - 1), value=_NEVER)
    return begins[..., None] + ends.unfold(1, LONGEST, 1) + upon - upto[:, :-1, None] + lengths


def fitted(texts: Sequence[Stated], *, seed: int, told: Callable[[dict[str, Any]], None]) -> Beside:
    """Learn from labelled texts; `told` is called with the loss of each epoch."""
    torch.manual_seed(seed)
    beside = Beside(texts[0].states.shape[1])
    learn(beside, texts, Lessons(_EPOCHS, _RATE, _DECAY), seed=seed, told=told)
    return beside


def written(graph: Path, beside: Beside) -> None:
    """Write the head into the encoder's graph, in place of one that was there, and the card anew."""
    model = onnx.load(str(graph / UPPER))
    body = model.graph
    for kept in (body.node, body.initializer, body.output):
        for one in [one for one in kept if one.name.startswith(SAID)]:
            kept.remove(one)
    numbers = {
        "scale": beside.norm.weight,
        "shift": beside.norm.bias,
        "near": beside.near.weight,
        "near_bias": beside.near.bias,
        "weight": beside.said.weight.T,
        "bias": beside.said.bias,
    }
    body.initializer.extend(
        # In half precision, and made whole again when the graph is loaded.
        numpy_helper.from_array(value.detach().numpy().astype(np.float16), f"{SAID}.{name}.half")
        for name, value in numbers.items()
    )
    body.node.extend(_node("Cast", f"{name}.half", out=name, to=onnx.TensorProto.FLOAT) for name in numbers)
    body.node.append(
        helper.make_node(
            "Concat", [inner_name(layer) for layer in LAYERS], [f"{SAID}.states"], f"{SAID}.concat", axis=-1
        )
    )
    body.node.extend(
        [
            _node("LayerNormalization", "states", "scale", "shift", out="even", axis=-1, epsilon=_EPSILON),
            _node("Transpose", "even", out="across", perm=[0, 2, 1]),
            _node("Conv", "across", "near", "near_bias", out="around", pads=[_NEAR // 2] * 2),
            _node("Relu", "around", out="lit"),
            _node("Transpose", "lit", out="along", perm=[0, 2, 1]),
            _node("MatMul", "along", "weight", out="sum"),
            helper.make_node("Add", [f"{SAID}.sum", f"{SAID}.bias"], [SAID], f"{SAID}.add"),
        ]
    )
    body.output.append(helper.make_tensor_value_info(SAID, onnx.TensorProto.FLOAT, None))
    onnx.save(model, str(graph / UPPER))
    card = json.loads((graph / CARD).read_text(encoding="utf-8"))
    card["files"][UPPER] = hashlib.sha256((graph / UPPER).read_bytes()).hexdigest()
    graphs = hashlib.sha256(f"{card['files'][LOWER]} {card['files'][UPPER]}".encode()).hexdigest()
    card["version"] = f"{card['version'].rpartition('-')[0]}-{graphs[:8]}"
    (graph / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _node(kind: str, *given: str, out: str, **how: Any) -> onnx.NodeProto:  # noqa: ANN401  (attributes of onnx)
    """A node of the head: what it takes and gives are the head's own."""
    return helper.make_node(
        kind, [f"{SAID}.{name}" for name in given], [f"{SAID}.{out}"], f"{SAID}.to_{out}", **how
    )
