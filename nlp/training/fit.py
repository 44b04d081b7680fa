"""The training loop: length-bucketed batches, soft targets, checkpoints that a stopped run goes on from."""

from __future__ import annotations

import json
import math
import random
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import BertModel

from nlp.training.examples import APPEAL_TYPES, SPANS, URGENCIES
from nlp.training.net import ReadingNet, halves_pay
from nlp.training.runs import CHECKPOINT, goes_on, identity
from nlp.training.taken_back import take_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from nlp.training.examples import Example

PREFIX: Final = "query: "
_IGNORED: Final = -100
_MICRO_BATCHES: Final = 50
#: So many tokens, padding with them, are learned from at once: sixteen texts of 512 are twice as many.
_AT_ONCE: Final = 4096


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does. Changing anything but `epochs`, or what it learns from, starts it anew."""

    epochs: int = 4
    batch: int = 16
    tokens: int = 512
    """Longest text, in tokens; the rest is cut."""
    rate: float = 1e-4
    head_rate: float = 2e-3
    decay: float = 0.9
    """Each layer below the top learns this much slower than the one above it."""
    warmup: float = 0.06
    frozen: int = 4
    """The lowest layers stay as they are, and are run through once: a third of the work less."""
    seed: int = 20261125
    threads: int = 2
    start: str = ""
    """The version of the weights that the run goes on from; empty: from the base."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """An example as tensors' rows."""

    ids: list[int]
    tags: list[int]
    example: Example
    hidden: torch.Tensor | None = None
    """What the frozen layers make of it (T, width), in half precision."""


def tokenizer_of(folder: Path, tokens: int) -> Tokenizer:
    """The base's tokenizer, cutting at `tokens`."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(tokens)
    tokenizer.no_padding()
    return tokenizer


def encode(tokenizer: Tokenizer, examples: Sequence[Example]) -> list[Encoded]:
    """Token ids, and the BIO tag of each token (ignored where spans are not labelled)."""
    found = []
    for example, coded in zip(
        examples, tokenizer.encode_batch([PREFIX + item.source for item in examples]), strict=True
    ):
        tags = [_IGNORED] * len(coded.ids)
        if example.tagged:
            tags = [_tag(example, start - len(PREFIX), end - len(PREFIX)) for start, end in coded.offsets]
        found.append(Encoded(coded.ids, tags, example))
    return found


def _tag(example: Example, start: int, end: int) -> int:
    """Begins, inside, or outside: of a token at [start, end) of the source."""
    if end <= 0 or start >= end:
        return _IGNORED
    # A token may take the white space before it along.
    while start < end - 1 and start >= 0 and example.source[start].isspace():
        start += 1
    for name, first, last in example.spans:
        if start < last and end > first:
            return 1 + 2 * SPANS.index(name) + (start > first)
    return 0


def batches(items: Sequence[Encoded], size: int, rng: random.Random) -> Iterator[list[Encoded]]:
    """Batches of like length, in random order: padding costs as much as text."""
    order = list(items)
    rng.shuffle(order)
    pools = [order[at : at + size * _MICRO_BATCHES] for at in range(0, len(order), size * _MICRO_BATCHES)]
    found = []
    for pool in pools:
        pool.sort(key=lambda item: len(item.ids))
        found += [pool[at : at + size] for at in range(0, len(pool), size)]
    rng.shuffle(found)
    yield from found


def pieces(batch: Sequence[Encoded]) -> list[Sequence[Encoded]]:
    """The batch in parts that are learned from one after the other, as one step."""
    size = max(1, _AT_ONCE // max(len(item.ids) for item in batch))
    return [batch[at : at + size] for at in range(0, len(batch), size)]


class Targets:
    """The batch's targets, and the loss against them."""

    def __init__(self, kinds: Sequence[str]) -> None:
        """Take the codes of the kind head, in order."""
        self.names = (("true",), tuple(kinds), APPEAL_TYPES, URGENCIES)
        self.sizes = tuple(len(names) for names in self.names)
        self._parents = torch.tensor([sorted({code[:3] for code in kinds}).index(code[:3]) for code in kinds])

    def loss(
        self,
        scores: torch.Tensor,
        tags: torch.Tensor,
        batch: Sequence[Encoded],
        *,
        of: Sequence[Encoded] | None = None,
    ) -> torch.Tensor:
        """Weighted sum of the heads' cross-entropies; a head that a text says nothing of is left out.

        `of` is the batch of which `batch` is a piece: the losses of all pieces add up to that of the whole.
        """
        whole = batch if of is None else of
        count = len(whole)
        env, kind, sort, grade = torch.split(scores.float(), self.sizes, dim=1)
        weights = torch.tensor([item.example.weight for item in batch])
        known = torch.tensor([item.example.environmental is not None for item in batch])
        wanted = torch.tensor([item.example.environmental or 0.0 for item in batch])
        plain = nn.functional.binary_cross_entropy_with_logits(env[:, 0], wanted, reduction="none")
        total = (plain * weights * known).sum()
        total = total + self._soft(kind, [item.example.kinds for item in batch], self.names[1], weights)
        total = total + 0.3 * self._parent_loss(kind, batch, weights)
        total = total + 0.5 * self._soft(
            sort, [i.example.appeal_types for i in batch], self.names[2], weights
        )
        total = total + 0.5 * self._soft(grade, [i.example.urgencies for i in batch], self.names[3], weights)
        total = total / count
        width = tags.shape[1]
        labels = torch.tensor([item.tags + [_IGNORED] * (width - len(item.tags)) for item in batch])
        tagged = sum(tag != _IGNORED for item in whole for tag in item.tags)
        if bool((labels != _IGNORED).any()):
            lost = nn.functional.cross_entropy(
                tags.float().reshape(-1, tags.shape[2]),
                labels.reshape(-1),
                ignore_index=_IGNORED,
                reduction="sum",
            )
            total = total + 0.5 * lost / tagged
        return total

    @staticmethod
    def _target(shares: Sequence[dict[str, float]], names: Sequence[str]) -> torch.Tensor:
        return torch.tensor([[share.get(name, 0.0) for name in names] for share in shares])

    def _soft(
        self,
        scores: torch.Tensor,
        shares: Sequence[dict[str, float]],
        names: Sequence[str],
        weights: torch.Tensor,
    ) -> torch.Tensor:
        target = self._target(shares, names)
        return -(target * torch.log_softmax(scores, dim=1) * weights[:, None]).sum()

    def _parent_loss(
        self, kind: torch.Tensor, batch: Sequence[Encoded], weights: torch.Tensor
    ) -> torch.Tensor:
        """The same over parents: a mistake within the parent costs less than one across."""
        target = self._target([item.example.kinds for item in batch], self.names[1])
        count = int(self._parents.max()) + 1
        onto = nn.functional.one_hot(self._parents, count).float()
        p = torch.softmax(kind, dim=1) @ onto
        return -((target @ onto) * torch.log(p.clamp_min(1e-7)) * weights[:, None]).sum()


def pad(batch: Sequence[Encoded], padding: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask, as long as the longest."""
    width = max(len(item.ids) for item in batch)
    ids = torch.tensor([item.ids + [padding] * (width - len(item.ids)) for item in batch])
    mask = torch.tensor([[1] * len(item.ids) + [0] * (width - len(item.ids)) for item in batch])
    return ids, mask


def pad_hidden(batch: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:
    """What the frozen layers gave, and mask, as long as the longest."""
    given = [item.hidden for item in batch if item.hidden is not None]
    hidden = nn.utils.rnn.pad_sequence(given, batch_first=True).float()
    mask = torch.tensor([[1] * len(item) + [0] * (hidden.shape[1] - len(item)) for item in given])
    return hidden, mask


def through_frozen(net: ReadingNet, encoded: Sequence[Encoded], plan: Plan) -> list[Encoded]:
    """Run every text through the frozen layers, once."""
    net.eval()
    order = sorted(range(len(encoded)), key=lambda at: len(encoded[at].ids))
    found: dict[int, Encoded] = {}
    with torch.inference_mode():
        for at in range(0, len(order), plan.batch):
            part = [encoded[place] for place in order[at : at + plan.batch]]
            hidden = net.lower(*pad(part, net.padding), plan.frozen).half()
            for place, item, rows in zip(order[at : at + plan.batch], part, hidden, strict=True):
                found[place] = replace(item, hidden=rows[: len(item.ids)].clone())
    return [found[at] for at in range(len(encoded))]


def parameters(net: ReadingNet, plan: Plan) -> list[dict[str, Any]]:
    """Parameter groups: slower towards the bottom; the word vectors stay as they are."""
    net.base.embeddings.requires_grad_(False)  # noqa: FBT003  (torch's own signature)
    layers = list(net.base.encoder.layer)
    for layer in layers[: plan.frozen]:
        layer.requires_grad_(False)  # noqa: FBT003
    groups = [
        {"params": list(layer.parameters()), "lr": plan.rate * plan.decay ** (len(layers) - 1 - at)}
        for at, layer in enumerate(layers)
        if at >= plan.frozen
    ]
    heads = [*net.attention.parameters(), *net.scores.parameters(), *net.tags.parameters()]
    return [*groups, {"params": heads, "lr": plan.head_rate}]


def fit(
    base: Path,
    examples: Sequence[Example],
    kinds: Sequence[str],
    *,
    plan: Plan,
    work: Path,
    told: Callable[[dict[str, Any]], None],
    start: Path | None = None,
) -> ReadingNet:
    """Train, keeping a checkpoint in `work` after every epoch; the same run goes on from there.

    `start` is an int8 graph of this network to go on from instead of the base. `told` is given a line about
    the checkpoint that was found, and one of progress every few seconds: epoch, share done, loss, texts a
    second.
    """
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    rng = random.Random(plan.seed)  # noqa: S311  (an order of texts, no secret)
    tokenizer = tokenizer_of(base, plan.tokens)
    encoded = encode(tokenizer, examples)
    targets = Targets(kinds)
    net = ReadingNet(
        # Without dropout in attention torch takes its fast way through it.
        BertModel.from_pretrained(
            base, dtype=torch.float32, add_pooling_layer=False, attention_probs_dropout_prob=0.0
        ),
        targets.sizes,
    )
    if start is not None:
        take_back(net, start, frozen=plan.frozen)
    optimizer = torch.optim.AdamW(parameters(net, plan), weight_decay=0.01, betas=(0.9, 0.98), fused=True)
    steps = plan.epochs * math.ceil(len(encoded) / plan.batch)
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps, plan.warmup))
    state = _State(net, optimizer, rates, rng, identity(base, examples, kinds, start))
    first = state.resume(work, plan, told)
    encoded = through_frozen(net, encoded, plan)
    half = halves_pay()
    last, started, seen = time.monotonic(), time.monotonic(), 0
    for epoch in range(first, plan.epochs):
        net.train()
        smooth = 0.0
        done = 0
        for batch in batches(encoded, plan.batch, rng):
            lost = 0.0
            for piece in pieces(batch):
                hidden, mask = pad_hidden(piece)
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
                    scores, tags = net.upper(hidden, mask, plan.frozen)
                loss = targets.loss(scores, tags, piece, of=batch)
                loss.backward()
                lost += float(loss.detach())
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            rates.step()
            optimizer.zero_grad(set_to_none=True)
            smooth = lost if not done else 0.95 * smooth + 0.05 * lost
            done += len(batch)
            seen += len(batch)
            if time.monotonic() - last > 15:  # noqa: PLR2004  (a line every quarter of a minute)
                last = time.monotonic()
                told(
                    {
                        "epoch": epoch + 1,
                        "share": round(done / len(encoded), 3),
                        "loss": round(smooth, 4),
                        "texts_per_s": round(seen / (last - started), 1),
                    }
                )
        state.keep(work, plan, epoch + 1)
    net.eval()
    return net


def _rate(step: int, steps: int, warmup: float) -> float:
    rising = max(1, int(steps * warmup))
    if step < rising:
        return step / rising
    return max(0.02, (steps - step) / max(1, steps - rising))


@dataclass(frozen=True, slots=True)
class _State:
    """Everything that a run changes as it goes."""

    net: ReadingNet
    optimizer: torch.optim.Optimizer
    rates: torch.optim.lr_scheduler.LRScheduler
    rng: random.Random
    learned: str
    """What is learned from and begun with (`nlp.training.runs.identity`)."""

    def keep(self, work: Path, plan: Plan, epoch: int) -> None:
        """Write the checkpoint, whole or not at all."""
        work.mkdir(parents=True, exist_ok=True)
        new = work / "checkpoint.new"
        torch.save(
            {
                "plan": json.dumps(asdict(plan)),
                "learned": self.learned,
                "epoch": epoch,
                "net": self.net.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "rates": self.rates.state_dict(),
                "rng": self.rng.getstate(),
                "torch": torch.get_rng_state(),
            },
            new,
        )
        new.replace(work / CHECKPOINT)

    def resume(self, work: Path, plan: Plan, told: Callable[[dict[str, Any]], None]) -> int:
        """Go back to the checkpoint of the same run; gives the epochs done, 0 without one. Says so.

        Only the number of epochs may have grown: the rate then falls to the new end from where it is.
        """
        path = work / CHECKPOINT
        if not path.exists():
            return 0
        # Our own file from our own work folder: it holds the random generator's state beside tensors.
        kept = torch.load(path, weights_only=False)
        if not goes_on({**kept, "plan": json.loads(kept["plan"])}, asdict(plan), self.learned):
            told({"checkpoint": str(path), "used": False})
            return 0
        told({"checkpoint": str(path), "used": True, "epochs_done": kept["epoch"]})
        self.net.load_state_dict(kept["net"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.rates.load_state_dict(kept["rates"])
        self.rng.setstate(kept["rng"])
        torch.set_rng_state(kept["torch"])
        return int(kept["epoch"])
