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

from nlp.text import normalize
from nlp.time_dates import DATE, LASTING, days_of, lasting_of, number
from nlp.time_words import DAY, EARLY_LATE, MINUTE, DayPart, Habit, time_words
from nlp.types import Hours, Recurrence, WhenReading

if TYPE_CHECKING:
    from datetime import date, datetime

    from nlp.time_dates import Days, Lasting

_BEIJING: Final = ZoneInfo("Asia/Shanghai")
_LONGEST: Final = 200
_HOURS_OF_HALF: Final = 12
_HOURS_OF_DAY: Final = 24
_MINUTES: Final = 60
#: What makes a word of one character something else: 夜市, 早就, 晚餐.
_NO_TIME: Final = "市|宵|总会|景|班|就|已|餐|自习|会|点摊"
#: Characters between a part of the day and the clock time it belongs to (晚上都是十点).
_NEAR: Final = 4

_RECURRENCES: Final = (
    (Recurrence.YEARLY, r"每年|年年|每到(?=[春夏秋冬年])|一到(?=[春夏秋冬年])"),
    (Recurrence.WEEKLY, r"每逢周末|每个?周末|每个?(?:周|星期|礼拜)(?![一二三四五六日天])"),
    (
        Recurrence.DAILY,
        r"每一?天|每日|每晚|每夜|每早|每到(?!节|周|假)|天天|日日|夜夜|晚晚|一到(?=[晚夜深半凌早]|中午|下午)|365天",
    ),
    (Recurrence.MONTHLY, r"每个?月|月月"),
    (Recurrence.HOLIDAYS, r"节假日|节日里?|法定假"),
    (Recurrence.OFTEN, r"经常|常常|时常|时不时|隔三[差岔]五|不定[时期]|三天两头|屡次|多次|常有|有时候?|间歇"),
    (Recurrence.CONSTANT, r"长期|常年|长年|不间断|从未停|从不停|持续不断"),
)
_ALWAYS_DAILY: Final = frozenset({"每晚", "每夜", "每早", "夜夜", "晚晚"})
_WEEKDAY: Final = (
    r"(?:周|星期|礼拜)[一二三四五六日天]"
    r"(?:[ ]?[至到\-~、和][ ]?(?:周|星期|礼拜)?[一二三四五六日天末](?![小个两]))*"
)
_HOUR: Final = r"(?:\d{1,2}|[零〇一二两三四五六七八九十]{1,3})"
_CLOCK: Final = (
    r"(?P<h>\d{1,2})[::](?P<min>\d{2})(?!\d)|(?P<h3>\d{1,2})\.(?P<min3>[0-5]\d)(?=分|[ ]?[-~到至])"
    rf"|(?P<from>{_HOUR})(?:[-~、,/至到](?P<to>{_HOUR}))?(?:点钟?|點|时(?![间候常不期段而]))"
    rf"(?:(?P<quarter>半|一刻|三刻)|(?P<min2>{MINUTE})分?)?(?P<about>多|几分|左右|许|前后)?"
)
#: 至今天, 至今晚 lead to a day; 至今 alone is until now.
_OF_TODAY: Final = "[天日晚晨夜年]|早(?![已就])"
_SIGN: Final = re.compile(
    "|".join(
        (
            rf"(?P<weekdays>{_WEEKDAY})",
            r"(?P<weekend>周末|双休日?|周六日)",
            r"(?P<workdays>工作日|平日)",
            r"(?P<about2>左右|大约|大概|前后|约)",
            (
                rf"(?P<join>到(?!现在|目前)|(?<![甚以])至(?!今(?!{_OF_TODAY}))|直到"
                r"|(?:[-~—–～]|(?<=[\d点])一)(?=[ ]?(?:\d|次日|第二天|翌日|[凌晚早下深半夜])))"
            ),
            r"(?P<since>自从|自|从)",
            r"(?P<open>以来|至今|起|开始|到现在|到目前)",
            r"(?P<before>以?之?前|结束|不到|收工)",
            r"(?P<stop>[,。;；、和及与或])",
        )
    )
)
_RHYTHM: Final = re.compile("|".join(f"(?P<{name.value}>{expression})" for name, expression in _RECURRENCES))
_NAMES: Final = {name.value: name for name, _ in _RECURRENCES}
#: Days of the week that a word says by itself.
_DAYS_OF: Final[dict[str, set[int]]] = {"weekdays": set(), "weekend": {6, 7}, "workdays": {1, 2, 3, 4, 5}}
_ONE_CLOCK: Final = re.compile(_CLOCK)
_EARLY_LATE: Final = re.compile(EARLY_LATE)


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
            (_ONE_CLOCK, self._clock),
            (_EARLY_LATE, self._early_late),
            (_RHYTHM, self._sign),
            (_words(), self._word),
            (LASTING, self._lasting),
            (_SIGN, self._sign),
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
            if self.part is None or match.start() - self.part_end > 1:
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
        first, last = _clock_hours(match)
        if first is None:
            return False
        if self.part is not None and self.part_end >= 0 and match.start() - self.part_end > _NEAR:
            self._settle_part()
            self.part = None
        minutes = _minutes_of(match)
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
        if found is None:
            return False
        self._settle_part()
        self.told.since |= match.start() == self.lead
        self.told.dates.append(found)
        self.joined = self.joined and self.latest == "hours"
        self.part, self.latest = None, "date"
        # 昨晚, 今早: the day with its part.
        word = match.group()[-1]
        row = time_words().find(
            {"晚": "晚上", "夜": "夜里", "早": "早上", "晨": "清晨"}.get(word, ""), at=self.at
        )
        if isinstance(row, DayPart):
            self.part, self.part_end = row, match.end()
        return True

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
        if name in _NAMES:
            self._rhythm(word, _NAMES[name])
        elif name in _DAYS_OF:
            told.weekdays |= _DAYS_OF[name] or _weekdays(word)
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
        if word in _ALWAYS_DAILY:
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


def _weekdays(word: str) -> set[int]:
    """The days of 周一至周五 or 周二、周四."""
    days = [number(character) or 0 for character in word if character in "一二三四五六日天末"]
    if any(character in "至到-~" for character in word) and len(days) > 1:
        return set(range(days[0], days[-1] + 1)) or set(days)
    return set(days) | ({6, 7} if "末" in word else set())


def _clock_hours(got: re.Match[str]) -> tuple[int | None, int | None]:
    """The hour, and for 三四点 or 7-9点 the later one; None when it is no time of day."""
    said = got["h"] or got["h3"] or got["from"] or ""
    first = number(said)
    last = number(got["to"]) if got["to"] else None
    if last is None and not said.isascii() and (first is None or first > _HOURS_OF_DAY):
        # 三四点, 九十点, 十一二点: one hour after the other.
        tens, ones = (10, said[1:]) if said[0] == "十" else (0, said)
        first, last = (
            (tens + (number(ones[0]) or 0), tens + (number(ones[-1]) or 0)) if ones else (None, None)
        )
    if first is None or first > _HOURS_OF_DAY or (last is not None and last > _HOURS_OF_DAY):
        return None, None
    return first, last


def _minutes_of(got: re.Match[str]) -> int:
    if got["quarter"]:
        return {"半": 30, "一刻": 15, "三刻": 45}[got["quarter"]]
    return number((got["min"] or got["min2"] or got["min3"] or "零").removeprefix("零") or "零") or 0


def _hours(start: int | None, end: int | None) -> Hours:
    return Hours(_clock_face(start % DAY if start is not None else None), _clock_face(end))


def _clock_face(minutes: int | None) -> str | None:
    if minutes is None:
        return None
    minutes = DAY if minutes == DAY else minutes % DAY
    return f"{minutes // _MINUTES:02d}:{minutes % _MINUTES:02d}"
