"""提醒: which reminders a clock is due to send between two instants.

Each warning point (half, a fifth left, breach) is a moment of the clock. In quiet hours of its grade it
waits for their end, unless the limit would be over by then: then it is sent shortly before they begin, or at
once, for what is written when they have begun is told after them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from triage.rules.calendar import BEIJING, beijing
from triage.rules.clocks import due_at, moment_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.rules.clock_rows import ClockTable, QuietRow, Tells
    from triage.rules.clocks import Clock

_DAY: Final = timedelta(days=1)
_FULL: Final = 100
#: So long before the quiet hours: it is still to be written, grouped and handed over.
BEFORE_QUIET: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Reminder:
    """One reminder: when to send it, the moment it tells of, the share that has run, and its row.

    `due`: the limit before which it must be heard; None: it tells of the limit itself.
    """

    at: datetime
    point: datetime
    percent: int
    row_id: str
    title: str
    tells: tuple[Tells, ...] = ()
    due: datetime | None = None


def reminders(clocks: ClockTable, clock: Clock) -> tuple[Reminder, ...]:
    """All reminders of the clock, earliest first. While a pause stands open, only those before it."""
    day = clock.start.date()
    quiet = clocks.quiet_on(clock.row.urgency, day)
    due = due_at(clock)
    found = []
    for row in clocks.warnings_on(day):
        point = moment_at(clock, row.percent)
        if point is not None:
            limit = None if row.percent >= _FULL else due
            at = _send_at(quiet, point, clock.start, limit)
            found.append(Reminder(at, point, row.percent, row.id, row.title, row.tells, limit))
    return tuple(sorted(found, key=lambda reminder: (reminder.at, reminder.percent)))


def warnings(clocks: ClockTable, clock: Clock, since: datetime, until: datetime) -> tuple[Reminder, ...]:
    """The reminders due in [since, until). Two such stretches side by side miss none and repeat none."""
    first, last = beijing(since), beijing(until)
    return tuple(reminder for reminder in reminders(clocks, clock) if first <= reminder.at < last)


def _send_at(quiet: Sequence[QuietRow], point: datetime, start: datetime, due: datetime | None) -> datetime:
    """When a reminder of `point` is sent; `due` None: it tells of the end itself and may come after it."""
    ends = awake(quiet, point)
    if due is None or ends < due:
        return ends
    return max(_falls_asleep(quiet, point) - BEFORE_QUIET, start)


def awake(quiet: Sequence[QuietRow], moment: datetime) -> datetime:
    """The moment, or the end of the quiet hours it lies in."""
    while (found := _stretch(quiet, moment)) is not None:
        moment = found[1]
    return moment


def _falls_asleep(quiet: Sequence[QuietRow], moment: datetime) -> datetime:
    """The start of the quiet hours that the moment lies in."""
    while (found := _stretch(quiet, moment)) is not None:
        moment = found[0]
        before = _stretch(quiet, moment - timedelta(minutes=1))
        if before is None:
            return moment
        moment = before[0]
    return moment


def _stretch(quiet: Sequence[QuietRow], moment: datetime) -> tuple[datetime, datetime] | None:
    """The quiet stretch [start, end) of that day in which the moment lies."""
    midnight = datetime.combine(moment.date(), time(), BEIJING)
    for row in quiet:
        for first, last in row.segments:
            start, end = midnight + timedelta(minutes=first), midnight + timedelta(minutes=last)
            if start <= moment < end:
                return start, end
    return None
