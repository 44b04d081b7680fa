"""Rows of `signals.yaml`: from what on something in the figures is a signal (态势信号)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from models.vocab_trends import SignalKind
from triage.rules.check_tools import gaps, ids, overlaps
from triage.rules.rows import Problem, Row, Where

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from triage.rules.reading import Record

_FILE: Final = Where("signals.yaml", 1)


@dataclass(frozen=True, slots=True)
class SignalRow(Row):
    """From what on one sort of signal is raised.

    `limit`: for 突增 and 持续上升 the false alarms a week that are put up with in the whole city; for hot
    places the least score; for 长期反复 it says nothing. `most`: so many of a day are kept, weightiest first.
    What a person decided is over when `over_days` passed since it was last noticed (1: the next day is
    another one), and worth another look when its score is `again` times that of the decided one.
    """

    title: str
    what: SignalKind
    window_days: int
    base_days: int
    least: int
    limit: float
    most: int
    over_days: int
    again: float


def parse(r: Record) -> SignalRow:
    """One row."""
    window, base = r.whole("window_days"), r.whole("base_days")
    if base < 2 * window:
        r.fault("base_days 至少应为 window_days 的两倍", "base_days")
    over, again = r.whole("over_days"), r.whole("again_tenths")
    if over < 1:
        r.fault("over_days 至少应为 1", "over_days")
    if again <= 10:  # noqa: PLR2004  (the same score)
        r.fault("again_tenths 应大于 10", "again_tenths")
    return SignalRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), what=r.choice("what", SignalKind),
        window_days=window, base_days=base, least=r.whole("least"), limit=r.whole("limit_tenths") / 10,
        most=r.whole("most"), over_days=over, again=again / 10,
    )  # fmt: skip


def check(rows: Sequence[SignalRow], problems: list[Problem]) -> None:
    """At most one row of a sort on every day, and of those there are no gap between."""
    ids(rows, problems)
    for what in SignalKind:
        mine = [row for row in rows if row.what is what]
        if not mine:
            problems.append(Problem(_FILE, f"没有“{what.label}”的条目"))
            continue
        overlaps(mine, lambda row: row.what, what.label, problems)
        gaps(mine, what.label, problems)


def row_of(rows: Sequence[SignalRow], what: SignalKind, at: date) -> SignalRow | None:
    """The row in force; None before the first."""
    return next((row for row in rows if row.what is what and row.holds(at)), None)
