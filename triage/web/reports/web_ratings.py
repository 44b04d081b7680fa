"""网上评价 of a month beside the three rates: what citizens say on the web, which counts in none of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.vocab import Satisfaction, YesNo

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class WebRatings:
    """A month's ratings: how many, how many say 已解决, and each answer about satisfaction."""

    count: int
    solved: int
    satisfaction: tuple[tuple[str, int], ...]


def summed(counts: Mapping[tuple[str, str], int]) -> WebRatings:
    """The counts of `models.citizens.ratings_between`, in the order in which one may answer."""
    by_answer = {
        one.label: sum(number for (_, told), number in counts.items() if told == one.value)
        for one in Satisfaction
    }
    return WebRatings(
        count=sum(counts.values()),
        solved=sum(number for (solved, _), number in counts.items() if solved == YesNo.YES.value),
        satisfaction=tuple((label, number) for label, number in by_answer.items() if number),
    )
