"""Two texts read against each other token by token (逐词比对): what measures of a pair cannot say.

Knows `pairs.onnx` (two layers over both texts at once), `pairs.npz` (how rare a token is) and the states
that the encoder's four lowest layers give a text; no thresholds, no database. Called by `nlp.repeats` alone.
Made by `nlp.training.pair_net`. A text costs four layers, once; a pair two layers over both.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np
from tokenizers import Tokenizer

from nlp.encoder import LOWER, UPPER, session_of
from nlp.folder import WeightsError, check_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

GRAPH: Final = "pairs.onnx"
RARITY: Final = "pairs.npz"
#: What else of the folder is read: the encoder's.
ENCODER: Final = (LOWER, "tokenizer.json")
PREFIX: Final = "query: "
#: Tokens of a text that are read. What a complaint is about, and where, stands in its title or first lines.
TOKENS: Final = 128
#: Marks of a token: whether the other text has it, whether it has it with a neighbour, and four of rarity.
MARKS: Final = 16
_HAS, _HAS_TWO = 8, 4
#: Texts kept ready: a new appeal is held against several earlier ones. 200 kB each at most, in memory alone.
_KEPT: Final = 16


def marks_of(mine: Sequence[int], theirs: Sequence[int], rarity: NDArray[np.uint8]) -> NDArray[np.int64]:
    """For each token of one text what is known of it beside the other text (0 to 15)."""
    has = set(theirs)
    has_two = set(pairwise(theirs))
    one = np.array([token in has for token in mine])
    two = np.zeros(len(mine), dtype=np.bool_)
    found = np.array([pair in has_two for pair in pairwise(mine)], dtype=np.bool_)
    two[1:] |= found
    two[:-1] |= found
    marks: NDArray[np.int64] = _HAS * one + _HAS_TWO * two + rarity[np.asarray(mine)].astype(np.int64)
    return marks


class PairNet:
    """Holds texts against each other. Build it once per process."""

    def __init__(self, folder: Path, files: Mapping[str, str]) -> None:
        """Load the weights; `files` are their checksums. Raises WeightsError naming what is wrong."""
        if LOWER not in files and UPPER in files:
            raise WeightsError(f"{GRAPH}: made for an encoder in one file; make it anew for one in two")
        for name in (GRAPH, RARITY, *ENCODER):
            if name not in files:
                raise WeightsError(f"{name}: the card has no checksum of it")
            check_file(folder / name, files[name])
        try:
            with np.load(folder / RARITY, allow_pickle=False) as kept:
                self._rarity = kept["rarity"]
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as fault:  # the libraries raise bare Exceptions of their own
            raise WeightsError(f"{folder.name}: cannot be loaded: {fault}") from fault
        self._tokenizer.enable_truncation(TOKENS)
        self._tokenizer.no_padding()
        self._lower, self._joint = session_of(folder / LOWER), session_of(folder / GRAPH)
        self._kept: OrderedDict[str, tuple[list[int], NDArray[np.float32]]] = OrderedDict()
        self._lock = Lock()
        self._try()

    def _try(self) -> None:
        """Ask once: what does not go together fails now, not at the first appeal. Raises WeightsError."""
        if len(self._rarity) < self._tokenizer.get_vocab_size():
            raise WeightsError(f"{RARITY}: fewer tokens than the tokenizer has")
        try:
            found = self.log_odds("河水发黑", "河水发臭")
        except Exception as fault:  # onnxruntime raises bare Exceptions of its own
            raise WeightsError(f"{GRAPH}: does not go with the encoder's graph: {fault}") from fault
        if not np.isfinite(found):
            raise WeightsError(f"{GRAPH}: gives no number")

    def log_odds(self, one: str, other: str) -> float:
        """Log-odds of one matter, not calibrated; the same whichever text comes first."""
        first, second = sorted((one, other))
        (a, low_a), (b, low_b) = self._low(first), self._low(second)
        marks = np.concatenate([marks_of(a, b, self._rarity), marks_of(b, a, self._rarity)])
        side = np.repeat([0, 1], [len(a), len(b)])
        given = {"low": np.concatenate([low_a, low_b])[None], "marks": marks[None], "side": side[None]}
        return float(self._joint.run(["log_odds"], given)[0][0])

    def _low(self, text: str) -> tuple[list[int], NDArray[np.float32]]:
        """The text's tokens, and what the encoder's lowest layers make of them (T, width)."""
        with self._lock:
            found = self._kept.get(text)
            if found is not None:
                self._kept.move_to_end(text)
                return found
        ids = self._tokenizer.encode(PREFIX + text).ids
        given = {"ids": np.array([ids], dtype=np.int64), "mask": np.ones((1, len(ids)), dtype=np.int64)}
        found = (ids, self._lower.run(["low"], given)[0][0])
        with self._lock:
            self._kept[text] = found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found
