"""当场答复 on 审核台: its form, shown where the appeal is of a type that may be answered at once."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Field, Move
from triage.errors import NoRule
from triage.rules.fields import Refusal
from triage.services.moving import Wish
from triage.web import asking
from triage.web.desks.review_views import AnswerForm

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from triage.errors import TriageError
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing
    from triage.web.move_views import FieldView, MoveList, MoveView

_FIELDS: Final = (Field.NOTE.value, Field.TOLD_CITIZEN.value)


def wish_of(no: str, typed: Mapping[str, str]) -> Wish:
    """What the form asks for."""
    return Wish(
        no=no, move=Move.ANSWER_NOW, values={name: typed[name] for name in _FIELDS if typed.get(name)},
        version=asking.number_of(typed.get("version")) or 0, key=typed.get("key", ""),
    )  # fmt: skip


def view(
    tables: Tables,
    found: MoveList,
    s: Standing,
    *,
    words: str,
    tried: tuple[Mapping[str, str], TriageError] | None,
    on: date,
) -> AnswerForm | None:
    """The form, begun with `words` that were answered at the registration; None: of no such type.

    What was typed when it was refused is shown again, whatever the ticket is by now.
    """
    move = next((item for item in found.items if item.move.code == Move.ANSWER_NOW.value), None)
    if move is None or (tried is None and not move.possible and not _of_type(tables, s, on)):
        return None
    typed, error = tried or ({}, None)
    wrong = error.field if isinstance(error, Refusal) else None
    fields = {field.name: field for field in move.fields}
    return AnswerForm(
        type=s.appeal_type.label if s.appeal_type else "",
        note=typed.get(Field.NOTE.value, words),
        told=typed.get(Field.TOLD_CITIZEN.value, ""),
        options=_options(fields.get(Field.TOLD_CITIZEN.value)),
        most=_most(fields.get(Field.NOTE.value)),
        version=found.version,
        key=uuid.uuid4().hex,
        why_not=_why_not(move),
        hint=move.hint,
        source=move.source,
        error=error.detail if error else None,
        wrong=wrong.value if wrong else None,
    )


def _of_type(tables: Tables, s: Standing, on: date) -> bool:
    try:
        return any(s.appeal_type in row.types for row in tables.moves.of(Move.ANSWER_NOW, on))
    except NoRule:
        return False


def _why_not(move: MoveView) -> str | None:
    return None if move.possible else move.why


def _options(field: FieldView | None) -> tuple[Any, ...]:
    return field.options if field else ()


def _most(field: FieldView | None) -> int | None:
    return field.most if field else None
