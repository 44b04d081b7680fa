"""When a feed says that something was published: the forms that Chinese sites and programs write.

A time without a zone is Beijing's, and CST is 中国标准时间. Readers of feeds made elsewhere take the one for
Greenwich's, the other for Chicago's, and a date in slashes or Chinese for the first of its month; so none is
asked.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from connectors.feeds.items import plausible
from connectors.file_times import parse_time

_BEIJING: Final = ZoneInfo("Asia/Shanghai")
#: Beside ISO, which is always tried.
_FORMS: Final = ("ymd", "chinese")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
#: Digits of this many are a day or a moment written without signs; as seconds or milliseconds they are none.
_WRITTEN: Final = {
    len("20261123"): "%Y%m%d", len("202611230930"): "%Y%m%d%H%M", len("20261123093000"): "%Y%m%d%H%M%S",
}  # fmt: skip
#: Says nothing that the date does not.
_WEEKDAY: Final = re.compile(
    r"[(（]?(?:星期|周|礼拜)[一二三四五六日天][)）]?|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}\b\.?",
    re.IGNORECASE,
)
_REMARK: Final = re.compile(r"\([^()]*\)")
_DASHED: Final = re.compile(r"(\d)-([A-Za-z]{3,9})-(\d)", re.ASCII)
_PARTS: Final = re.compile(r"[\s,，]+")
_ENGLISH: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CHINESE: Final = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
_MONTHS: Final = {name: number for number, name in enumerate(_ENGLISH, start=1)} | {
    f"{written}月": number
    for number, name in enumerate(_CHINESE, start=1)
    for written in (name, str(number), f"{number:02d}")
}
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?", re.ASCII)
_DATE: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", re.ASCII)
_HALVES: Final = {"AM": 0, "PM": 12, "上午": 0, "下午": 12}
_HALF: Final = re.compile("(上午|下午)")
_OFFSET: Final = re.compile(r"(?:GMT|UTC|UT)?([+-])(\d{1,2}):?(\d{2})?", re.ASCII)
#: Of zones by name those that RFC 822 has, but for CST.
_HOURS: Final = {
    "GMT": 0, "UTC": 0, "UT": 0, "Z": 0, "CST": 8, "BJT": 8, "EST": -5, "EDT": -4, "CDT": -5, "MST": -7,
    "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
_DAY: Final = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?", re.ASCII | re.IGNORECASE)
_YEAR: Final = re.compile(r"\d{4}", re.ASCII)
_CENTURY: Final = 2000
_NOON: Final = 12
_LONGEST: Final = 100


def moment(value: object, *, per_second: int = 1) -> datetime | None:
    """A moment as feeds write it (Beijing's unless it says otherwise), or a number. None: it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value).strip()
    if len(text) > _LONGEST:
        return None
    try:
        if (form := _WRITTEN.get(len(text))) and text.isascii() and text.isdigit():
            return plausible(_aware(datetime.strptime(text, form)))  # noqa: DTZ007  (made aware at once)
        if not isinstance(value, str) or _NUMBER.fullmatch(text):
            return plausible(datetime.fromtimestamp(float(text) / per_second, UTC))
        return plausible(_read(text))
    except (ValueError, OverflowError, OSError):
        return None


def _aware(found: datetime) -> datetime:
    return (found.replace(tzinfo=_BEIJING) if found.tzinfo is None else found).astimezone(UTC)


def _read(text: str) -> datetime | None:
    try:
        return _aware(datetime.fromisoformat(text))
    except ValueError:
        pass
    bare = " ".join(_WEEKDAY.sub(" ", text).split()).strip(", ，")
    found = parse_time(bare, _FORMS) or _by_parts(bare)
    return found and found.astimezone(UTC)


class _Said:
    """What the parts of a written moment say, in whatever order they stand."""

    def __init__(self) -> None:
        self.year = self.month = self.day = 0
        self.clock: time | None = None
        self.half: int | None = None
        self.zone: tzinfo = _BEIJING

    def hear(self, part: str) -> bool:
        """Take a part. False: it says nothing known, so the whole is not understood."""
        month = _MONTHS.get(part.lower()[:3] if part.isascii() else part)
        if month and not self.month:
            self.month = month
        elif found := _CLOCK.fullmatch(part):
            self.clock = time(int(found[1]), int(found[2]), int(found[3] or 0))
        elif found := _DATE.fullmatch(part):
            self.year, self.month, self.day = (int(number) for number in found.groups())
        elif (half := part.upper().replace(".", "")) in _HALVES:
            self.half = _HALVES[half]
        elif _YEAR.fullmatch(part) and not self.year:
            self.year = int(part)
        elif (found := _DAY.fullmatch(part)) and not self.day:
            self.day = int(found[1])
        elif found and not self.year:
            self.year = _CENTURY + int(found[1])
        else:
            return self._hear_zone(part)
        return True

    def moment(self) -> datetime:
        """The whole. Raises ValueError when something of the date is missing or there is no such time."""
        clock = self.clock or time()
        hour = clock.hour if self.half is None else clock.hour % _NOON + self.half
        return datetime(self.year, self.month, self.day, hour, clock.minute, clock.second, tzinfo=self.zone)

    def _hear_zone(self, part: str) -> bool:
        name = part.upper()
        if found := _OFFSET.fullmatch(name):
            span = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
            self.zone = timezone(-span if found[1] == "-" else span)
            return True
        if name in _HOURS:
            self.zone = timezone(timedelta(hours=_HOURS[name]))
        return name in _HOURS


def _by_parts(text: str) -> datetime | None:
    """A moment as mail writes it and as programs print it, months in English or Chinese, halves of days."""
    apart = _HALF.sub(r" \1 ", _REMARK.sub(" ", _DASHED.sub(r"\1 \2 \3", text)))
    said = _Said()
    return said.moment() if all(said.hear(part) for part in _PARTS.split(apart) if part) else None
