"""Checks of `clocks.yaml` against `moves.yaml`: a number that both need must be the same in both.

The moves refuse by theirs, the clocks and rates count by theirs (of events that no move made, too).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.vocab import Move
from triage.rules.check_tools import overlap, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from triage.rules.clock_rows import ClockTable, ExtensionRow, FollowUpRow
    from triage.rules.move_rows import MoveRow
    from triage.rules.rows import Problem, Row

_WHOLE: Final = 100
#: What two rows say of one thing: its name, the clocks' word, the moves' word.
_Pair = tuple[str, object, object]


def check(clocks: ClockTable, moves: Sequence[MoveRow], problems: list[Problem]) -> None:
    """Note every number of 延期, 重办 and 回访 on which the tables differ, naming both lines."""
    for ours in clocks.extensions:
        for theirs in _beside(ours, moves, Move.EXTEND_ASK):
            _compare(ours, theirs, _extension(ours, theirs), problems)
    for again in clocks.rehandles:
        for theirs in _beside(again, moves, Move.REHANDLE):
            pairs = [
                ("次数", again.times, theirs.limits.times),
                ("占原时限的百分数", again.percent, theirs.limits.answer_percent),
            ]
            _compare(again, theirs, pairs, problems)
    for calls in clocks.follow_ups:
        for theirs in _beside(calls, moves, Move.FOLLOW_UP):
            _compare(calls, theirs, _follow_up(calls, theirs), problems)
    _graded(clocks, moves, problems)


def _beside(row: Row, moves: Sequence[MoveRow], move: Move) -> Iterator[MoveRow]:
    """The rows of the move that hold on some day of the row."""
    return (other for other in moves if other.move is move and overlap(row, other))


def _extension(ours: ExtensionRow, theirs: MoveRow) -> list[_Pair]:
    grades = theirs.limits.urgencies
    return [
        ("次数", ours.times, theirs.limits.times),
        ("以原时限为限", ours.percent == _WHOLE, theirs.limits.at_most_original),
        (f"{ours.urgency.label}诉求可以延期", True, not grades or ours.urgency in grades),
    ]


def _follow_up(ours: FollowUpRow, theirs: MoveRow) -> list[_Pair]:
    """A row of calls in vain says how many there may have been before: one less than all."""
    before = [n for n in (theirs.limits.unreachable_below, theirs.limits.unreachable_from) if n is not None]
    if not before:
        return []
    return [
        ("间隔小时数", ours.apart_hours, theirs.limits.gap_hours),
        *(("次数", ours.attempts, number + 1) for number in before),
    ]


def _graded(clocks: ClockTable, moves: Sequence[MoveRow], problems: list[Problem]) -> None:
    """Every grade that a move lets be extended has its row among the clocks."""
    for row in moves:
        if row.move is not Move.EXTEND_ASK:
            continue
        known = {ours.urgency for ours in clocks.extensions if overlap(ours, row)}
        for urgency in row.limits.urgencies:
            if urgency not in known:
                say(problems, row, f"{urgency.label}诉求可以延期，而 clocks.yaml 没有它的延期上限")


def _compare(ours: Row, theirs: MoveRow, pairs: Sequence[_Pair], problems: list[Problem]) -> None:
    for name, mine, other in pairs:
        if mine != other:
            say(problems, ours, f"{name}为{_word(mine)}，而 {theirs.id}（{theirs.where}）为{_word(other)}")


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "“是”" if value else "“否”"
    return "“未写”" if value is None else f" {value} "
