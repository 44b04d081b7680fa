"""What the words that say when mean (时间规律): 每天凌晨五点 → daily, from 05:00. Rules alone, no model.

`read_when` goes once through the words, from left to right: what says hours, what says how often, what says
which days. What it does not know it passes over; when it knows nothing it says None. Relative days (昨晚,
上个月以来) count from the moment that is handed in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from nlp import time_signs as signs
from nlp.text import normalize
from nlp.time_dates import DATE, LASTING, after, days_of, lasting_of, number
from nlp.time_words import DAY, DayPart, Habit, time_words
from nlp.types import Hours, Recurrence, WhenReading

if TYPE_CHECKING:
    from datetime import date, datetime

    from nlp.time_dates import Days, Lasting

_BEIJING: Final = ZoneInfo("Asia/Shanghai")
_LONGEST: Final = 200
_HOURS_OF_HALF: Final = 12
_HOURS_OF_DAY: Final = 24
_MINUTES: Final = 60
#: From this hour on it is 晚.
_EVENING: Final = 17
#: What makes a word of one character something else: 夜市, 早就, 晚餐.
_NO_TIME: Final = "市|宵|总会|景|班|就|已|餐|自习|会|点摊"
#: Characters between a part of the day and the clock time it belongs to (晚上都是十点).
_NEAR: Final = 4


@dataclass(slots=True)
class _Told:
    """What has been understood so far."""

    hours: list[tuple[int | None, int | None]] = field(default_factory=list)
    recurrence: Recurrence | None = None
    weekdays: set[int] = field(default_factory=set)
    dates: list[Days] = field(default_factory=list)
    since: bool = False
    lasting: Lasting | None = None
    approximate: bool = False
    #: An hour that may be of the morning or the evening; and one that only twenty-four hours have.
    half_open: bool = False
    by_24: bool = False


class _Walk:
    """One pass over the words; see `read_when`."""

    def __init__(self, words: str, at: date) -> None:
        self.words = words
        self.at = at
        self.told = _Told()
        self.part: DayPart | None = None
        self.part_end = -1
        self.joined = False
        self.latest = ""
        self.lead = -1

    def run(self) -> _Told:
        """Take one known expression after the other: what stands first in the list wins."""
        kinds = (
            (DATE, self._date),
            (signs.ONE_LATE_EARLY, self._late_early),
            (signs.ONE_ALL_DAY, self._all_day),
            (signs.ONE_CLOCK, self._clock),
            (signs.ONE_EARLY_LATE, self._early_late),
            (signs.RHYTHM, self._sign),
            (_words(), self._word),
            (LASTING, self._lasting),
            (signs.SIGN, self._sign),
        )
        at = 0
        while at < len(self.words):
            for pattern, take in kinds:
                match = pattern.match(self.words, at)
                if match and match.end() > at and take(match):
                    at = match.end()
                    break
            else:
                at += 1
        self._settle_part()
        return self.told

    # --- hours ------------------------------------------------------------------------------------------

    def _word(self, match: re.Match[str]) -> bool:
        row = time_words().find(match.group(), at=self.at)
        if isinstance(row, Habit):
            self._settle_part()
            self.told.hours += row.hours
            self.told.weekdays |= set(row.weekdays)
            self.latest = "hours"
        elif row is not None:
            # 上午下午: one after the other; 晚上凌晨两点: the later says it better.
            if self.part is None or match.start() - self.part_end > 1 or row.start >= self.part.end:
                self._settle_part()
            self.part, self.part_end = row, match.end()
        return row is not None

    def _settle_part(self) -> None:
        """A part of the day with no clock time after it stands for itself."""
        if self.part is None or self.part_end < 0:
            return
        if self.joined:
            # 营业到凌晨: until its beginning at least.
            self._end(self.part.start)
            self.told.approximate = True
        else:
            self.told.hours.append((self.part.start, self.part.end))
        self.part_end = -1
        self.latest = "hours"

    def _clock(self, match: re.Match[str]) -> bool:
        first, last = signs.clock_hours(match)
        if first is None:
            return False
        if self.part is not None and self.part_end >= 0 and match.start() - self.part_end > _NEAR:
            self._settle_part()
            self.part = None
        minutes = signs.minutes_of(match)
        self.told.approximate |= bool(match["about"])
        self.told.by_24 |= max(first, last or 0) > _HOURS_OF_HALF or bool(re.match(r"0\d", match.group()))
        if (
            self.joined
            and self.told.hours
            and self.told.hours[-1][1] is None
            and self.told.hours[-1][0] is not None
        ):
            start = self.told.hours[-1][0]
            self._end(self._later(last if last is not None else first, minutes, start))
        elif self.joined:
            self._end(self._meant(last if last is not None else first, minutes))
        else:
            start = self._meant(first, 0 if last is not None else minutes)
            end = self._later(last, minutes, start) if last is not None else None
            self.told.hours.append((start, end))
        self.part_end = -1
        self.joined = False
        self.latest = "hours"
        return True

    def _early_late(self, match: re.Match[str]) -> bool:
        first, last = (number(said.strip("至到~-点")) or 0 for said in match.group()[1:].split("晚"))
        self._settle_part()
        self.told.hours.append((first * _MINUTES, (last + _HOURS_OF_HALF) * _MINUTES))
        self.latest = "hours"
        return True

    def _late_early(self, match: re.Match[str]) -> bool:
        first, last = (number(said) or 0 for said in signs.FIGURES.findall(match.group()))
        self._settle_part()
        while first < _EVENING:
            first += _HOURS_OF_HALF
        self.told.hours.append((first * _MINUTES, last * _MINUTES))
        self.latest = "hours"
        return True

    def _all_day(self, _match: re.Match[str]) -> bool:
        row = time_words().find("从早到晚", at=self.at)
        if isinstance(row, Habit):
            self._settle_part()
            self.told.hours += row.hours
            self.latest = "hours"
        return isinstance(row, Habit)

    def _meant(self, hour: int, minutes: int) -> int:
        """Minutes from midnight of a clock time, by the part of the day before it."""
        if hour > _HOURS_OF_HALF or hour == 0:
            return hour * _MINUTES + minutes
        if self.part is None:
            self.told.half_open = True  # morning or evening is not said: as it stands
            return hour * _MINUTES + minutes
        while hour < self.part.clock:
            hour += _HOURS_OF_HALF
        if self.part.clock == 0 and hour == _HOURS_OF_HALF:
            hour = 0
        return hour * _MINUTES + minutes

    def _later(self, hour: int, minutes: int, start: int) -> int:
        """The end of a span of hours: as its own part of the day says, else the first such time after it."""
        if self.part is not None and self.part_end >= 0:
            end = self._meant(hour, minutes)
            return end if end > start else end + DAY
        end = hour * _MINUTES + minutes
        while end <= start:
            end += (_HOURS_OF_HALF if hour <= _HOURS_OF_HALF else _HOURS_OF_DAY) * _MINUTES
        return end

    def _end(self, end: int) -> None:
        """Close the last span of hours, or tell an end without a beginning."""
        hours = self.told.hours
        if hours and hours[-1][0] is not None and (hours[-1][1] is None or self.latest == "hours"):
            hours[-1] = (hours[-1][0], end)
        else:
            hours.append((None, end))
        self.joined = False

    # --- days -------------------------------------------------------------------------------------------

    def _date(self, match: re.Match[str]) -> bool:
        before = self.told.dates[-1] if self.told.dates else None
        found = days_of(match, at=self.at, before=before)
        if found is None or self._no_date(match, before):
            return False
        if self.joined and match["month2"] and before is not None and before.month is not None:
            found = after(found, before)
        self._settle_part()
        self.told.since |= match.start() == self.lead
        self.told.dates.append(found)
        self.joined = self.joined and self.latest == "hours"
        self.part, self.latest = None, "hours" if self.joined else "date"
        # 昨晚, 今早: the day with its part.
        word = match.group()[-1]
        row = time_words().find(
            {"晚": "晚上", "夜": "夜里", "早": "早上", "晨": "清晨"}.get(word, ""), at=self.at
        )
        if isinstance(row, DayPart):
            self.part, self.part_end = row, match.end()
        return True

    def _no_date(self, match: re.Match[str], before: Days | None) -> bool:
        """每个月的15号, 每到月底 are no days of this month, 16号 of a house is none at all."""
        if match["lastmonth"] and match["lastmonth"][0] == "月":
            return self.told.recurrence is Recurrence.MONTHLY
        bare = match["dayonly"] is not None and (before is None or before.month is None)
        stands = signs.STANDS.match(self.words, match.end())
        return bare and (self.told.recurrence is not None or stands is None)

    def _lasting(self, match: re.Match[str]) -> bool:
        found = lasting_of(match, at=self.at)
        if found is None:
            return False
        self._settle_part()
        self.told.lasting = found
        self.told.approximate |= not found.exact
        self.latest = "lasting"
        return True

    # --- signs ------------------------------------------------------------------------------------------

    def _sign(self, match: re.Match[str]) -> bool:
        told, word, name = self.told, match.group(), match.lastgroup or ""
        if name in signs.NAMES:
            self._rhythm(word, signs.NAMES[name])
        elif name in signs.DAYS_OF:
            told.weekdays |= signs.DAYS_OF[name] or signs.weekdays_of(word)
        elif name == "about2":
            told.approximate = True
        elif name == "since":
            self.lead = match.end()
        elif name == "open":
            told.since |= self.latest == "date" and self.part_end < 0
        else:
            self._settle_part()
            self.joined = name == "join" or (self.joined and name != "stop")
            self._until(name)
        return True

    def _rhythm(self, word: str, given: Recurrence) -> None:
        # What is rarer says more: 长期每晚 is daily.
        if self.told.recurrence in (None, Recurrence.CONSTANT, Recurrence.OFTEN):
            self.told.recurrence = given
        self.told.weekdays |= {6, 7} if word.endswith("周末") else set()
        self._implied_part(word)

    def _implied_part(self, word: str) -> None:
        """每晚, 夜夜: the part of the day is in the word."""
        if word in signs.ALWAYS_DAILY:
            inner = {"晚": "晚上", "夜": "夜里", "早": "早上"}[word[-1]]
            row = time_words().find(inner, at=self.at)
            if isinstance(row, DayPart):
                self.part, self.part_end = row, len(self.words)

    def _until(self, name: str) -> None:
        """晚上十点之前: what was told as a beginning is an end."""
        hours = self.told.hours
        if (
            name == "before"
            and hours
            and self.latest == "hours"
            and hours[-1][1] is None
            and hours[-1][0] is not None
        ):
            hours[-1] = (None, hours[-1][0])


@lru_cache(maxsize=1)
def _words() -> re.Pattern[str]:
    """The lexicon's words; read on first use."""
    return re.compile(rf"(?<!最)(?:{time_words().expression})(?!{_NO_TIME})")


def read_when(words: str, *, at: datetime) -> WhenReading | None:
    """What the words say of when; None when nothing of it is understood.

    `at` is the moment they were written, aware. Raises ValueError on a naive one.
    """
    if at.tzinfo is None:
        raise ValueError("a moment must be aware")
    today = at.astimezone(_BEIJING).date()
    told = _Walk(normalize(words)[:_LONGEST], today).run()
    if told.weekdays and told.recurrence in (None, Recurrence.OFTEN) and not told.dates:
        told.recurrence = Recurrence.WEEKLY
    first, last = _days(told, today)
    lasting = told.lasting
    if lasting and first is None:
        first, last = lasting.first, today
    reading = WhenReading(
        hours=tuple(dict.fromkeys(_hours(start, end) for start, end in told.hours)),
        recurrence=told.recurrence,
        weekdays=tuple(sorted(told.weekdays)),
        first=first,
        last=last,
        lasting=lasting.duration if lasting else None,
        approximate=told.approximate or (told.half_open and not told.by_24),
    )
    return None if reading in (WhenReading(), WhenReading(approximate=True)) else reading


def _days(told: _Told, today: date) -> tuple[date | None, date | None]:
    """First and last day."""
    if not told.dates:
        return None, None
    if told.since and len(told.dates) == 1:
        return told.dates[0].first, today
    return min(days.first for days in told.dates), max(days.last for days in told.dates)


def _hours(start: int | None, end: int | None) -> Hours:
    return Hours(_clock_face(start % DAY if start is not None else None), _clock_face(end))


def _clock_face(minutes: int | None) -> str | None:
    if minutes is None:
        return None
    minutes = DAY if minutes == DAY else minutes % DAY
    return f"{minutes // _MINUTES:02d}:{minutes % _MINUTES:02d}"
