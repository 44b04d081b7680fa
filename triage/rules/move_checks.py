"""What stands in the way of a move, one check after the other: state, post, facts, limits, values.

Each raises `Refusal` with the sentence, the row whose source it tells, and how far the wish came.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from models.vocab import (
    OPEN_STATES,
    Clock,
    Field,
    Level,
    Move,
    Outcome,
    Part,
    Post,
    Satisfaction,
    YesNo,
)
from triage.rules import amending, second_dispatch, sighted, withdrawing
from triage.rules.calendar import beijing
from triage.rules.deadlines import due_time, show
from triage.rules.fields import Refusal, Stage
from triage.rules.move_rows import FORBIDDEN, Fact, MoveRow
from triage.rules.rows import ClockName
from triage.rules.snippet_rows import still_template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from triage.rules.moves import Actor
    from triage.rules.rows import Tables, UnitRow
    from triage.rules.standing import FollowUp, Standing

_UNHAPPY: Final = (Satisfaction.DISSATISFIED, Satisfaction.VERY_DISSATISFIED)
#: Whose note is written for the citizen.
_ANSWERS: Final = (Move.FEEDBACK, Move.AMEND, Move.ANSWER_NOW)
_UPPER: Final = (Level.DISTRICT, Level.BUREAU, Level.CITY)


def check_state(s: Standing, row: MoveRow) -> None:
    """The ticket stands where the row starts."""
    if s.state not in row.sources:
        known = "、".join(state.label for state in row.sources)
        # 不能不同意 would say that one must agree.
        what = f"“{row.move.label}”" if row.move.label.startswith("不") else row.move.label
        raise Refusal(
            f"工单现在是“{s.state.label}”，不能{what}；可以{what}的状态：{known}",
            row=row, stage=Stage.STATE,
        )  # fmt: skip
    if Fact.WITHDRAWN in row.requires and s.withdrawn is None:
        # Another situation, not something that is missing: what is, the other rows say.
        raise Refusal(f"不能{row.move.label}：{Fact.WITHDRAWN.label}", row=row, stage=Stage.STATE)


def check_post(tables: Tables, s: Standing, row: MoveRow, actor: Actor) -> None:
    """The actor has the post, and a unit its part in this very ticket."""
    if actor.post not in row.who:
        known = "、".join(post.label for post in row.who)
        words = f"“{row.move.label}”由{known}办理，您现在的身份是{actor.post.label}"
        raise Refusal(words, row=row, stage=Stage.POST)
    # Who handed it on (二次派单) leads it no more, and takes that back as whoever did before it.
    told = (s, s.before) if row.move is Move.UNDO and s.before is not None else (s,)
    if actor.post is Post.UNIT and not any(
        _has_part(one, part, actor.unit, row.move) for one in told for part in row.parts
    ):
        known = "、".join(part.label for part in row.parts)
        raise Refusal(f"“{row.move.label}”须由这张工单的{known}办理", row=row, stage=Stage.POST)
    if actor.post is Post.DISTRICT and not _of_district(tables, s, actor.unit):
        raise Refusal("这张工单不在您的区", row=row, stage=Stage.POST)
    if Fact.DISTRICT_BLIND in row.requires and not actor.everywhere:
        # In place of a centre that does not see it stands the city: no 督办 of the very unit that asked.
        raise Refusal("区级中心看不到的工单由市级督办员审批，您的范围只有本单位", row=row, stage=Stage.POST)
    if row.move is Move.PASS_ON and (why := second_dispatch.refused(tables, s, actor.unit)):
        raise Refusal(why, row=row, stage=Stage.POST)


def _has_part(s: Standing, part: Part, unit: str | None, move: Move) -> bool:
    match part:
        case Part.LEAD:
            return unit is not None and unit == s.unit
        case Part.ASSIST:
            return unit in s.assist
        case Part.CALLED:
            waiting = move is Move.REPORT_IN
            return any(c.unit == unit and (c.reported_at is None or not waiting) for c in s.calls)


def _of_district(tables: Tables, s: Standing, unit: str | None) -> bool:
    mine = tables.units.get(unit or "")
    lead = tables.units.get(s.unit or "")
    of_lead = lead.district_code if lead else None
    # Under a city bureau the case is the district's in which the place now is.
    opened = s.district if of_lead else s.placed or s.district
    theirs = {opened, of_lead} - {None}
    return mine is not None and mine.governs and (not theirs or mine.district_code in theirs)


def check_type(s: Standing, row: MoveRow) -> None:
    """The appeal is of a type that the row is for; one that nobody could tell is of none."""
    if not row.types or s.appeal_type in row.types:
        return
    known = "、".join(kind.label for kind in row.types)
    this = f"这件是{s.appeal_type.label}" if s.appeal_type else "还不知道这件是哪一类"
    raise Refusal(
        f"{this}，只有{known}可以{row.move.label}；类型识别错了的，先在工单页更正诉求类型",
        row=row, stage=Stage.FACT,
    )  # fmt: skip


def check_facts(tables: Tables, s: Standing, row: MoveRow) -> None:
    """What the row requires is so, and nothing that it forbids."""
    for fact in row.requires:
        if not _FACTS[fact](tables, s):
            raise Refusal(f"不能{row.move.label}：{fact.label}", row=row, stage=Stage.FACT)
    for fact in row.forbids:
        if _FACTS[fact](tables, s):
            raise Refusal(f"不能{row.move.label}：{FORBIDDEN[fact]}", row=row, stage=Stage.FACT)


def _last_reached(s: Standing) -> FollowUp | None:
    last = s.follow_ups[-1] if s.follow_ups else None
    return last if last is not None and last.outcome is Outcome.REACHED else None


def _content(said: FollowUp) -> bool:
    return said.solved is YesNo.YES and said.satisfaction not in _UNHAPPY


def _solved(s: Standing) -> bool:
    last = _last_reached(s)
    return last is not None and _content(last)


def _unsolved(s: Standing) -> bool:
    """By the last word since the answer (the own one, or the head's), whatever calls came in vain since."""
    since = max(s.answer_seq, s.unmerged.seq if s.unmerged is not None else 0)
    said = [one for one in s.follow_ups if one.outcome is Outcome.REACHED and one.seq > since]
    return bool(said) and not _content(said[-1])


_FACTS: Final[Mapping[Fact, Callable[[Tables, Standing], bool]]] = {
    Fact.FLAGGED: lambda _, s: s.flagged,
    Fact.CONFIDENTIAL: lambda _, s: s.confidential,
    Fact.CARRIES: lambda _, s: s.behind > 0,
    Fact.PATROL: lambda _, s: s.patrol,
    Fact.ANSWERED_NOW: lambda _, s: s.answered_now,
    Fact.SHARED: lambda _, s: s.behind > 0 or s.unmerged is not None,
    Fact.WITHDRAWN: lambda _, s: s.withdrawn is not None,
    Fact.CONTACTED: lambda _, s: s.contacted,
    Fact.ANSWERED: lambda _, s: s.answered,
    Fact.ATTACHMENT: lambda _, s: s.attachment,
    Fact.FOLLOWED: lambda _, s: bool(s.follow_ups),
    Fact.RUNG: lambda _, s: s.rung,
    Fact.SUPPLEMENTING: lambda _, s: s.supplementing,
    Fact.SOLVED: lambda _, s: _solved(s),
    Fact.UNSOLVED: lambda _, s: _unsolved(s),
    Fact.EXTENSION_ASKED: lambda _, s: Move.EXTEND_ASK in s.asked,
    Fact.DISTRICT_BLIND: sighted.blind,
    Fact.LEDGER_ASKED: lambda _, s: Move.LEDGER_ASK in s.asked,
    Fact.EXCLUSION_ASKED: lambda _, s: Move.EXCLUDE_ASK in s.asked,
    Fact.EXCLUDED: lambda _, s: s.excluded,
    Fact.SUPERVISED: lambda _, s: s.supervised,
    Fact.ARBITRATED: lambda _, s: s.arbitrated,
    Fact.OBJECTED_HERE: lambda _, s: any(o.seq > s.since_seq for o in s.objections),
    Fact.CALLS_OPEN: lambda _, s: any(call.reported_at is None for call in s.calls),
    Fact.MERGED: lambda _, s: s.unmerged is not None,
    Fact.ASKED_BEHIND: lambda _, s: s.asked_behind,
}


def check_limits(s: Standing, row: MoveRow, *, at: datetime) -> None:
    """Not too often, not too soon, not too late."""
    words = next(filter(None, (check(s, row, at) for check in _LIMITS)), None)
    if words is not None:
        raise Refusal(words, row=row, stage=Stage.LIMIT)


def _times(s: Standing, row: MoveRow, at: datetime) -> str | None:
    del at
    counts = {
        Move.EXTEND_ASK: s.extensions,
        Move.REHANDLE: s.rehandled,
        Move.SUPPLEMENT: s.supplements,
    }
    made = counts.get(row.move, 0)
    if row.limits.times is None or made < row.limits.times:
        return None
    return f"{row.move.label}最多 {row.limits.times} 次，已经用过"


def _urgency(s: Standing, row: MoveRow, at: datetime) -> str | None:
    del at
    if not row.limits.urgencies or s.urgency in row.limits.urgencies:
        return None
    known = "、".join(f"{urgency.value} {urgency.label}" for urgency in row.limits.urgencies)
    return f"只有{known}的工单可以{row.move.label}，这张是 {s.urgency.value} {s.urgency.label}"


def _objections(s: Standing, row: MoveRow, at: datetime) -> str | None:
    del at
    made, limits = len(s.objections), row.limits
    if limits.objections_below is not None and made >= limits.objections_below:
        return f"已有 {made} 次退单，再次退单直接进入仲裁"
    if limits.objections_from is not None and made < limits.objections_from:
        return f"退单 {limits.objections_from} 次以后才进入仲裁"
    return None


def _window(s: Standing, row: MoveRow, at: datetime) -> str | None:
    hours = row.limits.window_hours.get(s.urgency)
    if hours is None or s.since is None or at < s.since + timedelta(hours=hours):
        return None
    return f"应在收到派单后 {hours} 小时内{row.move.label}，这张工单派出于 {show(beijing(s.since))}"


def _before_due(s: Standing, row: MoveRow, at: datetime) -> str | None:
    run = s.running(Clock.ANSWER)
    if not row.limits.before_due or run is None or run.due is None or at < run.due:
        return None
    return f"应在到期前{row.move.label}，办理时限 {show(beijing(run.due))} 已过"


def _after_due(s: Standing, row: MoveRow, at: datetime) -> str | None:
    if not row.limits.after_due or s.answer_by is None or at >= s.answer_by:
        return None
    return f"办理时限期满后才{row.move.label}：{show(beijing(s.answer_by))} 以后"


def _unreachable(s: Standing, row: MoveRow, at: datetime) -> str | None:
    del at
    limits = row.limits
    if limits.unreachable_below is not None and s.unreachable >= limits.unreachable_below:
        return f"已有 {s.unreachable} 次未接通"
    if limits.unreachable_from is not None and s.unreachable < limits.unreachable_from:
        return f"此前只有 {s.unreachable} 次未接通"
    return None


def _gap(s: Standing, row: MoveRow, at: datetime) -> str | None:
    hours, last = row.limits.gap_hours, s.follow_ups[-1] if s.follow_ups else None
    if hours is None or last is None or at >= last.at + timedelta(hours=hours):
        return None
    return f"两次{row.move.label}至少间隔 {hours} 小时，上一次是 {show(beijing(last.at))}"


_LIMITS: Final = (
    _times, _urgency, _objections, _window, _before_due, _after_due, _unreachable, _gap, withdrawing.too_late,
)  # fmt: skip


def check_values(
    tables: Tables,
    s: Standing,
    row: MoveRow,
    values: Mapping[str, Any],
    other: Standing | None,
    *,
    at: datetime,
) -> None:
    """What was typed fits this ticket: units, moments, the ticket to be merged into."""

    def refuse(field: Field, words: str) -> Refusal:
        return Refusal(words, row=row, field=field, stage=Stage.FIELD)

    if Field.UNTIL in values and (
        words := _until(tables, s, row, datetime.fromisoformat(values[Field.UNTIL]), at=at)
    ):
        raise refuse(Field.UNTIL, words)
    for field in (Field.UNIT, Field.PROPOSED_UNIT):
        if field in values and (words := _unit(tables, s, row, tables.units[values[field]], at)):
            raise refuse(field, words)
    waiting = {call.unit for call in s.calls if call.reported_at is None}
    if row.move is Move.WHISTLE and (words := _whistled(s, waiting, values[Field.ASSIST])):
        raise refuse(Field.ASSIST, words)
    if row.move is Move.ESCALATE and values[Field.UNIT] in waiting:
        raise refuse(Field.UNIT, "已经报过这个单位，正等待它的意见")
    if wrong := _said(tables, s, row, values, beijing(at).date()):
        raise refuse(*wrong)
    if row.move is Move.MERGE and (words := _head(s, other)):
        raise refuse(Field.OTHER_TICKET, words)


def _said(
    tables: Tables, s: Standing, row: MoveRow, values: Mapping[str, Any], day: date
) -> tuple[Field, str] | None:
    """What is wrong with the words, and at which field: too few, another case's, nothing that is new."""
    if words := _note(tables, row, values.get(Field.NOTE, "")):
        return Field.NOTE, words
    if row.move is Move.WITHDRAW:
        return withdrawing.wrong(s, row, values)
    return amending.refused(tables, s, row.move, values, day)


def _note(tables: Tables, row: MoveRow, note: str) -> str | None:
    least = row.limits.note_at_least
    if least is not None and len(note) < least:
        return f"{Field.NOTE.label}太短：这是诉求人看到的答复，至少 {least} 个字"
    return still_template(tables.snippets, note) if row.move in _ANSWERS else None


def _head(s: Standing, other: Standing | None) -> str | None:
    if other is None or other.state not in OPEN_STATES:
        return "要并入的工单不存在，或已经办结、分流、合并"
    if other.patrol and not s.patrol:
        # Behind it no ticket of the matter would count for 三率.
        return (
            "要并入的那张是巡查自建的，没有诉求人，不计三率："
            "请反过来，把巡查的那张并入这张；巡查的那张定级更急的，两张分别办理"
        )
    if s.urgency >= other.urgency:
        return None
    mine, theirs = (f"{urgency.value} {urgency.label}" for urgency in (s.urgency, other.urgency))
    graver = f"这张定级 {mine}，要并入的那张是 {theirs}：并过去会停掉这张较急的时限。"
    if s.patrol and not other.patrol:
        return f"{graver}这张是巡查自建的，诉求也不能并入它：两张分别办理"
    return f"{graver}请反过来，把那张并入这张；那张已经反馈的，这张单独办理"


def _until(tables: Tables, s: Standing, row: MoveRow, until: datetime, *, at: datetime) -> str | None:
    days, run = row.limits.until_days, s.clocks.get(Clock.ANSWER)
    if days is not None and until > at + timedelta(days=days):
        return f"期限最远到 {show(beijing(at + timedelta(days=days)))}（{days} 天内）"
    if not row.limits.at_most_original or run is None or run.due is None:
        return None
    if until <= run.due:
        return f"应晚于现在的办理时限 {show(beijing(run.due))}"
    # Not the run's own length where that is longer: after 挂账 it goes on to the end of the review (R4.5).
    limit = due_time(tables, ClockName.ANSWER, s.urgency, run.started).at - run.started
    latest = run.due + min(run.due - run.started, limit)
    return f"延长不得超过原时限：最远到 {show(beijing(latest))}" if until > latest else None


def _unit(tables: Tables, s: Standing, row: MoveRow, unit: UnitRow, at: datetime) -> str | None:
    if row.move in {Move.OBJECT, Move.REASSIGN} and unit.code == s.unit:
        return f"{unit.name}就是现在的承办单位"
    if row.move is Move.ESCALATE and unit.level not in _UPPER:
        return f"提级应报区政府、区级部门或市级部门，{unit.name}是{unit.level.label}"
    if row.move is Move.ESCALATE and unit.code == s.unit:
        return f"{unit.name}就是现在的承办单位"
    if row.move is Move.PASS_ON and (words := second_dispatch.wrong_unit(tables, s, unit)):
        return words
    taken = next(
        (
            back
            for back in tables.reclaimed
            if unit.level is Level.STREET
            and back.kind == s.kind
            and unit.district_code in back.districts
            and back.holds(beijing(at).date())
        ),
        None,
    )
    if taken is not None:
        return f"上级部门收回的事项（{taken.id}）不能派街道乡镇主办：{taken.source}"
    return None


def _whistled(s: Standing, waiting: set[str], units: list[str]) -> str | None:
    if s.unit in units:
        return "不能吹哨给主办单位自己"
    return "有单位已被吹哨，正等待报到" if waiting & set(units) else None
