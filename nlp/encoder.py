"""The encoder (编码模型): a small transformer in int8 ONNX that says of a text what the lexicon cannot.

Knows the folder of weights and tensors; gives plain beliefs, the tokens that decided, and the spans of who
and when. No torch. Called by `nlp.cascade`; its graph is run by `nlp.pair_net` too. A folder holds
`card.json` (what the model is, its classes, calibration and checksums), `low.onnx` (the lowest layers, which
training leaves as the base has them), `model.onnx` (those above) and `tokenizer.json`. In folders of before,
whose card says `jiesu-encoder/1`, `model.onnx` is the whole of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from nlp.beliefs import Beliefs, Blend, Sure
from nlp.folder import WeightsError, check_file
from nlp.spans import Said

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Encoding

CARD: Final = "card.json"
SCHEMA: Final = "jiesu-encoder/2"
_OF_BEFORE: Final = "jiesu-encoder/1"
LOWER: Final = "low.onnx"
UPPER: Final = "model.onnx"
#: What onnxruntime must not join when it loads a graph: joined, a normalisation takes seven times as long
#: (its loop adds up one number after the other), a Gelu nearly twice (1.32, measured on our own graph).
#: Graphs that were written joined stay so.
SLOWER: Final = ("SkipLayerNormFusion", "BiasSkipLayerNormFusion", "BiasGeluFusion")
HEADS: Final = ("kind", "appeal_type", "urgency")
SPANS: Final = ("place", "party", "when")
#: The output of who and when, which `nlp.training.spans` adds to the graph.
SAID: Final = "said"
_LEAST_SPAN: Final = 0.4
#: Tokens that every part has besides its text's: the prefix and two marks, and some to spare.
_BESIDE: Final = 12
#: A model that reads fewer tokens is not asked about the end: so short a part says little.
_END_FROM: Final = 64
_GRAVE: Final = ("U1", "U2")


@dataclass(frozen=True, slots=True)
class Card:
    """What `card.json` says that reading needs."""

    version: str
    prefix: str
    tokens: int
    classes: Mapping[str, tuple[str, ...]]
    blend: Blend
    sure: Sure
    split: bool = False
    """Whether the graph is in two files."""

    @classmethod
    def load(cls, folder: Path) -> Card:
        """Read the card and check every file it names. Raises WeightsError."""
        try:
            raw = json.loads((folder / CARD).read_text(encoding="utf-8"))
        except (OSError, ValueError) as fault:
            raise WeightsError(f"{folder / CARD}: {fault}") from fault
        if not isinstance(raw, dict) or not isinstance(raw.get("version", ""), str):
            raise WeightsError(f"{CARD}: no card of a model")
        split = raw.get("schema") == SCHEMA
        if not split and raw.get("schema") != _OF_BEFORE:
            raise WeightsError(f"{CARD}: schema: expected {SCHEMA!r}, found {raw.get('schema')!r}")
        try:
            for name, digest in raw["files"].items():
                check_file(folder / name, digest)
            if split and LOWER not in raw["files"]:
                raise WeightsError(f"{CARD}: files: no checksum of {LOWER}")
            return cls(
                version=raw["version"],
                prefix=raw["prefix"],
                tokens=int(raw["tokens"]),
                classes={head: tuple(raw["classes"][head]) for head in HEADS},
                blend=Blend(**{head: tuple(pair) for head, pair in raw["blend"].items()}),
                sure=Sure(**{name: float(value) for name, value in raw["sure"].items()}),
                split=split,
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as fault:
            if isinstance(fault, WeightsError):
                raise
            raise WeightsError(f"{CARD}: {fault!r}") from fault


@dataclass(frozen=True, slots=True)
class Weighed:
    """A span of the text and what it adds to a class's score."""

    start: int
    end: int
    weight: float


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the encoder says of one text; offsets count its characters."""

    beliefs: Beliefs
    environmental: tuple[Weighed, ...]
    kind: tuple[Weighed, ...]
    spans: Mapping[str, tuple[int, int]]
    said: tuple[Said, ...] = ()
    """What its tokens say of who and when, part by part; nothing from a graph that was not taught it."""


def session_of(graph: Path, *, threads: int = 1) -> onnxruntime.InferenceSession:
    """The graph, ready to run; one for all who ask for this file and so many threads. Raises WeightsError."""
    try:
        changed = graph.stat().st_mtime_ns
    except OSError as fault:
        raise WeightsError(f"{graph.name}: cannot be read: {fault.strerror}") from fault
    return _session(graph, changed, threads)


@lru_cache(maxsize=8)
def _session(graph: Path, _changed: int, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads steal the cores from the other workers of the machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            str(graph), options, providers=["CPUExecutionProvider"], disabled_optimizers=list(SLOWER)
        )
    except Exception as fault:  # the library raises bare Exceptions of its own
        raise WeightsError(f"{graph.name}: cannot be loaded: {fault}") from fault


class Encoder:
    """Reads texts. Build it once per process."""

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        """Load the weights. Raises WeightsError naming the file that is missing or damaged."""
        self.card = Card.load(folder)
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._tokenizer.enable_truncation(self.card.tokens)
            self._tokenizer.no_padding()
        except Exception as fault:  # the library raises bare Exceptions of its own
            raise WeightsError(f"{folder.name}: cannot be loaded: {fault}") from fault
        self._lower = session_of(folder / LOWER, threads=threads) if self.card.split else None
        self._upper = session_of(folder / UPPER, threads=threads)
        self._asked = ["scores", "why", "tags"]
        self._asked += [one.name for one in self._upper.get_outputs() if one.name == SAID]
        self.version = self.card.version
        self._try()

    def _try(self) -> None:
        """Read once: files that do not go together fail now, not at the first appeal. Raises WeightsError."""
        try:
            self._read("试")
        except Exception as fault:  # onnxruntime raises bare Exceptions of its own
            other = LOWER if self.card.split else CARD
            raise WeightsError(f"{UPPER}: does not go with {other}: {fault}") from fault

    def read_many(self, sources: Sequence[str]) -> list[Encoded]:
        """What the encoder says of each text, in the same order.

        One text at a time: the int8 graph measures out its steps over the whole batch, so in a batch an
        answer would depend on its neighbours; and on a CPU a batch is no faster.
        """
        return [self._read(source) for source in sources]

    def _read(self, source: str) -> Encoded:
        """What is said of a text: by its beginning, and where it is longer by its end, too.

        A long letter tells who one is and what was before, and its matter late; what stands between the two
        is read by the linear models alone.
        """
        coded = self._tokenizer.encode(self.card.prefix + source)
        beginning = self._part(source, coded, 0)
        if not coded.overflowing or self.card.tokens < _END_FROM:
            return beginning
        start = self._end(coded)
        return _together(
            beginning, self._part(source, self._tokenizer.encode(self.card.prefix + source[start:]), start)
        )

    def _end(self, coded: Encoding) -> int:
        """Where the last tokens begin that are read at once."""
        rest = [coded, *coded.overflowing]
        starts = [start for part in rest for start, end in part.offsets if end > start]
        kept = min(self.card.tokens - _BESIDE, len(starts))
        return max(int(starts[-kept]) - len(self.card.prefix), 0)

    def _part(self, source: str, coded: Encoding, begun: int) -> Encoded:
        """What is said of what `coded` holds of a text, which begins at `begun` in it."""
        given = {
            "ids": np.array([coded.ids], dtype=np.int64),
            "mask": np.ones((1, len(coded.ids)), dtype=np.int64),
        }
        if self._lower is not None:
            given = {"low": self._lower.run(["low"], given)[0], "mask": given["mask"]}
        scores, why, tags, *said = self._upper.run(self._asked, given)
        before = len(self.card.prefix)
        offsets = [
            (max(start, before) - before + begun, end - before + begun) if end > before else (0, 0)
            for start, end in coded.offsets
        ]
        return Encoded(
            beliefs=self._beliefs(scores[0]),
            environmental=_weighed(source, offsets, why[0, :, 0]),
            kind=_weighed(source, offsets, why[0, :, 1]),
            spans=_spans(source, offsets, tags[0]),
            said=tuple(Said(offsets, values[0]) for values in said),
        )

    def _beliefs(self, scores: NDArray[np.float32]) -> Beliefs:
        shares: dict[str, dict[str, float]] = {}
        at = 1
        for head in HEADS:
            names = self.card.classes[head]
            shares[head] = dict(zip(names, _softmax(scores[at : at + len(names)]).tolist(), strict=True))
            at += len(names)
        return Beliefs(
            environmental=float(1 / (1 + np.exp(-np.clip(scores[0], -30, 30)))),
            kinds=shares["kind"],
            appeal_types=shares["appeal_type"],
            urgencies=shares["urgency"],
        )


def _together(beginning: Encoded, end: Encoded) -> Encoded:
    """What beginning and end say of one text: the one that is surer of a pollution speaks for it.

    Its grade is that of the part that tells of the graver matter: a danger told late is not halved by thanks.
    """
    first, second = beginning.beliefs, end.beliefs
    told = end if first.environmental < second.environmental else beginning
    graver = max(first.urgencies, second.urgencies, key=lambda shares: sum(shares[name] for name in _GRAVE))
    types = _mean(first.appeal_types, second.appeal_types)
    return replace(
        told,
        beliefs=replace(told.beliefs, appeal_types=types, urgencies=graver),
        said=(*beginning.said, *end.said),
    )


def _mean(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, float]:
    return {name: (share + second[name]) / 2 for name, share in first.items()}


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    powers = np.exp((scores - scores.max()).astype(np.float64))
    total: NDArray[np.float64] = powers / powers.sum()
    return total


def _weighed(
    source: str, offsets: Sequence[tuple[int, int]], shares: NDArray[np.float32]
) -> tuple[Weighed, ...]:
    """The tokens' shares, above or below the text's mean: what every token says alike decides nothing."""
    shares = shares - shares.mean()
    found = []
    for (start, end), share in zip(offsets, shares.tolist(), strict=True):
        first = max(start, 0)
        while first < end and source[first].isspace():
            first += 1
        if first < end:
            found.append(Weighed(first, end, share))
    return tuple(found)


def _spans(
    source: str, offsets: Sequence[tuple[int, int]], tags: NDArray[np.float32]
) -> dict[str, tuple[int, int]]:
    """For each kind of span the one that is tagged most surely."""
    powers = np.exp(tags - tags.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    best = p.argmax(axis=1)
    found: dict[str, tuple[float, tuple[int, int]]] = {}
    at = 0
    while at < len(offsets):
        tag = int(best[at])
        if tag == 0 or offsets[at][1] <= 0:
            at += 1
            continue
        name, end = (tag - 1) // 2, at + 1
        while end < len(offsets) and int(best[end]) == 2 * name + 2:
            end += 1
        sure = float(1 - p[at:end, 0].mean())
        start, last = max(offsets[at][0], 0), offsets[end - 1][1]
        while start < last and source[start].isspace():
            start += 1
        if sure >= _LEAST_SPAN and start < last and sure > found.get(SPANS[name], (0.0, (0, 0)))[0]:
            found[SPANS[name]] = (sure, (start, last))
        at = end
    return {name: span for name, (_, span) in found.items()}
