"""当场答复 of a platform's order: told as an answer and an end, and not taken back in silence."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from models.tickets import Ticket
from models.vocab import Move, Post, State
from tests.triage.services.hotline.test_sending import actions, brief, move, send, tickets
from triage.rules.moves import Actor
from triage.services.moving import Person

if TYPE_CHECKING:
    from tests.triage.services.hotline.bed import Bed

HOTLINE = Person(Actor(Post.HOTLINE, None, "local:h"), "热线 丙")
ANSWER: dict[str, Any] = {"note": "夜间施工证明由街道受理，电话 13800001111", "told_citizen": "phone"}


async def asked(bed: Bed, **settings: str) -> str:
    """An order that asks something and waits for review."""
    (no,) = await tickets(bed, 1, state=State.REVIEW, **settings)
    async with bed.deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no == no).values(appeal_type="咨询"))
    return no


async def test_what_is_answered_at_once_is_told_as_an_answer_and_an_end(bed: Bed) -> None:
    no = await asked(bed)
    await move(bed, no, Move.ANSWER_NOW, HOTLINE, **ANSWER)
    assert await brief(bed) == [(1, "feedback", "waiting"), (2, "closed", "waiting")]
    assert "13800001111" not in str([action.body for action in await actions(bed)])
    assert {action.available_at - action.created_at for action in await actions(bed)} == {
        timedelta(minutes=10)
    }, "what can be undone waits"
    await send(bed)
    codes = [(seq, action.code) for (_, seq), action in bed.platform.ledger.actions.items()]
    assert codes == [(1, "reply"), (2, "complete")]


async def test_an_answer_undone_in_time_is_never_told(bed: Bed) -> None:
    no = await asked(bed)
    await move(bed, no, Move.ANSWER_NOW, HOTLINE, **ANSWER)
    await move(bed, no, Move.UNDO, HOTLINE, reason="答错了一件")
    assert await brief(bed) == [(1, "feedback", "dropped"), (2, "closed", "dropped")]


@pytest.mark.parametrize(
    ("settings", "back", "words"),
    [
        ({"hold_undo": "no"}, Move.UNDO, "已撤销第 1 号动作“反馈”、第 2 号动作“办结”"),
        ({}, Move.ACCEPT, "已收回，重新受理：已撤销第 1 号动作“反馈”、第 2 号动作“办结”"),
    ],
)
async def test_what_was_told_is_not_taken_back_in_silence(
    bed: Bed, settings: dict[str, str], back: Move, words: str
) -> None:
    no = await asked(bed, **settings)
    await move(bed, no, Move.ANSWER_NOW, HOTLINE, **ANSWER)
    await send(bed)
    bed.clock.by -= timedelta(minutes=10)
    await move(bed, no, back, HOTLINE, reason="诉求人还有一处要问")
    assert await brief(bed) == [(1, "feedback", "done"), (2, "closed", "done"), (3, "progress", "waiting")]
    assert (await actions(bed))[-1].body["note"] == words


async def test_taken_up_before_it_was_sent_nothing_is_told(bed: Bed) -> None:
    no = await asked(bed)
    await move(bed, no, Move.ANSWER_NOW, HOTLINE, **ANSWER)
    await move(bed, no, Move.ACCEPT, HOTLINE, reason="诉求人还有一处要问")
    assert [state for _, _, state in await brief(bed)] == ["dropped", "dropped"]


async def test_a_diverted_order_that_is_taken_up_again_says_nothing(bed: Bed) -> None:
    no = await asked(bed)
    await move(bed, no, Move.DIVERT, HOTLINE, divert="explain", reason="涉及他人隐私", told_citizen="phone")
    await move(bed, no, Move.ACCEPT, HOTLINE, reason="诉求人还有一处要问")
    assert await brief(bed) == []
