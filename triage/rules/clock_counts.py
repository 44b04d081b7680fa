"""延期、重办、回访: how often, how far apart, by how much. `clocks.yaml` says it, `moves.yaml` refers to it.

A row of the moves writes `of_clocks` among its limits and no number; the numbers are put in when the tables
are built. A row that holds on days for which the clocks say different things is refused: it has to be cut by
dates like them. Tables of a site that still write the numbers themselves are read as before, and must agree
(`agreement_checks`).
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Move
from triage.rules.check_tools import overlap, say
from triage.rules.rows import ClockName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.rules.clock_rows import ClockTable
    from triage.rules.move_rows import MoveRow
    from triage.rules.rows import Problem

_WHOLE: Final = 100


class OfClocks(StrEnum):
    """Which numbers of `clocks.yaml` limit a move."""

    EXTENSION = "extension"
    REHANDLE = "rehandle"
    MORE_CALLS = "more_calls"
    """A call in vain after which another one is made."""
    LAST_CALL = "last_call"
    """The call in vain that is the last."""


#: Where each belongs, and the limits that it sets.
_OF: Final = {
    OfClocks.EXTENSION: (Move.EXTEND_ASK, ("times", "urgencies", "at_most_original")),
    OfClocks.REHANDLE: (Move.REHANDLE, ("times", "answer_percent")),
    OfClocks.MORE_CALLS: (Move.FOLLOW_UP, ("unreachable_below", "unreachable_from", "gap_hours")),
    OfClocks.LAST_CALL: (Move.FOLLOW_UP, ("unreachable_below", "unreachable_from", "gap_hours")),
}


def filled(clocks: ClockTable, moves: Sequence[MoveRow], problems: list[Problem]) -> list[MoveRow]:
    """The rows with the numbers of the clocks in them; what cannot be filled is noted."""
    return [row if row.limits.of_clocks is None else _filled(clocks, row, problems) for row in moves]


def _filled(clocks: ClockTable, row: MoveRow, problems: list[Problem]) -> MoveRow:
    which = OfClocks(row.limits.of_clocks or "")
    move, names = _OF[which]
    if row.move is not move:
        say(problems, row, f"of_clocks 写 {which} 的只能是“{move.label}”")
        return row
    twice = [name for name in names if getattr(row.limits, name)]
    if twice:
        say(problems, row, f"次数由 clocks.yaml 决定（of_clocks: {which}），这里不要再写 {'、'.join(twice)}")
        return row
    told = _told(clocks, row, which)
    if len(told) != 1:
        days = "没有有效条目" if not told else "先后不同"
        say(problems, row, f"clocks.yaml 的{move.label}次数在这一条的有效期内{days}，请按日期分成几条")
        return row
    return replace(row, limits=replace(row.limits, **told[0]))


def _told(clocks: ClockTable, row: MoveRow, which: OfClocks) -> list[dict[str, Any]]:
    """The different things that the clocks say while the row holds."""
    found: list[dict[str, Any]] = []
    if which is OfClocks.EXTENSION:
        return _extension(clocks, row)
    if which is OfClocks.REHANDLE:
        found = [
            {"times": again.times, "answer_percent": again.percent}
            for again in clocks.rehandles
            if overlap(again, row)
        ]
    else:
        name = "unreachable_below" if which is OfClocks.MORE_CALLS else "unreachable_from"
        found = [
            {name: calls.attempts - 1, "gap_hours": calls.apart_hours}
            for calls in clocks.follow_ups
            if overlap(calls, row)
        ]
    return _different(found)


def _extension(clocks: ClockTable, row: MoveRow) -> list[dict[str, Any]]:
    """All grades that may be extended, together: one move has one count for them."""
    mine = [one for one in clocks.extensions if one.clock is ClockName.ANSWER and overlap(one, row)]
    counts = _different([{"times": one.times, "at_most_original": one.percent == _WHOLE} for one in mine])
    grades = tuple(sorted({one.urgency for one in mine}))
    return [count | {"urgencies": grades} for count in counts]


def _different(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for at, one in enumerate(found) if one not in found[:at]]
