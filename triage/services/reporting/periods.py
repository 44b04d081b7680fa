"""The period of a report: its Beijing days, its number, and what it is called. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from models.vocab_reports import ReportKind
from triage.errors import BadInput

_WEEK: Final = re.compile(r"20[0-9]{2}-W[0-5][0-9]")
_YEAR: Final = timedelta(weeks=52)
#: Reports are of these; at the calendar's own edges a period has none before it, or no last day.
YEARS: Final = range(2000, 2100)


@dataclass(frozen=True, slots=True)
class Period:
    """The Beijing days of a report, both included, and what they are called."""

    kind: ReportKind
    name: str
    first: date
    last: date

    @property
    def issue(self) -> int:
        """期数: the number of the period within its year."""
        if self.kind is ReportKind.MONTHLY:
            return self.first.month
        return self.first.timetuple().tm_yday if self.kind is ReportKind.DAILY else int(self.name[-2:])

    @property
    def year(self) -> int:
        """The year that the number counts in: of a week the one that most of its days are in."""
        return int(self.name[:4]) if self.kind is ReportKind.WEEKLY else self.first.year

    @property
    def before(self) -> Period:
        """The period before it."""
        return holding(self.kind, self.first - timedelta(days=1))

    @property
    def year_before(self) -> Period | None:
        """The same season of last year: the month, or the week 52 weeks before; None of a day (chance)."""
        if self.kind is ReportKind.MONTHLY:
            return holding(self.kind, self.first.replace(year=self.first.year - 1))
        return holding(self.kind, self.first - _YEAR) if self.kind is ReportKind.WEEKLY else None

    @property
    def spelled(self) -> str:
        """As a title says it."""
        day = f"{self.first.year}年{self.first.month}月"
        if self.kind is ReportKind.MONTHLY:
            return day
        if self.kind is ReportKind.DAILY:
            return f"{day}{self.first.day}日"
        year = f"{self.last.year}年" if self.last.year != self.first.year else ""
        return f"{day}{self.first.day}日至{year}{self.last.month}月{self.last.day}日"


def holding(kind: ReportKind, day: date) -> Period:
    """The period of a kind that a day lies in."""
    if kind is ReportKind.DAILY:
        return Period(kind, day.isoformat(), day, day)
    if kind is ReportKind.WEEKLY:
        monday = day - timedelta(days=day.weekday())
        year, week, _ = monday.isocalendar()
        return Period(kind, f"{year}-W{week:02d}", monday, monday + timedelta(days=6))
    first = day.replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return Period(kind, f"{first:%Y-%m}", first, last)


def period_of(kind: ReportKind, name: str) -> Period:
    """The period of that name. Raises BadInput."""
    try:
        if kind is ReportKind.DAILY:
            return holding(kind, date.fromisoformat(name))
        if kind is ReportKind.WEEKLY and _WEEK.fullmatch(name):
            return holding(kind, date.fromisocalendar(int(name[:4]), int(name[-2:]), 1))
        if kind is ReportKind.MONTHLY:
            return holding(kind, date.fromisoformat(f"{name}-01"))
    except (ValueError, OverflowError):
        pass  # told below, with the wrongly shaped ones
    raise BadInput("期间应形如 2026-11-25（日报）、2026-W47（周报）或 2026-10（月报）")
