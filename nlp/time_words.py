"""Words for times of day (时段词) and what they mean in hours: `lexicon/times.yaml`, read strictly.

Called by `nlp.times`. Minutes are counted from midnight; past 24 * 60 they belong to the next day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from nlp.cues import LexiconError, read_yaml, refuse_unknown, texts
from nlp.text import LEXICON

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "times.yaml"
DAY: Final = 24 * 60
#: Minutes right after an hour. 凌晨2点10个工人: what is counted after a number makes it none.
MINUTE: Final = (
    r"(?:[0-5]?\d(?![\d点:.])|[一二三四五六七八九](?=分(?![贝钟之]))"
    r"|(?:[一二三四五]?十[一二三四五六七八九]?|[零〇][一二三四五六七八九])(?![点點時一二三四五六七八九十]))"
    r"(?!多?(?:[个名位台辆人桌户车条只间层次遍声栋楼岁度天年月米号]|家(?!里|中|门)|分贝|小时))"
)
_TWELVE: Final = r"(?:1[0-2]|[1-9]|十[一二]?|[一二两三四五六七八九])"
#: 早九晚五: two hours, each by its part of the day.
EARLY_LATE: Final = rf"(?<!一)[早朝]{_TWELVE}[至到~\-]?晚{_TWELVE}点?(?![半点时\d:])"
#: 晚9至早6点: the same over the night.
LATE_EARLY: Final = (
    rf"(?<!最)(?:晚上?|夜里?){_TWELVE}点?[至到~\-](?:次日|第二天)?[早晨]上?{_TWELVE}点(?![半钟\d])"
)
#: 从早叫到晚: the whole day, whatever it is.
ALL_DAY: Final = (
    r"从早上?(?![一-鿿]?[\d一二两三四五六七八九十])[一-鿿]{1,3}[到至]晚上?(?![\d一二两三四五六七八九十])"
)
#: What is counted is no day of the week: 一周三次, 每周五天不停施工.
#: 周日天没亮 is a Sunday, 周一次日凌晨 a Monday.
NO_WEEKDAY: Final = r"(?!次(?!日(?![常间产]))|[回趟遍]|天(?!天|[没不刚蒙快还未]{0,2}[黑亮]))"
_COMMON: Final = ("id", "words", "valid_from", "valid_to", "source", "status")
_CLOCK: Final = re.compile(r"(\d{2}):(\d{2})")
_DAYS: Final = range(1, 8)


@dataclass(frozen=True, slots=True)
class DayPart:
    """A part of the day (晚上): its usual hours, and the hour at which its twelve hours begin."""

    id: str
    start: int
    end: int
    clock: int
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Habit:
    """A word that says hours by itself (上下班时间, 昼夜)."""

    id: str
    hours: tuple[tuple[int, int], ...]
    weekdays: tuple[int, ...]
    valid_from: date
    valid_to: date | None


class TimeWords:
    """The rows by their words."""

    def __init__(self, rows: dict[str, list[DayPart | Habit]]) -> None:
        """Take the rows of every word."""
        self._rows = rows
        self.expression = "|".join(re.escape(word) for word in sorted(rows, key=len, reverse=True))

    @classmethod
    def load(cls, folder: Path = LEXICON) -> TimeWords:
        """Read the file. Raises LexiconError naming the row and what is wrong with it."""
        path = folder / FILE
        raw = read_yaml(path, "times/1")
        refuse_unknown(raw, ("schema", "day_parts", "habits"), where=FILE)
        rows: dict[str, list[DayPart | Habit]] = {}
        for name, parse in (("day_parts", _day_part), ("habits", _habit)):
            for at, item in enumerate(raw.get(name) or []):
                where = f"{FILE}: {name}[{at}]"
                row, words = parse(item, where)
                for word in words:
                    rows.setdefault(word, []).append(row)
        if not rows:
            raise LexiconError(f"{FILE}: no rows")
        return cls(rows)

    def find(self, word: str, *, at: date) -> DayPart | Habit | None:
        """The row of a word that is in force at a date."""
        return next(
            (
                row
                for row in self._rows.get(word, ())
                if row.valid_from <= at and (row.valid_to is None or at <= row.valid_to)
            ),
            None,
        )


@lru_cache(maxsize=1)
def time_words() -> TimeWords:
    """The lexicon's words, read once."""
    return TimeWords.load()


def _common(raw: Any, where: str, more: tuple[str, ...]) -> tuple[str, date, date | None, tuple[str, ...]]:  # noqa: ANN401
    """Id, dates and words of a row. Raises LexiconError."""
    if not isinstance(raw, dict):
        raise LexiconError(f"{where}: expected a mapping")
    refuse_unknown(raw, (*_COMMON, *more), where=where)
    missing = [key for key in (*_COMMON, *more) if key not in raw and key != "valid_to"]
    if missing:
        raise LexiconError(f"{where}: missing {', '.join(missing)}")
    if raw["status"] not in ("V", "A"):
        raise LexiconError(f"{where}: status: {raw['status']!r} is neither V nor A")
    start, end = raw["valid_from"], raw.get("valid_to")
    if not isinstance(start, date) or not (end is None or isinstance(end, date)):
        raise LexiconError(f"{where}: valid_from, valid_to: expected dates")
    return str(raw["id"]), start, end, texts(raw["words"], where=f"{where}.words")


def _day_part(raw: Any, where: str) -> tuple[DayPart, tuple[str, ...]]:  # noqa: ANN401
    key, start, end, words = _common(raw, where, ("from", "to", "clock"))
    clock = raw["clock"]
    if clock not in range(24):
        raise LexiconError(f"{where}: clock: {clock!r} is no hour")
    first, last = _minutes(raw["from"], where), _minutes(raw["to"], where)
    return DayPart(key, first, last if last > first else last + DAY, clock, start, end), words


def _habit(raw: Any, where: str) -> tuple[Habit, tuple[str, ...]]:  # noqa: ANN401
    key, start, end, words = _common(raw, where, ("hours", "weekdays"))
    if not all(day in _DAYS for day in raw["weekdays"]):
        raise LexiconError(f"{where}: weekdays: expected days 1 to 7")
    try:
        hours = tuple((_minutes(first, where), _minutes(last, where)) for first, last in raw["hours"])
    except (TypeError, ValueError) as fault:
        if isinstance(fault, LexiconError):
            raise
        raise LexiconError(f"{where}: hours: expected pairs of clock times") from fault
    return Habit(key, hours, tuple(raw["weekdays"]), start, end), words


def _minutes(raw: object, where: str) -> int:
    match = _CLOCK.fullmatch(raw) if isinstance(raw, str) else None
    minutes = int(match[1]) * 60 + int(match[2]) if match else DAY + 1
    if minutes > DAY:
        raise LexiconError(f'{where}: {raw!r} is no clock time; write it as "07:00"')
    return minutes
