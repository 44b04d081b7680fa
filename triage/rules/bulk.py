"""批量办理: which moves can be made over many tickets at once, and what they are told. Pure.

A move fits when some row of it needs only what is the same for all tickets. What a citizen answered, how a
citizen was told and evidence are each ticket's own; a danger flag (解除关注) and a feedback that is amended
or sent back (更正反馈, 退回补充) are looked at ticket by ticket;
撤销 of a whole set is a job of its own kind. 合并 takes many tickets into one head, the same for all, and
撤销合并 takes a set of merges back, at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Field, Move
from triage.errors import BadInput, NoRule
from triage.rules import moves
from triage.rules.calendar import beijing
from triage.rules.move_rows import Fact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from triage.rules.move_rows import MoveRow
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing

#: Each ticket's own: never typed once for many.
INDIVIDUAL: Final = frozenset({
    Field.PROPOSED_UNIT, Field.ATTACHMENT, Field.OUTCOME, Field.TOLD_CITIZEN, Field.CONTACTED, Field.SOLVED,
    Field.SATISFACTION, Field.OTHER_TICKET, Field.DIVERT, Field.URGENCY, Field.WITHDRAWN_BY,
    Field.WITHDRAWN_WHY,
})  # fmt: skip
#: The same for all tickets of a job, though it is a ticket's number.
_COMMON: Final = {Move.MERGE: frozenset({Field.OTHER_TICKET})}
_NEVER: Final = frozenset({Move.UNDO, Move.CLEAR_FLAG, Move.AMEND, Move.SUPPLEMENT, Move.TAKE_UP})


@dataclass(frozen=True, slots=True)
class BulkMove:
    """A move that can be made in bulk: its rows, the common fields, and those that every row needs.

    `proposed`: without a unit each ticket goes where its own reading proposes.
    """

    move: Move
    rows: tuple[MoveRow, ...]
    fields: tuple[Field, ...]
    needed: frozenset[Field]
    proposed: bool

    @property
    def undoable(self) -> bool:
        """Whether the whole set can be taken back, for a while or at any time."""
        return self.move is Move.MERGE or any(row.undo_minutes is not None for row in self.rows)

    @property
    def secret_stays(self) -> bool:
        """Whether of a set that can be taken back the 保密 cases cannot."""
        return self.undoable and any(
            row.undo_minutes is None and Fact.CONFIDENTIAL in row.requires for row in self.rows
        )


def bulk_moves(tables: Tables, *, at: datetime) -> dict[Move, BulkMove]:
    """The moves in force on the day that fit, in the order of the vocabulary."""
    found: dict[Move, BulkMove] = {}
    for move in Move:
        if move in _NEVER:
            continue
        try:
            rows = tables.moves.of(move, beijing(at).date())
        except NoRule:
            continue
        own = INDIVIDUAL - _COMMON.get(move, frozenset())
        fitting = tuple(row for row in rows if not own & set(row.needs))
        if not fitting:
            continue
        proposed = move is Move.DISPATCH
        fields = dict.fromkeys(f for row in fitting for f in row.fields if f not in own)
        needed = frozenset.intersection(*(frozenset(row.needs) for row in fitting))
        found[move] = BulkMove(
            move, fitting, tuple(fields), needed - {Field.UNIT} if proposed else needed, proposed
        )
    return found


def check(tables: Tables, move: Move, values: Mapping[str, Any], *, at: datetime) -> BulkMove:
    """The move, if it can be made in bulk and is told nothing else. Raises BadInput."""
    known = bulk_moves(tables, at=at)
    if move not in known:
        names = "、".join(bulk.label for bulk in known)
        raise BadInput(f"“{move.label}”不能批量办理：要逐张填写或逐张看过。可以批量的有：{names}")
    bulk = known[move]
    for name, value in values.items():
        if name not in {field.value for field in Field}:
            raise BadInput(f"不认识的内容：{name[:40]}")
        if value not in ("", None, []) and name not in bulk.fields:
            raise BadInput(f"批量{move.label}不能填“{Field(name).label}”：它每张工单各不相同")
    for field in bulk.fields:
        if field in bulk.needed and values.get(field.value) in ("", None, []):
            raise BadInput(f"批量{move.label}必须写明{field.label}")
    return bulk


def values_for(bulk: BulkMove, values: Mapping[str, Any], proposal: Mapping[str, Any]) -> dict[str, Any]:
    """What the move is told of one ticket: the common values, and its own proposal where none was typed."""
    found = dict(values)
    if bulk.proposed and not found.get(Field.UNIT.value) and proposal.get("unit"):
        found[Field.UNIT.value] = proposal["unit"]
        if not found.get(Field.ASSIST.value):
            found[Field.ASSIST.value] = list(proposal.get("assist", ()))
    return found


def undo_of(move: Move) -> Move:
    """What takes a set of these back."""
    return Move.SPLIT if move is Move.MERGE else Move.UNDO


def try_move(
    tables: Tables, s: Standing, request: moves.Request, actor: moves.Actor, *, at: datetime
) -> None:
    """Ask the rules, and change nothing. Raises Refusal and NoRule as the move itself would."""
    moves.choose(tables, s, request, actor, at=at)
