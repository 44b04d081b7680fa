"""One matter or two (同一事项): how likely two appeals are about the same, from their texts alone, and why.

Knows `repeats.json` (version, thresholds, calibration) and `repeats.npz` (how rare runs are, and the
trees) of a folder of weights. No database, network or queue. Two texts cost some five milliseconds, of
which each text's own two thirds are paid once (`PairReader.profile`). Made by `nlp.training.repeats`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp import WEIGHTS
from nlp.folder import WeightsError, check_file
from nlp.grams import Grams
from nlp.repeat_grams import Rarity
from nlp.repeat_profile import MEASURES, Profile, apart, measures, profile, turned
from nlp.repeat_reasons import reasons

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from numpy.typing import NDArray

CARD: Final = "repeats.json"
WEIGHTS_FILE: Final = "repeats.npz"
SCHEMA: Final = "jiesu-repeats/1"


@dataclass(frozen=True, slots=True)
class Trees:
    """Complete binary trees, all of one depth: what is asked at each fork, and what each leaf adds."""

    measure: NDArray[np.int16]
    limit: NDArray[np.float32]
    leaf: NDArray[np.float32]
    base: float

    def logits(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum of all trees for each row of measures."""
        trees = np.arange(len(self.measure))
        at = np.zeros((len(rows), len(trees)), dtype=np.intp)
        forks = self.measure.shape[1]
        while True:
            asked = self.measure[trees, at]
            above = np.take_along_axis(rows, asked.astype(np.intp), axis=1) > self.limit[trees, at]
            at = 2 * at + 1 + above
            if at.min() >= forks:
                break
        sums: NDArray[np.float64] = self.leaf[trees, at - forks].sum(axis=1, dtype=np.float64) + self.base
        return sums


@dataclass(frozen=True, slots=True)
class Likeness:
    """What is said of two appeals: the probability that they are one matter, and the reasons in Chinese."""

    p: float
    same: bool
    """At least the threshold of the card for calling it the same matter."""
    certain: bool
    """At least the threshold at which false merges are as rare as the card says: a machine may act."""
    why: tuple[str, ...]


class PairReader:
    """Holds appeals against each other. Build it once per process."""

    def __init__(self, folder: Path, grams: Grams) -> None:
        """Load the weights. Raises WeightsError naming the file that is missing or damaged."""
        card = _card(folder)
        try:
            check_file(folder / WEIGHTS_FILE, card["files"][WEIGHTS_FILE])
            _check_measures(card)
            with np.load(folder / WEIGHTS_FILE, allow_pickle=False) as kept:
                self.rarity = Rarity(
                    keys=kept["keys"],
                    weights=kept["weights"].astype(np.float32) * np.float32(card["weight_step"]),
                    unknown=float(card["unknown"]),
                    common=float(card["common"]),
                )
                self._trees = Trees(kept["measure"], kept["limit"], kept["leaf"], float(card["base"]))
            self._slope, self._shift = (float(value) for value in card["calibration"])
            self._apart_most = float(card["apart_most"])
            self.version: str = card["version"]
            self.same_from = float(card["same_from"])
            self.certain_from = float(card["certain_from"])
        except WeightsError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
            raise WeightsError(f"{CARD}: {fault!r}") from fault
        self._grams = grams

    @classmethod
    def load(cls, folder: Path = WEIGHTS) -> PairReader:
        """Load the pair model and the model of kinds that it asks."""
        return cls(folder, Grams(folder))

    def profile(self, title: str | None, text: str, at: datetime | None = None) -> Profile:
        """Read one appeal, to be held against others. `at` (aware) is when it came, when that is known."""
        return profile(self.rarity, self._grams, title, text, at)

    def likeness(self, a: Profile, b: Profile) -> Likeness:
        """How likely two appeals are the same matter."""
        found = measures(self.rarity, a, b)
        # Some measures are told from the first text's side: asked from both, the answer is one.
        other = turned(self.rarity, a, b, found)
        logit = float(self._trees.logits(np.stack([found, other])).mean())
        p = float(1 / (1 + np.exp(-np.clip(self._slope * logit + self._shift, -30, 30))))
        if apart(found):
            p = min(p, self._apart_most)
        return Likeness(
            p=p,
            same=p >= self.same_from,
            certain=p >= self.certain_from,
            why=reasons(self.rarity, a, b, dict(zip(MEASURES, found.tolist(), strict=True))),
        )


def _check_measures(card: dict[str, Any]) -> None:
    """Trees that number other measures than ours would answer nonsense. Raises WeightsError."""
    if tuple(card["measures"]) != MEASURES:
        raise WeightsError(f"{CARD}: measures: made for another version of the program")


def _card(folder: Path) -> dict[str, Any]:
    try:
        card: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
        schema = card.get("schema")
    except (OSError, ValueError, AttributeError) as fault:
        raise WeightsError(f"{folder / CARD}: {fault}") from fault
    if schema != SCHEMA:
        raise WeightsError(f"{CARD}: schema: expected {SCHEMA!r}, found {schema!r}")
    return card
