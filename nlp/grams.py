"""The linear model over runs of one to three characters (字组模型): a tenth of a millisecond a text.

Knows its folder's `grams.json` and `grams.npz`, and numbers; gives plain beliefs, and how much each character
said for a class. It knows no words: what the lexicon's authors did not think of, it has counted. Called by
`nlp.cascade` alone; made by `nlp.training.grams`, which uses `keys_of` itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from nlp.beliefs import Beliefs, Blend
from nlp.folder import WeightsError, card_of, check_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CARD: Final = "grams.json"
WEIGHTS_FILE: Final = "grams.npz"
SCHEMA: Final = "jiesu-grams/1"
HEADS: Final = ("environmental", "kind", "appeal_type", "urgency")
#: Characters read: what the matter is stands at the beginning.
READ: Final = 2_000
LONGEST: Final = 3
#: A character takes 21 bits, so three of them make one key below 2**63.
_BITS: Final = 21
_DIGITS: Final = (ord("0"), ord("9"))
_BLANKS: Final = (ord(" "), ord("\n"))


def keys_of(folded: str) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """The keys of all runs of one to three characters of a folded text, and where each begins in it.

    White space is passed over, every digit counts as 0. Keys come in no order, as often as they stand there.
    """
    codes = np.frombuffer(folded[:READ].encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    places = np.flatnonzero((codes != _BLANKS[0]) & (codes != _BLANKS[1]))
    codes = codes[places]
    codes[(codes >= _DIGITS[0]) & (codes <= _DIGITS[1])] = _DIGITS[0]
    bits = np.uint64(_BITS)
    pairs = (codes[:-1] << bits) | codes[1:]
    threes = (pairs[:-1] << bits) | codes[2:]
    return (
        np.concatenate([codes, pairs, threes]),
        np.concatenate([places, places[: len(pairs)], places[: len(threes)]]),
    )


def strengths_of(counts: NDArray[np.intp], idf: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sublinear count times rarity, at unit length."""
    raw = (1 + np.log(counts)).astype(np.float32) * idf
    length = float(np.sqrt(raw @ raw)) or 1.0
    return raw / np.float32(length)


@dataclass(frozen=True, slots=True)
class Counted:
    """What the model makes of one text: beliefs, and the runs that they come from."""

    beliefs: Beliefs
    rows: NDArray[np.intp]
    """The weights' rows of the runs that are known, each once, in order."""
    strengths: NDArray[np.float32]
    keys: NDArray[np.uint64]
    """Every run as it stands in the text, unknown ones among them, and where."""
    starts: NDArray[np.intp]


class Grams:
    """Reads texts. Build it once per process."""

    def __init__(self, folder: Path) -> None:
        """Load the weights. Raises WeightsError naming the file that is missing or damaged."""
        card = card_of(folder / CARD, SCHEMA)
        try:
            check_file(folder / WEIGHTS_FILE, card["files"][WEIGHTS_FILE])
            with np.load(folder / WEIGHTS_FILE, allow_pickle=False) as kept:
                self._keys: NDArray[np.uint64] = kept["keys"]
                self._idf: NDArray[np.float32] = kept["idf"].astype(np.float32)
                self._weights: NDArray[np.int8] = kept["weights"]
                self._scale: NDArray[np.float32] = kept["scale"].astype(np.float32)
                self._bias: NDArray[np.float32] = kept["bias"].astype(np.float32)
            self.version: str = card["version"]
            self.blend = Blend(**{head: tuple(pair) for head, pair in card["blend"].items()})
            self._classes = {head: tuple(card["classes"][head]) for head in HEADS}
            self._temperature = {head: float(card["temperature"][head]) for head in HEADS}
        except WeightsError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
            raise WeightsError(f"{CARD}: {fault!r}") from fault
        self._columns: dict[str, slice] = {}
        at = 0
        for head in HEADS:
            self._columns[head] = slice(at, at + len(self._classes[head]))
            at += len(self._classes[head])
        if self._weights.shape != (len(self._keys), at):
            raise WeightsError(f"{WEIGHTS_FILE}: {self._weights.shape} weights for {at} classes")
        # A run's length is told by its key alone: the higher characters of a shorter one are nothing.
        self._lengths = 1 + (self._keys >> np.uint64(_BITS) > 0).astype(np.intp)
        self._lengths += self._keys >> np.uint64(2 * _BITS) > 0

    def read(self, folded: str) -> Counted:
        """Read a folded text. Never raises; a text of unknown characters is believed to be like any other."""
        keys, starts = keys_of(folded)
        # Each run is looked for once, and in order: the search then moves through the keys from end to end.
        runs, counts = np.unique(keys, return_counts=True)
        at = np.searchsorted(self._keys, runs)
        at[at == len(self._keys)] = 0
        known = np.flatnonzero(self._keys[at] == runs)
        rows, counts = at[known], counts[known]
        strengths = strengths_of(counts, self._idf[rows])
        scores = (strengths @ self._weights[rows].astype(np.float32)) * self._scale + self._bias
        shares = {
            head: dict(
                zip(
                    self._classes[head],
                    _softmax(scores[self._columns[head]] / self._temperature[head]).tolist(),
                    strict=True,
                )
            )
            for head in HEADS[1:]
        }
        logit = min(max(float(scores[0]) / self._temperature["environmental"], -30.0), 30.0)
        return Counted(
            beliefs=Beliefs(
                environmental=1 / (1 + math.exp(-logit)),
                kinds=shares["kind"],
                appeal_types=shares["appeal_type"],
                urgencies=shares["urgency"],
            ),
            rows=rows,
            strengths=strengths,
            keys=keys,
            starts=starts,
        )

    def said(self, counted: Counted, head: str, value: str, size: int) -> NDArray[np.float32]:
        """How much each of the text's `size` characters said for a class: its runs' shares, spread evenly."""
        column = self._columns[head].start + self._classes[head].index(value)
        weights = self._weights[counted.rows, column].astype(np.float32) * self._scale[column]
        heat = np.zeros(size + 1, dtype=np.float32)
        if not len(counted.rows):
            return heat[:size]
        runs = self._keys[counted.rows]
        hits = np.minimum(np.searchsorted(runs, counted.keys), len(runs) - 1)
        known = np.flatnonzero(runs[hits] == counted.keys)
        hits, starts = hits[known], counted.starts[known]
        lengths = self._lengths[counted.rows][hits]
        # A run that stands there twice counts once: its share is spread over all its places.
        times = np.bincount(hits, minlength=len(runs))
        each = (weights * counted.strengths / times)[hits] / lengths
        np.add.at(heat, starts, each)
        np.add.at(heat, np.minimum(starts + lengths, size), -each)
        return np.cumsum(heat)[:size].astype(np.float32)


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    powers = np.exp((scores - scores.max()).astype(np.float64))
    total: NDArray[np.float64] = powers / powers.sum()
    return total
