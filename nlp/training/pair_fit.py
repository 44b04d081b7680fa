"""The pair net's two layers, and how they learn: pairs with shares in, log-odds out. Needs torch.

What a text is to the net are the states of the encoder's four lowest layers, which no training changes;
beside them each token knows whether the other text has it too (`nlp.pair_net.marks_of`).
"""

from __future__ import annotations

import copy
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import nn

from nlp.pair_net import MARKS, marks_of
from nlp.training.export import LOW
from nlp.training.net import halves_pay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from transformers import BertModel

LAYERS: Final = 2
_LOOKS: Final = 4
_FAR: Final = -1e4
_POOLED: Final = 50
_TOLD_EVERY: Final = 15


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does."""

    epochs: float = 1.0
    rate: float = 1.5e-4
    head_rate: float = 2e-3
    batch: int = 16
    warmup: int = 60
    """Steps over which the rate rises; afterwards it falls to the end."""
    soft: float = 0.0
    """So much of a label is doubted: read twice, two or three of a hundred come out otherwise."""
    seed: int = 20261127


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts as the net takes them: tokens, and what the lowest layers give (T, width; half precision)."""

    ids: list[list[int]]
    low: list[torch.Tensor]


class Joint(nn.Module):
    """Two layers over both texts at once, and one number about them."""

    def __init__(self, base: BertModel, *, dropout: float = 0.1) -> None:
        """Begin with the base's own next layers; nothing is known of marks and sides."""
        super().__init__()
        width = base.config.hidden_size
        self.layers = nn.ModuleList(
            [copy.deepcopy(base.encoder.layer[LOW + number]) for number in range(LAYERS)]
        )
        self.side = nn.Parameter(torch.zeros(2, width))
        self.mark = nn.Embedding(MARKS, width)
        self.attend = nn.Linear(width, _LOOKS)
        self.out = nn.Linear(_LOOKS * 3 * width, 1)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.mark.weight, std=0.02)
        nn.init.normal_(self.side, std=0.02)
        nn.init.zeros_(self.attend.weight)
        nn.init.zeros_(self.attend.bias)
        nn.init.normal_(self.out.weight, std=0.005)
        nn.init.zeros_(self.out.bias)

    def forward(
        self, low: torch.Tensor, marks: torch.Tensor, side: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Log-odds (B) of states (B, T, width), marks, sides (0 or 1: whose token) and mask (B, T)."""
        hidden = low + self.mark(marks) + self.side[side]
        far = (1.0 - mask)[:, None, None, :] * _FAR
        for layer in self.layers:
            given = layer(hidden, far)
            hidden = given[0] if isinstance(given, tuple) else given
        hidden = self.dropout(hidden)
        looks = self.attend(hidden).float()
        hidden = hidden.float()
        seen = []
        for number in (0, 1):
            here = mask * (side == number).to(mask.dtype)
            weights = torch.softmax(looks + (1.0 - here).unsqueeze(-1) * _FAR, dim=1)
            seen.append(weights.transpose(1, 2) @ hidden)
        one, other = seen
        both = torch.cat([one + other, (one - other).abs(), one * other], dim=2)
        found: torch.Tensor = self.out(both.flatten(1))[:, 0]
        return found


def lowest(base: BertModel, ids: Sequence[list[int]], *, batch: int = 24) -> list[torch.Tensor]:
    """What the base's lowest layers give each text (T, width), in half precision."""
    found: dict[int, torch.Tensor] = {}
    order = sorted(range(len(ids)), key=lambda at: len(ids[at]))
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=halves_pay()):
        for start in range(0, len(order), batch):
            part = order[start : start + batch]
            width = max(len(ids[at]) for at in part)
            padded = torch.tensor([ids[at] + [0] * (width - len(ids[at])) for at in part])
            mask = torch.tensor([[1.0] * len(ids[at]) + [0.0] * (width - len(ids[at])) for at in part])
            hidden = base.embeddings(input_ids=padded)
            far = (1.0 - mask)[:, None, None, :] * _FAR
            for layer in base.encoder.layer[:LOW]:
                given = layer(hidden, far)
                hidden = given[0] if isinstance(given, tuple) else given
            for at, states in zip(part, hidden, strict=True):
                found[at] = states[: len(ids[at])].half().clone()
    return [found[at] for at in range(len(ids))]


class Learner:
    """Pairs of texts, and nets that learn from them or are asked about them."""

    def __init__(
        self,
        texts: Texts,
        pairs: Sequence[tuple[int, int]],
        shares: Sequence[float],
        rarity: NDArray[np.uint8],
    ) -> None:
        """Take texts, pairs of their numbers, and how likely each pair is one matter."""
        self._texts = texts
        self.pairs = pairs
        self._shares = shares
        self._marks = [
            (marks_of(texts.ids[a], texts.ids[b], rarity), marks_of(texts.ids[b], texts.ids[a], rarity))
            for a, b in pairs
        ]
        self._length = [len(texts.ids[a]) + len(texts.ids[b]) for a, b in pairs]

    def learn(
        self, net: Joint, numbers: Sequence[int], plan: Plan, told: Callable[[dict[str, float]], None]
    ) -> None:
        """Train the net on these pairs, each shown from either side by lot."""
        rng = random.Random(plan.seed)  # noqa: S311  (an order of texts, no secret)
        torch.manual_seed(plan.seed)
        heads = [net.side, *net.mark.parameters(), *net.attend.parameters(), *net.out.parameters()]
        groups = [
            {"params": list(net.layers.parameters()), "lr": plan.rate},
            {"params": heads, "lr": plan.head_rate},
        ]
        optimizer = torch.optim.AdamW(groups, weight_decay=0.02, betas=(0.9, 0.98), fused=True)
        parts = self._parts(numbers, plan, rng)
        rates = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: min(1.0, (step + 1) / plan.warmup) * max(0.03, 1 - step / len(parts)),
        )
        net.train()
        last, smooth = time.monotonic(), 0.0
        for step, part in enumerate(parts):
            wanted = torch.tensor([self._shares[at] for at in part]) * (1 - plan.soft) + plan.soft / 2
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=halves_pay()):
                scores = net(*self._batch(part, [rng.random() < 0.5 for _ in part]))  # noqa: PLR2004
            loss = nn.functional.binary_cross_entropy_with_logits(scores.float(), wanted)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            rates.step()
            optimizer.zero_grad(set_to_none=True)
            smooth = float(loss.detach()) if step == 0 else 0.98 * smooth + 0.02 * float(loss.detach())
            if time.monotonic() - last > _TOLD_EVERY:
                last = time.monotonic()
                told({"share": round((step + 1) / len(parts), 3), "loss": round(smooth, 4)})
        net.eval()

    def ask(self, net: Joint, numbers: Sequence[int], turned: Callable[[int], bool]) -> NDArray[np.float64]:
        """Log-odds of these pairs, in their order; `turned` says which are shown from the other side."""
        found = np.zeros(len(numbers))
        order = sorted(range(len(numbers)), key=lambda at: self._length[numbers[at]])
        with torch.inference_mode():
            for start in range(0, len(order), 16):
                places = order[start : start + 16]
                part = [numbers[place] for place in places]
                found[places] = net(*self._batch(part, [turned(at) for at in part])).float().numpy()
        return found

    def _parts(self, numbers: Sequence[int], plan: Plan, rng: random.Random) -> list[list[int]]:
        """Batches of like length, in random order, for all epochs."""
        found: list[list[int]] = []
        wanted = plan.epochs * len(numbers) / plan.batch
        while len(found) < wanted:
            order = list(numbers)
            rng.shuffle(order)
            parts = []
            size = plan.batch * _POOLED
            for start in range(0, len(order), size):
                pool = sorted(order[start : start + size], key=lambda at: self._length[at])
                parts += [pool[at : at + plan.batch] for at in range(0, len(pool), plan.batch)]
            rng.shuffle(parts)
            found += parts
        return found[: max(1, round(wanted))]

    def _batch(
        self, part: Sequence[int], turned: Sequence[bool]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        width = max(self._length[at] for at in part)
        states = self._texts.low[0].shape[1]
        low = torch.zeros(len(part), width, states)
        marks = torch.zeros(len(part), width, dtype=torch.long)
        side = torch.zeros(len(part), width, dtype=torch.long)
        mask = torch.zeros(len(part), width)
        for row, (at, other_way) in enumerate(zip(part, turned, strict=True)):
            both = list(zip(self.pairs[at], self._marks[at], strict=True))
            start = 0
            for number, (text, of_text) in enumerate(reversed(both) if other_way else both):
                end = start + len(of_text)
                low[row, start:end] = self._texts.low[text].float()
                marks[row, start:end] = torch.from_numpy(of_text)
                side[row, start:end] = number
                start = end
            mask[row, :start] = 1.0
        return low, marks, side, mask
