"""The moves of a ticket, pure: a standing, a wish and an actor in; the event's data out, or a Refusal.

`choose` finds the row that allows the move and reads what it was told; `apply` makes the event. Between the
two the caller asks `dues` for the due times of the clocks that the row starts: no limit is computed here.
`possible` says of every move whether it can be made now, and if not, why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Field, Level, Move
from triage.errors import NoRule
from triage.rules import amending, routing, second_dispatch, withdrawing
from triage.rules.calendar import beijing
from triage.rules.dues import started
from triage.rules.fields import Refusal, Stage, check_spare, read
from triage.rules.move_checks import (
    check_facts,
    check_limits,
    check_post,
    check_state,
    check_type,
    check_values,
)
from triage.rules.move_rows import Goal, MoveRow
from triage.rules.replay import Event, step
from triage.rules.rows import OWN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from models.vocab import Clock, Post, State
    from triage.rules.dues import Due
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing

#: These give the ticket to a unit.
SENDING: Final = (Move.DISPATCH, Move.REASSIGN, Move.ARBITRATE, Move.PASS_ON)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the post, the unit acted for (units and districts), and the staff's own login."""

    post: Post
    unit: str | None = None
    login: str = ""
    everywhere: bool = True
    """Sees the whole city (全市), not some units alone: the edge says so, `moving.make` by the viewer."""


@dataclass(frozen=True, slots=True)
class Request:
    """A wish: the move and what was typed. `other` is the ticket to be merged into, when there is one."""

    move: Move
    values: Mapping[str, Any]
    other: Standing | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The row that allows the wish and the values read by it."""

    row: MoveRow
    request: Request
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Possible:
    """A move as it stands now: the rows that allow it, or why none does."""

    move: Move
    rows: tuple[MoveRow, ...]
    refusal: Refusal | None


def choose(tables: Tables, s: Standing, request: Request, actor: Actor, *, at: datetime) -> Chosen:
    """The first row that allows the wish. Raises Refusal: that of the row that came furthest; NoRule."""
    refusals: list[Refusal] = []
    rows = tables.moves.of(request.move, _day(at))
    for row in rows:
        try:
            check_state(s, row)
            check_post(tables, s, row, actor)
            _outcome(row, request)
            _facts(tables, s, row, actor, at=at)
            check_limits(s, row, at=at)
            values = read(tables, row, request.values, at=at)
            check_spare(row, rows, request.values)
            check_values(tables, s, row, values, request.other, at=at)
        except Refusal as refusal:
            refusals.append(refusal)
        else:
            return Chosen(row, request, values)
    raise max(refusals, key=lambda refusal: refusal.stage)


def possible(tables: Tables, s: Standing, actor: Actor, *, at: datetime) -> tuple[Possible, ...]:
    """Every move: the rows that allow it for this actor now, or the nearest reason why none does."""
    found = []
    for move in Move:
        rows: list[MoveRow] = []
        refusals: list[Refusal] = []
        try:
            for row in tables.moves.of(move, _day(at)):
                try:
                    check_state(s, row)
                    check_post(tables, s, row, actor)
                    _facts(tables, s, row, actor, at=at)
                    check_limits(s, row, at=at)
                except Refusal as refusal:
                    refusals.append(refusal)
                else:
                    rows.append(row)
        except NoRule as error:
            refusals.append(Refusal(error.detail))
        why = None if rows else max(refusals, key=lambda refusal: refusal.stage)
        found.append(Possible(move, tuple(rows), why))
    return tuple(found)


def _facts(tables: Tables, s: Standing, row: MoveRow, actor: Actor, *, at: datetime) -> None:
    check_type(s, row)
    check_facts(tables, s, row)
    if row.move is Move.UNDO:
        _check_undo(s, row, actor, at=at)


def _outcome(row: MoveRow, request: Request) -> None:
    """A row for one outcome is passed over when another was given; none given is a missing field."""
    given = request.values.get(Field.OUTCOME)
    if row.outcomes and given and given not in row.outcomes:
        known = "、".join(outcome.label for outcome in row.outcomes)
        raise Refusal(f"这一步的结果只能是：{known}", row=row, field=Field.OUTCOME, stage=Stage.OUTCOME)


def _check_undo(s: Standing, row: MoveRow, actor: Actor, *, at: datetime) -> None:
    last = s.last
    if last is None or s.before is None:
        raise Refusal("没有可以撤销的上一步", row=row, stage=Stage.FACT)
    if last.undo_until is None:
        raise Refusal(f"“{last.move.label}”不能撤销", row=row, stage=Stage.FACT)
    if last.login != actor.login:
        raise Refusal(f"“{last.move.label}”不是您做的，只能由本人撤销", row=row, stage=Stage.FACT)
    if at > last.undo_until:
        raise Refusal(f"“{last.move.label}”已过可以撤销的时间", row=row, stage=Stage.FACT)


def apply(
    tables: Tables, s: Standing, chosen: Chosen, actor: Actor, dues: Mapping[Clock, Due], *, at: datetime
) -> tuple[Event, Standing]:
    """The event of an allowed move and the standing after it. Event times never run backwards."""
    row = chosen.row
    moment = max(at, s.last_at)
    event = Event(
        s.seq + 1, moment, row.event.value, actor.login, _data(tables, s, chosen, actor, dues, at=at)
    )
    return event, step(s, event)


def _data(
    tables: Tables, s: Standing, chosen: Chosen, actor: Actor, dues: Mapping[Clock, Due], *, at: datetime
) -> dict[str, Any]:
    """Everything that replaying needs, and what a reader wants to know: row, table version, who, clocks."""
    row, values = chosen.row, dict(chosen.values)
    data: dict[str, Any] = {
        "move": row.move.value,
        "row": row.id,
        "table_version": tables.version,
        "version": s.version + 1,
        "post": actor.post.value,
        "by_unit": actor.unit,
        "from": s.state.value,
        "to": _goal(s, row).value,
        "values": values,
        "clocks": _clocks(s, row, dues),
    }
    if row.move is Move.WITHDRAW:
        data |= {"values": withdrawing.plain(values), withdrawing.SAID: withdrawing.said(values)}
    if row.move in SENDING:
        passed = row.move is Move.PASS_ON
        data["units"] = second_dispatch.parts(s, values) if passed else _units(tables, s, values, at=at)
        data["unit"] = data["units"]["lead"]
    if (chosen_lack := values.pop(Field.LACK, None)) is not None:
        lack = amending.lacking(tables, chosen.values, _day(at))
        data[amending.LACK] = {"id": chosen_lack, "title": lack.title if lack else chosen_lack}
    if row.move is Move.ACCEPT:
        desk = tables.unit(Level.DESK, OWN, "", _day(at))
        data["units"] = {"lead": desk.code if desk else None, "assist": [], "cc": []}
    if row.undo_minutes is not None:
        data["undo_until"] = (at + timedelta(minutes=row.undo_minutes)).isoformat()
    if row.move is Move.UNDO and s.last is not None and s.before is not None:
        data |= {"undoes": s.last.seq, "undone": s.last.move.value, "to": s.before.state.value}
    return data


def _goal(s: Standing, row: MoveRow) -> State:
    if row.move is Move.SPLIT and s.unmerged is not None:
        return s.unmerged.state
    if row.move is Move.TAKE_UP:
        return withdrawing.goal(s)
    if row.goal is Goal.SAME:
        return s.state
    if row.goal is Goal.BEFORE:
        waiting = s.open_objection
        return waiting.before if waiting else s.state
    return row.goal


def _clocks(s: Standing, row: MoveRow, dues: Mapping[Clock, Due]) -> dict[str, Any]:
    """What really happens to clocks: those that run and are not touched are kept, named or not."""
    touched = {*row.clocks.start, *row.clocks.stop}
    start = {}
    for clock in started(row, s):
        due = dues.get(clock)
        start[clock.value] = due.told if due else dict.fromkeys(("due", "rule", "spelled"))
    return {
        "start": start,
        "stop": [clock.value for clock in row.clocks.stop if s.running(clock)],
        "keep": [clock.value for clock in s.clocks if s.running(clock) and clock not in touched],
    }


def _units(tables: Tables, s: Standing, values: Mapping[str, Any], *, at: datetime) -> dict[str, Any]:
    """主办, 协办, 抄送: a street that leads is copied to its district's government (条例 art. 12).

    So is a city bureau's case whose place was put right in another district: nobody there has a part in it.
    """
    lead = tables.units[values[Field.UNIT]]
    assist = [code for code in values.get(Field.ASSIST, []) if code != lead.code]
    copies = []
    if lead.level is Level.STREET:
        district = tables.unit(Level.DISTRICT, OWN, lead.district_code or "", _day(at))
        copies = [district.code] if district else []
    elif lead.level is Level.CITY and (told := routing.district_copied(tables, s.placed, day=_day(at))):
        copies = [told] if told not in assist else []
    return {"lead": lead.code, "assist": [code for code in assist if code not in copies], "cc": copies}


def _day(at: datetime) -> date:
    return beijing(at).date()
