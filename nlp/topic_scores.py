"""All heads' weights as one matrix: every score and every word's share of it in a few array operations.

Knows the numbers of `topic_model` and nothing of words. Called by `nlp.topics` alone. Numpy earns its place:
scoring and explaining in plain loops took two thirds of a reading's time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nlp.topic_model import HeadWeights


class Scored:
    """The scores of one text: logits per head, and what each feature added to a class."""

    def __init__(
        self,
        added: NDArray[np.float32],
        logits: NDArray[np.float32],
        columns: Mapping[str, tuple[int, int]],
    ) -> None:
        """Keep each feature's share of every class, in the features' order, and the classes' places."""
        self._added = added
        self._logits = logits
        self._columns = columns

    def logits(self, head: str) -> list[float]:
        """The raw score of each class of a head."""
        start, end = self._columns[head]
        values: list[float] = self._logits[start:end].tolist()
        return values

    def added(self, head: str, place: int) -> NDArray[np.float32]:
        """What each feature added to the class at `place` of a head, in the order of the features."""
        return self._added[:, self._columns[head][0] + place]


class Scores:
    """The matrix: features by classes of all heads, side by side."""

    def __init__(self, heads: Mapping[str, HeadWeights], size: int) -> None:
        """Lay out the weights of `size` features."""
        self._columns: dict[str, tuple[int, int]] = {}
        width = 0
        for name, head in heads.items():
            self._columns[name] = (width, width + len(head.biases))
            width += len(head.biases)
        self._matrix = np.zeros((size, width), dtype=np.float32)
        self._biases = np.concatenate([np.asarray(head.biases, dtype=np.float32) for head in heads.values()])
        for name, head in heads.items():
            start = self._columns[name][0]
            for feature, row in head.weights.items():
                for place, weight in row:
                    self._matrix[feature, start + place] = weight

    def of(self, features: NDArray[np.intp], strengths: NDArray[np.float64]) -> Scored:
        """Score a text's features, each of its strength."""
        added = self._matrix[features] * strengths.astype(np.float32)[:, None]
        return Scored(added, self._biases + added.sum(axis=0), self._columns)
