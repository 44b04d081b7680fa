"""Checks of the reward tables, row against row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.vocab import AppealType, State
from models.vocab_rewards import Exclusion, RewardState, ShareState
from triage.rules.check_tools import gaps, ids, overlaps, say
from triage.rules.rewards.rows import BoundName, Condition, LimitName, Subject
from triage.rules.rows import Problem, Where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.rules.rewards.rows import RewardTable
    from triage.rules.rows import KindRow

_COMMON: Final = Where("rewards/common.yaml", 1)
_STEPS: Final = Where("rewards/steps.yaml", 1)


def check(table: RewardTable, kinds: Mapping[str, KindRow], problems: list[Problem]) -> None:
    """Note every fault."""
    awards = [award for rules in table.rulesets.values() for award in rules.awards]
    insiders = [row for rules in table.rulesets.values() for row in rules.insiders]
    ids(
        [
            *table.selection, *table.candidates, *table.first, *table.conditions, *table.limits,
            *table.bounds,
            *table.exclusions, *table.entitlements, *table.steps, *table.rulesets.values(), *awards,
            *insiders,
        ],
        problems,
    )  # fmt: skip
    for rows, what in (
        (table.selection, "用哪一套规则"),
        (table.candidates, "自动候选"),
        (table.first, "首个有效举报"),
    ):
        overlaps(rows, lambda _row: None, what, problems)
        if not rows:
            problems.append(Problem(_COMMON, f"没有“{what}”的条目"))
    # The timetable asks for these every day.
    for daily, what in ((table.candidates, "自动候选"), (table.first, "首个有效举报")):
        if daily:
            gaps(daily, what, problems)
    overlaps(table.conditions, lambda row: row.name, "条件", problems)
    overlaps(table.exclusions, lambda row: row.exclusion, "除外情形", problems)
    overlaps(
        table.limits,
        lambda row: (row.name, row.days if row.name is LimitName.REMIND else 0),
        "期限",
        problems,
    )
    overlaps(table.bounds, lambda row: row.name, "数目", problems)
    for name, known in (
        ("条件", {row.name for row in table.conditions} ^ set(Condition)),
        ("期限", {row.name for row in table.limits} ^ set(LimitName)),
        ("数目", {row.name for row in table.bounds} ^ set(BoundName)),
        ("除外情形", {row.exclusion for row in table.exclusions} ^ set(Exclusion)),
    ):
        problems.extend(Problem(_COMMON, f"缺少{name}“{one.label}”") for one in known)
    _selected(table, problems)
    _known_kinds(table, kinds, problems)
    for rules in table.rulesets.values():
        overlaps(rules.insiders, lambda _row: None, "内部举报人", problems)
        if not rules.awards:
            say(problems, rules, "没有任何奖励条目")
    _reachable(table, problems)


def _selected(table: RewardTable, problems: list[Problem]) -> None:
    for row in table.selection:
        rules = table.rulesets.get(row.ruleset)
        if rules is None:
            say(problems, row, f"没有这套规则：{row.ruleset}")
        elif row.valid_from < rules.valid_from or (
            rules.valid_to is not None and (row.valid_to is None or row.valid_to > rules.valid_to)
        ):
            say(problems, row, f"选用的日期超出了 {rules.id} 的有效期")
    for candidate in table.candidates:
        for word in candidate.appeal_types:
            if word not in {member.value for member in AppealType}:
                say(problems, candidate, f"没有这个诉求类型：{word}")
        for word in candidate.states:
            if word not in {member.value for member in State}:
                say(problems, candidate, f"没有这个工单状态：{word}")


def _known_kinds(table: RewardTable, kinds: Mapping[str, KindRow], problems: list[Problem]) -> None:
    parents = {row.parent for row in kinds.values()}
    for row in table.entitlements:
        for name in row.kinds:
            if name not in kinds:
                say(problems, row, f"没有这个污染种类：{name}")
        for name in row.parents:
            if name not in parents:
                say(problems, row, f"没有这个污染类别：{name}")


def _reachable(table: RewardTable, problems: list[Problem]) -> None:
    """Every state can be reached: a step nobody can take is a slip."""
    for subject, states, start in (
        (Subject.REWARD, tuple(RewardState), RewardState.CANDIDATE),
        (Subject.SHARE, tuple(ShareState), ShareState.PENDING),
    ):
        steps = [row for row in table.steps if row.subject is subject]
        reached = {start.value}
        while (
            more := {row.goal.value for row in steps if row.goal and reached & {s.value for s in row.sources}}
            - reached
        ):
            reached |= more
        problems.extend(
            Problem(_STEPS, f"没有步骤能到“{state.label}”") for state in states if state.value not in reached
        )
