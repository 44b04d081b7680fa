"""What the encoder's own tokens say of who and when: six numbers a token, an output of its graph.

Knows the encoder's inner states and its graph; fits one linear layer over one inner layer, and writes it into
the graph, which then answers it with everything else. Called by `nlp.training.spans` alone.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn
from torch.nn import functional

from nlp.encoder import CARD, LOWER, SAID, UPPER
from nlp.spans import ASKED, LONGEST, NAMES, OUTSIDE
from nlp.training.span_teacher import EARLIER, LATER, Lessons, inner_name, layer_of, learn, padded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nlp.training.span_teacher import Stated

_EPOCHS: Final = 3
_RATE: Final = 5e-3
_DECAY: Final = 1e-2
_DROPOUT: Final = 0.1
_NEVER: Final = -1e4
#: The layer whose states tell most by one linear layer (of the last .35 F1 of the party, of this .42).
INNER: Final = 9
_WEIGHT, _BIAS = f"{SAID}.weight", f"{SAID}.bias"


class Beside(nn.Module):
    """A linear layer over the states, and what lengths and none add."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.said = nn.Linear(width, ASKED * len(NAMES))
        self.lengths = nn.Parameter(torch.zeros(len(NAMES), LONGEST))
        self.none = nn.Parameter(torch.full((len(NAMES),), 2.0))
        self.dropout = nn.Dropout(_DROPOUT)
        nn.init.zeros_(self.said.weight)
        nn.init.zeros_(self.said.bias)

    def forward(self, texts: Sequence[Stated]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """For each name the scores (texts, characters, lengths) and those of none (texts)."""
        states, _, tokens, places = padded(texts, INNER)
        said = self.said(self.dropout(states))
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
    beside = Beside(texts[0].states[:, layer_of(INNER)].shape[1])
    learn(beside, texts, Lessons(_EPOCHS, _RATE, _DECAY), seed=seed, told=told)
    return beside


def written(graph: Path, beside: Beside) -> None:
    """Write the layer into the encoder's graph, in place of one that was there, and the card anew."""
    model = onnx.load(str(graph / UPPER))
    body = model.graph
    for kept in (body.node, body.initializer, body.output):
        for one in [one for one in kept if one.name.startswith(SAID)]:
            kept.remove(one)
    weight = beside.said.weight.detach().numpy().T.copy()
    body.initializer.extend(
        [
            numpy_helper.from_array(weight, _WEIGHT),
            numpy_helper.from_array(beside.said.bias.detach().numpy(), _BIAS),
        ]
    )
    body.node.extend(
        [
            helper.make_node("MatMul", [inner_name(INNER), _WEIGHT], [f"{SAID}.sum"], name=f"{SAID}.matmul"),
            helper.make_node("Add", [f"{SAID}.sum", _BIAS], [SAID], name=f"{SAID}.add"),
        ]
    )
    body.output.append(helper.make_tensor_value_info(SAID, onnx.TensorProto.FLOAT, None))
    onnx.save(model, str(graph / UPPER))
    card = json.loads((graph / CARD).read_text(encoding="utf-8"))
    card["files"][UPPER] = hashlib.sha256((graph / UPPER).read_bytes()).hexdigest()
    graphs = hashlib.sha256(f"{card['files'][LOWER]} {card['files'][UPPER]}".encode()).hexdigest()
    card["version"] = f"{card['version'].rpartition('-')[0]}-{graphs[:8]}"
    (graph / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
