"""The rates against a second count by other code: a made month, and acts in any order whatever."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.month import as_counter, mismatches, plain
from bench.month_data import simulate
from bench.recount import recount
from models.vocab import Urgency
from tests.triage.rules.helpers import moment, tables
from triage.rules.acts import ACTS, Event, History
from triage.rules.rates import By, count

_CALL = st.fixed_dictionaries(
    {
        "unreachable": st.booleans(),
        "contacted": st.sampled_from((True, False, None)),
        "solved": st.sampled_from((True, False, None)),
        "satisfaction": st.sampled_from((1, 2, 3, 4, 5, None)),
    }
)
_COMMON = (
    "dispatch", "contact", "follow_up", "follow_up", "rehandle", "object_uphold", "reassign", "pass_on",
    "undo",
)  # fmt: skip
_ACT = st.sampled_from(_COMMON) | st.sampled_from(sorted(ACTS - {"extend_grant", "extend_ask"}))
_STEP = st.tuples(_ACT, st.integers(0, 60 * 60), _CALL, st.sampled_from(("甲街", "乙街", "丙街")))


def _lived(steps: list[tuple[str, int, dict[str, object], str]], urgency: Urgency) -> History:
    at, events = moment("2026-10-20 08:00"), []
    for act, minutes, call, unit in steps:
        at += timedelta(minutes=minutes)
        sent = {"unit": unit} if act in {"dispatch", "reassign", "arbitrate", "pass_on"} else {}
        events.append(Event(act, at, call if act == "follow_up" else sent))
    return History("T-1", urgency, "NOI-01", "110105", None, "甲街", tuple(events))


def _at_once(*acts: str) -> list[tuple[str, int, dict[str, object], str]]:
    return [(act, 0, {"unreachable": True}, "甲街") for act in acts]


@example(steps=_at_once("dispatch", "merge", "split"), urgency=Urgency.U3, month="2026-10", days=1)
@example(steps=_at_once("dispatch", "merge", "merge", "split"), urgency=Urgency.U3, month="2026-10", days=1)
@settings(deadline=None, max_examples=400)
@given(
    steps=st.lists(_STEP, max_size=14),
    urgency=st.sampled_from(list(Urgency)),
    month=st.sampled_from(("2026-10", "2026-11", "2026-12")),
    days=st.integers(0, 120),
)
def test_any_order_of_acts_is_counted_the_same_twice(
    steps: list[tuple[str, int, dict[str, object], str]], urgency: Urgency, month: str, days: int
) -> None:
    ticket = _lived(steps, urgency)
    as_of = moment("2026-10-20 08:00") + timedelta(days=days)
    ours = as_counter(count(tables(), [ticket], month=month, as_of=as_of))
    assert +ours == +recount([plain(ticket)], month, as_of)


def test_a_made_month_is_counted_the_same_twice() -> None:
    tickets = list(simulate(tables(), tickets=1500, month="2026-10", seed=1))
    october = count(tables(), tickets, month="2026-10", as_of=moment("2026-12-05 00:00"))
    line = october.line(By.ALL, "")
    assert line is not None
    assert line.assessed > 500
    assert mismatches(october, tickets) == 0
    assert mismatches(october, tickets[100:]) > 0
