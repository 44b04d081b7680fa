"""Which of two readings of the same labelled texts is better at what, and whether it is more than chance.

Paired bootstrap: texts are drawn with replacement, the same ones for both models, and the difference of
each figure is taken anew. Pure: labelled rows with readings in, plain numbers out. Called by
`jiesu nlp compare`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from models.vocab import Urgency
from nlp.evaluation import COVERAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from nlp.evaluation import Pair
    from nlp.types import TopicReading

    Numbers = NDArray[np.float64]
    #: From how often each text was drawn (one row per drawing) to the figure of each drawing.
    Figure = Callable[[Numbers], Numbers]

DRAWINGS: Final = 2_000
SEED: Final = 20_261_125
#: The middle share of the drawings that an interval holds.
INTERVAL: Final = 0.95
#: Fewer labelled texts than this say nothing of a head, whatever the interval.
LEAST_TEXTS: Final = 20


class Verdict(StrEnum):
    """What a comparison says of one head."""

    FIRST = "a"
    SECOND = "b"
    NEITHER = "none"
    TOO_FEW = "too_few"


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of both models. `texts` are those it is taken over; `low` to `high` holds B minus A."""

    texts: int
    a: float
    b: float
    low: float
    high: float
    only_a: int
    only_b: int

    @property
    def verdict(self) -> Verdict:
        """Who is better: an interval that holds nought decides nothing."""
        if self.texts < LEAST_TEXTS:
            return Verdict.TOO_FEW
        if self.low > 0:
            return Verdict.SECOND
        return Verdict.FIRST if self.high < 0 else Verdict.NEITHER


class _Judged(NamedTuple):
    """What one model's answers come to under one head: which texts count, which are right, the figure."""

    counted: NDArray[np.bool_]
    right: NDArray[np.bool_]
    figure: Figure


def compare(
    rows: Sequence[dict[str, Any]],
    first: Sequence[TopicReading],
    second: Sequence[TopicReading],
    *,
    drawings: int = DRAWINGS,
    seed: int = SEED,
) -> dict[str, Compared]:
    """Each head's figure of both readings of `rows`, with the interval of their difference.

    A label that a row lacks leaves it out of that head. Raises ValueError without rows.
    """
    if not rows:
        raise ValueError("no labelled texts")
    ones = np.ones((1, len(rows)))
    drawn = _drawings(len(rows), drawings, seed)
    mine, theirs = (_heads(list(zip(rows, readings, strict=True))) for readings in (first, second))
    found = {}
    for name, a in mine.items():
        b = theirs[name]
        # A drawing without a single text of the head has no figure.
        gaps = b.figure(drawn) - a.figure(drawn)
        gaps = gaps[np.isfinite(gaps)]
        edge = (1 - INTERVAL) / 2
        low, high = np.quantile(gaps, (edge, 1 - edge)) if len(gaps) else (0.0, 0.0)
        found[name] = Compared(
            texts=int(a.counted.sum()),
            a=_number(a.figure(ones)[0]),
            b=_number(b.figure(ones)[0]),
            low=_number(low),
            high=_number(high),
            only_a=int((a.counted & a.right & ~b.right).sum()),
            only_b=int((a.counted & b.right & ~a.right).sum()),
        )
    return found


def _number(value: float) -> float:
    return round(float(value), 4) if np.isfinite(value) else 0.0


def _drawings(texts: int, drawings: int, seed: int) -> Numbers:
    """How often each text is drawn, in each drawing."""
    chance = np.random.default_rng(seed)
    return chance.multinomial(texts, np.full(texts, 1 / texts), size=drawings).astype(np.float64)


def _heads(pairs: Sequence[Pair]) -> dict[str, _Judged]:
    """Every head judged, in the order in which they are told."""
    environmental = np.array([bool(row["environmental"]) for row, _ in pairs])
    said = np.array([reading.environmental for _, reading in pairs])
    known = [(row.get("kind"), row.get("kind2")) for row, _ in pairs]
    firsts = [reading.kinds[0].code if reading.kinds else None for _, reading in pairs]
    either = _flags(guess is not None and guess in kinds for guess, kinds in zip(firsts, known, strict=True))
    asked = environmental & _flags(kind is not None for kind, _ in known)
    heads = {
        "environmental_f1": _Judged(
            np.ones(len(pairs), dtype=bool), said == environmental, _f1(said, environmental)
        ),
        "parent": _share(
            asked,
            _flags(
                (guess or "")[:3] == (kinds[0] or "")[:3] for guess, kinds in zip(firsts, known, strict=True)
            ),
        ),
        "kind_first": _share(
            asked, _flags(guess == kinds[0] for guess, kinds in zip(firsts, known, strict=True))
        ),
        "kind_either": _share(asked, either),
        "kind_top3": _share(
            asked,
            _flags(
                kinds[0] in {guess.code for guess in reading.kinds}
                for (_, reading), kinds in zip(pairs, known, strict=True)
            ),
        ),
        "kind_either_at_88_percent": _Judged(
            asked,
            either,
            _surest(asked, either, [r.kinds[0].p if r.kinds else 0.0 for _, r in pairs]),
        ),
        "appeal_type": _share(
            _flags(row.get("appeal_type") is not None for row, _ in pairs),
            _flags(reading.appeal_type == row.get("appeal_type") for row, reading in pairs),
        ),
    }
    graded = _flags(row.get("urgency") is not None for row, _ in pairs)
    right = _flags(reading.urgency == row.get("urgency") for row, reading in pairs)
    heads["urgency"] = _share(graded, right)
    heads["urgency_macro_f1"] = _Judged(graded, right, _macro_f1(pairs))
    for grade in (Urgency.U1, Urgency.U2):
        heads[f"{grade.lower()}_recall"] = _share(
            _flags(row.get("urgency") == grade for row, _ in pairs), right
        )
    return heads


def _flags(values: object) -> NDArray[np.bool_]:
    return np.fromiter(values, dtype=bool)  # type: ignore[call-overload, no-any-return]


def _ratio(part: Numbers, whole: Numbers) -> Numbers:
    """Shares; no number where the whole is nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        quotient: Numbers = part / whole
    return quotient


def _share(counted: NDArray[np.bool_], right: NDArray[np.bool_]) -> _Judged:
    """The share of the counted texts that are right."""
    hits, all_of = (counted & right).astype(np.float64), counted.astype(np.float64)
    return _Judged(counted, right, lambda drawn: _ratio(drawn @ hits, drawn @ all_of))


def _f1(said: NDArray[np.bool_], labelled: NDArray[np.bool_]) -> Figure:
    """F1 of a yes."""
    hits = (said & labelled).astype(np.float64)
    both = said.astype(np.float64) + labelled
    return lambda drawn: _ratio(2 * (drawn @ hits), drawn @ both)


def _macro_f1(pairs: Sequence[Pair]) -> Figure:
    """The mean F1 over the grades that are labelled in a drawing; a grade never labelled is none of it."""
    graded = [(row.get("urgency"), reading.urgency) for row, reading in pairs if row.get("urgency")]
    at = np.array([place for place, (row, _) in enumerate(pairs) if row.get("urgency")], dtype=np.int64)
    columns = []
    for grade in Urgency:
        label = np.array([right == grade for right, _ in graded], dtype=bool)
        given = np.array([guess == grade for _, guess in graded], dtype=bool)
        columns.append((_f1(given, label), label.astype(np.float64)))

    def figure(drawn: Numbers) -> Numbers:
        drawn = drawn[:, at]
        scores = np.stack([np.where(drawn @ label > 0, f1(drawn), np.nan) for f1, label in columns])
        there = np.isfinite(scores)
        return _ratio(np.where(there, scores, 0.0).sum(axis=0), there.sum(axis=0).astype(np.float64))

    return figure


def _surest(counted: NDArray[np.bool_], right: NDArray[np.bool_], sure: Sequence[float]) -> Figure:
    """The share right among the surest `COVERAGE` of the counted texts."""
    order = np.argsort(-np.array(sure), kind="stable")
    order = order[counted[order]]
    hits = right[order].astype(np.float64)

    def figure(drawn: Numbers) -> Numbers:
        mine = drawn[:, order]
        if not len(order):
            return np.full(len(drawn), np.nan)
        seen, held = np.cumsum(mine, axis=1), np.cumsum(mine * hits, axis=1)
        reached = seen >= COVERAGE * seen[:, -1:] - 1e-9
        place = reached.argmax(axis=1)[:, None]
        return _ratio(
            np.take_along_axis(held, place, axis=1)[:, 0], np.take_along_axis(seen, place, axis=1)[:, 0]
        )

    return figure
