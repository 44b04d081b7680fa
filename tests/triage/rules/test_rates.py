"""三率: the cases of tests/cases/rates.yaml, sums, ranking, change, and what is shown."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from models.vocab import Urgency
from tests.triage.rules.helpers import cases, moment, name_of, tables
from triage.errors import NoRule
from triage.rules.acts import Event, History
from triage.rules.rate_rows import Cause, Counts, Rate
from triage.rules.rates import By, compare, count, drill, percent, rank, shown
from triage.rules.verdicts import judge, month_span

if TYPE_CHECKING:
    from triage.rules.rates import Month

_NAMES = {Rate.RESPONSE: "响应", Rate.RESOLUTION: "解决", Rate.SATISFACTION: "满意"}
_MONTHS = ("2026-10", "2026-11", "2026-12")
_END = moment("2026-12-31 00:00")


def ticket(no: str, acts: list[list[Any]], *, urgency: str = "U3", unit: str = "甲街") -> History:
    """A ticket with these acts, opened for 甲街."""
    events = tuple(Event(act, moment(at), *more) for act, at, *more in acts)
    return History(no, Urgency(urgency), "NOI-01", "110105", "110105026", unit, events)


@pytest.mark.parametrize("case", cases("rates.yaml"), ids=name_of)
def test_verdict(case: dict[str, Any]) -> None:
    rules = tables().rates.on(month_span("2026-11")[0].date())
    asked = ticket("T-1", case["动作"], urgency=case.get("等级", "U3"))
    as_of = moment(case.get("看", "2026-12-31 00:00"))
    found = [
        (month, verdict)
        for month in _MONTHS
        for verdict in judge(tables(), rules, asked, month=month, as_of=as_of)
    ]
    own = [(m, v) for m, v in found if not any(o.cause is Cause.WRONG_UNIT for o in v.outs)]
    told = [
        {"月": month, "单位": verdict.unit}
        | {_NAMES[rate]: points for rate, points in verdict.points}
        | {_NAMES[out.rate]: out.cause.value for out in verdict.outs}
        for month, verdict in own
    ]
    wrong = [verdict.unit for _, verdict in found if any(o.cause is Cause.WRONG_UNIT for o in verdict.outs)]
    expected = dict.fromkeys([]) if case["结果"] == "无" else dict(case["结果"])
    assert wrong == expected.pop("派错", [])
    assert told == [expected] * bool(expected)
    assert all(out.reason and out.row_id for _, verdict in found for out in verdict.outs)
    assert all(rule.startswith("R") for rule in case["依据"])


def _solved(no: str, unit: str, satisfaction: int, *, month: str = "2026-11") -> History:
    acts: list[list[Any]] = [
        ["dispatch", f"{month}-02 08:00"],
        ["contact", f"{month}-02 09:00"],
        ["follow_up", f"{month}-10 09:00", {"contacted": True, "solved": True, "satisfaction": satisfaction}],
    ]
    return ticket(no, acts, unit=unit)


def _month(*tickets: History, month: str = "2026-11") -> Month:
    return count(tables(), tickets, month=month, as_of=_END)


def test_sums_keep_numerator_denominator_and_what_was_left_out() -> None:
    diverted = ticket("T-4", [["divert", "2026-11-03 08:00", {"reason": "已诉讼"}]])
    november = _month(
        _solved("T-1", "甲街", 5), _solved("T-2", "甲街", 4), _solved("T-3", "乙街", 1), diverted
    )
    line = november.line(By.UNIT, "甲街")
    assert line is not None
    satisfaction = line.of(Rate.SATISFACTION)
    assert (satisfaction.points, satisfaction.tickets, satisfaction.out) == (180, 2, 1)
    assert satisfaction.share == Fraction(9, 10)
    assert (line.assessed, line.out) == (2, 1)
    assert line.composite(november.weights.weights) == 20 + 40 + 36
    total = november.line(By.ALL, "")
    assert total is not None
    assert total.of(Rate.RESPONSE).tickets == 3


def test_from_a_percentage_to_its_tickets() -> None:
    diverted = ticket("T-4", [["divert", "2026-11-03 08:00", {"reason": "已诉讼"}]])
    november = _month(
        _solved("T-1", "甲街", 5), _solved("T-2", "甲街", 4), _solved("T-3", "甲街", 1), diverted
    )
    found = drill(november.verdicts, By.UNIT, "甲街", Rate.SATISFACTION)
    assert (found.full, found.part, found.none) == (("T-1",), ("T-2",), ("T-3",))
    assert found.out == (("T-4", "已诉讼"),)
    assert drill(november.verdicts, By.UNIT, "丙街", Rate.RESPONSE).full == ()


def test_no_composite_without_all_three() -> None:
    silent = ticket("T-1", [["dispatch", "2026-11-02 08:00"], ["ledger_grant", "2026-11-03 08:00"]])
    line = _month(silent).line(By.UNIT, "甲街")
    assert line is not None
    assert line.composite(_month().weights.weights) is None
    assert percent(line.of(Rate.RESPONSE).share) == "—"


def test_ranking_of_streets_in_groups() -> None:
    rules = tables().rates.on(month_span("2026-11")[0].date())
    groups = tuple(replace(row, count=1) for row in rules.groups)
    before = _month(
        *(_solved(f"O-{n}", f"街{n}", 5 if n else 1, month="2026-10") for n in range(5)), month="2026-10"
    )
    satisfied = {0: (5,), 1: (4,), 2: (5, 5), 3: (1,), 4: (4, 4, 4)}
    november = _month(
        *(
            _solved(f"N-{n}-{m}", f"街{n}", step)
            for n, steps in satisfied.items()
            for m, step in enumerate(steps)
        )
    )
    units = [f"街{n}" for n in range(6)]
    found = rank(replace(rules, groups=groups), units, november, before)
    assert [(row.unit, row.rank) for row in found] == [
        ("街0", 1), ("街2", 1), ("街1", 3), ("街4", 3), ("街3", 5), ("街5", None),
    ]  # fmt: skip
    assert {row.unit: row.group for row in found} == {
        "街0": "group.advanced", "街2": "group.advanced", "街3": "group.rectify", "街4": "group.govern",
        "街1": None, "街5": None,
    }  # fmt: skip
    wider = rank(replace(rules, groups=(groups[2],)), units, november, before)
    assert [row.unit for row in wider if row.group] == ["街0"]


def test_change_from_the_month_before() -> None:
    october, november = (
        _month(_solved("O-1", "甲街", 3, month="2026-10"), month="2026-10"),
        _month(_solved("T-1", "甲街", 5), _solved("T-2", "甲街", 5)),
    )
    now, before = november.line(By.UNIT, "甲街"), october.line(By.UNIT, "甲街")
    assert now is not None
    change = compare(now, before, (november.weights, october.weights))
    assert change is not None
    assert change.tickets == 1
    assert dict(change.rates)[Rate.SATISFACTION] == 40
    assert change.composite == 16
    assert compare(now, None, (november.weights, october.weights)) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(2, 3), "0.67"), (Fraction(-2, 3), "-0.67"), (Fraction(1, 200), "0.01"),
        (Fraction(-1, 1000), "0.00"), (Fraction(9725, 100), "97.25"), (None, "—"),
    ],
)  # fmt: skip
def test_numbers_are_rounded_half_up_when_shown_and_not_before(value: Fraction | None, text: str) -> None:
    assert shown(value) == text


def test_a_day_without_rows_is_refused() -> None:
    with pytest.raises(NoRule, match="三率表没有覆盖这一天：权重，日期 2019-12-01"):
        count(tables(), [], month="2019-12", as_of=_END)


@pytest.mark.parametrize(
    ("by", "places"),
    [(Counts.DISPATCHED, ("110105", "110105026")), (Counts.CORRECTED, ("110108", "110108010"))],
)
def test_lines_by_district_and_street_go_by_the_place_the_row_names(
    by: Counts, places: tuple[str, str]
) -> None:
    """Put right once before it was sent and once after: what the unit was sent is the first."""
    table = tables().rates
    rows = tuple(replace(row, by=by) for row in table.places)
    rules = replace(table, places=rows).on(month_span("2026-11")[0].date())
    acts: list[list[Any]] = [
        ["dispatch", "2026-11-02 08:00"],
        ["follow_up", "2026-11-05 08:00", {"contacted": True, "solved": True, "satisfaction": 5}],
    ]
    put = (
        (None, "110106", None),
        (moment("2026-11-02 08:00"), "110105", "110105026"),
        (moment("2026-11-03 08:00"), "110108", "110108010"),
    )
    asked = replace(ticket("T-1", acts), district_code="110108", street_code="110108010", places=put)
    (verdict,) = judge(tables(), rules, asked, month="2026-11", as_of=_END)
    assert (verdict.district, verdict.street) == places


def test_what_was_not_sent_counts_for_the_place_it_has_and_a_table_without_the_row_as_dispatched() -> None:
    put = ((None, "110106", None), (moment("2026-11-03 08:00"), "110105", "110105026"))
    history = replace(ticket("T-1", []), places=put)
    assert history.place_at(None) == ("110105", "110105026")
    assert history.place_at(moment("2026-11-02 08:00")) == ("110106", None)
    rules = replace(tables().rates, places=()).on(month_span("2026-11")[0].date())
    assert (rules.place, rules.counts) == (None, Counts.DISPATCHED)
