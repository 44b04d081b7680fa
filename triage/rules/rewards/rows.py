"""Rows of `triage/tables/rewards/*.yaml`. Amounts in fen, rates in parts of ten thousand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from models.vocab import Labelled
from triage.errors import NoRule
from triage.rules.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from typing import TypeVar

    from models.vocab_rewards import (
        Exclusion,
        Formula,
        Measure,
        RateOf,
        RewardAct,
        RewardOutcome,
        RewardPost,
        RewardState,
        ShareState,
        Via,
    )

    RowT = TypeVar("RowT", bound=Row)

FEN: Final = 100
#: A rate is a whole number of parts of this.
WHOLE: Final = 10_000


class Condition(Labelled):
    """What a rule set asks for unless it says otherwise."""

    REAL_NAME = "real_name", "须实名"
    FIRST_ONLY = "first_only", "只奖励第一有效举报人"
    EFFECTIVE = "effective", "须有生效的处理决定"
    HIGHEST = "highest", "多项违法取最高一项"
    JOINT = "joint", "联合举报按一份奖励"
    AGAIN = "again", "再犯可以再奖"


class LimitName(Labelled):
    """A span of natural days."""

    CLAIM = "claim", "领取期限"
    NOTIFY = "notify", "通知期限"
    REMIND = "remind", "提醒"
    ATTEST = "attest", "当面核验后取领取码"
    KNOWN = "known", "事先已掌握往前查"


class BoundName(Labelled):
    """A number that is neither money nor a span."""

    TRIES = "tries", "同一编号每小时最多试几次领取码"


class Subject(Labelled):
    """What a step is about."""

    REWARD = "reward", "整份奖励"
    SHARE = "share", "一名举报人的一份"


class Need(Labelled):
    """What a valid report must name."""

    OBJECT = "object", "明确对象"
    PLACE = "place", "地点"
    FACTS = "facts", "违法事实"


@dataclass(frozen=True, slots=True)
class SelectionRow(Row):
    """Which rule set is used."""

    title: str
    ruleset: str


@dataclass(frozen=True, slots=True)
class CandidateRow(Row):
    """Which tickets become candidates by themselves."""

    title: str
    appeal_types: tuple[str, ...]
    confidential: bool
    kinds: tuple[str, ...]
    states: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FirstRow(Row):
    """What makes a report valid, so that it may be the first."""

    title: str
    shortest_words: int
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class ConditionRow(Row):
    """One condition, on or off."""

    title: str
    name: Condition
    value: bool


@dataclass(frozen=True, slots=True)
class LimitRow(Row):
    """A span in natural days."""

    title: str
    name: LimitName
    days: int


@dataclass(frozen=True, slots=True)
class BoundRow(Row):
    """A whole number."""

    title: str
    name: BoundName
    value: int


@dataclass(frozen=True, slots=True)
class ExclusionRow(Row):
    """One reason why no reward is given; `recover`: what was paid is taken back."""

    exclusion: Exclusion
    recover: bool


@dataclass(frozen=True, slots=True)
class EntitlementRow(Row):
    """What a law says of rewards for some kinds; `payer`: an authority that is not ours."""

    title: str
    parents: tuple[str, ...]
    kinds: tuple[str, ...]
    rewarded: bool
    real_name: bool
    payer: str | None


@dataclass(frozen=True, slots=True)
class When:
    """A measure must lie in [from, below)."""

    measure: Measure
    least: int
    below: int | None


@dataclass(frozen=True, slots=True)
class AwardRow(Row):
    """One way to an amount. `least`/`most` in fen: floor and cap of a rate, ends of a band."""

    title: str
    outcomes: tuple[RewardOutcome, ...]
    via: Via
    matter: str | None
    contribution: int | None
    when: tuple[When, ...]
    formula: Formula
    rate_of: RateOf | None
    rate: int | None
    rate_most: int | None
    least: int | None
    most: int | None
    choices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InsiderRow(Row):
    """内部举报人: a percentage with a cap of its own, or the upper end of the band."""

    title: str
    percent: int | None
    most: int | None
    upper: bool


@dataclass(frozen=True, slots=True)
class Ruleset(Row):
    """One city's rules of one period."""

    title: str
    city: str
    anonymous: bool
    most: int | None
    awards: tuple[AwardRow, ...]
    insiders: tuple[InsiderRow, ...]

    @property
    def matters(self) -> tuple[str, ...]:
        """The matters that its rows know."""
        return tuple(dict.fromkeys(row.matter for row in self.awards if row.matter))


@dataclass(frozen=True, slots=True)
class StepRow(Row):
    """One allowed step. `goal` None: the state stays."""

    act: RewardAct
    subject: Subject
    sources: tuple[RewardState | ShareState, ...]
    goal: RewardState | ShareState | None
    who: tuple[RewardPost, ...]
    needs: tuple[str, ...]
    apart: tuple[RewardPost, ...]


@dataclass(frozen=True, slots=True)
class RewardTable:
    """Everything of `triage/tables/rewards/`; `version` is a short hash over its files."""

    version: str = ""
    selection: tuple[SelectionRow, ...] = ()
    candidates: tuple[CandidateRow, ...] = ()
    first: tuple[FirstRow, ...] = ()
    conditions: tuple[ConditionRow, ...] = ()
    limits: tuple[LimitRow, ...] = ()
    bounds: tuple[BoundRow, ...] = ()
    exclusions: tuple[ExclusionRow, ...] = ()
    entitlements: tuple[EntitlementRow, ...] = ()
    steps: tuple[StepRow, ...] = ()
    rulesets: Mapping[str, Ruleset] = field(default_factory=dict)

    def ruleset(self, at: date, name: str | None = None) -> Ruleset:
        """The rule set in use on the day, or the one named. Raises NoRule."""
        chosen = name or _one(self.selection, "用哪一套奖励规则", at).ruleset
        found = self.rulesets.get(chosen)
        if found is None:
            raise NoRule(f"没有这套奖励规则：{chosen}")
        if not found.holds(at):
            raise NoRule(f"{found.title}在 {at.isoformat()} 无效")
        return found

    def candidate(self, at: date) -> CandidateRow:
        """What becomes a candidate on the day. Raises NoRule."""
        return _one(self.candidates, "自动候选", at)

    def first_of(self, at: date) -> FirstRow:
        """What is a valid report. Raises NoRule."""
        return _one(self.first, "首个有效举报", at)

    def condition(self, name: Condition, at: date) -> ConditionRow:
        """The condition in force. Raises NoRule."""
        return _one((row for row in self.conditions if row.name is name), name.label, at)

    def limit(self, name: LimitName, at: date) -> LimitRow:
        """The span in force. Raises NoRule."""
        return _one((row for row in self.limits if row.name is name), name.label, at)

    def bound(self, name: BoundName, at: date) -> BoundRow:
        """The number in force. Raises NoRule."""
        return _one((row for row in self.bounds if row.name is name), name.label, at)

    def reminders(self, at: date) -> tuple[LimitRow, ...]:
        """Days before the end of the claim window at which the reporter is reminded, the earliest first."""
        found = (row for row in self.limits if row.name is LimitName.REMIND and row.holds(at))
        return tuple(sorted(found, key=lambda row: -row.days))

    def exclusion(self, which: Exclusion, at: date) -> ExclusionRow | None:
        """The row that excludes for this reason on the day."""
        return next((row for row in self.exclusions if row.exclusion is which and row.holds(at)), None)


def _one(rows: Iterable[RowT], what: str, at: date) -> RowT:
    for row in rows:
        if row.holds(at):
            return row
    raise NoRule(f"有奖举报的规则表没有覆盖这一天：{what}，日期 {at.isoformat()}")
