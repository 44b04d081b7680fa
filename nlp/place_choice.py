"""Which of the scored candidates is taken, and when a finer place inside it says more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.vocab import PlaceRole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nlp.place_score import Candidate

#: From here on, a finer place inside the best one is taken.
REFINE: Final = 2.5


def _best_first(candidate: Candidate) -> tuple[float, int]:
    return candidate.score, -candidate.mention


def choose(candidates: list[Candidate], roles: Sequence[PlaceRole]) -> Candidate | None:
    """The best candidate, refined: a trusted finer place inside it says more than it does.

    `roles` are the mentions'. A place that is only on the way (往…去, …方向) refines nothing.
    """
    if not candidates:
        return None
    best = max(candidates, key=_best_first)
    finer = [
        candidate
        for candidate in candidates
        if len(candidate.code) > len(best.code)
        and candidate.code.startswith(best.code)
        and candidate.score >= REFINE
        and roles[candidate.mention] is not PlaceRole.DIRECTION
    ]
    return max(finer, key=_best_first, default=best)
