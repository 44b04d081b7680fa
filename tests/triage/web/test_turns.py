"""Whose turn it is: said by the rows in force in Beijing, where the day begins eight hours earlier."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from models.tickets import Ticket
from models.viewing import all_seeing
from models.vocab import Move, Post, State
from tests.triage.rules.helpers import tables
from tests.triage.rules.lives import Life, by_label, opening
from triage.rules.move_rows import MoveTable
from triage.web import move_forms
from triage.web.acting import Acting
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


@pytest.mark.parametrize(
    ("state", "turn", "usual"),
    [
        ("待人工审核", "热线坐席派单", ["dispatch", "divert", "merge"]),
        ("已签收", "承办单位（望京街道办事处）反馈", ["feedback", "handle", "pass_on"]),
        ("办理中", "承办单位（望京街道办事处）反馈", ["feedback", "progress"]),
        ("已合并", "回访员、热线坐席归档", ["archive", "split"]),
    ],
)
def test_of_what_nobody_asked_for_nobody_is_rung(state: str, turn: str, usual: list[str]) -> None:
    """自建工单 (巡查发现): the page waits for no 首次联系 and no 回访, which its table forbids."""
    at = datetime(2026, 11, 2, 2, tzinfo=UTC)
    s = replace(Life([opening({"工单": {"巡查": "是"}})]).standing, state=by_label(State, state))
    assert move_forms.whose_turn(tables(), s, at=at) == turn
    ticket = Ticket(no="1")
    acting = Acting(all_seeing("wang"), Post.UNIT, s.unit, "王巡查")
    found = move_forms.move_list(tables(), ticket, s, acting, at=at, proposal={})
    codes = [item.move.code for item in found.items]
    ahead = codes[codes.index(usual[0]) :]
    assert ahead[: len(usual)] == usual
