"""更正反馈 of a platform's order: a further 反馈 behind the first; 退回补充 is told by the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.vocab import Move, Post
from tests.triage.services.hotline.test_sending import actions, brief, move, send, tickets
from triage.rules.moves import Actor
from triage.services.moving import Person

if TYPE_CHECKING:
    from tests.triage.services.hotline.bed import Bed

HOTLINE = Person(Actor(Post.HOTLINE, None, "local:h"), "热线 丙")
FIRST: dict[str, Any] = {"note": "已停工", "attachment": "照片 1", "told_citizen": "phone"}


async def test_an_amendment_is_told_behind_the_first_with_its_reason(bed: Bed) -> None:
    (no,) = await tickets(bed, 1, hold_undo="no")
    await move(bed, no, Move.SIGN)
    await move(bed, no, Move.CONTACT, outcome="reached", told_citizen="phone")
    await move(bed, no, Move.FEEDBACK, **FIRST)
    await move(bed, no, Move.AMEND, note="已停工并处罚，电话 13800001111", reason="漏写了处罚")
    assert await brief(bed) == [
        (1, "signed", "waiting"),
        (2, "feedback", "waiting"),
        (3, "feedback", "waiting"),
    ]
    first, amended = (await actions(bed))[1:]
    assert (first.body["note"], amended.body["note"][:6], amended.body["reason"]) == (
        "已停工", "已停工并处罚", "漏写了处罚"
    )  # fmt: skip
    assert "13800001111" not in str(amended.body)
    # What it does not change is told as before: to the platform a further 反馈 is whole.
    assert (amended.body["told_citizen"], amended.body["attachment"]) == ("phone", "照片 1")
    await send(bed)
    codes = [(seq, action.code) for (_, seq), action in sorted(bed.platform.ledger.actions.items())]
    assert codes == [(1, "sign"), (2, "reply"), (3, "reply")]


async def test_what_is_sent_back_is_told_by_the_next_feedback_alone(bed: Bed) -> None:
    (no,) = await tickets(bed, 1, hold_undo="no")
    await move(bed, no, Move.SIGN)
    await move(bed, no, Move.CONTACT, outcome="reached", told_citizen="phone")
    await move(bed, no, Move.FEEDBACK, **FIRST)
    await move(bed, no, Move.SUPPLEMENT, HOTLINE, lack="lack.evidence")
    await move(bed, no, Move.UNDO, HOTLINE, reason="佐证其实有的")
    await move(bed, no, Move.SUPPLEMENT, HOTLINE, lack="lack.other", reason="没有说停到几时")
    await move(bed, no, Move.FEEDBACK, **FIRST)
    told = [kind for _, kind, _ in await brief(bed)]
    assert told == ["signed", "feedback", "feedback"]
    assert "没有说停到几时" not in str([action.body for action in await actions(bed)])
