"""The cases of tests/cases, one test each, named by the case."""

from __future__ import annotations

from typing import Any

import pytest

from models.vocab import AppealType, Urgency
from tests.triage.rules.helpers import cases, day, moment, name_of, tables
from triage.errors import NoRule
from triage.rules.deadlines import due_times
from triage.rules.diversions import DiversionFacts, propose
from triage.rules.grading import grade
from triage.rules.routing import route, situation_of


@pytest.mark.parametrize("case", cases("dispatch.yaml"), ids=name_of)
def test_dispatch(case: dict[str, Any]) -> None:
    at = day(case["日期"])
    told = situation_of(tables(), kind=case["种类"], text=case.get("正文", ""), at=at)
    found = route(
        tables(),
        kind=case["种类"],
        district_code=case.get("区"),
        street_code=case.get("街道"),
        zone=case.get("区域"),
        situation=told and told[0].id,
        at=at,
    )
    assert found.unit.name == case["主办"]
    assert sorted(unit.name for unit in found.assist) == sorted(case["协办"])
    assert [unit.name for unit in found.cc] == case["抄送"]
    assert set(case.get("依据行", [])) <= set(found.row_ids)
    assert f"主办：{case['主办']}。" in found.steps


@pytest.mark.parametrize("case", cases("refusals.yaml"), ids=name_of)
def test_refusal(case: dict[str, Any]) -> None:
    with pytest.raises(NoRule) as refused:
        route(
            tables(),
            kind=case["种类"],
            district_code=case.get("区"),
            street_code=case.get("街道"),
            zone=case.get("区域"),
            situation=case.get("情形"),
            at=day(case["日期"]),
        )
    assert refused.value.detail == case["说明"]


@pytest.mark.parametrize("case", cases("deadlines.yaml"), ids=name_of)
def test_deadline(case: dict[str, Any]) -> None:
    start = moment(case["派单"])
    due = due_times(
        tables(),
        urgency=Urgency(case["等级"]),
        start=start,
        received=moment(case.get("登记", case["派单"])),
    )
    assert due.dispatch_by.at == moment(case["派单截止"])
    assert due.answer_by.at == moment(case["答复截止"])
    assert [due.dispatch_by.rule_id, due.answer_by.rule_id] == case["依据行"]


@pytest.mark.parametrize("case", cases("grading.yaml"), ids=name_of)
def test_grade(case: dict[str, Any]) -> None:
    found = grade(
        tables(),
        kind=case["种类"],
        text_urgency=Urgency(case["正文等级"]),
        at=day("2026-11-23"),
        text=case["正文"],
        appeal_type=AppealType(case.get("诉求类型", "投诉")),
    )
    assert found.urgency.value == case["等级"]
    assert found.why[-1].startswith(f"等级定为 {case['等级']}")


@pytest.mark.parametrize("case", cases("diversions.yaml"), ids=name_of)
def test_diversion(case: dict[str, Any]) -> None:
    facts = DiversionFacts(text=case["正文"], **dict.fromkeys(filter(None, [case.get("事实")]), True))
    found = propose(tables(), facts, at=day(case.get("日期", "2026-11-23")))
    assert (found and found.divert.value, found and found.row_id) == (case["分流"], case["条目"])
