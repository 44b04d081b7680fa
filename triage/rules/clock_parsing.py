"""Parser of `clocks.yaml`, and of minutes of a day (`09:00-12:00`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from models.vocab import Level, Urgency
from triage.rules.calendar import DAY_MINUTES
from triage.rules.clock_rows import (
    ClockTable,
    ExtensionRow,
    FollowUpRow,
    QuietRow,
    RehandleRow,
    RingRow,
    RunRow,
    StartsAt,
    Tells,
    WarningRow,
)
from triage.rules.rows import ClockName, Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from triage.rules.reading import Record

RowT = TypeVar("RowT", bound=Row)
#: Reminders go up to ten times the limit.
_MOST: Final = 1000


def clock_table(top: Record) -> ClockTable:
    """The rows of `clocks.yaml`; faults are noted in the records."""
    return ClockTable(
        runs=dated_rows(top, "runs", _run),
        warnings=dated_rows(top, "warnings", _warning),
        quiet=dated_rows(top, "quiet", _quiet),
        extensions=dated_rows(top, "extensions", _extension),
        rehandles=dated_rows(top, "rehandles", _rehandle),
        follow_ups=dated_rows(top, "follow_ups", _follow_up),
        # A site's own table of before has none: then there is no hour in which nobody rings.
        ringing=dated_rows(top, "ringing", _ring) if "ringing" in top.values else (),
    )


def dated_rows(top: Record, key: str, make: Callable[[Record], RowT]) -> tuple[RowT, ...]:
    """The rows under a key, without those that a fault spoilt."""
    made = [(record, make(record)) for record in top.records(key)]
    return tuple(row for record, row in made if record.done())


def _run(r: Record) -> RunRow:
    return RunRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), clock=r.choice("clock", ClockName),
        start=r.choice("start", StartsAt), restart=r.words("restart"), stop=r.words("stop", required=True),
        resume=r.words("resume"),
    )  # fmt: skip


def _warning(r: Record) -> WarningRow:
    share = r.whole("percent")
    if share > _MOST:
        r.fault(f"“percent”应在 1 到 {_MOST} 之间：{share}", "percent")
    names = r.words("tells", required=True)
    for name in names:
        if name not in {member.value for member in Tells}:
            r.fault(f"没有这个提醒对象：{name}", "tells")
    tells = tuple(member for member in Tells if member.value in names)
    return WarningRow(r.text("id"), *r.dated(), r.where, title=r.text("title"), percent=share, tells=tells)


def _quiet(r: Record) -> QuietRow:
    found = segments(r, required=True)
    if sum(end - start for start, end in found) == DAY_MINUTES:
        r.fault("免打扰时段占满了整天，提醒永远发不出", "segments")
    urgencies = r.words("urgencies", required=True)
    for word in urgencies:
        if word not in {member.value for member in Urgency}:
            r.fault(f"没有这个等级：{word}", "urgencies")
    known = tuple(member for member in Urgency if member.value in urgencies)
    return QuietRow(r.text("id"), *r.dated(), r.where, title=r.text("title"), urgencies=known, segments=found)


def _extension(r: Record) -> ExtensionRow:
    return ExtensionRow(
        r.text("id"), *r.dated(), r.where, title=r.text("title"), clock=r.choice("clock", ClockName),
        urgency=r.choice("urgency", Urgency), times=r.whole("times"), percent=percent(r, "percent"),
        approver=r.choice("approver", Level),
    )  # fmt: skip


def _rehandle(r: Record) -> RehandleRow:
    return RehandleRow(
        r.text("id"), *r.dated(), r.where,
        title=r.text("title"), times=r.whole("times"), percent=percent(r, "percent"),
    )  # fmt: skip


def _follow_up(r: Record) -> FollowUpRow:
    return FollowUpRow(
        r.text("id"), *r.dated(), r.where,
        title=r.text("title"), attempts=r.whole("attempts"), apart_hours=r.whole("apart_hours"),
    )  # fmt: skip


def _ring(r: Record) -> RingRow:
    return RingRow(
        r.text("id"), *r.dated(), r.where,
        title=r.text("title"), segments=segments(r, required=True), offers=_offers(r),
        days_ahead=r.whole("days_ahead"),
    )  # fmt: skip


def _offers(r: Record) -> tuple[int, ...]:
    """`["09:00", "14:00"]`: minutes of a day, ascending."""
    found = [_minute(text) for text in r.words("offers", required=True)]
    minutes = [minute for minute in found if minute is not None and minute < DAY_MINUTES]
    if len(minutes) < len(found) or minutes != sorted(set(minutes)):
        r.fault("供选的时间应形如 09:00，按先后排列、不重复", "offers")
    return tuple(minutes)


def percent(r: Record, name: str) -> int:
    """A whole number from 1 to 100."""
    value = r.whole(name)
    if value > 100:  # noqa: PLR2004  (that is what percent means)
        r.fault(f"“{name}”应在 1 到 100 之间：{value}", name)
    return value


def segments(r: Record, *, required: bool = False) -> tuple[tuple[int, int], ...]:
    """`["09:00-12:00", "13:30-24:00"]`: half-open, ascending; 24:00 is a legal end."""
    found: list[tuple[int, int]] = []
    for text in r.words("segments", required=required):
        minutes = [_minute(part) for part in text.split("-")]
        match minutes:
            case [int(start), int(end)] if (found[-1][1] if found else 0) <= start < end <= DAY_MINUTES:
                found.append((start, end))
            case _:
                r.fault(f"工作时段应形如 09:00-18:00，按先后排列、不重叠：{text}", "segments")
    return tuple(found)


def _minute(text: str) -> int | None:
    hour, colon, minute = text.strip().partition(":")
    well = colon and len(hour) == len(minute) == len("00") and (hour + minute).isascii()
    if not well or not (hour + minute).isdigit() or int(minute) >= 60:  # noqa: PLR2004  (minutes of an hour)
        return None
    return int(hour) * 60 + int(minute)
