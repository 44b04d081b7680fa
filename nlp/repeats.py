"""One matter or two (同一事项): how likely two appeals are about the same, from their texts alone, and why.

Knows `repeats.json` (version, thresholds, calibration) and `repeats.npz` (how rare runs are, and the
trees) of a folder of weights. No database, network or queue. Trees weigh measures of the pair; where they
leave it open, and its weights are there, a net reads both texts word by word (`nlp.pair_net`) and is weighed
with them. Two texts cost some five milliseconds by measures, of which each text's own two thirds are paid
once (`PairReader.profile`), and five times that where the net is asked. Made by `nlp.training.repeats`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp import WEIGHTS
from nlp.folder import WeightsError, check_file
from nlp.grams import Grams
from nlp.pair_net import PairNet
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
#: What marks an answer that the net could not have had a part in.
NO_NET: Final = "no-net"


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


@dataclass(frozen=True, slots=True)
class _Limits:
    """From which probabilities a pair is called one matter, and surely so."""

    same_from: float
    certain_from: float


@dataclass(frozen=True, slots=True)
class _Joined:
    """How the net is weighed with the trees, and from which probability of theirs it is asked."""

    net: PairNet
    trees: float
    words: float
    shift: float
    asked_from: float


class PairReader:
    """Holds appeals against each other. Build it once per process."""

    def __init__(self, folder: Path, grams: Grams) -> None:
        """Load the weights. Raises WeightsError naming the file that is missing or damaged.

        Without the net the trees answer alone, by thresholds of their own: `degraded` says why, and `version`
        that it is so.
        """
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
            self._limits = _Limits(float(card["same_from"]), float(card["certain_from"]))
            self.degraded: str | None = None
            self._joined: _Joined | None = None
            try:
                self._joined, self._limits = _net_of(folder, card.get("net"))
            except WeightsError as fault:
                self.degraded = str(fault)
            self.version: str = card["version"] if self._joined else f"{card['version']}+{NO_NET}"
        except WeightsError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
            raise WeightsError(f"{CARD}: {fault!r}") from fault
        self._grams = grams

    @classmethod
    def load(cls, folder: Path = WEIGHTS) -> PairReader:
        """Load the pair model and the model of kinds that it asks."""
        return cls(folder, Grams(folder))

    @property
    def same_from(self) -> float:
        """The probability from which a pair is called one matter."""
        return self._limits.same_from

    @property
    def certain_from(self) -> float:
        """The probability from which a machine may act on it."""
        return self._limits.certain_from

    def profile(self, title: str | None, text: str, at: datetime | None = None) -> Profile:
        """Read one appeal, to be held against others. `at` (aware) is when it came, when that is known."""
        return profile(self.rarity, self._grams, title, text, at)

    def by_measures(self, a: Profile, b: Profile) -> float:
        """How likely two appeals are one matter, by the trees alone."""
        return self._by_trees(a, b, measures(self.rarity, a, b))[1]

    def likeness(self, a: Profile, b: Profile) -> Likeness:
        """How likely two appeals are the same matter."""
        found = measures(self.rarity, a, b)
        logit, p = self._by_trees(a, b, found)
        joined = self._joined
        if joined is not None and p >= joined.asked_from:
            words = joined.net.log_odds(a.source, b.source)
            p = _probability(joined.trees * logit + joined.words * words + joined.shift)
        return Likeness(
            p=p,
            same=p >= self.same_from,
            certain=p >= self.certain_from,
            why=reasons(self.rarity, a, b, dict(zip(MEASURES, found.tolist(), strict=True))),
        )

    def _by_trees(self, a: Profile, b: Profile, found: NDArray[np.float64]) -> tuple[float, float]:
        """Log-odds, not calibrated, and probability by the measures of two texts."""
        # Some measures are told from the first text's side: asked from both, the answer is one.
        other = turned(self.rarity, a, b, found)
        logit = float(self._trees.logits(np.stack([found, other])).mean())
        p = _probability(self._slope * logit + self._shift)
        return logit, min(p, self._apart_most) if apart(found) else p


def _probability(odds: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(odds, -30, 30))))


def _net_of(folder: Path, card: Any) -> tuple[_Joined, _Limits]:  # noqa: ANN401  (whatever the card holds)
    """The net, how it is weighed, and its limits. Raises WeightsError where it is missing or damaged."""
    if card is None:
        raise WeightsError(f"{CARD}: net: the card names none")
    try:
        trees, words, shift = (float(value) for value in card["weigh"])
        joined = _Joined(PairNet(folder, card["files"]), trees, words, shift, float(card["asked_from"]))
        return joined, _Limits(float(card["same_from"]), float(card["certain_from"]))
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        if isinstance(fault, WeightsError):
            raise
        raise WeightsError(f"{CARD}: net: {fault!r}") from fault


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
