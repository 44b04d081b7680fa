"""Reads and checks `moves.yaml`: every move has a row, no row is dead, every word is known."""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING, Final, TypeVar

from models.vocab import (
    TAG_OF,
    AppealType,
    Clock,
    Field,
    Labelled,
    Move,
    Outcome,
    Part,
    Post,
    State,
    Tag,
    Urgency,
)
from models.vocab_withdrawal import WithdrawnWhy
from triage.rules.clock_counts import OfClocks
from triage.rules.move_rows import FORBIDDEN, Effects, Fact, Goal, Limits, MoveRow
from triage.rules.rows import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.rules.reading import Record

L = TypeVar("L", bound=Labelled)

#: A paragraph of the rule notes.
_RULE: Final = re.compile(r"R\d{1,2}\.\d{1,2}")
_COUNTS: Final = (
    "times", "objections_below", "objections_from", "review_hours", "unreachable_below", "unreachable_from",
    "gap_hours", "until_days", "answer_percent", "note_at_least", "within_hours",
)  # fmt: skip
#: Moves that a site's own table of before does not know: there nobody can make them.
LATER: Final = frozenset(
    {Move.ANSWER_NOW, Move.PASS_ON, Move.AMEND, Move.SUPPLEMENT, Move.WITHDRAW, Move.TAKE_UP}
)
_FLAGS: Final = ("before_due", "after_due", "at_most_original")


def move_row(r: Record) -> MoveRow:
    """The row of a record; faults are noted there."""
    move, event = r.choice("move", Move), r.choice("event", Tag)
    if r.sound and TAG_OF[move] is not event:
        r.fault(f"“{move.label}”写的事件应为 {TAG_OF[move].value}", "event")
    rules = r.words("rules", required=True)
    for rule in rules:
        if not _RULE.fullmatch(rule):
            r.fault(f"规则编号应形如 R4.5：{rule}", "rules")
    who, parts = _members(r, "who", Post), _members(r, "parts", Part)
    if not who:
        r.fault("缺少“who”")
    if (Post.UNIT in who) != bool(parts):
        r.fault("承办单位的操作必须写 parts，其他岗位的操作不写", "parts")
    forbids = _members(r, "forbids", Fact)
    for fact in forbids:
        if fact not in FORBIDDEN:
            r.fault(f"“{fact.value}”只能用在 requires", "forbids")
    undo = r.optional("undo_minutes")
    return MoveRow(
        r.text("id"), *r.dated(), r.where, move=move, event=event,
        sources=_members(r, "from", State), goal=_goal(r), who=who, parts=parts,
        needs=_members(r, "needs", Field), allows=_members(r, "allows", Field),
        outcomes=_members(r, "outcomes", Outcome), requires=_members(r, "requires", Fact), forbids=forbids,
        limits=_limits(r), clocks=_effects(r), undo_minutes=r.whole("undo_minutes") if undo else None,
        hint=r.text("hint"), rules=rules, types=_members(r, "types", AppealType),
    )  # fmt: skip


def _members(r: Record, name: str, kind: type[L]) -> tuple[L, ...]:
    """A list of members of an enum; `all` for states."""
    known = {member.value: member for member in kind}
    found = []
    for word in r.words(name):
        if word in known:
            found.append(known[word])
        else:
            r.fault(f"“{name}”里不认识的词：{word}（只能是 {'、'.join(known)}）", name)
    return tuple(found)


def _goal(r: Record) -> State | Goal:
    word = r.text("to")
    if word in {goal.value for goal in Goal}:
        return Goal(word)
    return r.choice("to", State)


def _limits(r: Record) -> Limits:
    limits = r.mapping("limits")
    if limits is None:
        return Limits()
    hours, answering = limits.mapping("window_hours"), limits.mapping("answer_hours")
    window, answer_hours = (
        {} if by_grade is None else {u: by_grade.whole(u.value) for u in Urgency}
        for by_grade in (hours, answering)
    )
    counts = {name: limits.whole(name) if limits.optional(name) else None for name in _COUNTS}
    flags = {name: limits.flag(name) for name in _FLAGS}
    urgencies = _members(limits, "urgencies", Urgency)
    whys = _members(limits, "whys", WithdrawnWhy)
    of_clocks = _of_clocks(limits)
    for part in (hours, answering, limits):
        if part is not None and not part.done():
            r.sound = False
    return Limits(
        urgencies=urgencies, whys=whys, window_hours=window, answer_hours=answer_hours, of_clocks=of_clocks,
        **counts, **flags,  # type: ignore[arg-type]
    )  # fmt: skip


def _of_clocks(limits: Record) -> str | None:
    word = limits.optional("of_clocks")
    if word is None:
        return None
    known = [one.value for one in OfClocks]
    if word not in known:
        limits.fault(f"“of_clocks”只能是 {'、'.join(known)}", "of_clocks")
        return None
    return word


def _effects(r: Record) -> Effects:
    clocks = r.mapping("clocks")
    if clocks is None:
        return Effects()
    found = Effects(*(_members(clocks, name, Clock) for name in ("start", "stop", "keep")))
    named = [*found.start, *found.stop, *found.keep]
    if len(set(named)) != len(named):
        clocks.fault("同一个时限只能写在 start、stop、keep 之一")
    if not clocks.done():
        r.sound = False
    return found


def check(rows: Sequence[MoveRow], problems: list[Problem]) -> None:
    """Note what no single row shows."""
    current = {row.move for row in rows if row.valid_to is None} | LATER
    problems += [
        Problem(rows[0].where, f"“{move.label}”（{move.value}）没有现行条目")
        for move in Move
        if move not in current
    ]
    problems += [
        Problem(other.where, f"{other.id}：被 {one.id}（{one.where}）完全遮住，永远不会生效")
        for one, other in combinations(rows, 2)
        if one.move is other.move and _covers(one, other)
    ]
    reached = {row.goal for row in rows}
    problems += [
        Problem(rows[0].where, f"没有操作能到“{state.label}”（{state.value}）")
        for state in State
        if state not in {State.REVIEW, State.HANDED_OVER} | reached
    ]


def _covers(one: MoveRow, other: MoveRow) -> bool:
    """Whether `one`, tried first, is taken whenever `other` could be: it asks no more than that one."""
    asked = ((one.needs, other.needs), (one.requires, other.requires), (one.forbids, other.forbids))
    wider = all(set(mine) <= set(theirs) for mine, theirs in asked)
    free = wider and not one.types and one.limits == Limits()
    outcomes = not one.outcomes or (bool(other.outcomes) and set(other.outcomes) <= set(one.outcomes))
    days = one.valid_from <= other.valid_from and (
        one.valid_to is None or (other.valid_to is not None and other.valid_to <= one.valid_to)
    )
    states, posts = set(other.sources) <= set(one.sources), set(other.who) <= set(one.who)
    return free and outcomes and days and states and posts and set(other.parts) <= set(one.parts)
