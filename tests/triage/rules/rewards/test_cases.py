"""The cases of tests/cases/rewards.yaml: by the rules, by the second calculation, and as written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vocab_rewards import Exclusion, Measure, RewardOutcome, Via
from tests.triage.rules.helpers import cases, day, name_of, tables
from tests.triage.rules.rewards import independent
from triage.errors import NoRule
from triage.rules.rewards.amounts import split
from triage.rules.rewards.deciding import decide
from triage.rules.rewards.facts import Decision, Facts, Item
from triage.rules.rewards.first import Report, order

CASES = cases("rewards.yaml")


def fen(yuan: Any) -> int:  # noqa: ANN401  (a number of a case)
    return int(Fraction(str(yuan)) * 100)


def item_of(told: dict[str, Any]) -> Item:
    outcomes = {member.label: member for member in RewardOutcome}
    channels = {member.label: member for member in Via}
    measures = {
        Measure.HAZARDOUS_KG: told.get("危废千克"),
        Measure.LEAD_GROUP_PERCENT: told.get("铅组"),
        Measure.NICKEL_GROUP_PERCENT: told.get("镍组"),
    }
    return Item(
        outcome=outcomes[told["结果"]],
        title=told.get("名称", ""),
        via=channels[told.get("渠道", "举报")],
        fine=fen(told["罚款"]) if "罚款" in told else None,
        statutory_max=fen(told["罚款上限"]) if "罚款上限" in told else None,
        matter=told.get("事项"),
        contribution=told.get("贡献"),
        measures={name: value for name, value in measures.items() if value is not None},
        effective_on=day(told["生效"]) if "生效" in told else None,
    )


def facts_of(case: dict[str, Any]) -> Facts:
    exclusions = {member.label: member for member in Exclusion}
    yes = {name: case.get(name, "否") == "是" for name in ("内部", "领取码", "已奖过", "再犯")}
    return Facts(
        kind=case["种类"],
        reported_on=day(case["举报日"]),
        real_name=case.get("实名", "是") == "是",
        code=yes["领取码"],
        first=case.get("首报", "是") == "是",
        rewarded_before=yes["已奖过"],
        reoffended=yes["再犯"],
        insider=yes["内部"],
        exclusions=tuple(exclusions[word] for word in case.get("除外", [])),
        items=tuple(item_of(told) for told in case["处理"]),
        reporters=case.get("人数", 1),
        parts=tuple(case.get("约定", ())),
        pick=fen(case["确定"]) if "确定" in case else None,
        ruleset=case.get("规则"),
    )


def decided(case: dict[str, Any]) -> Decision:
    return decide(tables(), facts_of(case), at=day(case["决定日"]))


def told(found: Decision) -> str:
    return "\n".join(line.text for line in found.lines)


WITH_RULES = [case for case in CASES if case.get("没有规则") != "是"]
REWARDED = [case for case in WITH_RULES if "不奖" not in case]


def test_there_are_as_many_cases_as_were_promised() -> None:
    assert len(CASES) >= 60
    assert len({name_of(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", [case for case in CASES if case.get("没有规则") == "是"], ids=name_of)
def test_without_rules_nothing_is_decided(case: dict[str, Any]) -> None:
    with pytest.raises(NoRule):
        decided(case)
    assert independent.expected(case)[0] == "没有规则"


@pytest.mark.parametrize("case", [case for case in WITH_RULES if "不奖" in case], ids=name_of)
def test_what_is_not_rewarded(case: dict[str, Any]) -> None:
    found = decided(case)
    assert (found.eligible, found.amount, found.parts) == (False, None, ())
    assert case["不奖"] in told(found)
    assert found.recover == (case.get("追回", "否") == "是")
    assert independent.expected(case)[0] == "不奖"


@pytest.mark.parametrize("case", REWARDED, ids=name_of)
def test_what_is_rewarded(case: dict[str, Any]) -> None:
    found = decided(case)
    assert found.eligible, told(found)
    verdict, band, amount = independent.expected(case)
    assert verdict == "奖"
    assert band is not None
    assert (found.low, found.high) == (fen(band[0]), fen(band[1]))
    assert found.amount == (None if amount is None else fen(amount))
    assert found.amount == (fen(case["应得"]) if "应得" in case else None)
    assert [found.low, found.high] == [fen(end) for end in case.get("区间", [band[0], band[1]])]
    assert list(found.parts) == [fen(part) for part in independent.parts(case, amount or Fraction(0))] * bool(
        amount
    )
    assert list(found.parts) == [fen(part) for part in case.get("各得", [amount or 0])] * bool(amount)
    assert case.get("说", "") in told(found)
    assert case.get("用", found.ruleset) == found.ruleset
    # Every sentence that decides names its row and source.
    assert all(line.source for line in found.lines if line.row_id)
    assert found.ruleset in found.row_ids


def test_every_exclusion_and_every_award_has_a_case() -> None:
    words = {word for case in CASES for word in case.get("除外", [])}
    assert words == {member.label for member in Exclusion}
    used = {row for case in REWARDED for row in decided(case).row_ids}
    awards = [row for rules in tables().rewards.rulesets.values() for row in rules.awards]
    assert {row.id for row in awards} - used == set()
    assert {rules.id for rules in tables().rewards.rulesets.values()} <= used


@given(st.integers(1, 10**9), st.lists(st.integers(1, 100), min_size=1, max_size=12))
def test_parts_add_up_to_the_amount(amount: int, weights: list[int]) -> None:
    parts = split(amount, weights)
    assert sum(parts) == amount
    exact = [Fraction(amount * weight, sum(weights)) for weight in weights]
    assert all(abs(part - share) < len(weights) for part, share in zip(parts, exact, strict=True))


@given(st.integers(0, 10**10), st.integers(0, 10**10))
def test_a_higher_fine_never_gives_less(one: int, other: int) -> None:
    def gain(fine: int) -> int:
        item = Item(RewardOutcome.FINED, fine=fine + 1, effective_on=day("2026-10-01"))
        found = decide(tables(), Facts("WAT-02", day("2026-09-01"), items=(item,)), at=day("2026-10-20"))
        return found.amount or 0

    assert (gain(one) <= gain(other)) or one > other


NOW = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)
BEFORE = NOW - timedelta(days=1)


def report(number: int, **more: Any) -> Report:  # noqa: ANN401  (fields of a report)
    fields = {
        "appeal_id": number, "received_at": NOW, "registered_at": NOW, "words": 40,
        "names_object": True, "names_place": True, "names_facts": True, **more,
    }  # fmt: skip
    return Report(**fields)


FIRST = [
    ("先到的为首", [report(1), report(2, received_at=NOW - timedelta(seconds=1))], 2),
    (
        "先到但没有对象的不算",
        [report(1, names_object=False, received_at=BEFORE), report(2)],
        2,
    ),
    (
        "先到但没有地点的不算",
        [report(1, names_place=False, received_at=BEFORE), report(2)],
        2,
    ),
    (
        "先到但没有事实的不算",
        [report(1, names_facts=False, received_at=BEFORE), report(2)],
        2,
    ),
    ("14 个字太短", [report(1, words=14, received_at=BEFORE), report(2)], 2),
    ("15 个字够了", [report(1, words=15, received_at=BEFORE), report(2)], 1),
    ("同时到的，有照片的在前", [report(1), report(2, files=1)], 2),
    ("同时到、一样完整，先登记的在前", [report(1, registered_at=NOW + timedelta(seconds=1)), report(2)], 2),
    ("全都一样，编号小的在前", [report(2), report(1)], 1),
]


@pytest.mark.parametrize(("name", "reports", "winner"), FIRST, ids=[name for name, *_ in FIRST])
def test_the_first_valid_report_wins(name: str, reports: list[Report], winner: int) -> None:
    row = tables().rewards.first_of(day("2026-11-26"))
    ranked = order(row, reports)
    assert [one.report.appeal_id for one in ranked if one.place == 1] == [winner], name
    assert order(row, reports[::-1]) == ranked
    assert len(ranked) == len(reports)


def test_no_valid_report_no_first() -> None:
    row = tables().rewards.first_of(day("2026-11-26"))
    found = order(row, [report(1, words=3), report(2, names_place=False)])
    assert [one.place for one in found] == [None, None]
