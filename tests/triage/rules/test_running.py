"""A ticket's clocks from its events: the cases of tests/cases/clocks.yaml."""

from __future__ import annotations

import timeit
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from models.vocab import Urgency
from tests.triage.rules.clock_samples import row_of
from tests.triage.rules.helpers import cases, moment, name_of, tables
from triage.errors import BadInput
from triage.rules.acts import Event, History
from triage.rules.clocks import Clock, due_at, elapsed
from triage.rules.rows import ClockName, DayType, SpanUnit
from triage.rules.running import moment_of, runs

if TYPE_CHECKING:
    from triage.rules.running import Running

_KEPT = {"是": True, "否": False, "未定": None}


def history(urgency: str, acts: list[list[Any]]) -> History:
    """A ticket with these acts."""
    events = tuple(Event(act, moment(at), *more) for act, at, *more in acts)
    return History("T-1", Urgency(urgency), "NOI-01", "110105", "110105026", "110105026", events)


@pytest.mark.parametrize("case", cases("clocks.yaml"), ids=name_of)
def test_clock(case: dict[str, Any]) -> None:
    found = runs(tables(), history(case["等级"], case["动作"]), ClockName(case["时钟"]))
    due = [run.due.strftime("%Y-%m-%d %H:%M") if run.due else "无" for run in found]
    assert due == case["到期"]
    assert [run.kept(moment(case["看"])) for run in found] == [_KEPT[word] for word in case["守时"]]
    assert case.get("依据行", [found[-1].clock.row.id])[-1] == found[-1].clock.row.id
    assert all(rule.startswith("R") for rule in case["依据"])


def _answer(urgency: str, *acts: list[Any]) -> Running:
    asked = history(urgency, [["dispatch", "2026-11-02 08:00"], *acts])
    return runs(tables(), asked, ClockName.ANSWER)[0]


def test_a_ticket_that_was_never_dispatched_has_no_clock_of_its_unit() -> None:
    waiting = history("U3", [["receive", "2026-11-02 08:00"]])
    assert [len(runs(tables(), waiting, name)) for name in ClockName] == [1, 0, 0, 0, 0]


def test_a_pause_that_is_granted_again_goes_on_from_the_first() -> None:
    again = _answer(
        "U3",
        ["ledger_grant", "2026-11-03 08:00", {"until": "2026-11-10T08:00:00+08:00"}],
        ["ledger_grant", "2026-11-05 08:00", {"until": "2026-11-12T08:00:00+08:00"}],
    )
    assert again.due == moment("2026-11-18 08:00")


def test_a_moment_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="不是时刻：下周"):
        moment_of("下周")


def test_a_due_time_costs_little() -> None:
    """Natural time is one addition; working days cost as many steps as there are days."""
    start = moment("2026-09-20 09:00")
    natural = Clock(row_of(15, SpanUnit.DAY, DayType.NATURAL), start, tables().calendar)
    working = Clock(row_of(15, SpanUnit.DAY, DayType.WORKING), start, tables().calendar)
    best = [
        min(timeit.repeat(partial(due_at, clock), number=200, repeat=5)) / 200 for clock in (natural, working)
    ]
    assert best[0] < 50e-6
    assert best[1] < 5e-3
    assert elapsed(working, moment("2026-10-01 09:00")) > elapsed(working, moment("2026-09-30 09:00"))
