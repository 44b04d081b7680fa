"""When one rings, and which 约定时间 can be agreed: both sides of each limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

import triage.tables
from triage.rules import ringing
from triage.rules.ringing import Limits

CLOCKS = triage.tables.load().clocks
ROW = CLOCKS.ring(date(2026, 11, 24))
NOW = datetime.fromisoformat("2026-11-24T10:00+08:00")
DUE = datetime.fromisoformat("2026-11-26T19:20+08:00")
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


@pytest.mark.parametrize(
    ("moment", "rings"),
    [
        ("2026-11-24T08:29", "2026-11-24T08:30"),
        ("2026-11-24T08:30", "2026-11-24T08:30"),
        ("2026-11-24T20:29", "2026-11-24T20:29"),
        ("2026-11-24T20:30", "2026-11-25T08:30"),
        ("2026-12-31T23:59", "2027-01-01T08:30"),
    ],
)
def test_one_rings_by_the_clock_of_beijing(moment: str, rings: str) -> None:
    assert ringing.rings_from(CLOCKS, at(moment)) == at(rings)


@pytest.mark.parametrize(
    ("moment", "limits", "told", "late"),
    [
        (NOW, Limits(None, None), "已经过了", False),
        (NOW + MINUTE, Limits(None, None), None, None),
        (NOW + timedelta(days=7), Limits(None, None), None, None),
        (NOW + timedelta(days=7) + MINUTE, Limits(None, None), "最多约到 7 天以后", False),
        (at("2026-11-24T20:30"), Limits(None, None), "回访只在 08:30—20:30 打", False),
        (at("2026-11-25T09:00"), Limits(at("2026-11-25T09:01"), None), "办理时限期满后才回访", False),
        (at("2026-11-25T09:00"), Limits(at("2026-11-25T09:00"), None), None, None),
        (DUE, Limits(None, DUE), None, None),
        (DUE + MINUTE, Limits(None, DUE), "晚于回访时限 11-26 19:20", True),
        # Over already: no time keeps it, so nothing is asked.
        (DUE + MINUTE, Limits(None, NOW - MINUTE), None, None),
    ],
)
def test_which_time_can_be_agreed(
    moment: datetime,
    limits: Limits,
    told: str | None,
    late: bool | None,  # noqa: FBT001  (a column)
) -> None:
    found = ringing.fault(ROW, moment, now=NOW, limits=limits)
    assert (told or "") in (found.words if found else "")
    assert (found is None, found.late if found else None) == (told is None, late)


def test_tables_of_before_say_nothing_of_hours() -> None:
    clocks = replace(CLOCKS, ringing=())
    night = at("2026-11-24T03:00")
    assert ringing.rings_from(clocks, night) == night
    assert ringing.offered(clocks.ring(night.date()), night, Limits(None, None)) == ()
    assert ringing.hours(clocks.ring(night.date())) == "00:00—24:00"


def test_what_is_offered_is_of_today_and_tomorrow() -> None:
    found = ringing.offered(ROW, NOW, Limits(None, at("2026-11-25T10:00")))
    assert [(f"{moment:%d %H:%M}", late) for moment, late in found] == [
        ("24 10:30", False), ("24 14:00", False), ("24 17:00", False), ("24 19:00", False),
        ("25 09:00", False), ("25 10:30", True), ("25 14:00", True), ("25 17:00", True), ("25 19:00", True),
    ]  # fmt: skip


def test_whoever_rings_at_the_same_time_of_the_day_again_is_told() -> None:
    morning, noon, evening = at("2026-11-23T09:00"), at("2026-11-23T12:00"), at("2026-11-23T18:00")
    assert [ringing.part_of_day(one) for one in (morning, noon, evening)] == ["上午", "下午", "晚上"]
    assert ringing.other_part([], NOW) is None
    assert ringing.other_part([noon, evening], NOW) is None
    assert ringing.other_part([morning], NOW) == "上一次没打通也是在上午：换个时段更容易打通"
    assert ringing.other_part([morning, noon, morning], NOW) == "前 2 次没打通也是在上午：换个时段更容易打通"
