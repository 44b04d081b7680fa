"""Whose turn it is: said by the rows in force in Beijing, where the day begins eight hours earlier."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from models.vocab import Move, Post
from tests.triage.rules.helpers import tables
from tests.triage.rules.lives import Life, opening
from triage.rules.move_rows import MoveTable
from triage.web import move_forms
from triage.web.move_views import MoveList, MoveView
from triage.web.views import Term

LAST = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("hour", "turn", "why"), [(15, "承办单位（望京街道办事处）签收", None), (16, "热线坐席签收", "还差一步")]
)
def test_a_new_row_begins_at_midnight_in_beijing(hour: int, turn: str, why: str | None) -> None:
    (sign,) = tables().moves.of(Move.SIGN, LAST)
    others = tuple(row for row in tables().moves.rows if row is not sign)
    old = replace(sign, valid_to=LAST)
    new = replace(sign, id="move.sign.new", who=(Post.HOTLINE,), parts=(), valid_from=date(2026, 11, 24))
    changed = replace(tables(), moves=MoveTable((*others, old, new)))
    at, s = datetime(2026, 11, 23, hour, 30, tzinfo=UTC), Life([opening({})]).standing
    assert move_forms.whose_turn(changed, s, at=at) == turn
    view = MoveView(Term("sign", "签收"), False, "还差一步", None, "", (), (), "", "A", ())  # noqa: FBT003  (as it is made)
    found = MoveList("1", Term("dispatched", "已派单"), 1, "热线坐席", None, (view,))
    assert move_forms.why_not_yet(changed, found, s, Post.HOTLINE, at=at) == why
