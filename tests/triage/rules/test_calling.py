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
