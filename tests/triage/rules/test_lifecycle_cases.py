"""The lives that a legal officer wrote down: each step allowed or refused as the rules say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from models.vocab import Clock, State
from tests.triage.rules.helpers import CASES, cases, moment, name_of, tables
from tests.triage.rules.lives import Life, by_label, clocks, opening, unit
from triage.rules.acts import Event, History
from triage.rules.fields import Refusal
from triage.rules.rows import ClockName
from triage.rules.running import runs
from triage.services.histories import event_of

if TYPE_CHECKING:
    from collections.abc import Callable

#: The clocks that both the moves and the rows of the clocks time.
COMPARED = (ClockName.DISPATCH, ClockName.SIGN, ClockName.CONTACT, ClockName.ANSWER, ClockName.FOLLOW_UP)
ALL = [case for path in sorted(CASES.glob("lifecycle*.yaml")) for case in cases(path.name)]


def play(case: dict[str, Any]) -> Life:
    """Make every step, holding each to what the case says of it."""
    life = Life([opening(case)])
    for told in case["步骤"]:
        refused = ""
        try:
            event = life.make(told)
            seen = clocks(event)
        except Refusal as refusal:
            refused, seen = refusal.detail, {}
        wanted = told.get("拒绝", "")
        assert bool(refused) == bool(wanted), (told, refused)
        assert wanted in refused, told
        assert "依据：" in refused or not refused
        for name in ("起算", "停止", "照走"):
            assert seen.get(name) == told.get(name, seen.get(name)), (told, seen)
        assert life.standing.state.label == told.get("状态", life.standing.state.label), told
    return life


def _same(value: Any) -> Any:  # noqa: ANN401  (whatever the case says)
    return value


@pytest.mark.parametrize("case", ALL, ids=name_of)
def test_life(case: dict[str, Any]) -> None:
    s = play(case).standing
    wanted = case.get("结果", {})
    seen = {
        "状态": s.state.label,
        "承办单位": s.unit,
        "抄送": list(s.copies),
        "办理时限": s.answer_by,
        "最紧的时限": s.due_at,
        "催办": s.urges,
        "退单": len(s.objections),
        "延期": s.extensions,
        "重办": s.rehandled,
        "已剔除": "是" if s.excluded else "否",
        "关注": "是" if s.flagged else "否",
    }
    read: dict[str, Callable[[Any], Any]] = {
        "承办单位": unit,
        "抄送": lambda names: [unit(name) for name in names],
        "办理时限": moment,
        "最紧的时限": lambda text: None if text == "无" else moment(text),
    }
    expected = {name: read.get(name, _same)(value) for name, value in wanted.items()}
    assert expected == {name: seen[name] for name in wanted}


def _by_moves(life: Life) -> dict[ClockName, Any]:
    """The end of each clock that runs, as the events of the moves say it."""
    s = life.standing
    running = {name: s.running(Clock(name)) for name in COMPARED}
    return {name: run.due for name, run in running.items() if run is not None}


_BEFORE = {State.HANDED_OVER: (Event("hand_over", moment("2026-11-02 09:00")),)}


def _by_clocks(life: Life) -> dict[ClockName, Any]:
    """The same as the rows of the clocks count it from those events; a clock that is paused does not run."""
    s = life.standing
    acts = tuple(act for e in life.events if (act := event_of(e.tag, e.at, e.data, e.seq)) is not None)
    # What came before the opening: registered, and handed over where it is opened so.
    opened = State(life.events[0].data["opening"]["state"])
    before = (Event("receive", s.registered_at), *_BEFORE.get(opened, ()))
    told = History("T-1", s.urgency, s.kind, s.district, None, s.unit, (*before, *acts), patrol=s.patrol)
    last = {name: runs(tables(), told, name)[-1:] for name in COMPARED}
    return {name: run.due for name, found in last.items() for run in found if run.stopped is None and run.due}


@pytest.mark.parametrize("case", ALL, ids=name_of)
def test_moves_and_clocks_say_the_same(case: dict[str, Any]) -> None:
    life = play(case)
    for last in range(1, len(life.events) + 1):
        then = Life(life.events[:last])
        assert _by_moves(then) == _by_clocks(then), life.events[last - 1].data


def test_every_rule_of_the_table_has_a_case() -> None:
    wanted = {rule for row in tables().moves.rows for rule in row.rules}
    assert sorted(wanted - {rule for case in ALL for rule in case["规则"]}) == []


def test_no_case_names_a_rule_that_no_row_has() -> None:
    known = {rule for row in tables().moves.rows for rule in row.rules}
    assert sorted({rule for case in ALL for rule in case["规则"]} - known) == []


def test_every_row_decides_in_some_case() -> None:
    used = {row for case in ALL for row in play(case).rows}
    assert sorted({row.id for row in tables().moves.rows} - used) == []


def test_every_case_has_its_own_name() -> None:
    assert len({case["案例"] for case in ALL}) == len(ALL)


def test_every_state_is_reached_in_some_case() -> None:
    reached = {State.HANDED_OVER}
    for case in ALL:
        life = play(case)
        reached |= {by_label(State, case.get("工单", {}).get("状态", "已派单"))}
        reached |= {State(event.data["to"]) for event in life.events[1:] if "to" in event.data}
    assert sorted(set(State) - reached) == []
