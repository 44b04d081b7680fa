"""待审批: who answers which wish is read off `moves.yaml`, and held to what the moves themselves allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from models.viewing import Decides, Scope, all_seeing
from models.vocab import Move, Post, State, WishKind
from models.vocab_staff import Permission, Role
from tests.triage.rules.helpers import tables
from tests.triage.rules.lives import Life, opening
from triage.rules import access, wishes
from triage.services.staff.people import within

if TYPE_CHECKING:
    from triage.rules.rows import Tables

DAY = date(2026, 11, 23)
TABLES = tables()
WORKING = (State.SIGNED, State.CONTACTED, State.HANDLING)


def decided_by(*roles: Role, unit: str | None) -> dict[WishKind, frozenset[str] | None]:
    who = access.viewer(TABLES, login="x", name="", roles=roles, unit_code=unit, at=DAY)
    return {one.kind: one.districts for one in wishes.decides(TABLES, who, DAY)}


def test_every_wish_has_somebody_who_answers_it() -> None:
    found = wishes.rulings(TABLES, DAY)
    assert {ruling.kind for ruling in found} == set(WishKind)
    assert all(ruling.posts and ruling.states for ruling in found)
    assert wishes.rulings(TABLES, date(2020, 1, 1)) == ()


@pytest.mark.parametrize("kind", WishKind)
def test_a_wish_is_named_after_the_move_that_raises_it(kind: WishKind) -> None:
    assert wishes.raised_by(Move(kind.value)) is kind


def test_a_move_that_asks_nothing_raises_none() -> None:
    assert [move for move in Move if wishes.raised_by(move)] == [Move(kind.value) for kind in WishKind]


@pytest.mark.parametrize(
    ("role", "unit", "found"),
    [
        (Role.SUPERVISOR, None, dict.fromkeys(WishKind)),
        # 督办 of a unit: not in place of a centre that does not see the case, which may be its own unit's.
        (Role.SUPERVISOR, "bj-ecology", dict.fromkeys(set(WishKind) - {WishKind.EXTENSION})),
        (Role.SUPERVISOR, "110105", {**dict.fromkeys(WishKind), WishKind.EXTENSION: {"110105"}}),
        (Role.CLERK, None, {WishKind.OBJECTION: None}),
        (Role.BUREAU, "110105", {WishKind.EXTENSION: {"110105"}, WishKind.OBJECTION: {"110105"}}),
        (Role.BUREAU, None, {WishKind.EXTENSION: None, WishKind.OBJECTION: None}),
        (Role.BUREAU, "110105-ecology", {}),
        (Role.STREET, "110105026", {}),
        (Role.FOLLOW_UP, None, {}),
        (Role.ANALYST, None, {}),
    ],
)
def test_what_each_role_answers(
    role: Role, unit: str | None, found: dict[WishKind, frozenset[str] | None]
) -> None:
    assert decided_by(role, unit=unit) == found


def test_a_token_answers_no_more_than_it_stands_for() -> None:
    who = access.viewer(TABLES, login="x", name="", roles=(Role.SUPERVISOR,), unit_code=None, at=DAY)
    assert wishes.decides(TABLES, who, DAY)
    assert wishes.decides(TABLES, within(who, [Permission.SEE_CASES]), DAY) == ()


def test_who_answers_by_two_posts_answers_by_the_wider() -> None:
    who = replace(
        all_seeing("x"),
        posts=frozenset({Post.SUPERVISOR, Post.DISTRICT}),
        scope=Scope(units=frozenset({"110105"})),
    )
    found = wishes.decides(TABLES, who, DAY)
    assert Decides(WishKind.OBJECTION, (State.ARBITRATION,)) in found
    assert Decides(WishKind.EXTENSION, WORKING, frozenset({"110105"})) in found


def test_a_unit_answers_no_wish_of_its_own_whatever_a_table_says() -> None:
    rows = tuple(
        replace(row, who=(Post.UNIT,)) if row.move is Move.EXTEND_GRANT else row for row in TABLES.moves.rows
    )
    theirs: Tables = replace(TABLES, moves=replace(TABLES.moves, rows=rows))
    who = access.viewer(theirs, login="x", name="", roles=(Role.STREET,), unit_code="110105026", at=DAY)
    assert wishes.decides(theirs, who, DAY) == ()


@pytest.mark.parametrize(
    ("kind", "state", "words"),
    [
        (WishKind.EXTENSION, State.HANDLING, "由朝阳区人民政府（区级中心）审批"),
        (WishKind.EXTENSION, State.OBJECTED, "派单异议有结果后再审批"),
        (WishKind.LEDGER, State.ARBITRATION, "派单异议有结果后再审批"),
        (WishKind.EXTENSION, State.TO_REASSIGN, "异议成立、等待改派，不再审批：由改派后的单位另行申请"),
        (WishKind.EXTENSION, State.FEEDBACK, "工单现在是“待回访”，不审批"),
        (WishKind.EXCLUSION, State.OBJECTED, "由督办岗审批"),
        (WishKind.EXCLUSION, State.ARCHIVED, "工单已归档，没有审批过"),
    ],
)
def test_whoever_asked_is_told_when_it_is_answered_if_not_now(
    kind: WishKind, state: State, words: str
) -> None:
    standing = Life([opening({})]).standing.evolve(state=state)
    assert wishes.told(TABLES, standing, kind, DAY) == words


def test_where_nobody_ever_answers_it_that_is_said() -> None:
    rows = tuple(row for row in TABLES.moves.rows if not row.id.endswith(".blind"))
    older: Tables = replace(TABLES, moves=replace(TABLES.moves, rows=rows))
    secret = Life([opening({})]).standing.evolve(state=State.OBJECTED, confidential=True)
    found = wishes.told(older, secret, WishKind.EXTENSION, DAY)
    assert found == "现在没有岗位能审批：请先提级，或与督办员联系"


def test_the_desk_is_told_where_it_decides_and_else_all_who_do() -> None:
    told = {
        (kind, state): wishes.deciders(TABLES, kind, state, DAY)
        for kind, state in (
            (WishKind.EXTENSION, State.SIGNED), (WishKind.LEDGER, State.HANDLING),
            (WishKind.EXCLUSION, State.CLOSED), (WishKind.OBJECTION, State.OBJECTED),
            (WishKind.OBJECTION, State.ARBITRATION), (WishKind.EXTENSION, State.OBJECTED),
        )
    }  # fmt: skip
    assert list(told.values()) == [
        (Post.DISTRICT,), (Post.SUPERVISOR,), (Post.SUPERVISOR,), (Post.HOTLINE,),
        (Post.SUPERVISOR, Post.DISTRICT), (),
    ]  # fmt: skip
