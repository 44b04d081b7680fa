"""Rows of `leads.yaml`: what of the media becomes a lead, and what counts as the same report again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from triage.errors import NoRule
from triage.rules.check_tools import gaps, ids, overlaps
from triage.rules.clock_parsing import percent
from triage.rules.rows import Problem, Row, Where

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from triage.rules.reading import Record

_FILE: Final = Where("leads.yaml", 1)


@dataclass(frozen=True, slots=True)
class LeadRow(Row):
    """线索筛选: in percent, days and characters."""

    title: str
    least_environmental: int
    outside: bool
    oldest_days: int
    same_percent: int
    same_days: int
    shortest: int


def parse(r: Record) -> LeadRow:
    """One row."""
    return LeadRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"),
        least_environmental=percent(r, "least_environmental"), outside=r.flag("outside"),
        oldest_days=r.whole("oldest_days"), same_percent=percent(r, "same_percent"),
        same_days=r.whole("same_days"), shortest=r.whole("shortest"),
    )  # fmt: skip


def check(rows: Sequence[LeadRow], problems: list[Problem]) -> None:
    """One row on every day."""
    if not rows:
        problems.append(Problem(_FILE, "没有任何条目"))
        return
    ids(rows, problems)
    overlaps(rows, lambda _row: None, "线索筛选", problems)
    gaps(rows, "线索筛选", problems)


def row_of(rows: Sequence[LeadRow], at: date) -> LeadRow:
    """The row in force. Raises NoRule."""
    for row in rows:
        if row.holds(at):
            return row
    raise NoRule(f"线索表没有覆盖这一天：{at.isoformat()}")
