"""Before a network is made int8: what its layers are given is evened out, their weights rounded with care.

Evened (SmoothQuant): int8 steps are as wide as the largest number of a text asks for, and a few inputs of the
feed-forward layers are ten to forty times as large as the others, which then have hardly a step left. Each
input is divided by a number of its own and its weights are multiplied by it: the same sums, but the numbers
lie closer together. That makes the weights uneven; so they are rounded by what texts bring
(`nlp.training.rounding`), not each by itself. Needs torch.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final, TypeVar

import torch
from torch import nn

from nlp.training.rounding import rounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

M = TypeVar("M", bound=nn.Module)
#: How much of the unevenness goes over to the weights, of 1. Tried: .5 to .9 (docs/nlp-history.md).
STRENGTH: Final = 0.8
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


def evened(net: M, show: Callable[[M], object], strength: float = STRENGTH) -> M:
    """A copy of the network that computes the same.

    `show` shows it some texts that were learned from: they tell how large the inputs grow.
    """
    net = copy.deepcopy(net).eval()
    layers = {
        name: layer
        for name, layer in net.named_modules()
        if isinstance(layer, nn.Linear) and name.endswith(_LAYERS) and _BUT not in name
    }
    largest = {name: torch.zeros(layer.in_features) for name, layer in layers.items()}

    def seen(name: str, rows: torch.Tensor) -> None:
        largest[name] = torch.maximum(largest[name], rows.abs().amax(0))

    _watched(net, layers, show, seen)
    for name, layer in layers.items():
        inputs = largest[name].clamp_min(_LEAST_INPUT)
        weights = layer.weight.detach().abs().amax(0).clamp_min(_LEAST_WEIGHT)
        widths = inputs**strength / weights ** (1 - strength)
        parent, _, own = name.rpartition(".")
        setattr(net.get_submodule(parent), own, Evened(layer, widths / widths.log().mean().exp()))
    return net


def round_weights(net: M, groups: Iterable[nn.Module], show: Callable[[M], object]) -> None:
    """Round the weights of all linear layers of `groups`, parts of the network, in place.

    One group after the other: each is given what those before it make of the texts once they are rounded.
    """
    for group in groups:
        layers = {name: part for name, part in group.named_modules() if isinstance(part, nn.Linear)}
        moments = {
            name: torch.zeros(layer.in_features, layer.in_features, dtype=torch.float64)
            for name, layer in layers.items()
        }

        def seen(name: str, rows: torch.Tensor, moments: dict[str, torch.Tensor] = moments) -> None:
            moments[name] += (rows.T @ rows).double()

        _watched(net, layers, show, seen)
        for name, layer in layers.items():
            found = rounded(layer.weight.detach().double().numpy(), moments[name].numpy())
            layer.weight.data = torch.from_numpy(found).to(layer.weight.dtype)


def _watched(
    net: M,
    layers: dict[str, nn.Linear],
    show: Callable[[M], object],
    seen: Callable[[str, torch.Tensor], None],
) -> None:
    """Show texts to the network; `seen` is told of each layer what it is given (rows, inputs)."""
    hooks = [
        layer.register_forward_pre_hook(
            lambda _, given, name=name: seen(name, given[0].detach().reshape(-1, given[0].shape[-1]))
        )
        for name, layer in layers.items()
    ]
    with torch.inference_mode():
        show(net)
    for hook in hooks:
        hook.remove()
