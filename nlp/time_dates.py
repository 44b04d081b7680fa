"""Days and spans of days in words (昨晚, 去年8月, 连续三天), told as dates.

Pure: the folded words and the day on which they were written in, dates out. Called by `nlp.times`.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

#: A number in digits or characters, up to 99.
NUMBER: Final = r"(?:\d{1,2}|[零一二两三四五六七八九十]{1,3})"
_DIGITS: Final = {character: at for at, character in enumerate("零一二三四五六七八九")} | {
    "两": 2,
    "日": 7,
    "天": 7,
    "末": 6,
}
_MONTHS_OF_YEAR: Final = 12
_TEN: Final = 10
_WEEK: Final = 7

#: Days that are told against the day of writing: how many days before.
_AGO: Final = {"大前天": 3, "前天": 2, "前晚": 2, "昨天": 1, "昨日": 1, "昨晚": 1, "昨夜": 1, "昨": 1}
_TODAY: Final = ("今天", "今日", "今晚", "今夜", "今早", "今晨", "刚才", "刚刚", "此刻", "现在")
_NOW: Final = ("目前", "当前")
_YEARS_AGO: Final = {"前年": 2, "去年": 1, "今年": 0, "本年": 0}
_SEASONS: Final = {"春": (3, 5), "夏": (6, 8), "秋": (9, 11), "冬": (12, 14)}

#: 24年夏天, 从21年开始 are years; 持续24年, 24年之久 are not.
_YEAR: Final = (
    r"(?P<year>(?:19|20)\d{2}年?|(?<!\d)[012]\d年(?=\d|[春夏秋冬][天季]|[上下]半年|[初底末](?!层))"
    r"|(?<=[从自])[012]\d年(?=开始|起|以来|至今|到现在|就|一直|[, ]|$)|前年|去年|今年|本年)"
)
_MONTH: Final = rf"(?P<month>{NUMBER})月(?:份)?(?:的)?"
_DAY: Final = rf"(?P<day>{NUMBER})[日号曰]?"
_PART: Final = r"(?P<part>[上中下]旬|[初底末]|上半年|下半年|[春夏秋冬][天季])"
DATE: Final = re.compile(
    r"(?P<y>(?:19|20)\d{2})[-./](?P<m>\d{1,2})(?:[-./](?P<d>\d{1,2}))?(?![\d:])"
    rf"|{_YEAR}[ ,]?(?:{_MONTH}[ ]?(?:{_DAY})?)?年?{_PART}?"
    rf"|(?<![\d个])(?P<month2>{NUMBER})月(?!前|后|来|多|内|有余)(?:份)?(?:的)?"
    rf"(?:[ ]?(?P<day2>{NUMBER})(?:[日号曰]|(?![\d点时::年个月])))?(?P<part2>[上中下]旬|[初底末])?"
    rf"|(?P<ago>{'|'.join(_AGO)}|{'|'.join((*_TODAY, *_NOW))})"
    rf"|(?P<lastmonth>(?:上个?月|本月|这个月)(?:的?(?P<lastday>{NUMBER})[日号]|的?(?:[上中下]旬|[初底末]))?|月[初底末])"
    rf"|(?P<which>上上?|这|本)个?(?P<unit>周|星期|礼拜)(?P<weekday>[一二三四五六日天末])?"
    rf"|(?<![\d年月])(?P<dayonly>{NUMBER})[日号](?!楼|线|门|桥|院|地块|[0-9])"
)
#: How long it has lasted. 几 and 数 are no number: they say nothing that could be counted.
#: Nor is 第十三天, 每隔三天 or 百零三天 so many days, whichever of its digits one begins at.
LASTING: Final = re.compile(
    r"(?<![每隔])(?P<half>大?半)(?:个)?(?P<halfunit>月|年|天)(?:多|来)?"
    r"|(?<![从自至到前第每隔百千])(?<![第每隔百千][\d一二两三四五六七八九十])"
    r"(?<![第每隔百千][\d一二三四五六七八九十]{2})"
    r"(?P<count>\d{1,3}|[一二两三四五六七八九十]{1,3})(?P<more>多|余)?个?(?P<more3>多|余)?"
    r"(?P<half2>半)?(?P<of>天|周|星期|礼拜|月|年(?![级初底末]))(?:(?P<half3>半(?![个月年天载]))|(?P<more2>多(?!次)|余))?"
)
#: 两天一次, 一天来三趟, 一天24小时: how often, not how long; but 近一个月三次.
_RATE: Final = re.compile(
    r"[要来能都得就]{0,2}[\d一二两三四五六七八九十几数多]{1,3}(?:次|回|趟|遍)|(?<=一天)(?:24|二十四)个?小时"
)
_COUNTED_BACK: Final = ("近", "连续", "已", "过去", "了")
#: 周末两天, 国庆七天, 每周五天: how many days they have.
_HOLIDAYS: Final = (
    *("周末", "双休", "双休日", "国庆", "五一", "春节", "元旦", "端午", "中秋", "清明", "假期", "长假"),
    *("每周", "每星期", "每个星期", "每礼拜", "每个礼拜", "一周", "一个星期"),
)
_LETTERS: Final = {"天": "D", "日": "D", "周": "W", "星期": "W", "礼拜": "W", "月": "M", "年": "Y"}


@dataclass(frozen=True, slots=True)
class Days:
    """First and last day; with the month and year that were named, for what follows them."""

    first: date
    last: date
    month: date | None = None
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Lasting:
    """An ISO 8601 duration, the day it leads back to, and whether it is exact."""

    duration: str
    first: date
    exact: bool


def number(text: str) -> int | None:
    """The number of digits or characters below 1000; None when it is none."""
    if text.isascii() and text.isdigit():
        return int(text)
    if "十" in text:
        tens, _, ones = text.partition("十")
        if any(part and part not in _DIGITS for part in (tens, ones)):
            return None
        return (_DIGITS[tens] if tens else 1) * _TEN + (_DIGITS[ones] if ones else 0)
    return _DIGITS.get(text)


def days_of(match: re.Match[str], *, at: date, before: Days | None) -> Days | None:
    """What a match of `DATE` means to one who writes on `at`; None when it is no date.

    `before` is the date named before it: after 4月21日 a bare 25日 is of the same month.
    """
    got = match.groupdict()
    try:
        if got["y"]:
            return _month_or_day(int(got["y"]), int(got["m"]), got["d"])
        if got["year"]:
            return _with_year(got, at)
        if got["month2"]:
            return _without_year(got, at, before)
        return _relative(got, at, before)
    except (ValueError, OverflowError):  # a day that no calendar has: 2月30日, the month before year 1
        return None


def _relative(got: dict[str, str | None], at: date, before: Days | None) -> Days | None:
    """昨天, 上周五, 上个月, and a bare day after a month."""
    if got["ago"]:
        day = at - timedelta(days=_AGO.get(got["ago"], 0))
        return Days(day, day)
    if got["lastmonth"]:
        return _of_month(got["lastmonth"], number(got["lastday"] or ""), at)
    if got["which"]:
        return _of_week(got, at)
    base, day_number = before.month if before else None, number(got["dayonly"] or "")
    if day_number is None:
        return None
    if base is None:
        return _latest(day_number, at)
    day = base.replace(day=day_number)
    return Days(day, day, month=base)


def _latest(day_number: int, at: date) -> Days | None:
    """25号 with no month named: the last such day, not after `at`."""
    month = at.replace(day=1)
    if day_number > at.day:
        month = (month - timedelta(days=1)).replace(day=1)
    day = month.replace(day=day_number)
    return Days(day, day, month=month)


def _month_or_day(year: int, month: int, day: str | None) -> Days:
    if day:
        the_day = date(year, month, int(day))
        return Days(the_day, the_day, month=the_day.replace(day=1), year=year)
    return _whole_month(year, month)


def _whole_month(year: int, month: int) -> Days:
    first = date(year, month, 1)
    return Days(first, first.replace(day=calendar.monthrange(year, month)[1]), month=first, year=year)


def _with_year(got: dict[str, str | None], at: date) -> Days | None:
    said = got["year"] or ""
    digits = said.removesuffix("年")
    if said in _YEARS_AGO:
        year = at.year - _YEARS_AGO[said]
    else:
        year = int(digits) if len(digits) > 2 else 2000 + int(digits)  # noqa: PLR2004  (18年: two digits)
    if got["month"]:
        month = number(got["month"])
        if month is None:
            return None
        if got["day"]:
            day = number(got["day"])
            return _month_or_day(year, month, str(day)) if day else None
        return _narrowed(_whole_month(year, month), got["part"])
    return _part_of_year(year, got["part"])


def _part_of_year(year: int, part: str | None) -> Days:
    months = {"上半年": (1, 6), "下半年": (7, 12), "初": (1, 2), "底": (11, 12), "末": (11, 12)}
    first, last = months.get(part or "", (1, 12))
    if part and part[0] in _SEASONS:
        first, last = _SEASONS[part[0]]
    end_year, end_month = (year + 1, last - 12) if last > _MONTHS_OF_YEAR else (year, last)
    return Days(_whole_month(year, first).first, _whole_month(end_year, end_month).last, year=year)


def _narrowed(days: Days, part: str | None) -> Days:
    """初, 中旬 and so on of a month."""
    ends = {"上旬": (1, 10), "初": (1, 10), "中旬": (11, 20)}
    if part in ends:
        first, last = ends[part]
        return Days(days.first.replace(day=first), days.first.replace(day=last), days.month, days.year)
    if part in ("下旬", "底", "末"):
        return Days(days.first.replace(day=21), days.last, days.month, days.year)
    return days


def _without_year(got: dict[str, str | None], at: date, before: Days | None) -> Days | None:
    """A month without a year: of the year named before, else the last one that has begun."""
    month = number(got["month2"] or "")
    if month is None or not 1 <= month <= _MONTHS_OF_YEAR:
        return None
    year = before.year if before and before.year else at.year if month <= at.month else at.year - 1
    if got["day2"]:
        day = number(got["day2"])
        if day is None:
            return None
        the_day = date(year, month, day)
        if the_day > at and not (before and before.year):
            the_day = date(year - 1, month, day)
        return Days(the_day, the_day, month=the_day.replace(day=1), year=year)
    return _narrowed(_whole_month(year, month), got["part2"])


def _of_month(said: str, day_number: int | None, at: date) -> Days:
    first = at.replace(day=1)
    if said.startswith("上"):
        first = (first - timedelta(days=1)).replace(day=1)
    if day_number is not None:
        whole = _whole_month(first.year, first.month)
        if day_number > whole.last.day:  # 本月31号 in November: the month at least is told
            return whole
        day = first.replace(day=day_number)
        return Days(day, day, month=first)
    whole = _whole_month(first.year, first.month)
    return _narrowed(whole, said[-2:] if said[-1] == "旬" else said[-1])


def after(days: Days, earlier: Days) -> Days:
    """The same months or days of a year later, where they would end what began after them: 10月至次年1月."""
    if days.first >= earlier.first:
        return days
    whole = days.month is not None and (days.first, days.last) == (
        days.month,
        _whole_month(days.month.year, days.month.month).last,
    )
    if whole:
        return _whole_month(days.first.year + 1, days.first.month)
    first, last = (_back(day, -1, "Y") for day in (days.first, days.last))
    return Days(first, last, month=first.replace(day=1), year=first.year)


def _of_week(got: dict[str, str | None], at: date) -> Days:
    monday = at - timedelta(days=at.weekday())
    weeks = {"上": 1, "上上": 2}.get(got["which"] or "", 0)
    monday -= timedelta(days=_WEEK * weeks)
    weekday = got["weekday"]
    if weekday is None:
        return Days(monday, monday + timedelta(days=_WEEK - 1))
    if weekday == "末":
        return Days(monday + timedelta(days=5), monday + timedelta(days=6))
    day = monday + timedelta(days=_DIGITS[weekday] - 1)
    return Days(day, day)


def lasting_of(match: re.Match[str], *, at: date) -> Lasting | None:
    """What a match of `LASTING` means: how long, and since when if it ends on `at`."""
    got = match.groupdict()
    said_before = match.string[: match.start()]
    often = _RATE.match(match.string, match.end()) and not said_before.endswith(_COUNTED_BACK)
    if often or said_before.endswith(_HOLIDAYS):
        return None
    if got["half"]:
        unit, exact = got["halfunit"], got["half"] == "半"
        if unit == "天":
            return Lasting("PT12H", at, exact=False)
        count, letter = (15, "D") if unit == "月" else (6, "M")
    else:
        known = number(got["count"])
        a_month = got["of"] == "月" and not (set("个多余") & set(match.group()))  # 2月 is February
        if not known or a_month:
            return None
        count, letter, exact = known, _LETTERS[got["of"]], not (got["more"] or got["more2"] or got["more3"])
        if got["half2"] or got["half3"]:
            if letter == "D":
                return _reaching_back(f"P{known}DT12H", at, known, "D", exact=False) if got["half3"] else None
            count, letter, whole = _and_a_half(count, letter)
            exact = exact and whole
    return _reaching_back(f"P{count}{letter}", at, count, letter, exact=exact)


def _and_a_half(count: int, letter: str) -> tuple[int, str, bool]:
    """So many weeks, months or years and a half, in what can be counted, and whether that is exact."""
    if letter == "Y":
        return count * _MONTHS_OF_YEAR + 6, "M", True
    if letter == "W":
        return count * _WEEK + _WEEK // 2, "D", False
    return count * 30 + 15, "D", False


def _reaching_back(duration: str, at: date, count: int, letter: str, *, exact: bool) -> Lasting | None:
    """How long, and since when; None before all days."""
    try:
        return Lasting(duration, _back(at, count, letter), exact)
    except (ValueError, OverflowError):
        return None


def _back(at: date, count: int, letter: str) -> date:
    if letter in "DW":
        return at - timedelta(days=count * (_WEEK if letter == "W" else 1))
    months = at.year * _MONTHS_OF_YEAR + at.month - 1 - count * (_MONTHS_OF_YEAR if letter == "Y" else 1)
    year, month = divmod(months, _MONTHS_OF_YEAR)
    return date(year, month + 1, min(at.day, calendar.monthrange(year, month + 1)[1]))
