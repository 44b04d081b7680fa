"""Before a network is made int8: what its feed-forward layers are given is evened out (SmoothQuant).

int8 steps are as wide as the largest number of a text asks for, and a few of these layers' inputs are ten to
forty times as large as the others, which then have hardly a step left. Each input is divided by a number of
its own and its weights are multiplied by it: the same sums, but the numbers lie closer together. Needs torch.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nlp.training.net import ReadingNet

#: How much of the unevenness goes over to the weights, of 1. Tried: .5, .7, .8 (docs/nlp.md).
STRENGTH: Final = 0.7
_LAYERS: Final = ("intermediate.dense", "output.dense")
#: Inputs of attention are even enough, and its layers share them.
_BUT: Final = "attention"
_LEAST_INPUT: Final = 1e-3
_LEAST_WEIGHT: Final = 1e-4


class Evened(nn.Module):
    """A linear layer that divides its inputs first, and whose weights make up for it."""

    def __init__(self, layer: nn.Linear, widths: torch.Tensor) -> None:
        """Take the layer, and what each of its inputs is divided by."""
        super().__init__()
        self.layer = nn.Linear(layer.in_features, layer.out_features)
        self.layer.weight.data = layer.weight.detach() * widths[None]
        self.layer.bias.data = layer.bias.detach().clone()
        self.register_buffer("inverse", 1 / widths)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """What the layer itself gives."""
        answer: torch.Tensor = self.layer(given * self.inverse)
        return answer


def evened(net: ReadingNet, texts: Sequence[Sequence[int]], strength: float = STRENGTH) -> ReadingNet:
    """A copy of the network that computes the same; `texts` (token ids) tell how large its inputs grow."""
    net = copy.deepcopy(net).eval()
    layers = {
        name: layer
        for name, layer in net.base.named_modules()
        if isinstance(layer, nn.Linear) and name.endswith(_LAYERS) and _BUT not in name
    }
    largest = _largest(net, layers, texts)
    for name, layer in layers.items():
        inputs = largest[name].clamp_min(_LEAST_INPUT)
        weights = layer.weight.detach().abs().amax(0).clamp_min(_LEAST_WEIGHT)
        widths = inputs**strength / weights ** (1 - strength)
        parent, _, own = name.rpartition(".")
        setattr(net.base.get_submodule(parent), own, Evened(layer, widths / widths.log().mean().exp()))
    return net


def _largest(
    net: ReadingNet, layers: dict[str, nn.Linear], texts: Sequence[Sequence[int]]
) -> dict[str, torch.Tensor]:
    """The largest absolute value that each input of the layers takes in the texts."""
    found = {name: torch.zeros(layer.in_features) for name, layer in layers.items()}

    def seen(name: str, given: torch.Tensor) -> None:
        found[name] = torch.maximum(found[name], given.detach().abs().reshape(-1, given.shape[-1]).amax(0))

    hooks = [
        layer.register_forward_pre_hook(lambda _, given, name=name: seen(name, given[0]))
        for name, layer in layers.items()
    ]
    with torch.inference_mode():
        for ids in texts:
            net(torch.tensor([list(ids)]), torch.ones((1, len(ids)), dtype=torch.int64))
    for hook in hooks:
        hook.remove()
    return found
