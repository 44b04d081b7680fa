"""Rows of `incidents.yaml`: how many calls, in what space and time, are a burst; how an incident grows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from models.vocab_incidents import BurstScope
from triage.errors import NoRule
from triage.rules.check_tools import gaps, ids, overlaps
from triage.rules.clock_parsing import dated_rows
from triage.rules.rows import Problem, Row, Where

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from triage.rules.reading import Record

_FILE: Final = Where("incidents.yaml", 1)
#: Calls are kept for the search by squares of about this size: a circle may not be wider than three of them.
WIDEST_CIRCLE: Final = 2_000
_LEAST_SPREAD: Final = 100


@dataclass(frozen=True, slots=True)
class BurstRow(Row):
    """聚集: `least` callers within `minutes`, within `metres` of one of them or in one district."""

    title: str
    scope: BurstScope
    minutes: int
    metres: int
    least: int

    @property
    def window(self) -> timedelta:
        """The stretch of time that is counted."""
        return timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class ConductRow(Row):
    """发现与归入: the budget of false alarms, what is usual, and which later calls attach."""

    title: str
    false_per_30_days: int
    looks_per_day: int
    history_days: int
    least_days: int
    least_per_hour: float
    unknown_per_hour: float
    spread: float
    fresh: timedelta
    join_metres: int
    widest_metres: int
    join: timedelta
    grew: float
    #: A district with so many of an incident's calls is alerted beside the one with most; None: never.
    district_calls: int | None = None


@dataclass(frozen=True, slots=True)
class IncidentTable:
    """All rows of `incidents.yaml`."""

    bursts: tuple[BurstRow, ...] = ()
    conducts: tuple[ConductRow, ...] = ()

    def on(self, at: date) -> Incidents:
        """The rows in force. Raises NoRule."""
        for conduct in self.conducts:
            if conduct.holds(at):
                return Incidents(tuple(row for row in self.bursts if row.holds(at)), conduct)
        raise NoRule(f"突发表没有覆盖这一天：{at.isoformat()}")


@dataclass(frozen=True, slots=True)
class Incidents:
    """The rows of one day."""

    bursts: tuple[BurstRow, ...]
    conduct: ConductRow

    @property
    def chance(self) -> float:
        """How unlikely so many calls must be at one look, for the budget of false alarms to hold."""
        looks = 30 * self.conduct.looks_per_day * max(len(self.bursts), 1)
        return self.conduct.false_per_30_days / looks

    @property
    def longest(self) -> timedelta:
        """The longest stretch of time that any row counts."""
        return max((row.window for row in self.bursts), default=timedelta())


def incident_table(top: Record) -> IncidentTable:
    """The rows of `incidents.yaml`; faults are noted in the records."""
    return IncidentTable(
        bursts=dated_rows(top, "bursts", _burst), conducts=dated_rows(top, "conduct", _conduct)
    )


def _burst(r: Record) -> BurstRow:
    scope, metres = r.choice("scope", BurstScope), _metres(r)
    if (scope is BurstScope.NEAR) != bool(metres):
        r.fault("半径之内的要写 metres，同一区的写 0", "metres")
    if metres > WIDEST_CIRCLE:
        r.fault(f"“metres”最多 {WIDEST_CIRCLE}：{metres}", "metres")
    return BurstRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), scope=scope, minutes=r.whole("minutes"),
        metres=metres, least=r.whole("least"),
    )  # fmt: skip


def _metres(r: Record) -> int:
    return 0 if r.text("metres") == "0" else r.whole("metres")


def _conduct(r: Record) -> ConductRow:
    spread, grew = r.whole("spread_percent"), r.whole("grew_percent")
    if min(spread, grew) < _LEAST_SPREAD:
        r.fault(f"“spread_percent”和“grew_percent”至少 {_LEAST_SPREAD}", "spread_percent")
    return ConductRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"),
        false_per_30_days=r.whole("false_per_30_days"), looks_per_day=r.whole("looks_per_day"),
        history_days=r.whole("history_days"), least_days=r.whole("least_days"),
        least_per_hour=r.whole("least_per_hour_hundredths") / 100,
        unknown_per_hour=r.whole("unknown_per_hour_hundredths") / 100,
        spread=spread / 100, fresh=timedelta(minutes=r.whole("fresh_minutes")),
        join_metres=r.whole("join_metres"), widest_metres=r.whole("widest_metres"),
        join=timedelta(minutes=r.whole("join_minutes")), grew=grew / 100,
        district_calls=r.whole("district_calls") if r.optional("district_calls") else None,
    )  # fmt: skip


def check(table: IncidentTable, problems: list[Problem]) -> None:
    """Note every problem between the rows."""
    both: tuple[Sequence[Row], ...] = (table.bursts, table.conducts)
    for rows, what in zip(both, ("聚集", "发现与归入"), strict=True):
        if not rows:
            problems.append(Problem(_FILE, f"没有任何条目：{what}"))
            return
        ids(rows, problems)
    overlaps(table.conducts, lambda _row: None, "发现与归入", problems)
    gaps(table.conducts, "发现与归入", problems)
    overlaps(table.bursts, lambda row: (row.scope, row.minutes, row.metres), "同一范围同一时长", problems)
