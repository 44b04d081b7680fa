"""Rows of `reports.yaml`: who is told of a report (报告送谁), of which kind and when. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from models.vocab import Post
from models.vocab_reports import ReportKind, ReportMoment
from triage.rules.check_tools import ids, overlaps
from triage.rules.rows import Problem, Row

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from triage.rules.reading import Record

_POSTS: Final = frozenset(post.value for post in Post if post is not Post.SYSTEM)


@dataclass(frozen=True, slots=True)
class ReportRecipientRow(Row):
    """Reports of a kind are told to a post, or to a unit by its code, once drafted or once signed."""

    title: str
    report: ReportKind
    moment: ReportMoment
    to: str

    @property
    def post(self) -> bool:
        """Whether it is a post; else a unit."""
        return self.to in _POSTS


def parse(r: Record) -> ReportRecipientRow:
    """One row."""
    return ReportRecipientRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), report=r.choice("report", ReportKind),
        moment=r.choice("moment", ReportMoment), to=r.text("to"),
    )  # fmt: skip


def check(rows: Sequence[ReportRecipientRow], units: Collection[str], problems: list[Problem]) -> None:
    """Whoever is named is a post or a unit, and each once on a day."""
    ids(rows, problems)
    problems += [
        Problem(row.where, f"to：{row.to} 不是岗位，也不是 units.csv 里的单位")
        for row in rows
        if not row.post and row.to not in units
    ]
    for key in {(row.report, row.moment, row.to) for row in rows}:
        mine = [row for row in rows if (row.report, row.moment, row.to) == key]
        overlaps(mine, lambda _row: None, f"{key[0].label}{key[1].label}后告诉 {key[2]}", problems)


def told(
    rows: Sequence[ReportRecipientRow], report: ReportKind, moment: ReportMoment, on: date
) -> list[ReportRecipientRow]:
    """Who is told on a day."""
    return [row for row in rows if row.report is report and row.moment is moment and row.holds(on)]
