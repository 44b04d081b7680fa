"""漂移: whether the readings of a day are other than those of the days before. Pure: counts and rows in.

The population stability index says how far, a chi-square test whether chance alone would: a quiet day of
twenty texts is far from everything. Classes that are rare on both sides are taken together first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from models.vocab_drift import DriftFigure, DriftLevel
from triage.rules.rows import Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from triage.rules.reading import Record

#: Classes of which fewer than this are expected on the day are counted together (the test needs that).
_LEAST_EXPECTED: Final = 5.0
_REST: Final = "…"
#: Added to every count: a class that is new or gone has no logarithm.
_HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class DriftRow(Row):
    """From which PSI a figure's change is watched or acted on, at which chance, from how many texts."""

    title: str
    figure: DriftFigure
    watch: float
    act: float
    chance: float
    least_texts: int


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a day's figure is from before: PSI, the chance of that much without a change, the level."""

    psi: float
    chance: float
    level: DriftLevel
    row: DriftRow


def parse(r: Record) -> DriftRow:
    """A row of drift.yaml."""
    watch, act = r.whole("watch_hundredths"), r.whole("act_hundredths")
    if act <= watch:
        r.fault("act_hundredths 应大于 watch_hundredths", "act_hundredths")
    return DriftRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), figure=r.choice("figure", DriftFigure),
        watch=watch / 100, act=act / 100, chance=r.whole("chance_per_thousand") / 1000,
        least_texts=r.whole("least_texts"),
    )  # fmt: skip


def row_of(rows: Sequence[DriftRow], figure: DriftFigure, on: date) -> DriftRow | None:
    """The row of a figure that holds on a day."""
    return next((row for row in rows if row.figure is figure and row.holds(on)), None)


def judge(row: DriftRow, before: Mapping[str, int], day: Mapping[str, int]) -> Drift:
    """Compare a day's counts with those before it."""
    if sum(day.values()) < row.least_texts or sum(before.values()) < row.least_texts:
        return Drift(0.0, 1.0, DriftLevel.TOO_FEW, row)
    then, now = _pooled(before, day)
    psi, chance = stability(then, now), chance_of(then, now)
    level = DriftLevel.STEADY
    if chance < row.chance and psi >= row.watch:
        level = DriftLevel.ACT if psi >= row.act else DriftLevel.WATCH
    return Drift(round(psi, 4), round(chance, 6), level, row)


def stability(before: Sequence[int], day: Sequence[int]) -> float:
    """The population stability index of two lists of counts of the same classes."""
    size = len(before)
    all_before, all_day = sum(before) + _HALF * size, sum(day) + _HALF * size
    total = 0.0
    for one, other in zip(before, day, strict=True):
        p, q = (one + _HALF) / all_before, (other + _HALF) / all_day
        total += (q - p) * math.log(q / p)
    return total


def chance_of(before: Sequence[int], day: Sequence[int]) -> float:
    """How likely so great a difference is if nothing changed: chi-square test of two samples."""
    all_before, all_day = sum(before), sum(day)
    freedom = len(before) - 1
    if freedom < 1:
        return 1.0
    statistic = 0.0
    for one, other in zip(before, day, strict=True):
        share = (one + other) / (all_before + all_day)
        for seen, total in ((one, all_before), (other, all_day)):
            if share:
                statistic += (seen - share * total) ** 2 / (share * total)
    if not statistic:
        return 1.0
    # Wilson and Hilferty: the cube root of chi-square is nearly normal.
    spread = 2 / (9 * freedom)
    z = ((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return 0.5 * math.erfc(z / math.sqrt(2))


def _pooled(before: Mapping[str, int], day: Mapping[str, int]) -> tuple[list[int], list[int]]:
    """Both counts over the same classes, the rare ones as one."""
    all_before, all_day = sum(before.values()), sum(day.values())
    then: dict[str, int] = {}
    now: dict[str, int] = {}
    for name in sorted({*before, *day}):
        one, other = before.get(name, 0), day.get(name, 0)
        expected = (one + other) / (all_before + all_day) * all_day
        kept = name if expected >= _LEAST_EXPECTED else _REST
        then[kept] = then.get(kept, 0) + one
        now[kept] = now.get(kept, 0) + other
    return list(then.values()), list(now.values())
