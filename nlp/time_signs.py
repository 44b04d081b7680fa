"""The signs of `nlp.times`: how often, which days of the week, clock times, and what joins them."""

from __future__ import annotations

import re
from typing import Final

from nlp.time_dates import number
from nlp.time_words import ALL_DAY, EARLY_LATE, LATE_EARLY, MINUTE, NO_WEEKDAY
from nlp.types import Recurrence

_HOURS_OF_DAY: Final = 24
_RECURRENCES: Final = (
    (Recurrence.YEARLY, r"每年|年年|[每一]到(?=[春夏秋冬年]|供暖|采暖|汛期|雨季)"),
    (
        Recurrence.WEEKLY,
        (
            rf"每逢周末|每个?周末|每个?(?:周|星期|礼拜)(?![一二三四五六日天]{NO_WEEKDAY})"
            r"|一个?(?:周|星期|礼拜)(?=[一二两三四五六七八九几\d]{1,2}[次回趟遍])"
        ),
    ),
    (
        Recurrence.DAILY,
        (
            r"每一?天|每日|每晚|每夜|每早|每到(?=[晚夜深半凌早清傍白]|[上中下]午)|天天|日日|夜夜|晚晚"
            r"|一到(?=[晚夜深半凌早]|中午|下午)|365天"
        ),
    ),
    (Recurrence.MONTHLY, r"每个?月|月月|每到(?=月[初底末中])"),
    (Recurrence.HOLIDAYS, r"节假日|节日里?|法定假"),
    (Recurrence.OFTEN, r"经常|常常|时常|时不时|隔三[差岔]五|不定[时期]|三天两头|屡次|多次|常有|有时候?|间歇"),
    (Recurrence.CONSTANT, r"长期|常年|长年|一年四季|一年到头|不间断|从未停|从不停|持续不断"),
)
ALWAYS_DAILY: Final = frozenset({"每晚", "每夜", "每早", "夜夜", "晚晚"})
_WEEKDAY: Final = (
    rf"(?:周|星期|礼拜)[一二三四五六日天]{NO_WEEKDAY}"
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
SIGN: Final = re.compile(
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
RHYTHM: Final = re.compile("|".join(f"(?P<{name.value}>{expression})" for name, expression in _RECURRENCES))
NAMES: Final = {name.value: name for name, _ in _RECURRENCES}
#: Days of the week that a word says by itself.
DAYS_OF: Final[dict[str, set[int]]] = {"weekdays": set(), "weekend": {6, 7}, "workdays": {1, 2, 3, 4, 5}}
ONE_CLOCK: Final = re.compile(_CLOCK)
ONE_EARLY_LATE: Final = re.compile(EARLY_LATE)
ONE_LATE_EARLY: Final = re.compile(LATE_EARLY)
ONE_ALL_DAY: Final = re.compile(ALL_DAY)
#: What follows a day whose month is not named.
STANDS: Final = re.compile(r"[ ,、]|[夜晚早凌清傍白半深]|[上中下]午|左右|前后|[起到至和开]|以来|当天|那天|$")
FIGURES: Final = re.compile(r"[\d一二两三四五六七八九十]+")


def weekdays_of(word: str) -> set[int]:
    """The days of 周一至周五 or 周二、周四."""
    days = [number(character) or 0 for character in word if character in "一二三四五六日天末"]
    if any(character in "至到-~" for character in word) and len(days) > 1:
        return set(range(days[0], days[-1] + 1)) or set(days)
    return set(days) | ({6, 7} if "末" in word else set())


def clock_hours(got: re.Match[str]) -> tuple[int | None, int | None]:
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


def minutes_of(got: re.Match[str]) -> int:
    """The minutes after the hour."""
    if got["quarter"]:
        return {"半": 30, "一刻": 15, "三刻": 45}[got["quarter"]]
    return number((got["min"] or got["min2"] or got["min3"] or "零").removeprefix("零") or "零") or 0
