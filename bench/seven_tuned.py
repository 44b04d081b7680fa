"""A network fine-tuned in every fold of the seven-class set: the base's upper layers learn, the lower stay.

It knows the base alone, never our encoder: some of these messages are among what that has learned. The lower
layers are run through once for all texts. One thread. Called by `bench.seven`.
"""

from __future__ import annotations

import hashlib
import random
import sys
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import torch
from torch import nn
from transformers import AutoTokenizer, BertModel

from nlp.training.net import halves_pay

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bench.seven import Learner, Scores

TOKENS: Final = 128
PREFIX: Final = "query: "
BATCH: Final = 16
RATE: Final = 1e-4
HEAD_RATE: Final = 1e-3
#: Each layer learns this much slower than the one above it.
DECAY: Final = 0.9
WARMUP: Final = 0.06
#: How far the running mean, which answers in the end, follows each step.
MEAN: Final = 0.995
_POOL: Final = 50
_FAR: Final = -1e4
_TOLD_S: Final = 30


class Plan(NamedTuple):
    """How a network learns: so many of the base's layers stay as they are, so often it sees each text.

    `end`: of a text that is too long it reads the last tokens, not the first.
    """

    frozen: int
    epochs: int
    seed: int = 0
    end: bool = False


SHORT: Final = Plan(frozen=8, epochs=2)
#: Another seed: what the two have wrong in common is less.
LONG: Final = Plan(frozen=6, epochs=3, seed=1)
#: Seven texts in ten are longer than what is read: this one reads where the others stop.
END: Final = Plan(frozen=8, epochs=2, seed=2, end=True)


class _Net(nn.Module):
    """The layers that learn, over what the frozen ones gave, and one head over the mean of the tokens."""

    def __init__(self, base: Path, classes: int, frozen: int) -> None:
        super().__init__()
        # Without dropout in attention torch takes its fast way through it.
        whole = BertModel.from_pretrained(
            base, dtype=torch.float32, add_pooling_layer=False, attention_probs_dropout_prob=0.0
        )
        self.layers = whole.encoder.layer[frozen:]
        self.head = nn.Linear(whole.config.hidden_size, classes)
        self.dropout = nn.Dropout(0.1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        hidden = _through(self.layers, hidden, mask)
        weights = (mask / mask.sum(dim=1, keepdim=True)).unsqueeze(-1)
        scores: torch.Tensor = self.head(self.dropout((hidden * weights).sum(dim=1)))
        return scores


def _through(layers: Any, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
    far = (1.0 - mask)[:, None, None, :] * _FAR
    for layer in layers:
        given = layer(hidden, far.to(hidden.dtype))
        hidden = given[0] if isinstance(given, tuple) else given
    return hidden


def _frozen(base: Path, texts: Sequence[str], plan: Plan) -> list[torch.Tensor]:
    """What the lower layers make of each text (T, width), in half precision."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    marks = _marks(tokenizer)
    whole: Any = BertModel.from_pretrained(base, dtype=torch.float32, add_pooling_layer=False)
    whole.eval()
    found = []
    with torch.inference_mode():
        for at, text in enumerate(texts):
            ids: list[int] = tokenizer(PREFIX + text, verbose=False)["input_ids"]
            hidden = whole.embeddings(input_ids=torch.tensor([_cut(ids, marks if plan.end else None)]))
            mask = torch.ones(hidden.shape[:2])
            found.append(_through(whole.encoder.layer[: plan.frozen], hidden, mask)[0].half())
            if (at + 1) % 1000 == 0:
                print(f"tuned: {at + 1} of {len(texts)} texts begun", file=sys.stderr, flush=True)
    return found


def _marks(tokenizer: Any) -> int:  # noqa: ANN401  (transformers has no types for it)
    """How many tokens the mark of the beginning and the prefix are."""
    return len(tokenizer(PREFIX.rstrip())["input_ids"]) - 1


def _cut(ids: list[int], marks: int | None) -> list[int]:
    """The tokens that are read: the first, or behind so many `marks` the last; with the mark of the end."""
    if len(ids) <= TOKENS:
        return ids
    return [*ids[: TOKENS - 1], ids[-1]] if marks is None else [*ids[:marks], *ids[marks - TOKENS :]]


def _batches(places: Sequence[int], lengths: Sequence[int], chance: random.Random) -> Iterator[list[int]]:
    """Batches of like length in random order: padding costs as much as text."""
    order = list(places)
    chance.shuffle(order)
    made = []
    for start in range(0, len(order), BATCH * _POOL):
        pool = sorted(order[start : start + BATCH * _POOL], key=lambda at: lengths[at])
        made += [pool[at : at + BATCH] for at in range(0, len(pool), BATCH)]
    chance.shuffle(made)
    yield from made


class _Texts:
    """What the lower layers make of all texts, made once, when a fold first asks."""

    def __init__(self, base: Path, texts: Sequence[str], plan: Plan) -> None:
        self._base, self._texts, self._plan = base, texts, plan
        self._kept: list[torch.Tensor] = []

    def lengths(self) -> list[int]:
        """How many tokens each text has."""
        if not self._kept:
            self._kept = _frozen(self._base, self._texts, self._plan)
        return [len(item) for item in self._kept]

    def padded(self, places: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """States (B, T, width) and mask (B, T) of these texts."""
        given = [self._kept[at] for at in places]
        hidden = nn.utils.rnn.pad_sequence(given, batch_first=True).float()
        mask = torch.zeros(hidden.shape[:2])
        for row, item in enumerate(given):
            mask[row, : len(item)] = 1
        return hidden, mask


def tuned(
    texts: Sequence[str], y: NDArray[np.int64], classes: int, base: Path, kept_in: Path, *, plan: Plan
) -> Learner:
    """Learn the upper layers anew for each fold; gives log probabilities."""
    torch.set_num_threads(1)
    shown = _Texts(base, texts, plan)
    end = [f"end behind {_marks(AutoTokenizer.from_pretrained(base))}"] if plan.end else []

    def learn(train: NDArray[np.int64], test: NDArray[np.int64]) -> Scores:
        fixed = (TOKENS, BATCH, RATE, HEAD_RATE, DECAY, WARMUP, MEAN, PREFIX)
        how = (plan.frozen, plan.epochs, *fixed, plan.seed, *end)
        told_by = repr((base.resolve().name, how, texts)).encode() + train.tobytes() + y.tobytes()
        path = kept_in / f"seven-tuned-{hashlib.sha256(told_by).hexdigest()[:12]}.npy"
        if path.exists():
            answered: Scores = np.load(path)
            return answered
        lengths = shown.lengths()
        torch.manual_seed(plan.seed)
        nets = _Net(base, classes, plan.frozen), _Net(base, classes, plan.frozen)
        net = _learned(*nets, shown, train.tolist(), y, plan=plan)
        answers = np.zeros((len(test), classes))
        order = sorted(range(len(test)), key=lambda row: lengths[test[row]])
        with torch.inference_mode():
            for start in range(0, len(order), BATCH):
                rows = order[start : start + BATCH]
                scores = net(*shown.padded(test[rows].tolist()))
                answers[rows] = torch.log_softmax(scores, dim=1).numpy()
        kept_in.mkdir(parents=True, exist_ok=True)
        np.save(path, answers)
        return answers

    return learn


def _learned(
    net: _Net, mean: _Net, shown: _Texts, train: Sequence[int], y: NDArray[np.int64], *, plan: Plan
) -> _Net:
    """Let `net` learn; gives the running mean of what it was."""
    chance, lengths = random.Random(plan.seed), shown.lengths()
    steps, step = plan.epochs * -(-len(train) // BATCH), 0
    optimizer, rates = _optimizer(net, steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    half, told = halves_pay(), time.monotonic()
    net.train()
    for _ in range(plan.epochs):
        for places in _batches(train, lengths, chance):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
                scores = net(*shown.padded(places))
            loss = loss_of(scores.float(), torch.from_numpy(y[places]))
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            rates.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            follow = min(MEAN, step / (step + 10))
            with torch.no_grad():
                for old, new in zip(mean.parameters(), net.parameters(), strict=True):
                    old.mul_(follow).add_(new, alpha=1 - follow)
            if time.monotonic() - told > _TOLD_S:
                told = time.monotonic()
                print(f"tuned: {step / steps:.0%} of a fold", file=sys.stderr, flush=True)
    mean.eval()
    return mean


def _optimizer(net: _Net, steps: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    top = len(net.layers) - 1
    groups: list[dict[str, Any]] = [
        {"params": list(layer.parameters()), "lr": RATE * DECAY ** (top - at)}
        for at, layer in enumerate(net.layers)
    ]
    groups.append({"params": list(net.head.parameters()), "lr": HEAD_RATE})
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, betas=(0.9, 0.98), fused=True)
    rising = int(WARMUP * steps)
    rates = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda at: at / rising if at < rising else max(0.02, (steps - at) / max(steps - rising, 1)),
    )
    return optimizer, rates
