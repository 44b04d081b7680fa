"""What the cases do not show: odd values, dates of the table, matters taken back, events that do not fit."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import triage.tables
from models.vocab import Clock, Move, Post, Tag
from tests.triage.rules.helpers import tables
from tests.triage.rules.lives import Life, opening
from triage.errors import NoRule
from triage.rules import moves
from triage.rules.fields import Refusal
from triage.rules.parsing import FILES
from triage.rules.replay import Event, Unreadable, replay
from triage.rules.standing import Run

if TYPE_CHECKING:
    from pathlib import Path

    from triage.rules.rows import Tables

HOTLINE = moves.Actor(Post.HOTLINE, None, "a")
STREET = moves.Actor(Post.UNIT, "110105026", "b")
AT = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)


def ask(values: dict[str, Any], move: Move = Move.DISPATCH, *, own: Tables | None = None) -> moves.Chosen:
    waiting = Life([opening({"工单": {"状态": "待人工审核"}})]).standing
    sent = Life([opening({})]).standing
    standing, actor = (waiting, HOTLINE) if move is Move.DISPATCH else (sent, STREET)
    return moves.choose(own or tables(), standing, moves.Request(move, values), actor, at=AT)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"unit": 5}, "承办单位应为文字"),
        ({"unit": ["110105026"]}, "承办单位应为文字"),
        ({"unit": "\0 "}, "必须写明承办单位"),
        ({"unit": "110105026", "assist": 5}, "协办单位应为单位编码的列表"),
        ({"unit": "110105026", "assist": [5]}, "协办单位应为单位编码的列表"),
        ({"unit": "110105026", "assist": "nobody"}, "没有“nobody”：请从列表里选，或写全称"),
        ({"unit": "110105026", "assist": [f"x{n}" for n in range(11)]}, "最多 10 个"),
        ({"unit": "110105026", "urgency": "U9"}, "紧急程度只能是：紧急、及时、一般、复杂疑难"),
        ({"unit": "110105026", "note": "好"}, "情况说明太短：至少 2 个字"),
        ({"unit": "110105026", "note": "好" * 1001}, "情况说明过长：最多 1000 个字"),
    ],
)
def test_a_value_that_does_not_do_is_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal, match=words) as refused:
        ask(values)
    assert refused.value.field is not None


@pytest.mark.parametrize("line", ["\r\n", "\r", "\n"])
def test_a_line_break_is_one_character_however_it_is_sent(line: str) -> None:
    note = line.join(["停" * 499, "工" * 500])
    chosen = ask({"unit": "110105026", "note": f"{note}{line}"})
    assert chosen.values["note"] == "停" * 499 + "\n" + "工" * 500


def test_a_refusal_of_a_no_is_no_double_negative() -> None:
    with pytest.raises(Refusal, match="不能“不同意延期”；可以“不同意延期”的状态"):
        ask({}, Move.EXTEND_DENY)


def test_of_clocks_that_end_together_the_first_a_ticket_meets_is_named() -> None:
    sent = Life([opening({})]).standing
    ends = {Clock.ANSWER: AT, Clock.CONTACT: AT, Clock.SIGN: AT + timedelta(minutes=1)}
    runs = {clock: Run(AT, due, None) for clock, due in ends.items()}
    assert (sent.evolve(clocks=runs).due_at, sent.evolve(clocks=runs).due_clock) == (AT, Clock.CONTACT)
    assert sent.evolve(clocks={Clock.LEDGER: Run(AT, None, None)}).due_clock is None


def test_values_nobody_asked_for_are_not_kept() -> None:
    assert ask({"unit": "110105026", "color": "red", "clause": "条例第1条"}).values == {"unit": "110105026"}


def test_a_unit_is_named_once_and_the_lead_is_no_helper() -> None:
    chosen = ask({"unit": "110105026", "assist": "110105-water，110105-water, 110105026,110105"})
    standing = Life([opening({"工单": {"状态": "待人工审核"}})]).standing
    event, after = moves.apply(tables(), standing, chosen, HOTLINE, {}, at=AT)
    assert event.data["units"] == {"lead": "110105026", "assist": ["110105-water"], "cc": ["110105"]}
    assert (after.unit, after.assist, after.copies) == ("110105026", ("110105-water",), ("110105",))


@pytest.mark.parametrize("move", Move)
def test_before_the_law_there_is_no_move_from_then_on_there_is(move: Move) -> None:
    with pytest.raises(NoRule, match=f"没有“{move.label}”"):
        tables().moves.of(move, date(2021, 9, 23))
    assert tables().moves.of(move, date(2021, 9, 24))


def test_no_move_is_possible_before_the_law_and_the_list_says_so() -> None:
    standing = Life([opening({})]).standing
    found = moves.possible(tables(), standing, STREET, at=datetime(2021, 9, 23, 2, 0, tzinfo=UTC))
    assert {bool(item.rows) for item in found} == {False}
    assert all("的操作表没有" in item.refusal.detail for item in found if item.refusal)


def test_what_was_taken_back_from_streets_is_not_sent_to_one(tmp_path: Path) -> None:
    for name in FILES:
        shutil.copy(triage.tables.HERE / name, tmp_path / name)
    (tmp_path / "reclaimed.yaml").write_text(
        "rows:\n  - id: back.noise\n    kind: NOI-01\n    districts: ['110105']\n    function: housing\n"
        "    valid_from: 2026-11-02\n    source: 试用清单\n    status: A\n",
        "utf-8",
    )
    own = triage.tables.load(tmp_path)
    with pytest.raises(Refusal, match=r"上级部门收回的事项（back\.noise）不能派街道乡镇主办：试用清单"):
        ask({"unit": "110105026"}, own=own)
    assert ask({"unit": "110105-housing"}, own=own).values["unit"] == "110105-housing"
    objection = {"reason": "不在我街道辖区内", "clause": "back.noise", "proposed_unit": "110105-housing"}
    assert ask(objection, Move.OBJECT, own=own).row.id == "move.object"


def test_an_event_that_says_nothing_of_a_move_only_takes_its_place() -> None:
    """The next move comes after it: an automatic 催办 must not leave its number to be written twice."""
    first = opening({})
    read = Event(2, first.at, Tag.READ.value, "", {})
    alone, after = replay([first]), replay([first, read])
    assert alone is not None
    assert after == alone.evolve(seq=2)
    assert replay([read]) is None


def test_an_undo_of_nothing_is_no_history() -> None:
    first = opening({})
    with pytest.raises(Unreadable):
        replay([first, Event(2, first.at, Tag.UNDO.value, "a", {"move": "undo"})])


def test_a_move_never_stands_before_the_one_it_follows() -> None:
    life = Life([opening({"工单": {"时刻": "2026-11-02 12:00"}})])
    chosen = moves.choose(tables(), life.standing, moves.Request(Move.SIGN, {}), STREET, at=AT)
    event, _ = moves.apply(tables(), life.standing, chosen, STREET, {}, at=AT)
    assert event.at == life.standing.last_at > AT


def test_another_unit_may_object_in_the_very_moment_it_gets_the_ticket() -> None:
    life = Life([opening({})])
    at = "2026-11-02 10:00"
    wish = {"理由": "不在我单位职责内", "依据": "条例第12条"}
    told: dict[str, Any] = {"时刻": at, "岗位": "承办单位", "操作": "派单异议"}
    life.make({**told, "填写": {**wish, "建议单位": "朝阳区水务局"}})
    life.make({"时刻": at, "岗位": "热线坐席", "操作": "异议成立", "填写": {"理由": "建议有道理"}})
    to_water = {"单位": "朝阳区水务局", "理由": "异议成立"}
    life.make({"时刻": at, "岗位": "热线坐席", "操作": "改派", "填写": to_water})
    back = {**told, "身份单位": "朝阳区水务局", "填写": {**wish, "建议单位": "望京街道办事处"}}
    assert life.make(back).data["to"] == "objected"
