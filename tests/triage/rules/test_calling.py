"""吹哨, 提级, 督办: each unit its own due time, both sides assessed, both sides of every end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.triage.rules.helpers import moment, tables
from tests.triage.rules.test_running import history
from triage.rules.calling import Called, calls_of

if TYPE_CHECKING:
    from datetime import datetime

SENT = ["dispatch", "2026-11-02 08:00", {"unit": "110105026"}]
WHISTLE = [
    "whistle", "2026-11-03 08:00",
    {
        "assist": ["110105-water", "110105-ecology"], "until": "2026-11-04T08:00:00+08:00",
        "by_unit": "110105026",
    },
]  # fmt: skip
NOW = "2026-11-05 08:00"


def told(*acts: list[Any], at: str = NOW) -> Called:
    return calls_of(tables(), history("U3", [SENT, *acts]), as_of=moment(at))


def kept(found: Called, at: str = NOW) -> list[tuple[str | None, bool | None]]:
    now: datetime = moment(at)
    return [(call.unit, call.kept(now)) for call in found.calls]


@pytest.mark.parametrize(
    ("came", "wanted"),
    [("2026-11-04 07:59", True), ("2026-11-04 08:00", False), ("2026-11-04 09:00", False)],
)
def test_each_called_unit_has_its_own_report_in(came: str, wanted: bool) -> None:  # noqa: FBT001  (a table)
    found = told(WHISTLE, ["report_in", came, {"by_unit": "110105-water"}])
    assert kept(found) == [("110105-water", wanted), ("110105-ecology", False)]
    assert {call.by for call in found.calls} == {"110105026"}


def test_before_its_end_a_call_is_open_and_at_its_end_late() -> None:
    assert kept(told(WHISTLE, at="2026-11-04 07:59"), "2026-11-04 07:59")[0][1] is None
    assert kept(told(WHISTLE, at="2026-11-04 08:00"), "2026-11-04 08:00")[0][1] is False


def test_the_caller_is_assessed_by_its_own_answer() -> None:
    assert told(WHISTLE).answered is None
    assert told(WHISTLE, ["feedback", "2026-11-05 07:00"]).answered is True
    late = told(WHISTLE, ["feedback", "2026-11-09 08:00"], at="2026-11-10 08:00")
    assert late.answered is False


def test_what_the_desk_sends_back_for_more_changes_nothing_of_when_the_answer_came() -> None:
    back = [
        "supplement",
        "2026-11-05 08:00",
        {"clocks": {"start": {"answer": {"due": "2026-11-06T08:00:00+08:00"}}}},
    ]
    answered = ["feedback", "2026-11-05 07:00"]
    late = ["feedback", "2026-11-09 09:00"]
    assert told(WHISTLE, answered, back, at="2026-11-10 08:00").answered is True
    assert (
        told(WHISTLE, late, [*back[:1], "2026-11-09 10:00", back[2]], at="2026-11-10 08:00").answered is False
    )


def test_being_on_the_spot_ends_a_supervision_of_whoever_leads_then() -> None:
    moved = ["reassign", "2026-11-02 09:00", {"unit": "110105-ecology"}]
    watched = ["supervise", "2026-11-02 10:00", {"until": "2026-11-02T18:00:00+08:00"}]
    found = told(moved, watched, ["onsite", "2026-11-02 17:00", {"by_unit": "110105-ecology"}])
    assert kept(found) == [("110105-ecology", True)]
    assert kept(told(moved, watched)) == [("110105-ecology", False)]


def test_escalating_calls_the_unit_above_and_an_undone_call_is_none() -> None:
    above = {"unit": "110105", "until": "2026-11-04T08:00:00+08:00", "by_unit": "110105026"}
    assert kept(told(["escalate", "2026-11-03 08:00", above])) == [("110105", False)]
    assert told(WHISTLE, ["undo", "2026-11-03 08:05"]).calls == ()


@pytest.mark.parametrize(
    "over",
    [
        ["feedback", "2026-11-04 07:59"],
        ["merge", "2026-11-04 07:59"],
        ["divert", "2026-11-04 07:59"],
        ["reassign", "2026-11-04 07:59", {"unit": "110105-ecology"}],
    ],
)
def test_a_call_that_nobody_can_follow_any_more_is_neither_kept_nor_broken(over: list[Any]) -> None:
    assert kept(told(WHISTLE, over)) == [("110105-water", None), ("110105-ecology", None)]
    came = ["report_in", "2026-11-03 10:00", {"by_unit": "110105-water"}]
    found = told(WHISTLE, came, over)
    assert kept(found) == [("110105-water", True), ("110105-ecology", None)]
    assert [call.overtaken for call in found.calls] == [False, True]


def test_who_called_and_answered_before_anybody_came_is_assessed_all_the_same() -> None:
    assert told(WHISTLE, ["feedback", "2026-11-03 10:00"]).answered is True


def test_what_was_late_before_the_answer_stays_late_and_a_merge_taken_back_ends_no_call() -> None:
    late = [("110105-water", False), ("110105-ecology", False)]
    assert kept(told(WHISTLE, ["feedback", "2026-11-04 08:00"])) == late
    assert kept(told(WHISTLE, ["merge", "2026-11-03 09:00"], ["split", "2026-11-03 10:00"])) == late


def test_a_supervision_goes_over_to_the_unit_that_the_ticket_is_sent_to() -> None:
    watched = ["supervise", "2026-11-02 10:00", {"until": "2026-11-02T18:00:00+08:00"}]
    moved = ["reassign", "2026-11-02 12:00", {"unit": "110105-ecology"}]
    assert kept(told(watched, moved)) == [("110105-ecology", False)]
    too_late = ["reassign", "2026-11-02 19:00", {"unit": "110105-ecology"}]
    assert kept(told(watched, too_late)) == [("110105026", False)]


def test_handed_on_by_the_district_all_calls_stand_but_that_of_whoever_leads_then() -> None:
    passed = ["pass_on", "2026-11-03 09:00", {"unit": "110105-ecology"}]
    above = {"unit": "110105", "until": "2026-11-04T08:00:00+08:00", "by_unit": "110105026"}
    acts = (WHISTLE, ["escalate", "2026-11-03 08:30", above], passed)
    found = told(*acts, ["report_in", "2026-11-03 10:00", {"by_unit": "110105-water"}])
    assert kept(found) == [("110105-water", True), ("110105-ecology", None), ("110105", False)]
    assert [call.overtaken for call in found.calls] == [False, True, False]
    assert {call.by for call in found.calls} == {"110105026"}
