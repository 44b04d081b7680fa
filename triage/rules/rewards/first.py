"""首报: which of several reports of one violation is the first valid one, and the proof of it.

A report is valid when it names what the row asks for and says enough. Valid ones are ordered by when they
arrived; of one moment the more complete first, then the one registered first. The same reports give the
same order whoever asks and however often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triage.rules.rewards.rows import Need

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from triage.rules.rewards.rows import FirstRow


@dataclass(frozen=True, slots=True)
class Report:
    """One report of the violation: what was read of it, never its words or its sender."""

    appeal_id: int
    received_at: datetime
    registered_at: datetime
    words: int
    names_object: bool
    names_place: bool
    names_facts: bool
    files: int = 0

    def lacking(self, row: FirstRow) -> tuple[str, ...]:
        """What is missing for it to be valid."""
        have = {Need.OBJECT: self.names_object, Need.PLACE: self.names_place, Need.FACTS: self.names_facts}
        found = [need.label for need in row.needs if not have[need]]
        return (*found, *(("写得太短",) if self.words < row.shortest_words else ()))

    @property
    def completeness(self) -> int:
        """How much of it is there: needs, then files."""
        return self.names_object + self.names_place + self.names_facts + (1 if self.files else 0)


@dataclass(frozen=True, slots=True)
class Ranked:
    """One report in its place; `place` 1 is the first valid one, None is not valid."""

    report: Report
    place: int | None
    why: str


def order(row: FirstRow, reports: Sequence[Report]) -> tuple[Ranked, ...]:
    """Every report with its place and why, valid ones first."""
    valid = sorted(
        (report for report in reports if not report.lacking(row)),
        key=lambda r: (r.received_at, -r.completeness, r.registered_at, r.appeal_id),
    )
    found = [
        Ranked(report, place, "第一有效举报" if place == 1 else f"有效，按到达先后第 {place}")
        for place, report in enumerate(valid, start=1)
    ]
    rest = sorted((r for r in reports if r.lacking(row)), key=lambda r: (r.received_at, r.appeal_id))
    return (*found, *(Ranked(report, None, "缺" + "、".join(report.lacking(row))) for report in rest))
