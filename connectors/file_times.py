"""Times as files write them, made aware instants. A time without a zone is Asia/Shanghai (北京时间)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
_FIRST_YEAR: Final = 1990
_LAST_YEAR: Final = 2099

_CLOCK: Final = (
    r"(?:(?:\s+|T)(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?"
)
_ISO: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})" + _CLOCK, re.ASCII)
_YMD: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})" + _CLOCK, re.ASCII)
_CHINESE: Final = re.compile(
    r"(\d{4})年(\d{1,2})月(\d{1,2})日?(?:\s*(\d{1,2})[时点:](?:(\d{1,2})(?:分|:|$)(?:(\d{1,2})秒?)?)?()())?",
    re.ASCII,
)
#: ISO's basic form. Eight or fourteen digits: no serial, no epoch has as many.
_BASIC: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[T ]?(\d{2}):?(\d{2}):?(\d{2})()())?", re.ASCII)
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_EXCEL_START: Final = datetime(1899, 12, 30, tzinfo=SHANGHAI)
_EXCEL_DAYS: Final = (32874, 73050)  # 1990-01-01 and 2099-12-31
_TIME_OF_DAY: Final = re.compile(
    r"(\d{1,2})(?:[:：](\d{1,2})(?:[:：](\d{1,2})(?:\.\d{1,6})?)?|[时点](?:(\d{1,2})分?(?:(\d{1,2})秒)?)?)",
    re.ASCII,
)
_SHOWN: Final = re.compile(r"(?:19|20)\d{2}[-/.年][\d\s:.,+年月日时点分秒TZ/-]{0,28}", re.ASCII)


def _zone(mark: str | None) -> ZoneInfo | timezone:
    if not mark:
        return SHANGHAI
    if mark == "Z":
        return UTC
    digits = mark[1:].replace(":", "")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-span if mark[0] == "-" else span)


def _by_pattern(pattern: re.Pattern[str]) -> Callable[[str], datetime | None]:
    def parse(text: str) -> datetime | None:
        found = pattern.fullmatch(text)
        if found is None:
            return None
        year, month, day, hour, minute, second, fraction, mark = found.groups()
        micro = int((fraction or "0").ljust(6, "0")[:6])
        try:
            return datetime(
                int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micro,
                tzinfo=_zone(mark),
            )  # fmt: skip
        except ValueError:  # a 13th month, a 25th hour: not a time
            return None

    return parse


def _excel_serial(text: str) -> datetime | None:
    if not _NUMBER.fullmatch(text) or not _EXCEL_DAYS[0] <= float(text) < _EXCEL_DAYS[1]:
        return None
    # A serial is a day count of binary fractions: whole seconds are all it can promise.
    return _EXCEL_START + timedelta(seconds=round(float(text) * 86400))


def _epoch(low: float, high: float, scale: int) -> Callable[[str], datetime | None]:
    def parse(text: str) -> datetime | None:
        if not _NUMBER.fullmatch(text) or not low <= float(text) < high:
            return None
        return datetime.fromtimestamp(float(text) / scale, tz=SHANGHAI)

    return parse


# The ranges of the three number formats do not meet (days, seconds and milliseconds of 1990 to 2099).
_NAMED: Final[dict[str, Callable[[str], datetime | None]]] = {
    "iso": _by_pattern(_ISO),
    "basic": _by_pattern(_BASIC),
    "ymd": _by_pattern(_YMD),
    "chinese": _by_pattern(_CHINESE),
    "excel_serial": _excel_serial,
    "epoch_s": _epoch(631_123_200, 4_102_416_000, 1),
    "epoch_ms": _epoch(631_123_200_000, 4_102_416_000_000, 1000),
}
_ALWAYS: Final = ("iso", "basic")
NAMED_FORMATS: Final = tuple(_NAMED)


def _strptime(text: str, pattern: str) -> datetime | None:
    try:
        moment = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is added on the next line
    except ValueError:  # not written this way
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)


def known_format(name: str) -> bool:
    """Say whether a column map may name this time format: one of NAMED_FORMATS, or a strptime pattern.

    A pattern must give a whole date, so that no part of a time is ever guessed.
    """
    if name in _NAMED:
        return True
    sample = datetime(2026, 11, 23, tzinfo=UTC)
    try:
        back = datetime.strptime(sample.strftime(name), name)  # noqa: DTZ007 - only the date is compared
    except ValueError:
        return False
    return back.date() == sample.date()


def parse_time(text: str, formats: Sequence[str]) -> datetime | None:
    """Read a time by the first format that fits; ISO (also without its hyphens) is always tried first.

    Gives an aware time (a time without zone is Asia/Shanghai; a date alone is its midnight), or None when no
    format fits or the year lies outside 1990 to 2099.
    """
    value = text.strip()
    for name in (*_ALWAYS, *formats):
        parse = _NAMED.get(name)
        moment = parse(value) if parse else _strptime(value, name)
        if moment is not None:
            return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None
    return None


def is_clock(text: str) -> bool:
    """Whether a text is a time of day and nothing else, as in the second of two columns 日期 and 时间."""
    return _TIME_OF_DAY.fullmatch(text.strip()) is not None


def with_clock(day: str, clock: str, formats: Sequence[str]) -> str | None:
    """Write a day and a time of day (`is_clock`) as one, or None when `day` is no day or no such time is."""
    found, told = parse_time(day, formats), _TIME_OF_DAY.fullmatch(clock.strip())
    if found is None or told is None or found.time() != time() or found.tzinfo is not SHANGHAI:
        return None
    hour, minute, second = int(told[1]), int(told[2] or told[4] or 0), int(told[3] or told[5] or 0)
    try:
        return found.replace(hour=hour, minute=minute, second=second).isoformat()
    except ValueError:  # a 25th hour
        return None


def shown_time(text: str) -> str | None:
    """Give a faulty time back for a message, or None when it may be something else (a phone, a name)."""
    value = text.strip()
    return value if _SHOWN.fullmatch(value) or is_clock(value) else None
