"""时间规律: what is counted is no weekday, a year in two digits is no duration, a month's end is no month."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from nlp.facts import read_facts
from nlp.text import normalize
from nlp.times import read_when
from nlp.types import Recurrence, WhenReading

#: Wednesday 2026-11-25, 04:00 in Beijing.
AT = datetime(2026, 11, 24, 20, tzinfo=UTC)


def read(words: str, at: datetime = AT) -> WhenReading:
    return read_when(words, at=at) or WhenReading()


@pytest.mark.parametrize(
    ("words", "recurrence", "weekdays"),
    [
        ("一周三次", Recurrence.WEEKLY, ()),
        ("一个星期三次", Recurrence.WEEKLY, ()),
        ("每周五次", Recurrence.WEEKLY, ()),
        ("每周五天", Recurrence.WEEKLY, ()),
        ("每周五天不停施工", Recurrence.WEEKLY, ()),
        ("每周六天不休息", Recurrence.WEEKLY, ()),
        ("每周三天没有停过", Recurrence.WEEKLY, ()),
        ("每周一次日常保洁", Recurrence.WEEKLY, ()),
        ("每周三次日间施工", Recurrence.WEEKLY, ()),
        ("每周三", Recurrence.WEEKLY, (3,)),
        ("每周二、周五凌晨", Recurrence.WEEKLY, (2, 5)),
        ("周三天天", Recurrence.DAILY, (3,)),
        ("每周日天没亮", Recurrence.WEEKLY, (7,)),
        ("每周日天刚亮", Recurrence.WEEKLY, (7,)),
        ("每周日天蒙蒙亮", Recurrence.WEEKLY, (7,)),
        ("周一次日凌晨", Recurrence.WEEKLY, (1,)),
        ("周末两天", Recurrence.WEEKLY, (6, 7)),
        ("一年四季", Recurrence.CONSTANT, ()),
        ("每到下雨", None, ()),
        ("每到供暖季", Recurrence.YEARLY, ()),
        ("每到月底", Recurrence.MONTHLY, ()),
        ("每到半夜", Recurrence.DAILY, ()),
        ("每到冬天", Recurrence.YEARLY, ()),
        ("每到周末", Recurrence.WEEKLY, (6, 7)),
        ("每个月的15号", Recurrence.MONTHLY, ()),
    ],
)
def test_how_often(words: str, recurrence: Recurrence | None, weekdays: tuple[int, ...]) -> None:
    found = read(words)
    assert (found.recurrence, found.weekdays) == (recurrence, weekdays)
    assert (found.first, found.lasting) == (None, None)


@pytest.mark.parametrize(
    ("words", "lasting"),
    [
        ("三天半", "P3DT12H"),
        ("一个星期半", "P10D"),
        ("十天半个月", "P15D"),
        ("一年半载", "P1Y"),
        ("国庆七天", None),
        ("两个半月", "P75D"),
        ("一年半", "P18M"),
        ("连续三天", "P3D"),
        ("20多年", "P20Y"),
        ("持续24年", "P24Y"),
        ("24年之久", "P24Y"),
        ("从21年开始", None),
        ("24年夏天", None),
    ],
)
def test_how_long(words: str, lasting: str | None) -> None:
    assert read(words).lasting == lasting


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("从21年开始", "2021-01-01", "2026-11-25"),
        ("从24年夏天", "2024-06-01", "2026-11-25"),
        ("24年夏天", "2024-06-01", "2024-08-31"),
        ("从25年6月", "2025-06-01", "2026-11-25"),
        ("每年11月15日至次年3月15日", "2026-11-15", "2027-03-15"),
        ("10月至次年1月", "2026-10-01", "2027-01-31"),
        ("12月至2月", "2025-12-01", "2026-02-28"),
        ("2024年3月至2025年5月", "2024-03-01", "2025-05-31"),
        ("从去年夏天到现在", "2025-06-01", "2026-11-25"),
        ("上个月底开始", "2026-10-21", "2026-11-25"),
        ("本月初", "2026-11-01", "2026-11-10"),
        ("上月下旬", "2026-10-21", "2026-10-31"),
        ("上个月20号夜里", "2026-10-20", "2026-10-20"),
        ("本月20日晚上", "2026-11-20", "2026-11-20"),
        ("上个月", "2026-10-01", "2026-10-31"),
        ("本月31号", "2026-11-01", "2026-11-30"),
        ("19日", "2026-11-19", "2026-11-19"),
        ("25号夜里11点", "2026-11-25", "2026-11-25"),
        ("28号夜里11点", "2026-10-28", "2026-10-28"),
        ("11月20日、21日、22日", "2026-11-20", "2026-11-22"),
        ("上周五（11月20日）早上开始一直到今天（11月25日", "2026-11-20", "2026-11-25"),
    ],
)
def test_days(words: str, first: str, last: str) -> None:
    found = read(words)
    assert (found.first, found.last) == (date.fromisoformat(first), date.fromisoformat(last))


def test_months_over_new_year_stay_in_order_in_december() -> None:
    found = read("12月至2月", datetime(2026, 12, 10, tzinfo=UTC))
    assert (found.first, found.last) == (date(2026, 12, 1), date(2027, 2, 28))


@pytest.mark.parametrize("words", ["3号楼", "1号线", "住在16号的邻居"])
def test_a_number_of_a_house_is_no_day(words: str) -> None:
    assert read_when(words, at=AT) is None


def test_the_31st_of_a_month_that_has_none_is_no_day() -> None:
    assert read_when("31日晚上", at=datetime(2026, 7, 5, tzinfo=UTC)) == WhenReading(
        hours=read("晚上").hours,
    )


@pytest.mark.parametrize(
    ("words", "hours"),
    [
        ("每天中午晚上", [("11:30", "14:00"), ("18:00", "24:00")]),
        ("上午下午都施工", [("08:00", "12:00"), ("13:00", "18:00")]),
        ("白天夜间", [("06:00", "22:00"), ("22:00", "06:00")]),
        ("晚上夜间", [("22:00", "06:00")]),
        ("晚上凌晨2点", [("02:00", None)]),
        ("晚9至早6点", [("21:00", "06:00")]),
        ("晚12点到早6点", [("00:00", "06:00")]),
        ("昨晚到今早", [("18:00", "05:00")]),
        ("前天晚上到昨天早上", [("18:00", "05:00")]),
        ("昨天深夜至今天早8时30分", [("23:00", "08:30")]),
        ("昨晚10点到今天早上5点", [("22:00", "05:00")]),
        ("从早叫到晚", [("07:00", "22:00")]),
        ("从早8点吵到晚上10点", [("08:00", "22:00")]),
        ("早八点到晚六点", [("08:00", "18:00")]),
    ],
)
def test_hours(words: str, hours: list[tuple[str, str | None]]) -> None:
    assert [(item.start, item.end) for item in read(words).hours] == hours


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("楼下广场舞一周三次", None),
        ("楼下上个月20号夜里施工", "上个月20号夜里"),
        ("楼下25号夜里11点施工", "25号夜里11点"),
        ("楼下的狗从早叫到晚", "从早叫到晚"),
        ("这里每到下雨天就返味", "每到下雨天"),
        ("一到那里就臭", None),
        ("夏天一到就臭", "夏天一到"),
        ("从6.2日早上7点起施工", "早上7点起"),
        ("楼下一年四季油烟", "一年四季"),
        ("每到半夜就冒烟", "每到半夜"),
        ("楼下晚9至早6点施工", "晚9至早6点"),
    ],
)
def test_the_words_that_say_when(text: str, when: str | None) -> None:
    assert read_facts(text, normalize(text), 0).when_text(text) == when
