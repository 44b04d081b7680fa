"""Fits the linear model over character runs: soft targets in, `grams.npz` and its card out. Needs torch.

It learns what people labelled, and what both slower models together say of texts nobody labelled
(distillation): a linear model that has seen ten thousand of those knows most of what the encoder knows.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from nlp.grams import CARD, HEADS, SCHEMA, WEIGHTS_FILE, keys_of, strengths_of
from nlp.training.examples import APPEAL_TYPES, URGENCIES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from nlp.training.examples import Example

#: Runs kept: the weights of each take 75 bytes, and a repository is no place for more.
KEPT: Final = 60_000
_LEAST_TEXTS: Final = 4
_STEPS: Final = 100
_DECAY: Final = 5e-7
#: What the kind's right parent weighs beside the right kind: free in reading, and it helps the rare kinds.
_PARENT: Final = 0.5
_INT8: Final = 127.0
_LEAST: Final = 1e-8


def fit(
    examples: Sequence[Example], kinds: Sequence[str], *, kept: int = KEPT, seed: int = 20261125
) -> dict[str, Any]:
    """Fit all heads at once; gives the arrays of `grams.npz` and the classes."""
    torch.manual_seed(seed)
    counted = [_counts(example.source) for example in examples]
    keys, idf = _vocabulary([found[0] for found in counted], kept)
    matrix = _matrix(counted, keys, idf)
    names = {
        "environmental": ("true",),
        "kind": tuple(kinds),
        "appeal_type": APPEAL_TYPES,
        "urgency": URGENCIES,
    }
    width = sum(len(values) for values in names.values())
    weights = torch.zeros(len(keys), width, requires_grad=True)
    bias = torch.zeros(width, requires_grad=True)
    loss = _Loss(examples, names)
    optimizer = torch.optim.LBFGS(
        [weights, bias], max_iter=_STEPS, history_size=12, line_search_fn="strong_wolfe"
    )

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        total = loss(torch.sparse.mm(matrix, weights) + bias) + _DECAY * weights.square().sum()
        total.backward()
        return total

    optimizer.step(step)
    plain = weights.detach().numpy()
    scale = np.maximum(np.abs(plain).max(axis=0), 1e-6) / _INT8
    return {
        "keys": keys,
        "idf": idf.astype(np.float16),
        "weights": np.rint(plain / scale).astype(np.int8),
        "scale": scale.astype(np.float32),
        "bias": bias.detach().numpy(),
        "classes": {head: list(values) for head, values in names.items()},
    }


def write(
    folder: Path,
    fitted: dict[str, Any],
    *,
    blend: dict[str, Any],
    temperature: dict[str, float],
    about: dict[str, Any],
) -> None:
    """Write the weights and their card."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: value for name, value in fitted.items() if name != "classes"}
    np.savez_compressed(folder / WEIGHTS_FILE, **arrays)
    digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    card = {
        "schema": SCHEMA,
        "version": f"grams-{digest[:8]}",
        "classes": fitted["classes"],
        "temperature": temperature,
        "blend": blend,
        "files": {WEIGHTS_FILE: digest},
        "about": about,
    }
    (folder / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _counts(source: str) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    keys, counts = np.unique(keys_of(source)[0], return_counts=True)
    return keys, counts


def _vocabulary(
    texts: Sequence[NDArray[np.uint64]], kept: int
) -> tuple[NDArray[np.uint64], NDArray[np.float32]]:
    """The runs that most texts have, in order, and their rarity."""
    keys, texts_with = np.unique(np.concatenate(texts), return_counts=True)
    often = np.flatnonzero(texts_with >= _LEAST_TEXTS)
    often = np.sort(often[np.argsort(-texts_with[often], kind="stable")][:kept])
    rarity = np.log((1 + len(texts)) / (1 + texts_with[often])) + 1
    return keys[often], rarity.astype(np.float16).astype(np.float32)


def _matrix(
    counted: Sequence[tuple[NDArray[np.uint64], NDArray[np.intp]]],
    keys: NDArray[np.uint64],
    idf: NDArray[np.float32],
) -> torch.Tensor:
    columns, values, ends = [], [], [0]
    for found, counts in counted:
        at = np.minimum(np.searchsorted(keys, found), len(keys) - 1)
        known = keys[at] == found
        columns.append(at[known])
        values.append(strengths_of(counts[known], idf[at[known]]))
        ends.append(ends[-1] + int(known.sum()))
    return torch.sparse_csr_tensor(
        torch.tensor(ends),
        torch.from_numpy(np.concatenate(columns).astype(np.int64)),
        torch.from_numpy(np.concatenate(values)),
        size=(len(counted), len(keys)),
    )


class _Loss:
    """Weighted cross-entropy of all heads; a head that a text says nothing of is left out."""

    def __init__(self, examples: Sequence[Example], names: dict[str, tuple[str, ...]]) -> None:
        self._weights = torch.tensor([example.weight for example in examples])
        self._known = torch.tensor([example.environmental is not None for example in examples])
        self._environmental = torch.tensor([example.environmental or 0.0 for example in examples])
        self._sizes = [len(names[head]) for head in HEADS]
        parents = sorted({kind[:3] for kind in names["kind"]})
        self._parents = torch.tensor(
            [[float(kind[:3] == name) for name in parents] for kind in names["kind"]]
        )
        shares = (
            [example.kinds for example in examples],
            [example.appeal_types for example in examples],
            [example.urgencies for example in examples],
        )
        self._targets = [
            torch.tensor([[share.get(name, 0.0) for name in names[head]] for share in found])
            for head, found in zip(HEADS[1:], shares, strict=True)
        ]

    def __call__(self, scores: torch.Tensor) -> torch.Tensor:
        environmental, *others = torch.split(scores, self._sizes, dim=1)
        plain = torch.nn.functional.binary_cross_entropy_with_logits(
            environmental[:, 0], self._environmental, reduction="none"
        )
        total = (plain * self._weights * self._known).sum() / len(self._weights)
        for found, target in zip(others, self._targets, strict=True):
            said = -(target * torch.log_softmax(found, dim=1)).sum(dim=1)
            total = total + (said * self._weights).sum() / len(self._weights)
        parents = (torch.softmax(others[0], dim=1) @ self._parents).clamp(min=_LEAST).log()
        said = -((self._targets[0] @ self._parents) * parents).sum(dim=1)
        return total + _PARENT * (said * self._weights).sum() / len(self._weights)
