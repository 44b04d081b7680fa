"""Rows of `moves.yaml`: one allowed move each. What it needs, who may, what it does to state and clocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from models.vocab import AppealType, Clock, Field, Labelled, Move, Outcome, Part, Post, State, Tag, Urgency
from triage.errors import NoRule
from triage.rules.rows import Row

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from models.vocab_withdrawal import WithdrawnWhy


class Goal(StrEnum):
    """Where a row leads when that is no fixed state: it stays, or goes back to before the objection."""

    SAME = "same"
    BEFORE = "before"


class Fact(Labelled):
    """What a row may require or forbid; the label says what is missing when it is required."""

    FLAGGED = "flagged", "工单没有需要关注的标记"
    CONFIDENTIAL = "confidential", "诉求人没有要求保密"
    CARRIES = "carries", "没有诉求并在这张工单后面"
    PATROL = "patrol", "不是巡查发现的自建工单"
    ANSWERED_NOW = "answered_now", "不是当场答复办结的"
    SHARED = "shared", "没有别的诉求和它并在一起"
    WITHDRAWN = "withdrawn", "诉求人没有撤诉"
    CONTACTED = "contacted", "还没有联系上诉求人"
    ANSWERED = "answered", "还没有向诉求人和热线双向反馈"
    ATTACHMENT = "attachment", "还没有佐证附件"
    FOLLOWED = "followed", "还没有回访结果"
    RUNG = "rung", "还没有开始回访"
    SUPPLEMENTING = "supplementing", "反馈没有被退回补充"
    SOLVED = "solved", "诉求人没有答“已解决”且满意"
    UNSOLVED = "unsolved", "诉求人没有答“未解决”或“不满意”"
    EXTENSION_ASKED = "extension_asked", "没有待审批的延期申请"
    DISTRICT_BLIND = "district_blind", "区级中心看得到这张工单，由它审批"
    LEDGER_ASKED = "ledger_asked", "没有待审批的挂账申请"
    EXCLUSION_ASKED = "exclusion_asked", "没有待审批的剔除申请"
    EXCLUDED = "excluded", "工单没有被剔除"
    SUPERVISED = "supervised", "没有督办到场要求"
    ARBITRATED = "arbitrated", "没有经过仲裁"
    OBJECTED_HERE = "objected_here", "本次派单没有提过异议"
    CALLS_OPEN = "calls_open", "被吹哨或提级的单位都已报到"
    MERGED = "merged", "工单没有并入其他工单"
    ASKED_BEHIND = "asked_behind", "并入的工单还没有反馈，或反馈以后还没有回访过这位诉求人"


#: The same facts, told when they stand in the way.
FORBIDDEN: Mapping[Fact, str] = {
    Fact.FLAGGED: "工单还有需要关注的标记，应先解除关注",
    Fact.CONFIDENTIAL: "诉求人要求保密",
    Fact.CARRIES: "还有诉求并在这张工单后面，他们等的是这一张：请派单一起办，或先撤销合并再逐件答复",
    Fact.SHARED: "有别的诉求和它并在一起，那件事照常办理：只能撤这位诉求人自己的那一份，撤一次",
    Fact.WITHDRAWN: "诉求人已经撤诉；要继续的，先取消撤诉",
    Fact.PATROL: "这是巡查发现的自建工单，没有诉求人，不联系、不回访",
    Fact.CONTACTED: "已经联系过诉求人",
    Fact.RUNG: "已经开始回访（并进来的诉求人也算），诉求人听到的是这份反馈",
    Fact.SUPPLEMENTING: "反馈退回补充期间只补充反馈",
    Fact.EXTENSION_ASKED: "已有一份延期申请在等待审批",
    Fact.DISTRICT_BLIND: "区级中心看不到这张工单",
    Fact.LEDGER_ASKED: "已有一份挂账申请在等待审批",
    Fact.EXCLUSION_ASKED: "已有一份剔除申请在等待审批",
    Fact.EXCLUDED: "工单已经剔除",
    Fact.SUPERVISED: "已有一项督办在等待到场核实",
    Fact.ARBITRATED: "承办单位由仲裁确定，不能再提异议",
    Fact.OBJECTED_HERE: "本次派单已经提过一次异议",
    Fact.CALLS_OPEN: "还有被吹哨或提级的单位没有报到",
    Fact.MERGED: "工单已经并入其他工单",
    Fact.UNSOLVED: "诉求人说没有解决或不满意，能单独办的请先撤销合并；不再办理的写明理由再归档",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How often, how soon, how late. None and empty: no limit of that sort."""

    times: int | None = None
    urgencies: tuple[Urgency, ...] = ()
    objections_below: int | None = None
    objections_from: int | None = None
    window_hours: Mapping[Urgency, int] = field(default_factory=dict)
    review_hours: int | None = None
    before_due: bool = False
    after_due: bool = False
    unreachable_below: int | None = None
    unreachable_from: int | None = None
    gap_hours: int | None = None
    at_most_original: bool = False
    until_days: int | None = None
    answer_percent: int | None = None
    answer_hours: Mapping[Urgency, int] = field(default_factory=dict)
    """What 退回补充 gives, by grade; never more than `answer_percent` of the grade's own limit."""
    note_at_least: int | None = None
    """Characters that 情况说明 must have here."""
    within_hours: int | None = None
    """Hours after 撤诉 in which it can be taken back here."""
    whys: tuple[WithdrawnWhy, ...] = ()
    """撤诉原因 that may be given here; empty: any."""
    of_clocks: str | None = None
    """The numbers are those of `clocks.yaml` (`clock_counts.OfClocks`)."""


@dataclass(frozen=True, slots=True)
class Effects:
    """Which clocks the move starts, stops and, said so that nobody wonders, keeps."""

    start: tuple[Clock, ...] = ()
    stop: tuple[Clock, ...] = ()
    keep: tuple[Clock, ...] = ()


@dataclass(frozen=True, slots=True)
class MoveRow(Row):
    """One allowed move. `outcomes` empty: any; `parts`: what part the acting unit must have."""

    move: Move
    event: Tag
    sources: tuple[State, ...]
    goal: State | Goal
    who: tuple[Post, ...]
    parts: tuple[Part, ...]
    needs: tuple[Field, ...]
    allows: tuple[Field, ...]
    outcomes: tuple[Outcome, ...]
    requires: tuple[Fact, ...]
    forbids: tuple[Fact, ...]
    limits: Limits
    clocks: Effects
    undo_minutes: int | None
    hint: str
    rules: tuple[str, ...]
    types: tuple[AppealType, ...] = ()
    """Appeals of these types alone; empty: of any."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Everything the move may be told, needed first."""
        return (*self.needs, *self.allows)


@dataclass(frozen=True, slots=True)
class MoveTable:
    """All rows, in the order in which they are tried."""

    rows: tuple[MoveRow, ...] = ()

    def of(self, move: Move, at: date) -> tuple[MoveRow, ...]:
        """The rows of a move in force on the day. Raises NoRule when there is none."""
        found = tuple(row for row in self.rows if row.move is move and row.holds(at))
        if not found:
            raise NoRule(f"{at.isoformat()} 的操作表没有“{move.label}”")
        return found
