"""What teaches the model of who and when: a head over the encoder's inner states, which sees whole sentences.

Knows the encoder's graphs and labelled spans; gives, for a text, the likeliest words for each name with their
probabilities. Too slow for every appeal, so that `nlp.training.spans` learns from it what it says of texts
that nobody has labelled. Called by that module alone.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
import onnxruntime
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

from nlp.encoder import LOWER, UPPER, Card
from nlp.spans import ASKED, LONGEST, NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

#: Layers whose states are read: the last ones know what the text is about, these what its words are.
LAYERS: Final = (7, 9)
#: Characters read of a text.
READ: Final = 1_200
_HIDDEN: Final = 96
_DROPOUT: Final = 0.35
_EPOCHS: Final = 4
_RATE: Final = 2e-3
_DECAY: Final = 1e-2
_TOGETHER: Final = 16
_SORTED: Final = 256
#: A character may or may not be the first of its token, and the last.
_PLACES: Final = 4
_NEVER: Final = -1e4
_LOOKED_AT: Final = 30
_TOLD: Final = 8

#: A character that is not the first of its token, and one that is not the last.
LATER, EARLIER = 1, 2

#: Probable words for a name, and the probability that there are none.
Told = tuple[dict[str, float], float]


@dataclass(frozen=True, slots=True)
class Lessons:
    """How long and how fast something is learned."""

    epochs: int
    rate: float
    decay: float


@dataclass(frozen=True, slots=True)
class Stated:
    """A text as the encoder sees it, and where its labelled words stand: for each name, None if unknown."""

    text: str
    tokens: NDArray[np.int64]
    """The token of each character; -1 for none."""
    places: NDArray[np.int64]
    """Of each character in its token: `LATER` than the first, `EARLIER` than the last, both or neither."""
    states: NDArray[np.float16]
    spans: tuple[list[tuple[int, int]] | None, ...]


class States:
    """The encoder with its inner layers shown: `folder` holds its graphs, `work` takes one with more."""

    def __init__(self, folder: Path, work: Path) -> None:
        graph = onnx.load(str(folder / UPPER))
        self._names = [inner_name(layer) for layer in LAYERS]
        graph.graph.output.extend(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in self._names
        )
        onnx.save(graph, str(work / UPPER))
        self._lower = onnxruntime.InferenceSession(str(folder / LOWER))
        self._upper = onnxruntime.InferenceSession(str(work / UPPER))
        card = Card.load(folder)
        self._prefix = card.prefix
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(card.tokens)
        self._tokenizer.no_padding()

    def of(self, folded: str, spans: Sequence[list[tuple[int, int]] | None]) -> Stated:
        """A folded text with its states."""
        text = folded[:READ]
        coded = self._tokenizer.encode(self._prefix + text)
        given = {
            "ids": np.array([coded.ids], dtype=np.int64),
            "mask": np.ones((1, len(coded.ids)), dtype=np.int64),
        }
        low = self._lower.run(["low"], given)[0]
        states = self._upper.run(self._names, {"low": low, "mask": given["mask"]})
        tokens = np.full(len(text), -1, dtype=np.int64)
        places = np.zeros(len(text), dtype=np.int64)
        before = len(self._prefix)
        for token, (begun, ended) in enumerate(coded.offsets):
            start, end = max(begun - before, 0), min(ended - before, len(text))
            while start < end and text[start].isspace():
                start += 1
            for at in range(start, end):
                tokens[at] = token
                places[at] = LATER * (at > start) + EARLIER * (at < end - 1)
        return Stated(
            text,
            tokens,
            places,
            np.concatenate([one[0] for one in states], axis=1, dtype=np.float16),
            tuple(spans),
        )


def inner_name(layer: int) -> str:
    """What the graph calls the states of a layer."""
    return f"/layer.{layer}/output/LayerNorm/LayerNormalization_output_0"


class _Head(nn.Module):
    """Scores of the spans of each name, and of none, from a batch of states."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.near = nn.Conv1d(width, _HIDDEN, 3, padding=1)
        self.said = nn.Linear(_HIDDEN, _PLACES * ASKED * len(NAMES))
        self.none = nn.Linear(_HIDDEN, len(NAMES))
        self.lengths = nn.Parameter(torch.zeros(len(NAMES), LONGEST))
        self.dropout = nn.Dropout(_DROPOUT)
        for part in (self.said, self.none):
            nn.init.zeros_(part.weight)
            nn.init.zeros_(part.bias)

    def forward(self, texts: Sequence[Stated]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """For each name the scores (texts, characters, lengths) and those of none (texts)."""
        states, mask, tokens, places = padded(texts)
        seen = self.dropout(self.norm(states) * mask[..., None])
        seen = self.dropout(torch.relu(self.near(seen.transpose(1, 2)).transpose(1, 2)))
        asked = ASKED * len(NAMES)
        said = self.said(seen).view(len(texts), -1, asked)
        at = tokens.clamp(min=0) * _PLACES + places
        said = torch.gather(said, 1, at[..., None].expand(-1, -1, asked))
        outside = tokens < 0
        none = self.none((seen * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))
        return [
            (
                _scores(said[..., ASKED * name : ASKED * (name + 1)], outside, self.lengths[name]),
                none[:, name],
            )
            for name in range(len(NAMES))
        ]


def _scores(said: torch.Tensor, outside: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """As `nlp.spans.scores_of`, for a batch: (texts, characters, lengths)."""
    begins = said[..., 0].masked_fill(outside, _NEVER)
    ends = functional.pad(said[..., 1].masked_fill(outside, _NEVER), (0, LONGEST - 1), value=_NEVER)
    upto = functional.pad(said[..., 2].masked_fill(outside, 0.0).cumsum(1), (1, 0))
    upon = functional.pad(upto[:, 1:], (0, LONGEST - 1)).unfold(1, LONGEST, 1)
    return begins[..., None] + ends.unfold(1, LONGEST, 1) + upon - upto[:, :-1, None] + lengths


def padded(texts: Sequence[Stated]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """The states, which tokens there are, the token of each character and its place in it."""
    long, wide = max(len(one.states) for one in texts), max(len(one.text) for one in texts)
    states = torch.zeros(len(texts), long, texts[0].states.shape[1])
    mask = torch.zeros(len(texts), long)
    tokens = torch.full((len(texts), wide), -1, dtype=torch.long)
    places = torch.zeros((len(texts), wide), dtype=torch.long)
    for at, one in enumerate(texts):
        states[at, : len(one.states)] = torch.from_numpy(one.states.astype(np.float32))
        mask[at, : len(one.states)] = 1
        tokens[at, : len(one.text)] = torch.from_numpy(one.tokens)
        places[at, : len(one.text)] = torch.from_numpy(one.places)
    return states, mask, tokens, places


class Teacher:
    """Several heads that learned alike from other beginnings: their probabilities' mean."""

    def __init__(
        self, texts: Sequence[Stated], *, seeds: Sequence[int], told: Callable[[dict[str, Any]], None]
    ) -> None:
        """Learn from labelled texts; `told` is called with the loss of each epoch."""
        self._heads = [_fitted(texts, seed, told) for seed in seeds]

    def read(self, texts: Sequence[Stated]) -> list[list[Told]]:
        """For each text and each name the likeliest words."""
        found: list[list[Told]] = []
        for at in range(0, len(texts), _TOGETHER):
            batch = texts[at : at + _TOGETHER]
            with torch.no_grad():
                answers = [head(batch) for head in self._heads]
            shares = [
                torch.stack(
                    [torch.softmax(torch.cat([of[0].flatten(1), of[1][:, None]], 1), 1) for of in name]
                ).mean(0)
                for name in zip(*answers, strict=True)
            ]
            found += [[_words(one.text, name[place]) for name in shares] for place, one in enumerate(batch)]
        return found


def _words(text: str, shares: torch.Tensor) -> Told:
    """The likeliest words: the same ones in several places count together."""
    likeliest = torch.topk(shares[:-1], min(_LOOKED_AT, len(shares) - 1))
    words: Counter[str] = Counter()
    for share, at in zip(likeliest.values.tolist(), likeliest.indices.tolist(), strict=True):
        start, more = divmod(at, LONGEST)
        words[text[start : start + more + 1]] += share
    return dict(words.most_common(_TOLD)), float(shares[-1])


def _fitted(texts: Sequence[Stated], seed: int, told: Callable[[dict[str, Any]], None]) -> _Head:
    torch.manual_seed(seed)
    head = _Head(texts[0].states.shape[1])
    learn(head, texts, Lessons(_EPOCHS, _RATE, _DECAY), seed=seed, told=told)
    return head


def learn(
    head: nn.Module,
    texts: Sequence[Stated],
    lessons: Lessons,
    *,
    seed: int,
    told: Callable[[dict[str, Any]], None],
) -> None:
    """Fit what gives scores of spans and of none; `told` is called with the loss of each epoch."""
    drawn = random.Random(seed)  # noqa: S311  (an order of texts, no secret)
    optimizer = torch.optim.AdamW(head.parameters(), lr=lessons.rate, weight_decay=lessons.decay)
    steps, at = lessons.epochs * (len(texts) // _TOGETHER + 1), 0
    for epoch in range(lessons.epochs):
        head.train()
        lost = 0.0
        for batch in _batches(texts, drawn):
            for group in optimizer.param_groups:
                group["lr"] = lessons.rate * max(0.05, 1 - 0.95 * at / steps)
            loss = _loss(head(batch), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            lost += float(loss.detach()) * len(batch)
            at += 1
        told({type(head).__name__: seed, "epoch": epoch + 1, "loss": round(lost / len(texts), 3)})
    head.eval()


def _batches(texts: Sequence[Stated], drawn: random.Random) -> list[list[Stated]]:
    """Batches of texts of about one length, in a drawn order."""
    order = drawn.sample(range(len(texts)), len(texts))
    found = []
    for at in range(0, len(order), _SORTED):
        near = sorted(order[at : at + _SORTED], key=lambda one: len(texts[one].text))
        found += [
            [texts[one] for one in near[begun : begun + _TOGETHER]]
            for begun in range(0, len(near), _TOGETHER)
        ]
    drawn.shuffle(found)
    return found


def _loss(answers: Sequence[tuple[torch.Tensor, torch.Tensor]], texts: Sequence[Stated]) -> torch.Tensor:
    total = torch.zeros(())
    for name, (scores, none) in enumerate(answers):
        all_of = torch.logsumexp(torch.cat([scores.flatten(1), none[:, None]], 1), 1)
        for at, one in enumerate(texts):
            spans = one.spans[name]
            if spans is None:
                continue
            right = (
                torch.stack([scores[at, start, end - start - 1] for start, end in spans])
                if spans
                else none[at : at + 1]
            )
            total = total + all_of[at] - torch.logsumexp(right, 0)
    return total / len(texts)
