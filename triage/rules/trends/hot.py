"""Hot and chronic places: scores that can be checked by hand. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.rules.trends.rows import SignalRow


@dataclass(frozen=True, slots=True)
class Heat:
    """A place's demands in the window, in the base before it, and the score: (now − usual) ÷ √usual."""

    now: int
    before: int
    usual: float
    score: float


def heat(now: int, before: int, row: SignalRow) -> Heat:
    """How hot a place is. `usual` is the base's average for as many days as the window, at least 1."""
    usual = max(before * row.window_days / row.base_days, 1.0)
    return Heat(now, before, usual, (now - usual) / math.sqrt(usual))


def is_hot(found: Heat, row: SignalRow) -> bool:
    """Whether it is a signal."""
    return found.now >= row.least and found.score >= row.limit


def is_chronic(windows: Sequence[int], row: SignalRow) -> bool:
    """Whether every stretch of the base has its least."""
    return len(windows) == row.base_days // row.window_days and min(windows, default=0) >= row.least


def lasting(windows: Sequence[int], usual: Sequence[float]) -> float:
    """How far a place stands out in every stretch: the smallest (n − usual) ÷ √usual, usual at least 1.

    Where much is told of everything each kind reaches its least; what stands out month after month is what
    this place has and others have not.
    """
    least = [max(n, 1.0) for n in usual]
    return min((n - wont) / math.sqrt(wont) for n, wont in zip(windows, least, strict=True))
