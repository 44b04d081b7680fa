"""撤销: what is taken back is what it names, whoever urged from outside since."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.vocab import State, Urgency
from tests.triage.rules.helpers import cases, moment, tables
from tests.triage.rules.lives import Life, opening
from triage.rules.acts import Event, History
from triage.rules.calling import calls_of
from triage.rules.fields import Refusal
from triage.rules.rows import ClockName
from triage.rules.running import runs, standing
from triage.rules.verdicts import judge, month_span
from triage.services.histories import event_of
from triage.services.move_rows import objection_rows

_OPENED = moment("2026-11-02 08:00")
_UNIT = "110105026"
_ACTS: dict[str, dict[str, Any]] = {
    "sign": {}, "contact": {}, "handle": {}, "feedback": {}, "object": {}, "object_uphold": {},
    "whistle": {"assist": [_UNIT], "until": "2026-11-20T08:00:00+08:00"}, "report_in": {"by_unit": _UNIT},
    "follow_up": {"unreachable": False, "contacted": True, "solved": True, "satisfaction": 2},
    "rehandle": {}, "reassign": {"unit": "110105023"}, "exclude_grant": {}, "merge": {}, "split": {},
    "pass_on": {"unit": "110105-ecology"}, "amend": {},
    "supplement": {"clocks": {"start": {"answer": {"due": "2026-11-20T08:00:00+08:00"}}}},
}  # fmt: skip
#: An act of staff, whether it was taken back, and how often somebody outside urged before that and after.
_STEP = st.tuples(st.sampled_from(sorted(_ACTS)), st.booleans(), st.integers(0, 2), st.integers(0, 2))
_SIGN: tuple[str, str, dict[str, str]] = ("签收", "承办单位", {})
_CONTACT = ("首次联系", "承办单位", {"结果": "已联系上", "告知方式": "电话"})
_URGE = ("催办", "热线坐席", {"说明": "诉求人网上催办一次"})
_UNDO = ("撤销", "承办单位", {"理由": "点错了，撤回重来"})


def _lived(steps: list[tuple[str, bool, int, int]], *, urged: bool) -> History:
    at, events = _OPENED, [Event("dispatch", _OPENED, {"unit": _UNIT}, 1)]
    for number, (act, undone, before, after) in enumerate(steps, start=1):
        at += timedelta(hours=7)
        own = 10 * number
        urges = [Event("urge", at, {}, own + place) for place in range(1, 1 + before + after)]
        undo = [Event("undo", at, {"undoes": own}, own + 9)] * undone
        asked = (urges[:before], urges[before:]) if urged else ([], [])
        events += [Event(act, at, _ACTS[act], own), *asked[0], *undo, *asked[1]]
    return History("T-1", Urgency.U3, "NOI-01", "110105", None, _UNIT, tuple(events))


@settings(deadline=None, max_examples=100)
@given(steps=st.lists(_STEP, max_size=9), days=st.integers(0, 40))
def test_urging_from_outside_changes_nothing_of_what_is_taken_back(
    steps: list[tuple[str, bool, int, int]], days: int
) -> None:
    urged, plain = _lived(steps, urged=True), _lived(steps, urged=False)
    as_of = _OPENED + timedelta(days=days)
    assert [e for e in standing(urged.events) if e.act != "urge"] == list(standing(plain.events))
    assert [runs(tables(), urged, name) for name in ClockName] == [
        runs(tables(), plain, name) for name in ClockName
    ]
    assert calls_of(tables(), urged, as_of=as_of) == calls_of(tables(), plain, as_of=as_of)
    rules = tables().rates.on(month_span("2026-11")[0].date())
    assert judge(tables(), rules, urged, month="2026-11", as_of=as_of) == judge(
        tables(), rules, plain, month="2026-11", as_of=as_of
    )


def _play(*told: tuple[str, str, dict[str, str]], login: str) -> tuple[Life, History]:
    """These moves one minute after another; 催办 comes from outside."""
    life = Life([opening({})])
    for minute, (what, post, said) in enumerate(told):
        outside = {"姓名": login} if what == "催办" else {}
        life.make({"时刻": f"2026-11-02 10:0{minute}", "操作": what, "岗位": post, "填写": said, **outside})
    acts = (event_of(e.tag, e.at, e.data, e.seq) for e in life.events)
    events = tuple(act for act in acts if act is not None)
    return life, History("T-1", Urgency.U3, "NOI-01", "110105", None, _UNIT, events)


@pytest.mark.parametrize("login", ["citizen", "", "12345"])
@pytest.mark.parametrize(
    ("moves", "state", "clock"),
    [
        ([_SIGN], State.DISPATCHED, ClockName.SIGN),
        ([_SIGN, _CONTACT], State.SIGNED, ClockName.CONTACT),
    ],
)
def test_an_undone_move_stops_no_clock_though_it_was_urged_since(
    moves: list[tuple[str, str, dict[str, str]]], state: State, clock: ClockName, login: str
) -> None:
    life, told = _play(*moves, _URGE, _UNDO, login=login)
    (run,) = runs(tables(), told, clock)
    assert life.standing.state is state
    assert life.standing.urges == 1
    assert run.stopped is None
    assert [event.act for event in standing(told.events)][-1] == "urge"


def test_whom_an_arbitration_named_stands_wherever_the_ticket_is_sent_later() -> None:
    """The report of rows that lose objections reads it: a later 改派 made a loss of what was won."""
    (case,) = (one for one in cases("lifecycle_objections.yaml") if "第三次退单" in one["案例"])
    life = Life([opening(case)])
    for told in case["步骤"]:
        with suppress(Refusal):
            life.make(told)
    away = {"单位": "将台地区办事处", "理由": "在将台辖区内"}
    life.make({"时刻": "2026-11-02 17:00", "岗位": "热线坐席", "操作": "改派", "填写": away})
    assert life.standing.unit == "110105023"
    rulings = [(row["ruling"], row["ruled_unit"]) for row in objection_rows(life.standing, "row.1")]
    assert rulings == [("object_uphold", None), ("object_uphold", None), ("arbitrate", _UNIT)]
