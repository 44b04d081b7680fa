"""How the encoder is joined with the lexicon, and when it is asked: chosen on texts neither has learned from.

Pure: beliefs of both and labelled rows in, the card's `blend`, `sure` and `curve` out.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from nlp.beliefs import Blend, Sure, blend

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nlp.beliefs import Beliefs

SHARES: Final = tuple(step / 10 for step in range(11))
TEMPERATURES: Final = tuple(step / 10 for step in range(5, 21))
#: The cascade may cost this much accuracy against asking the encoder about every text.
LOSS: Final = 0.004
#: The lexicon's no is final where at most this share of such texts is environmental after all.
MISSED: Final = 0.01
_LEAST: Final = 1e-4

Row = dict[str, Any]


def choose_blend(rows: Sequence[Row], first: Sequence[Beliefs], second: Sequence[Beliefs]) -> Blend:
    """Per head the share and temperature under which the right answers are likeliest."""
    chosen: dict[str, tuple[float, float]] = {}
    for head in ("environmental", "kind", "appeal_type", "urgency"):
        wanted = [
            (row, one, two)
            for row, one, two in zip(rows, first, second, strict=True)
            if row.get(head) is not None
        ]

        def loss(pair: tuple[float, float], head: str = head, wanted: Any = wanted) -> float:  # noqa: ANN401  (triples)
            how = Blend(**{head: pair})
            return sum(
                -math.log(max(_right(head, row, blend(one, two, how)), _LEAST)) for row, one, two in wanted
            )

        share = min(SHARES, key=lambda share: loss((share, 1.0)))
        chosen[head] = (share, min(TEMPERATURES, key=lambda temperature: loss((share, temperature))))
    return Blend(**chosen)


def _right(head: str, row: Row, beliefs: Beliefs) -> float:
    """What is believed of the label; of two kinds, of either."""
    if head == "environmental":
        return beliefs.environmental if row["environmental"] else 1 - beliefs.environmental
    if head == "kind":
        return sum(beliefs.kinds.get(kind, 0.0) for kind in {row["kind"], row.get("kind2") or row["kind"]})
    shares = beliefs.appeal_types if head == "appeal_type" else beliefs.urgencies
    return shares.get(row[head], 0.0)


def choose_sure(rows: Sequence[Row], first: Sequence[Beliefs], both: Sequence[Beliefs]) -> Sure:
    """When the lexicon needs no second opinion: fewest questions at a loss of at most LOSS."""
    texts = list(zip(rows, first, both, strict=True))
    best = _score([(row, two) for row, _, two in texts])
    not_environmental = _greatest(
        [step / 200 for step in range(1, 61)],
        lambda limit: _missed([(row, one) for row, one, _ in texts], limit) <= MISSED,
    )
    found: tuple[int, Sure] | None = None
    for environmental in (0.8, 0.9, 0.95, 0.98):
        for kind in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.01):
            sure = Sure(environmental, not_environmental, kind)
            asked = [sure.leaves_open(one) for _, one, _ in texts]
            mixed = [(row, two if ask else one) for (row, one, two), ask in zip(texts, asked, strict=True)]
            if _score(mixed) >= best - LOSS and (found is None or sum(asked) < found[0]):
                found = (sum(asked), sure)
    if found is None:
        return Sure(1.01, 0.0, 1.01)
    return found[1]


def _score(pairs: Sequence[tuple[Row, Beliefs]]) -> float:
    """The share of texts answered right: not environmental, or environmental and of a labelled kind."""
    right = 0
    for row, beliefs in pairs:
        said = beliefs.environmental >= 0.5  # noqa: PLR2004  (more likely than not)
        if not row["environmental"]:
            right += not said
        else:
            top = max(beliefs.kinds, key=beliefs.kinds.__getitem__)
            right += said and top in (row["kind"], row.get("kind2"))
    return right / len(pairs)


def _missed(pairs: Sequence[tuple[Row, Beliefs]], limit: float) -> float:
    """Of the texts the lexicon would dismiss, the share that is environmental."""
    dismissed = [bool(row["environmental"]) for row, beliefs in pairs if beliefs.environmental <= limit]
    return sum(dismissed) / len(dismissed) if dismissed else 0.0


def _greatest(limits: Sequence[float], holds: Callable[[float], bool]) -> float:
    """The greatest limit up to which the condition holds throughout; 0 when it never does."""
    found = 0.0
    for limit in limits:
        if not holds(limit):
            break
        found = limit
    return found


def as_card(how: Blend, sure: Sure) -> dict[str, Any]:
    """The card's part."""
    return {"blend": {head: list(pair) for head, pair in asdict(how).items()}, "sure": asdict(sure)}
