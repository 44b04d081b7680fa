"""Rows of `clocks.yaml`: what starts and stops a clock, when it warns, how far it may be extended.

The lengths themselves are the rows of `deadlines.yaml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from triage.errors import NoRule
from triage.rules.rows import Row, Status, Where

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.vocab import Level, Urgency
    from triage.rules.rows import ClockName


class StartsAt(StrEnum):
    """The moment a clock starts from: an event, or the end of the answer limit."""

    RECEIVE = "receive"
    DISPATCH = "dispatch"
    FEEDBACK = "feedback"
    ANSWER_DUE = "answer_due"


@dataclass(frozen=True, slots=True)
class RunRow(Row):
    """What starts a clock, what starts it anew, and what stops it (names of events).

    After `resume` a run that was stopped goes on as if it had not been: its time counts from the first start.
    """

    title: str
    clock: ClockName
    start: StartsAt
    restart: tuple[str, ...]
    stop: tuple[str, ...]
    resume: tuple[str, ...] = ()


class Tells(StrEnum):
    """Whom a reminder tells: the lead unit, its district's government, the city's desk (逐级督办)."""

    UNIT = "unit"
    DISTRICT = "district"
    CITY = "city"


@dataclass(frozen=True, slots=True)
class WarningRow(Row):
    """提醒点: a reminder when this share of the limit has run (100 = it is reached, more = overdue)."""

    title: str
    percent: int
    tells: tuple[Tells, ...]


@dataclass(frozen=True, slots=True)
class QuietRow(Row):
    """免打扰时段: reminders of these grades are not sent in these minutes of a day, [start, end)."""

    title: str
    urgencies: tuple[Urgency, ...]
    segments: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ExtensionRow(Row):
    """延期: how often and by how much (percent of the limit) a clock may be extended, and who approves."""

    title: str
    clock: ClockName
    urgency: Urgency
    times: int
    percent: int
    approver: Level


@dataclass(frozen=True, slots=True)
class RehandleRow(Row):
    """重办: how often, and the share of the answer limit that it gets."""

    title: str
    times: int
    percent: int


@dataclass(frozen=True, slots=True)
class FollowUpRow(Row):
    """回访: attempts before an appellant counts as unreachable, and the hours between two of them."""

    title: str
    attempts: int
    apart_hours: int


@dataclass(frozen=True, slots=True)
class RingRow(Row):
    """打电话: the minutes of the day in which one rings, those offered for 约定时间, how far ahead."""

    title: str
    segments: tuple[tuple[int, int], ...]
    offers: tuple[int, ...]
    days_ahead: int


AT_ANY_HOUR: Final = RingRow(
    "ringing.unwritten", date(2020, 1, 1), None, "规则表没有写打电话的时段", Status.ASSUMED,
    Where("clocks.yaml", 1), title="任何时候", segments=((0, 24 * 60),), offers=(), days_ahead=7,
)  # fmt: skip

RowT = TypeVar("RowT", bound=Row)


@dataclass(frozen=True, slots=True)
class ClockTable:
    """All rows of `clocks.yaml`."""

    runs: tuple[RunRow, ...] = ()
    warnings: tuple[WarningRow, ...] = ()
    quiet: tuple[QuietRow, ...] = ()
    extensions: tuple[ExtensionRow, ...] = ()
    rehandles: tuple[RehandleRow, ...] = ()
    follow_ups: tuple[FollowUpRow, ...] = ()
    ringing: tuple[RingRow, ...] = ()

    def run(self, clock: ClockName, at: date) -> RunRow:
        """What starts and stops the clock. Raises NoRule when no row covers the day."""
        return _only((row for row in self.runs if row.clock is clock), f"{clock.label}计时", at)

    def warnings_on(self, at: date) -> tuple[WarningRow, ...]:
        """The warning points in force, earliest first."""
        return tuple(sorted((row for row in self.warnings if row.holds(at)), key=lambda row: row.percent))

    def quiet_on(self, urgency: Urgency, at: date) -> tuple[QuietRow, ...]:
        """The quiet hours of a grade; none: it is reminded at any hour."""
        return tuple(row for row in self.quiet if urgency in row.urgencies and row.holds(at))

    def extension(self, clock: ClockName, urgency: Urgency, at: date) -> ExtensionRow | None:
        """How the clock may be extended; None: it may not."""
        for row in self.extensions:
            if row.clock is clock and row.urgency is urgency and row.holds(at):
                return row
        return None

    def rehandle(self, at: date) -> RehandleRow:
        """重办. Raises NoRule when no row covers the day."""
        return _only(self.rehandles, "重办", at)

    def follow_up(self, at: date) -> FollowUpRow:
        """回访. Raises NoRule when no row covers the day."""
        return _only(self.follow_ups, "回访次数", at)

    def ring(self, at: date) -> RingRow:
        """打电话的时段; tables of before have none: at any hour. Raises NoRule when no row covers the day."""
        return _only(self.ringing, "打电话的时段", at) if self.ringing else AT_ANY_HOUR


def _only(rows: Iterable[RowT], what: str, at: date) -> RowT:
    for row in rows:
        if row.holds(at):
            return row
    raise NoRule(f"时钟表没有覆盖这一天：{what}，日期 {at.isoformat()}")
