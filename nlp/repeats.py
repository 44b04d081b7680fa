"""One matter or two (同一事项): how likely two appeals are about the same, from their texts alone, and why.

Knows `repeats.json` (version, thresholds, calibration) and `repeats.npz` (how rare runs are, and two sets
of trees) of a folder of weights. No database, network or queue. Trees weigh measures of the pair; where they
leave it open, and its weights are there, a net reads both texts word by word (`nlp.pair_net`), and further
trees, which see the measures and what the net says, know when words mislead: the three are joined. Two
texts cost some five milliseconds by measures, of which each text's own two thirds are paid once
(`PairReader.profile`), and five times that where the net is asked. Made by `nlp.training.repeats`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp import WEIGHTS
from nlp.folder import WeightsError, card_of, check_file
from nlp.grams import Grams
from nlp.pair_net import PairNet
from nlp.repeat_grams import Rarity
from nlp.repeat_profile import MEASURES, Profile, apart, measures, profile, turned
from nlp.repeat_reasons import by_words, reasons

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from numpy.typing import NDArray

CARD: Final = "repeats.json"
WEIGHTS_FILE: Final = "repeats.npz"
SCHEMA: Final = "jiesu-repeats/2"
#: What the arrays of the trees that know the net's answer begin with.
WEIGHING: Final = "weighing_"
_DAYS: Final = [MEASURES.index("days"), MEASURES.index("undated")]
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


def weighed_columns(rows: NDArray[np.float64], words: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the weighing trees see of pairs: the measures but for the days, and last what the net says.

    The days of the appeals that we wrote are made: by those the trees would tell them from found ones, and
    distrust words there alone.
    """
    columns = np.column_stack([rows, words])
    columns[:, _DAYS] = 0.0
    return columns


@dataclass(frozen=True, slots=True)
class Likeness:
    """What is said of two appeals: the probability that they are one matter, and the reasons in Chinese."""

    p: float
    same: bool
    """At least the threshold in force (the card's or a site's) for calling it the same matter."""
    certain: bool
    """At least the threshold in force from which a machine may act: the card's, which says how rare false
    merges are there, or a site's."""
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """What calling pairs one matter from a probability on gave on the labelled pairs, all of them hard."""

    start: float
    precision: float
    recall: float
    false_merge_rate: float
    """Of the pairs of two matters those that were called one."""


@dataclass(frozen=True, slots=True)
class _Limits:
    """From which probabilities a pair is called one matter, and surely so; and what others would give."""

    same_from: float
    certain_from: float
    curve: tuple[Measured, ...]

    @classmethod
    def of(cls, card: dict[str, Any]) -> _Limits:
        """From a card, or its part about the net."""
        curve = tuple(
            Measured(*(float(row[name]) for name in ("from", "precision", "recall", "false_merge_rate")))
            for row in card.get("curve", ())
        )
        return cls(float(card["same_from"]), float(card["certain_from"]), curve)

    def set_to(self, same: float | None, certain: float | None) -> _Limits:
        """With a site's own thresholds, where it has some; what is certain is the same, too."""
        same = self.same_from if same is None else same
        certain = self.certain_from if certain is None else certain
        return _Limits(same, max(same, certain), self.curve)


@dataclass(frozen=True, slots=True)
class _Joined:
    """How the net is weighed with the trees, and from which probability of theirs it is asked."""

    net: PairNet
    weighing: Trees
    """Trees over the measures and, last, what the net says."""
    odds: NDArray[np.float64]
    """What the trees, the net, the weighing trees and one weigh in the log-odds."""
    asked_from: float

    def p(self, trees: float, words: float, rows: NDArray[np.float64]) -> float:
        """The probability, from the log-odds of trees and net and the measures, told from either side."""
        weighing = float(self.weighing.logits(weighed_columns(rows, np.full(len(rows), words))).mean())
        return _probability(float(self.odds @ [trees, words, weighing, 1.0]))


class PairReader:
    """Holds appeals against each other. Build it once per process."""

    def __init__(
        self, folder: Path, grams: Grams, *, same_from: float | None = None, certain_from: float | None = None
    ) -> None:
        """Load the weights. Raises WeightsError naming the file that is missing or damaged.

        `same_from` and `certain_from` take the place of the card's thresholds. Without the net the trees
        answer alone, by thresholds of their own or those given, whichever is higher: `degraded` says why, and
        `version` that it is so.
        """
        card = card_of(folder / CARD, SCHEMA)
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
                self._trees = _trees(kept, "", float(card["base"]))
                arrays = {name: kept[name] for name in kept.files if name.startswith(WEIGHING)}
            self._slope, self._shift = (float(value) for value in card["calibration"])
            self._apart_most = float(card["apart_most"])
            self._limits = _Limits.of(card)
            self.degraded: str | None = None
            self._joined: _Joined | None = None
            try:
                self._joined, limits = _net_of(folder, card.get("net"), arrays)
                self._limits = limits.set_to(same_from, certain_from)
            except WeightsError as fault:
                self.degraded = str(fault)
                # Chosen for the whole model: of the trees alone a site's thresholds only ask for more.
                own = self._limits
                self._limits = own.set_to(
                    max(own.same_from, same_from or 0.0), max(own.certain_from, certain_from or 0.0)
                )
            self.version: str = card["version"] if self._joined else f"{card['version']}+{NO_NET}"
        except WeightsError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
            raise WeightsError(f"{CARD}: {fault!r}") from fault
        self._grams = grams

    @classmethod
    def load(
        cls, folder: Path = WEIGHTS, *, same_from: float | None = None, certain_from: float | None = None
    ) -> PairReader:
        """Load the pair model and the model of kinds that it asks."""
        return cls(folder, Grams(folder), same_from=same_from, certain_from=certain_from)

    @property
    def same_from(self) -> float:
        """The probability from which a pair is called one matter."""
        return self._limits.same_from

    @property
    def certain_from(self) -> float:
        """The probability from which a machine may act on it."""
        return self._limits.certain_from

    @property
    def curve(self) -> tuple[Measured, ...]:
        """What thresholds give, from .50 up by hundredths; empty for weights of before."""
        return self._limits.curve

    def profile(self, title: str | None, text: str, at: datetime | None = None) -> Profile:
        """Read one appeal, to be held against others. `at` (aware) is when it came, when that is known."""
        return profile(self.rarity, self._grams, title, text, at)

    def by_measures(self, a: Profile, b: Profile) -> float:
        """How likely two appeals are one matter, by the trees alone."""
        return self._by_trees(self._rows(a, b))[1]

    def likeness(self, a: Profile, b: Profile) -> Likeness:
        """How likely two appeals are the same matter."""
        rows = self._rows(a, b)
        logit, p = self._by_trees(rows)
        why = reasons(self.rarity, a, b, dict(zip(MEASURES, rows[0].tolist(), strict=True)))
        joined = self._joined
        if joined is not None and p >= joined.asked_from:
            words = joined.net.log_odds(a.source, b.source)
            p = joined.p(logit, words, rows)
            why = (*by_words(words), *why)
        return Likeness(p=p, same=p >= self.same_from, certain=p >= self.certain_from, why=why)

    def _rows(self, a: Profile, b: Profile) -> NDArray[np.float64]:
        """The measures from either text's side: some are told from the first one's, and the answer is one."""
        found = measures(self.rarity, a, b)
        return np.stack([found, turned(self.rarity, a, b, found)])

    def _by_trees(self, rows: NDArray[np.float64]) -> tuple[float, float]:
        """Log-odds, not calibrated, and probability by the measures of two texts."""
        logit = float(self._trees.logits(rows).mean())
        p = _probability(self._slope * logit + self._shift)
        return logit, min(p, self._apart_most) if apart(rows[0]) else p


def _probability(odds: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(odds, -30, 30))))


def _trees(kept: Mapping[str, NDArray[Any]], prefix: str, base: float) -> Trees:
    """The trees of the arrays whose names begin so. Raises KeyError naming the one that is missing."""
    return Trees(kept[prefix + "measure"], kept[prefix + "limit"], kept[prefix + "leaf"], base)


def _net_of(
    folder: Path,
    card: Any,  # noqa: ANN401  (whatever the card holds)
    arrays: Mapping[str, NDArray[Any]],
) -> tuple[_Joined, _Limits]:
    """The net, how it is weighed, and its limits. Raises WeightsError where it is missing or damaged."""
    if card is None:
        raise WeightsError(f"{CARD}: net: the card names none")
    try:
        trees, words, weighing, shift = (float(value) for value in card["weigh"])
        joined = _Joined(
            PairNet(folder, card["files"]),
            _trees(arrays, WEIGHING, float(card["weighing_base"])),
            np.array([trees, words, weighing, shift]),
            float(card["asked_from"]),
        )
        return joined, _Limits.of(card)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        if isinstance(fault, WeightsError):
            raise
        raise WeightsError(f"{CARD}: net: {fault!r}") from fault


def _check_measures(card: dict[str, Any]) -> None:
    """Trees that number other measures than ours would answer nonsense. Raises WeightsError."""
    if tuple(card["measures"]) != MEASURES:
        raise WeightsError(f"{CARD}: measures: made for another version of the program")
