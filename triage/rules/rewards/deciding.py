"""有奖举报: whether a reward is due and how much, explained line by line with the rows and their sources.

Everything that stands in the way is told, not only the first thing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.vocab_rewards import Exclusion, RewardOutcome
from triage.rules.rewards import amounts
from triage.rules.rewards.amounts import line, yuan
from triage.rules.rewards.facts import Decision
from triage.rules.rewards.rows import Condition
from triage.rules.rows import Reward

if TYPE_CHECKING:
    from datetime import date

    from triage.rules.rewards.amounts import Range
    from triage.rules.rewards.facts import Facts, Item, Line
    from triage.rules.rewards.rows import EntitlementRow, RewardTable, Ruleset
    from triage.rules.rows import Tables

#: Outcomes that rest on a document: they count from its day (a decision's effect, the day of verification).
DECIDED: Final = (
    RewardOutcome.FINED, RewardOutcome.POLICE, RewardOutcome.NO_PENALTY, RewardOutcome.VERIFIED
)  # fmt: skip


def decide(tables: Tables, facts: Facts, *, at: date) -> Decision:
    """What the facts give on the day `at`, by the rules of the day of the report. Raises NoRule."""
    table, day = tables.rewards, facts.reported_on
    rules = table.ruleset(day, facts.ruleset)
    lines = [line(f"适用{rules.title}（{rules.city}，{rules.status.label}）", rules)]
    lines += _kind(tables, facts)
    lines += _reporter(table, rules, facts)
    lines += _first(table, facts)
    excluded, recover = _exclusions(table, facts)
    lines += excluded
    items, told = _effective(table, facts, at)
    lines += told
    found, told = amounts.highest(rules, items)
    lines += told
    if items and found is None:
        lines.append(line("没有可以适用的金额", rules, ok=False))
    if any(one.ok is False for one in lines) or found is None:
        lines.append(line("结论：不予奖励", ok=False))
        return Decision(tuple(lines), eligible=False, ruleset=rules.id, recover=recover)
    if len(items) > 1:
        row = table.condition(Condition.HIGHEST, day)
        lines.append(line(f"{row.title}：取 {found.award.title}", row))
    found, told = _raised(rules, facts, found)
    lines += told
    return _amount(table, rules, facts, found, lines)


def _amount(table: RewardTable, rules: Ruleset, facts: Facts, found: Range, lines: list[Line]) -> Decision:
    amount = found.low if found.low == found.high else facts.pick
    if amount is None:
        lines.append(line(f"金额由经办人在 {amounts.told(found)} 确定", found.award))
    elif not amounts.allowed(found, amount):
        lines.append(line(f"{yuan(amount)} 不在 {amounts.told(found)} 之内", found.award, ok=False))
        amount = None
    elif found.low != found.high:
        lines.append(line(f"经办人确定 {yuan(amount)}", found.award))
    parts: tuple[int, ...] = ()
    if amount is not None:
        parts = amounts.split(amount, facts.parts or (1,) * facts.reporters)
        lines.append(line(f"结论：奖励 {yuan(amount)}", found.award, ok=True))
        if facts.reporters > 1:
            row = table.condition(Condition.JOINT, facts.reported_on)
            each = "、".join(yuan(part) for part in parts)
            lines.append(line(f"{row.title}：{facts.reporters} 人，{each}", row))
    return Decision(
        tuple(lines), eligible=True, ruleset=rules.id, amount=amount, low=found.low, high=found.high,
        choices=found.choices, award=found.award.id, parts=parts,
    )  # fmt: skip


def _raised(rules: Ruleset, facts: Facts, found: Range) -> tuple[Range, list[Line]]:
    lines = []
    if facts.insider:
        row = next(iter(rules.insiders), None)
        if row is None:
            lines.append(line(f"{rules.title}没有内部举报人的规定，按一般举报", rules))
        else:
            found = amounts.for_insider(found, row)
            lines.append(line(f"{row.title}：{amounts.told(found)}", row))
    if rules.most is not None and found.high > rules.most:
        found = amounts.capped(found, rules.most)
        lines.append(line(f"最高 {yuan(rules.most)}", rules))
    return found, lines


def entitlement(tables: Tables, kind: str, at: date) -> EntitlementRow | None:
    """What the law says of the kind on the day; what names the kind itself goes before its class."""
    row = tables.kinds.get(kind)
    found = [one for one in tables.rewards.entitlements if one.holds(at)]
    exact = [one for one in found if kind in one.kinds]
    general = [one for one in found if row is not None and row.parent in one.parents]
    return next(iter([*exact, *general]), None)


def _kind(tables: Tables, facts: Facts) -> list[Line]:
    kind, law = tables.kind(facts.kind), entitlement(tables, facts.kind, facts.reported_on)
    if law is not None and not law.rewarded:
        return [line(f"{kind.name}：{law.title}没有奖励条款", law, ok=False)]
    if law is not None and law.payer is not None:
        told = f"{kind.name}：{law.title}，由{law.payer}奖励，不由本机关支付，应转告举报人"
        return [line(told, law, ok=False)]
    if kind.reward is Reward.NO:
        return [line(f"{kind.name}不在奖励范围", kind, ok=False)]
    if law is None:
        return [line(f"{kind.name}：当日没有查到法律上的奖励条款（条号待补），按奖励办法办理", kind)]
    return [line(f"{kind.name}：{law.title}", law, ok=True)]


def _reporter(table: RewardTable, rules: Ruleset, facts: Facts) -> list[Line]:
    if facts.real_name:
        return [line("实名举报", ok=True)]
    row = table.condition(Condition.REAL_NAME, facts.reported_on)
    if not rules.anonymous and row.value:
        return [line("匿名举报：须实名", row, ok=False)]
    if not facts.code:
        return _excluded(table, Exclusion.UNREACHABLE, facts.reported_on)[0]
    return [line("匿名举报，凭领取码领取", rules, ok=True)]


def _first(table: RewardTable, facts: Facts) -> list[Line]:
    lines = []
    row = table.condition(Condition.FIRST_ONLY, facts.reported_on)
    if facts.first:
        lines.append(line("第一有效举报", row, ok=True))
    elif row.value:
        lines.append(line("不是第一有效举报：" + row.title, row, ok=False))
    if facts.rewarded_before:
        row = table.condition(Condition.AGAIN, facts.reported_on)
        again = row.value and facts.reoffended
        told = row.title if again else "同一违法行为已经奖励过，且不是结案后再犯"
        lines.append(line(told, row, ok=again))
    return lines


def _exclusions(table: RewardTable, facts: Facts) -> tuple[list[Line], bool]:
    lines: list[Line] = []
    recover = False
    for which in facts.exclusions:
        told, taken_back = _excluded(table, which, facts.reported_on)
        lines += told
        recover = recover or taken_back
    return lines, recover


def _excluded(table: RewardTable, which: Exclusion, at: date) -> tuple[list[Line], bool]:
    row = table.exclusion(which, at)
    if row is None:
        return [line(f"{which.label}：当日没有这一条，不据此排除")], False
    back = "，已支付的追回" if row.recover else ""
    return [line(f"除外情形：{which.label}{back}", row, ok=False)], row.recover


def _effective(table: RewardTable, facts: Facts, at: date) -> tuple[list[Item], list[Line]]:
    row = table.condition(Condition.EFFECTIVE, facts.reported_on)
    if not row.value:
        return list(facts.items), []
    lines, items = [], []
    for item in facts.items:
        if item.outcome not in DECIDED:
            items.append(item)
        elif item.effective_on is None or item.effective_on > at:
            when = f"{item.effective_on.isoformat()} 才生效" if item.effective_on else "没有写明生效日期"
            lines.append(line(f"{item.title or item.outcome.label}：{when}", row))
        else:
            items.append(item)
    if not items:
        lines.append(line("还没有生效的处理决定", row, ok=False))
    else:
        lines.append(line("已有生效的处理结果", row, ok=True))
    return items, lines
