"""时钟: any weekdays, segments, pauses and year ends; each answer also found minute by minute."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from models.vocab import Urgency
from tests.triage.rules.clock_samples import MINUTE, SEGMENTS, Brute, calendar_of, clocks, first, row_of
from tests.triage.rules.helpers import moment, tables
from triage.errors import BadInput, NoRule
from triage.rules.clocks import (
    Clock,
    Pause,
    due_at,
    elapsed,
    explain,
    length_of,
    moment_at,
)
from triage.rules.deadlines import due_times
from triage.rules.reminders import reminders, warnings
from triage.rules.rows import ClockName, DayType, SpanUnit

_WEEKDAYS = [frozenset(days) for size in range(7) for days in itertools.combinations(range(7), size)]
#: Machines are shared: how long one example takes says nothing.
_SETTINGS = settings(deadline=None, max_examples=50)
#: A day counted by minutes takes long: what fails is shown as it was found.
_BY_MINUTE = settings(deadline=None, max_examples=25, phases=(Phase.explicit, Phase.reuse, Phase.generate))
_LATER = st.timedeltas(timedelta(0), timedelta(days=30))


def _due(clock: Clock) -> datetime:
    found = due_at(clock)
    assert found is not None
    return found


def _whole(clock: Clock) -> Clock:
    """The clock, unless half its limit is no whole number of minutes."""
    assume(length_of(clock) % MINUTE == timedelta(0))
    return clock


@_SETTINGS
@given(clock=clocks())
def test_the_whole_limit_has_run_at_its_end_and_not_a_moment_before(clock: Clock) -> None:
    due = _due(clock)
    assert elapsed(clock, due) == length_of(clock)
    unrolled = replace(clock, row=replace(clock.row, roll_over=False))
    assert elapsed(unrolled, _due(unrolled) - timedelta(microseconds=1)) < length_of(clock)


@_BY_MINUTE
@given(clock=clocks(roll_overs=False))
def test_minute_by_minute_gives_the_same_end(clock: Clock) -> None:
    assert _due(_whole(clock)) == Brute(clock).nominal()


@_BY_MINUTE
@given(clock=clocks(roll_overs=False), minutes=st.integers(0, 9000))
def test_minute_by_minute_gives_the_same_time_run(clock: Clock, minutes: int) -> None:
    at = clock.start + minutes * MINUTE
    assert elapsed(clock, at) == Brute(clock).elapsed(at) * MINUTE


@_BY_MINUTE
@given(clock=clocks(pauses=False))
def test_an_end_on_a_day_off_moves_to_the_next_working_day(clock: Clock) -> None:
    rolling = replace(_whole(clock), row=replace(clock.row, roll_over=True))
    due, brute = _due(rolling), Brute(rolling)
    expected = brute.nominal()
    while brute.day_off((expected - MINUTE).date()):
        expected += timedelta(days=1)
    assert due == expected


@pytest.mark.parametrize("off", _WEEKDAYS, ids=lambda off: "".join(map(str, sorted(off))) or "none")
def test_every_set_of_weekdays_off(off: frozenset[int]) -> None:
    row = row_of(2, SpanUnit.DAY, DayType.WORKING)
    clock = Clock(row, first(9 * 60 + 7), calendar_of(off, segments=SEGMENTS[2]))
    assert _due(clock) == Brute(clock).nominal()
    assert elapsed(clock, _due(clock)) == length_of(clock)


@_SETTINGS
@given(clock=clocks(), one=_LATER, other=_LATER)
def test_time_only_goes_on(clock: Clock, one: timedelta, other: timedelta) -> None:
    early, late = sorted((clock.start + one, clock.start + other))
    assert elapsed(clock, early) <= elapsed(clock, late)
    assert elapsed(clock, late) - elapsed(clock, early) <= late - early


@_SETTINGS
@given(clock=clocks(), cuts=st.lists(_LATER, min_size=1, max_size=4))
def test_parts_of_an_interval_add_up(clock: Clock, cuts: list[timedelta]) -> None:
    at = sorted(clock.start + cut for cut in cuts)
    parts = [elapsed(clock, b, since=a) for a, b in itertools.pairwise([clock.start, *at])]
    assert sum(parts, timedelta(0)) == elapsed(clock, at[-1])


@_SETTINGS
@given(clock=clocks(), later=_LATER)
def test_what_is_told_adds_up_to_what_has_run(clock: Clock, later: timedelta) -> None:
    until = clock.start + later
    told = explain(clock, until)
    assert told.counted == elapsed(clock, until)
    assert all(a.end == b.start for a, b in itertools.pairwise(told.pieces))
    assert [p.start for p in told.pieces[:1]] + [p.end for p in told.pieces[-1:]] in (
        [],
        [clock.start, until],
    )
    assert explain(clock).counted == length_of(clock)


@_SETTINGS
@given(clock=clocks(roll_overs=False), later=st.timedeltas(timedelta(0), timedelta(days=3)))
def test_a_later_start_never_ends_earlier(clock: Clock, later: timedelta) -> None:
    assert _due(replace(clock, start=clock.start + later)) >= _due(clock)


@_SETTINGS
@given(clock=clocks(), cuts=st.lists(_LATER, min_size=2, max_size=5))
def test_every_reminder_is_due_once_however_often_one_looks(clock: Clock, cuts: list[timedelta]) -> None:
    rows = tables().clocks
    at = sorted(clock.start + cut for cut in cuts)
    looked = [r for a, b in itertools.pairwise(at) for r in warnings(rows, clock, a, b)]
    assert looked == list(warnings(rows, clock, at[0], at[-1]))
    everything = reminders(rows, clock)
    assert [r.percent for r in sorted(everything, key=lambda r: r.point)] == [50, 80, 100, 150, 200]
    assert all(r.at >= clock.start for r in everything)
    assert all(7 <= r.at.hour < 22 for r in everything if r.percent >= 100)


@pytest.mark.parametrize(
    ("begins", "hours", "sent"),
    [
        # Four fifths at 23:00, the limit at 01:00: heard after the quiet hours it is too late.
        ("15:00", 10, ["20:00", "21:50", "07:00", "07:00", "11:00"]),
        # It began within the ten minutes before them: not before it began.
        ("21:55", 9, ["21:55", "21:55", "07:00", "11:25", "15:55"]),
    ],
)
def test_what_would_be_heard_too_late_is_sent_shortly_before_the_quiet_hours(
    begins: str, hours: int, sent: list[str]
) -> None:
    """At their beginning it would be written in them, and told in the morning."""
    row = row_of(hours, SpanUnit.HOUR, DayType.NATURAL)
    clock = Clock(row, moment(f"2025-12-20 {begins}"), calendar_of(frozenset()))
    found = sorted(reminders(tables().clocks, clock), key=lambda reminder: reminder.percent)
    assert [f"{reminder.at:%H:%M}" for reminder in found] == sent
    assert [reminder.due for reminder in found] == [due_at(clock)] * 2 + [None] * 3


@pytest.mark.parametrize("urgency", list(Urgency))
@pytest.mark.parametrize("name", list(ClockName))
def test_both_sides_of_every_first_day_use_their_own_row(name: ClockName, urgency: Urgency) -> None:
    for row in tables().by_clock[name, urgency]:
        assert tables().deadline(name, urgency, row.valid_from) is row
        before = [
            o for o in tables().by_clock[name, urgency] if o.valid_to == row.valid_from - timedelta(days=1)
        ]
        assert all(tables().deadline(name, urgency, o.valid_to or row.valid_from) is o for o in before)
        clock = Clock(row, moment(f"{row.valid_from} 00:00"), tables().calendar)
        assert elapsed(clock, _due(clock)) == length_of(clock)


@_SETTINGS
@given(start=st.integers(0, 60 * 24 * 380), urgency=st.sampled_from(list(Urgency)))
def test_due_times_of_a_ticket_are_those_of_its_clocks(start: int, urgency: Urgency) -> None:
    at = first(start - 60 * 24 * 20)
    due = due_times(tables(), urgency=urgency, start=at)
    for name, found in ((ClockName.DISPATCH, due.dispatch_by), (ClockName.ANSWER, due.answer_by)):
        row = tables().deadline(name, urgency, at.date())
        assert found.at == _due(Clock(row, at, tables().calendar))


def test_a_clock_explains_itself_by_row() -> None:
    row = row_of(4, SpanUnit.DAY, DayType.WORKING)
    clock = Clock(row, moment("2026-09-30 17:00"), tables().calendar)
    assert list(explain(clock).lines) == [
        "2026年9月30日17:00 至 2026年10月1日0:00 计入：工作日（test.row）",
        "2026年10月1日0:00 至 2026年10月8日0:00 不计：国庆节假期（节假日表 H-2026-10-01）",
        "2026年10月8日0:00 至 2026年10月10日0:00 计入：工作日（test.row）",
        "2026年10月10日0:00 至 2026年10月11日0:00 计入：调休上班（节假日表 T-2026-10-10）",
        "2026年10月11日0:00 至 2026年10月12日0:00 不计：周日（节假日表 H-2026）",
        "2026年10月12日0:00 至 2026年10月12日17:00 计入：工作日（test.row）",
        "共计入 4 天，时限 4 天，2026年10月12日17:00到期。",
    ]


def test_an_open_pause_has_no_end_and_says_so() -> None:
    row = row_of(7, SpanUnit.DAY, DayType.NATURAL)
    pause = Pause(moment("2026-11-25 08:00"), None, "待汛期结束", "区级中心")
    clock = Clock(row, moment("2026-11-23 08:00"), tables().calendar, (pause,))
    assert due_at(clock) is None
    assert moment_at(clock, 50) is None
    assert length_of(clock) - elapsed(clock, moment("2027-11-23 08:00")) == timedelta(days=5)
    assert explain(clock).lines[-1] == "共计入 2 天，时限 7 天，停表中，恢复后才有到期时刻。"
    late = explain(clock, moment("2026-11-26 08:00"))
    assert (
        late.lines[1] == "2026年11月25日8:00 至 2026年11月26日8:00 不计：停表：待汛期结束（批准：区级中心）"
    )


def test_pauses_must_be_in_order_and_moments_aware() -> None:
    row, start = row_of(7, SpanUnit.DAY, DayType.NATURAL), moment("2026-11-23 08:00")
    one = Pause(start, start + timedelta(days=2), "一", "区")
    with pytest.raises(BadInput, match="停表区间"):
        Clock(row, start, tables().calendar, (one, replace(one, start=start + timedelta(days=1))))
    with pytest.raises(BadInput, match="停表区间"):
        Clock(row, start, tables().calendar, (replace(one, until=start),))
    with pytest.raises(BadInput, match="必须带时区"):
        Clock(row, datetime(2026, 11, 23, 8), tables().calendar)  # noqa: DTZ001  (that is the point)


def test_working_time_past_the_holiday_table_is_refused() -> None:
    clock = Clock(row_of(9, SpanUnit.DAY, DayType.WORKING), moment("2026-12-30 08:00"), tables().calendar)
    with pytest.raises(NoRule, match="节假日表没有 2027 年"):
        due_at(clock)
