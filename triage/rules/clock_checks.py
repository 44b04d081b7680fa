"""Checks of `clocks.yaml`: every clock runs on every day, and nothing is named that does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triage.rules.acts import ACTS
from triage.rules.check_tools import gaps, ids, overlaps, say
from triage.rules.ringing import spelled
from triage.rules.rows import ClockName, Problem, Where

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.rules.clock_rows import ClockTable, RingRow
    from triage.rules.rows import Row

_FILE: Final = Where("clocks.yaml", 1)


def check(clocks: ClockTable, problems: list[Problem]) -> None:
    """Note every problem between the rows of `clocks.yaml`."""
    groups: tuple[Sequence[Row], ...] = (
        clocks.runs, clocks.warnings, clocks.quiet, clocks.extensions, clocks.rehandles, clocks.follow_ups,
        clocks.ringing,
    )  # fmt: skip
    for group in groups:
        ids(group, problems)
    for clock in ClockName:
        _always([row for row in clocks.runs if row.clock is clock], f"{clock.label}计时", problems)
    _always(clocks.rehandles, "重办", problems)
    _always(clocks.follow_ups, "回访次数", problems)
    _check_ringing(clocks.ringing, problems)
    overlaps(clocks.warnings, lambda row: row.percent, "同一提醒点", problems)
    overlaps(clocks.extensions, lambda row: (row.clock, row.urgency), "同一延期上限", problems)
    for row in clocks.runs:
        for name in (*row.restart, *row.stop, *row.resume):
            if name not in ACTS:
                say(problems, row, f"没有这个动作：{name}")
        both = sorted(set(row.restart) & set(row.stop))
        if both:
            say(problems, row, f"同一动作不能既重新起算又停表：{'、'.join(both)}")
        twice = sorted(set(row.resume) & {*row.restart, *row.stop})
        if twice:
            say(problems, row, f"接着走的动作不能又停表或重新起算：{'、'.join(twice)}")


def _check_ringing(rows: Sequence[RingRow], problems: list[Problem]) -> None:
    """Tables of before have no such row; with one, there is one for every day."""
    if rows:
        _always(rows, "打电话的时段", problems)
    for row in rows:
        outside = [at for at in row.offers if not any(start <= at < end for start, end in row.segments)]
        if outside:
            say(problems, row, f"供选的约定时间不在打电话的时段里：{'、'.join(map(spelled, outside))}")


def _always(rows: Sequence[Row], what: str, problems: list[Problem]) -> None:
    """Exactly one row holds on every day."""
    if not rows:
        problems.append(Problem(_FILE, f"缺少{what}"))
        return
    overlaps(rows, lambda _row: None, what, problems)
    gaps(rows, what, problems)
