"""The network: a BERT encoder, and heads that are sums over tokens, so that each token's share is known.

Each head looks at the text with weights of its own (a softmax over tokens) and adds up what every token says
of each class. The share of a token is therefore exact: attention times the token's own score. That is the
evidence a ticket page shows, and it costs nothing beyond the forward pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import BertModel

HEADS: Final = ("environmental", "kind", "appeal_type", "urgency")
#: BIO tags of the spans: outside, and beginning and inside of place, party, when.
TAGS: Final = 7
_FAR: Final = -1e4


def halves_pay() -> bool:
    """Whether this CPU learns faster in half precision (bfloat16); elsewhere it is slower.

    Measured on the pair net: 1.4 to 1.5 times the pairs a second where there is AVX512-BF16.
    """
    known = torch.cpu.get_capabilities()
    return bool(known.get("amx_bf16") or known.get("avx512_bf16"))


class ReadingNet(nn.Module):
    """Encoder and heads. `sizes` gives the number of classes of each head, in the order of HEADS."""

    def __init__(self, base: BertModel, sizes: tuple[int, ...], *, dropout: float = 0.1) -> None:
        """Start the heads at nothing: before training every text reads the same."""
        super().__init__()
        width = base.config.hidden_size
        self.padding = int(base.config.pad_token_id or 0)
        self.base = base
        self.sizes = sizes
        self.dropout = nn.Dropout(dropout)
        self.attention = nn.Linear(width, len(sizes))
        self.scores = nn.Linear(width, sum(sizes))
        self.tags = nn.Linear(width, TAGS)
        nn.init.zeros_(self.attention.weight)
        nn.init.zeros_(self.attention.bias)
        nn.init.normal_(self.scores.weight, std=0.02)
        nn.init.zeros_(self.scores.bias)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Class scores (B, sum of sizes) and tag scores (B, T, TAGS)."""
        return self.upper(self.lower(ids, mask, 0), mask, 0)

    def lower(self, ids: torch.Tensor, mask: torch.Tensor, layers: int) -> torch.Tensor:
        """Word vectors and the lowest `layers` layers."""
        return self._through(self.base.embeddings(input_ids=ids), mask, 0, layers)

    def upper(
        self, hidden: torch.Tensor, mask: torch.Tensor, layers: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """From above the lowest `layers` layers to the class scores and tag scores."""
        hidden = self.dropout(self.through(hidden, mask, layers))
        return self.pooled(hidden, mask)[0], self.tags(hidden)

    def through(self, hidden: torch.Tensor, mask: torch.Tensor, layers: int) -> torch.Tensor:
        """From above the lowest `layers` layers to the last hidden states (B, T, width)."""
        return self._through(hidden, mask, layers, None)

    def _through(self, hidden: torch.Tensor, mask: torch.Tensor, first: int, end: int | None) -> torch.Tensor:
        far = (1.0 - mask.to(hidden.dtype))[:, None, None, :] * _FAR
        for layer in self.base.encoder.layer[first:end]:
            given = layer(hidden, far)
            hidden = given[0] if isinstance(given, tuple) else given
        return hidden

    def pooled(self, hidden: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Class scores, and each token's share of each class (B, T, sum of sizes), without the biases."""
        far = (1.0 - mask.to(hidden.dtype)).unsqueeze(-1) * _FAR
        weights = torch.softmax(self.attention(hidden) + far, dim=1)
        spread = torch.repeat_interleave(weights, torch.tensor(self.sizes, device=hidden.device), dim=2)
        shares = spread * nn.functional.linear(hidden, self.scores.weight)
        return shares.sum(dim=1) + self.scores.bias, shares
