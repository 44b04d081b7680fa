"""What words of time mean: hours, rhythm, days; counted from the moment that is handed in."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.cues import LexiconError
from nlp.text import LEXICON
from nlp.time_words import FILE, TimeWords
from nlp.times import read_when
from nlp.types import Hours, Recurrence, WhenReading

if TYPE_CHECKING:
    from pathlib import Path

#: A Wednesday in Beijing, already the next day there.
AT = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)


def read(words: str) -> WhenReading:
    found = read_when(words, at=AT)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("words", "hours"),
    [
        ("每天凌晨五点开始", [("05:00", None)]),
        ("晚上10点到凌晨2点", [("22:00", "02:00")]),
        ("晚上9点到11点", [("21:00", "23:00")]),
        ("晚上10点到2点", [("22:00", "02:00")]),
        ("晚上十二点", [("00:00", None)]),
        ("晚上十一点到十二点", [("23:00", "24:00")]),
        ("中午一点半至五点；晚上八点至十点", [("13:30", "17:00"), ("20:00", "22:00")]),
        ("每天7:00-23:00", [("07:00", "23:00")]),
        ("２２：００～０３：００", [("22:00", "03:00")]),
        ("半夜三四点", [("03:00", "04:00")]),
        ("夜里十一二点", [("23:00", "24:00")]),
        ("营业到凌晨三点", [(None, "03:00")]),
        ("天天装卸到半夜一点，清早五点多接着装", [(None, "01:00"), ("05:00", None)]),
        ("早上七点不到", [(None, "07:00")]),
        ("下午3点一刻", [("15:15", None)]),
        ("晚上8点二十分", [("20:20", None)]),
        ("凌晨零点三十分", [("00:30", None)]),
        ("从早上7点持续到晚上", [("07:00", "18:00")]),
        ("昨晚十点多", [("22:00", None)]),
        ("上下班时间", [("07:00", "09:00"), ("17:00", "19:00")]),
        ("24小时不停", [("00:00", "24:00")]),
        ("夜市", []),
        ("早九晚五", [("09:00", "17:00")]),
        ("朝八到晚十点", [("08:00", "22:00")]),
        ("一早一晚一股烟", [("05:00", "09:00"), ("18:00", "24:00")]),
        ("一夜不停", [("22:00", "06:00")]),
        ("晚上10点一凌晨2点", [("22:00", "02:00")]),
        ("昨晚10点至今天凌晨2点", [("22:00", "02:00")]),
        ("昨天23点至今晨5点", [("23:00", "05:00")]),
        ("晚8:00至10:00", [("20:00", "22:00")]),
        ("早8点到晚6点", [("08:00", "18:00")]),
        ("22:00-次日6:00", [("22:00", "06:00")]),
        ("22点-第二天凌晨3点", [("22:00", "03:00")]),
        ("早上七点五分", [("07:05", None)]),
        ("凌晨2点10个工人", [("02:00", None)]),
        ("晚上八点二十五个老太太", [("20:00", None)]),
        ("夜里11点5个人", [("23:00", None)]),
        ("晚上8点50分贝", [("20:00", None)]),
    ],
)
def test_hours(words: str, hours: list[tuple[str | None, str | None]]) -> None:
    found = read_when(words, at=AT) or WhenReading()
    assert [(item.start, item.end) for item in found.hours] == hours


@pytest.mark.parametrize(
    ("words", "recurrence", "weekdays"),
    [
        ("每天凌晨五点", Recurrence.DAILY, ()),
        ("天天晚上", Recurrence.DAILY, ()),
        ("周末白天", Recurrence.WEEKLY, (6, 7)),
        ("每个周末", Recurrence.WEEKLY, (6, 7)),
        ("周一至周五晚上", Recurrence.WEEKLY, (1, 2, 3, 4, 5)),
        ("每周三、周五下午", Recurrence.WEEKLY, (3, 5)),
        ("工作日早上", Recurrence.WEEKLY, (1, 2, 3, 4, 5)),
        ("每到年底", Recurrence.YEARLY, ()),
        ("每到节假日", Recurrence.HOLIDAYS, ()),
        ("长期每晚", Recurrence.DAILY, ()),
        ("经常半夜", Recurrence.OFTEN, ()),
        ("一年多次", Recurrence.OFTEN, ()),
        ("一到下午", Recurrence.DAILY, ()),
        ("昨天下午", None, ()),
    ],
)
def test_rhythm(words: str, recurrence: Recurrence | None, weekdays: tuple[int, ...]) -> None:
    found = read(words)
    assert (found.recurrence, found.weekdays) == (recurrence, weekdays)


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("昨晚十点多", "2026-11-24", "2026-11-24"),
        ("今早6点", "2026-11-25", "2026-11-25"),
        ("前天", "2026-11-23", "2026-11-23"),
        ("昨晚10点至今天凌晨2点", "2026-11-24", "2026-11-25"),
        ("今夜十点起", "2026-11-25", "2026-11-25"),
        ("前天至今晚", "2026-11-23", "2026-11-25"),
        ("去年3月至今", "2025-03-01", "2026-11-25"),
        ("去年3月至今早已", "2025-03-01", "2026-11-25"),
        ("上个月以来", "2026-10-01", "2026-11-25"),
        ("上周五晚上", "2026-11-20", "2026-11-20"),
        ("去年8月份", "2025-08-01", "2025-08-31"),
        ("今年以来", "2026-01-01", "2026-11-25"),
        ("12月3日", "2025-12-03", "2025-12-03"),
        ("11月3日和4日", "2026-11-03", "2026-11-04"),
        ("5月11日至19日", "2026-05-11", "2026-05-19"),
        ("2019年2月初", "2019-02-01", "2019-02-10"),
        ("2017年年底", "2017-11-01", "2017-12-31"),
        ("自2015年开工", "2015-01-01", "2026-11-25"),
        ("今年夏天", "2026-06-01", "2026-08-31"),
        ("2025年冬天", "2025-12-01", "2026-02-28"),
        ("2015-12-23", "2015-12-23", "2015-12-23"),
    ],
)
def test_days(words: str, first: str, last: str) -> None:
    found = read(words)
    assert (found.first, found.last) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("words", "lasting", "first", "approximate"),
    [
        ("连续三天", "P3D", "2026-11-22", False),
        ("近两个月", "P2M", "2026-09-25", False),
        ("一个多月", "P1M", "2026-10-25", True),
        ("半个月", "P15D", "2026-11-10", False),
        ("大半年了", "P6M", "2026-05-25", True),
        ("一年半", "P18M", "2025-05-25", False),
        ("一个半月", "P45D", "2026-10-11", True),
        ("近一个月三次", "P1M", "2026-10-25", False),
        ("连续两天一夜", "P2D", "2026-11-23", False),
        ("3年多时间", "P3Y", "2023-11-25", True),
    ],
)
def test_how_long(words: str, lasting: str, first: str, approximate: bool) -> None:  # noqa: FBT001
    found = read(words)
    assert (found.lasting, found.first, found.last) == (
        lasting,
        date.fromisoformat(first),
        date(2026, 11, 25),
    )
    assert found.approximate is approximate


@pytest.mark.parametrize(
    "words",
    [
        *("", "多年", "几天", "下雨后", "19号楼", "16号的邻居", "2月30日", "最近一段时间", "一到下雨天"),
        *("后来第二天", "连续第三天", "第十三天", "第一百二十天"),
        *("每隔两天", "隔三四天", "每十五天", "每半年", "两天一次", "一天来三趟", "一百二十天"),
    ],
)
def test_what_cannot_be_counted_is_not_made_up(words: str) -> None:
    assert read_when(words, at=AT) is None


@pytest.mark.parametrize(
    ("words", "approximate"),
    [
        ("晚上十点", False),
        ("晚上十点左右", True),
        ("每天七点", True),
        ("每天19点", False),
        ("每天11点到13点", False),
        ("8点到12点、14点到18点", False),
        ("2026年11月28日08时30分", False),
        ("8点到11点", True),
    ],
)
def test_what_is_uncertain_is_said_so(words: str, approximate: bool) -> None:  # noqa: FBT001
    assert read(words).approximate is approximate


def test_the_hours_of_a_day_are_no_days() -> None:
    assert read("一天24小时").lasting is None


def test_the_day_is_that_of_beijing() -> None:
    late = datetime(2026, 11, 24, 15, 59, tzinfo=UTC)
    found = read_when("今天", at=late)
    assert found is not None
    assert found.first == date(2026, 11, 24)
    assert read("今天").first == date(2026, 11, 25)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        read_when("昨晚", at=datetime(2026, 11, 25))  # noqa: DTZ001  (that is what is refused)


def test_the_answer_is_plain_values() -> None:
    assert read("每天凌晨五点").answer() == {
        "hours": [{"from": "05:00", "to": None}],
        "recurrence": "daily",
        "weekdays": [],
        "from": None,
        "to": None,
        "lasting": None,
        "approximate": False,
    }


@given(st.text(alphabet="每天晚上凌晨点1290半到至从年月日周末三五前后以来多约左右-:. ", max_size=60))
def test_any_words_are_read_without_an_error(words: str) -> None:
    found = read_when(words, at=AT)
    for item in (found or WhenReading()).hours:
        assert item != Hours(None, None)


def changed(folder: Path, old: str, new: str) -> Path:
    text = (LEXICON / FILE).read_text("utf-8")
    assert old in text
    (folder / FILE).write_text(text.replace(old, new, 1), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('from: "00:00"', "from: 0", "no clock time"),
        ("clock: 0", "clock: 24", "no hour"),
        ("status: A", "status: X", "neither V nor A"),
        ("valid_from: 2020-01-01", "valid_from: 昨天", "expected dates"),
        ("weekdays: [1, 2, 3, 4, 5]", "weekdays: [8]", "days 1 to 7"),
        ("clock: 0", "clock: 0, colour: red", "unknown keys colour"),
        ("source: 字面", "note: 字面", "unknown keys note"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(LexiconError, match=f"(day_parts|habits).*{told}"):
        TimeWords.load(changed(tmp_path, old, new))


def test_a_row_holds_between_its_dates(tmp_path: Path) -> None:
    folder = changed(tmp_path, "valid_from: 2020-01-01", "valid_from: 2020-01-01, valid_to: 2026-06-30")
    words = TimeWords.load(folder)
    assert words.find("凌晨", at=date(2026, 6, 30)) is not None
    assert words.find("凌晨", at=date(2026, 7, 1)) is None


@pytest.mark.parametrize("words", ["昨天", "上个月", "上周", "前天夜里", "两年"])
@pytest.mark.parametrize("moment", [datetime(1, 1, 1, 12, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)])
def test_a_day_beyond_all_days_is_no_fault(words: str, moment: datetime) -> None:
    found = read_when(f"{words}在施工", at=moment)
    assert found is None or found.first is None or found.first.year >= 1
