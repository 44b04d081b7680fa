"""撤诉 of a platform's order: told as an end, not what the platform withdrew itself, taken back aloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.vocab import Move, Post
from tests.triage.services.hotline.test_sending import actions, brief, move, send, tickets
from triage.rules.moves import Actor
from triage.services.moving import Person

if TYPE_CHECKING:
    from tests.triage.services.hotline.bed import Bed

HOTLINE = Person(Actor(Post.HOTLINE, None, "local:h"), "热线 丙")
BY = {"withdrawn_by": "caller", "withdrawn_why": "solved", "note": "自己谈好了，电话 13800001111"}


async def test_the_platform_is_told_the_end_and_why(bed: Bed) -> None:
    (no,) = await tickets(bed, 1)
    await move(bed, no, Move.WITHDRAW, HOTLINE, **BY)
    assert await brief(bed) == [(1, "closed", "waiting")]
    (told,) = await actions(bed)
    assert told.body["note"].startswith("诉求人撤诉（已自行解决）：自己谈好了")
    assert "13800001111" not in str(told.body)


async def test_what_the_platform_withdrew_itself_is_not_told_back(bed: Bed) -> None:
    (no,) = await tickets(bed, 1)
    await move(bed, no, Move.WITHDRAW, HOTLINE, **{**BY, "withdrawn_by": "platform"})
    assert await brief(bed) == []


async def test_undone_in_time_it_is_never_told(bed: Bed) -> None:
    (no,) = await tickets(bed, 1)
    await move(bed, no, Move.WITHDRAW, HOTLINE, **BY)
    await move(bed, no, Move.UNDO, HOTLINE, reason="记错了一件")
    assert await brief(bed) == [(1, "closed", "dropped")]


@pytest.mark.parametrize(
    ("told", "states"), [(False, ["dropped"]), (True, ["done", "waiting"])], ids=["before", "after"]
)
async def test_taken_up_again_the_platform_is_told_so_if_it_had_heard(
    bed: Bed,
    told: bool,  # noqa: FBT001  (a table)
    states: list[str],
) -> None:
    (no,) = await tickets(bed, 1)
    await move(bed, no, Move.WITHDRAW, HOTLINE, **BY)
    await [_nothing, send][told](bed)
    await move(bed, no, Move.TAKE_UP, HOTLINE, reason="诉求人又来电要求办")
    found = await actions(bed)
    assert [one.state for one in found] == states
    assert ["撤诉已取消，继续办理：已撤销第 1 号动作“办结”" in str(one.body) for one in found] == [
        one == "waiting" for one in states
    ]


async def _nothing(bed: Bed) -> None:
    del bed
