"""How the encoder is joined with the lexicon, and when it is asked: chosen on texts neither has learned from.

Pure: beliefs of both and labelled rows in, the card's `blend`, `sure` and `curve` out.
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from itertools import product as every
from typing import TYPE_CHECKING, Any, Final

from nlp.beliefs import BLENDED, Beliefs, Blend, Sure, blend

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SHARES: Final = tuple(step / 10 for step in range(11))
TEMPERATURES: Final = tuple(step / 10 for step in range(5, 16))
#: What is tried for the three limits of `Sure`.
SURE_YES: Final = (0.6, 0.7, 0.8, 0.9, 0.95)
SURE_NO: Final = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35)
SURE_KIND: Final = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)
_LEAST: Final = 1e-4

Row = dict[str, Any]


def choose_blend(rows: Sequence[Row], first: Sequence[Beliefs], second: Sequence[Beliefs]) -> Blend:
    """Per head the share, temperature and way of joining under which the right answers are likeliest."""
    how = Blend()
    for head in BLENDED:
        wanted = [
            (row, _only(one, head), _only(two, head))
            for row, one, two in zip(rows, first, second, strict=True)
            if row.get(head) is not None
        ]
        if not wanted:
            continue  # nothing to choose by: equal parts, as they are

        def loss(how: Blend, head: str = head, wanted: Any = wanted) -> float:  # noqa: ANN401  (triples)
            return sum(
                -math.log(max(_right(head, row, blend(one, two, how)), _LEAST)) for row, one, two in wanted
            )

        # Together: a blend that is too modest at one share may be the best one once it is sharpened.
        how = min(_ways(how, head), key=loss)
    return how


def _ways(how: Blend, head: str) -> Iterator[Blend]:
    """All ways to join one head, the others as they are."""
    for products in (how.products, (*how.products, head)):
        for pair in every(SHARES, TEMPERATURES):
            yield replace(how, products=products, **{head: pair})


def _only(beliefs: Beliefs, head: str) -> Beliefs:
    """One head's beliefs: the others would be joined for nothing, hundreds of times."""
    return Beliefs(
        environmental=beliefs.environmental,
        kinds=beliefs.kinds if head == "kind" else {},
        appeal_types=beliefs.appeal_types if head == "appeal_type" else {},
        urgencies=beliefs.urgencies if head == "urgency" else {},
    )


def _right(head: str, row: Row, beliefs: Beliefs) -> float:
    """What is believed of the label; of two kinds, of either."""
    if head == "environmental":
        return beliefs.environmental if row["environmental"] else 1 - beliefs.environmental
    if head == "kind":
        return sum(beliefs.kinds.get(kind, 0.0) for kind in {row["kind"], row.get("kind2") or row["kind"]})
    shares = beliefs.appeal_types if head == "appeal_type" else beliefs.urgencies
    return shares.get(row[head], 0.0)


def choose_sure(rows: Sequence[Row], first: Sequence[Beliefs], both: Sequence[Beliefs]) -> Sure:
    """When the lexicon needs no second opinion: the fewest questions that cost no accuracy."""
    texts = list(zip(rows, first, both, strict=True))
    best = _scores([(row, two) for row, _, two in texts])
    found: tuple[int, Sure] | None = None
    for limits in every(SURE_YES, SURE_NO, SURE_KIND):
        sure = Sure(*limits)
        asked = [sure.leaves_open(one) for _, one, _ in texts]
        mixed = [(row, two if ask else one) for (row, one, two), ask in zip(texts, asked, strict=True)]
        good = all(mine >= theirs for mine, theirs in zip(_scores(mixed), best, strict=True))
        if good and (found is None or sum(asked) < found[0]):
            found = (sum(asked), sure)
    if found is None:
        return Sure(1.01, 0.0, 1.01)
    return found[1]


def _scores(pairs: Sequence[tuple[Row, Beliefs]]) -> tuple[float, float]:
    """The shares of texts answered right: as a whole, and those of environmental texts as to the kind.

    As a whole: not environmental, or environmental and of a labelled kind.
    """
    whole, kinds, environmental = 0, 0, 0
    for row, beliefs in pairs:
        said = beliefs.environmental >= 0.5  # noqa: PLR2004  (more likely than not)
        if not row["environmental"]:
            whole += not said
            continue
        environmental += 1
        right = max(beliefs.kinds, key=beliefs.kinds.__getitem__) in (row["kind"], row.get("kind2"))
        kinds += right
        whole += said and right
    return whole / len(pairs), kinds / max(environmental, 1)


def as_card(how: Blend, sure: Sure) -> dict[str, Any]:
    """The card's part."""
    return {"blend": blend_card(how), "sure": asdict(sure)}


def blend_card(how: Blend) -> dict[str, Any]:
    """The card's part that says how two models are joined."""
    return {head: list(pair) for head, pair in asdict(how).items()}
