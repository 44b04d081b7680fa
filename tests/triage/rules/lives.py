"""Plays the lives of tests/cases/lifecycle*.yaml: Chinese words in, what became of the ticket out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from models.vocab import AppealType, Clock, Field, Labelled, Move, Post, State, Tag, Urgency
from tests.triage.rules.helpers import moment, tables
from triage.rules import moves
from triage.rules.dues import dues, first_limits, follow_up_behind
from triage.rules.fields import CHOICES, UNITS
from triage.rules.replay import Event, replay

if TYPE_CHECKING:
    from datetime import datetime

    from triage.rules.standing import Standing

#: Words of the cases that are no labels.
_SHORT: Final = {
    "依据": Field.CLAUSE, "说明": Field.NOTE, "附件": Field.ATTACHMENT, "建议单位": Field.PROPOSED_UNIT,
    "单位": Field.UNIT, "协办": Field.ASSIST, "告知方式": Field.TOLD_CITIZEN, "联系过": Field.CONTACTED,
    "解决": Field.SOLVED, "满意": Field.SATISFACTION, "并入": Field.OTHER_TICKET, "等级": Field.URGENCY,
}  # fmt: skip
#: Steps that are no moves of the ticket itself.
_ANSWERED, _REOPENED = Tag.HEAD_ANSWERED.label, Tag.HEAD_REOPENED.label


def by_label(kind: type[Labelled], label: str) -> Any:  # noqa: ANN401  (a member of `kind`)
    """The member that is called so."""
    return next(member for member in kind if member.label == label)


def unit(name: str) -> str:
    """The code of a unit by its name."""
    return next(row.code for row in tables().units.values() if row.name == name)


def opening(case: dict[str, Any]) -> Event:
    """How the ticket was opened: dispatched to 望京街道办事处 unless the case says otherwise."""
    told = {"时刻": "2026-11-02 09:00", "等级": "U3", "状态": "已派单", **case.get("工单", {})}
    at, state = moment(told["时刻"]), by_label(State, told["状态"])
    lead = told.get("单位", "望京街道办事处" if state is State.DISPATCHED else "市热线审核岗")
    sent = state is State.DISPATCHED
    patrol = told.get("巡查") == "是"
    first = first_limits(tables(), Urgency(told["等级"]), at, patrol=patrol)
    limits = moves_due(Urgency(told["等级"]), at)
    return Event(1, at, Tag.DISPATCHED if sent else Tag.REVIEW, "", {
        "opening": {
            "state": state.value, "urgency": told["等级"], "unit": unit(lead), "assist": [], "cc": [],
            "kind": told.get("种类", "NOI-01"), "district": "110105", "flagged": told.get("关注") == "是",
            "patrol": patrol,
            "divert": None, "registered_at": at.isoformat(),
            "dispatched_at": at.isoformat() if sent else None,
            "dispatch_by": limits[0].isoformat(), "answer_by": limits[1].isoformat() if sent else None,
            "clocks": {c.value: due.told for c, due in first.items()} if sent else {},
        },
        # No part of an event: what a ticket's row says beside them.
        "beside": {
            "appeal_type": AppealType(told["诉求类型"]) if "诉求类型" in told else None,
            "confidential": told.get("保密") == "是",
        },
    })  # fmt: skip


def moves_due(urgency: Urgency, at: datetime) -> tuple[datetime, datetime]:
    """The two due times that the deadline rows give."""
    from triage.rules.deadlines import due_times  # noqa: PLC0415  (beside its one use)

    found = due_times(tables(), urgency=urgency, start=at)
    return found.dispatch_by.at, found.answer_by.at


@dataclass
class Life:
    """A ticket in a case: its events so far, and which rows allowed its moves."""

    events: list[Event]
    rows: list[str] = field(default_factory=list)

    @property
    def standing(self) -> Standing:
        """Where the events lead."""
        found = replay(self.events)
        assert found is not None
        return found.evolve(**self.events[0].data["beside"])

    def make(self, told: dict[str, Any]) -> Event:
        """Make a step: a move, or what the case before a merged one tells. Raises Refusal and NoRule."""
        besides = {
            _ANSWERED: self._head_answered, _REOPENED: self._head_reopened, Tag.JOINED.label: self._joined,
            Tag.LEFT.label: self._joined,
        }  # fmt: skip
        return besides.get(told["操作"], self._moved)(told)

    def _joined(self, told: dict[str, Any]) -> Event:
        """Another case was merged into this one, or left it."""
        s, at, tag = self.standing, moment(told["时刻"]).astimezone(UTC), by_label(Tag, told["操作"])
        data = {tag.value.removeprefix("ticket:"): "20261101-00000002", "version": s.version + 1}
        self.events.append(Event(s.seq + 1, at, tag.value, "hotline.None", data))
        return self.events[-1]

    def _head_answered(self, told: dict[str, Any]) -> Event:
        """As `services.following` tells it: from now on this citizen is to be followed up."""
        s, at = self.standing, moment(told["时刻"]).astimezone(UTC)
        start, due = follow_up_behind(tables(), Life([opening({})]).standing, s.urgency, at=at)
        clock = {"from": start.isoformat(), "follow_up": due.told}
        data = {"head": "20261101-00000001", "version": s.version + 1, **[clock, {}][s.content or s.patrol]}
        self.events.append(Event(s.seq + 1, at, Tag.HEAD_ANSWERED.value, "", data))
        return self.events[-1]

    def _head_reopened(self, told: dict[str, Any]) -> Event:
        s, at = self.standing, moment(told["时刻"]).astimezone(UTC)
        data = {"head": "20261101-00000001", "version": s.version + 1}
        self.events.append(Event(s.seq + 1, at, Tag.HEAD_REOPENED.value, "", data))
        return self.events[-1]

    def _moved(self, told: dict[str, Any]) -> Event:
        at, move = moment(told["时刻"]).astimezone(UTC), by_label(Move, told["操作"])
        post = by_label(Post, told["岗位"])
        who = told.get("身份单位", "望京街道办事处" if post is Post.UNIT else "朝阳区人民政府")
        acts_for = unit(who) if post in {Post.UNIT, Post.DISTRICT} else None
        actor = moves.Actor(post, acts_for, told.get("姓名", f"{post.value}.{acts_for}"))
        other = Life([opening({"工单": told.get("并入工单", {})})]).standing
        request = moves.Request(move, _values(told.get("填写", {})), other)
        before = self.standing
        chosen = moves.choose(tables(), before, request, actor, at=at)
        due = dues(tables(), chosen.row, before, chosen.values, at=at)
        event, _ = moves.apply(tables(), before, chosen, actor, due, at=at)
        self.events.append(event)
        self.rows.append(chosen.row.id)
        return event


def _values(told: dict[str, str]) -> dict[str, Any]:
    """The fields by their labels, choices and units by theirs."""
    values: dict[str, Any] = {}
    for name, word in told.items():
        known = _SHORT.get(name) or by_label(Field, name)
        values[known.value] = _value(known, word)
    return values


def _value(known: Field, word: str) -> str:
    if known in CHOICES:
        return str(next((m.value for m in CHOICES[known] if word in {m.label, m.value}), word))
    if known is Field.LACK:
        return next((row.id for row in tables().snippets.lacks if row.title == word), word)
    if known in UNITS:
        return next((row.code for row in tables().units.values() if row.name == word), word)
    if known is Field.ASSIST:
        return ",".join(unit(name) for name in word.split("、"))
    return word


def clocks(event: Event) -> dict[str, list[str]]:
    """What an event did to clocks, in words."""
    words = {"start": "起算", "stop": "停止", "keep": "照走"}
    return {
        words[name]: [Clock(clock).label for clock in told]
        for name, told in event.data.get("clocks", {}).items()
        if told
    }
