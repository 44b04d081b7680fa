"""当场答复 on real rows: who may be answered at once, what it does, the ways back, two clerks at once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from models.appeals import Appeal
from models.filters import all_seeing
from models.vocab import Move, State
from tests.factories import NOW, TicketIn
from tests.triage.services.test_moving import HOTLINE, OTHER, STREET, do, holds, ready, row
from triage.rules.fields import Refusal
from triage.services.correcting import correct
from triage.services.moving import Conflict

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.rows import Tables

ANSWER = {"note": "夜间施工证明由街道受理，工作日上午可查，电话 13912340007", "told_citizen": "phone"}


def asked(**more: object) -> TicketIn:
    told = {"appeal_type": "咨询", **more}
    return TicketIn(
        state=State.REVIEW, unit="bj-desk", assist=(), copies=(), **told  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.fixture(scope="session")
def tables() -> Tables:
    return triage.tables.load()


async def refused(db: Database, tables: Tables, no: str, version: int = 1) -> str:
    with pytest.raises(Refusal) as refusal:
        await do(db, tables, no, HOTLINE, Move.ANSWER_NOW, version, ANSWER)
    assert (await row(db, no)).state == State.REVIEW
    return refusal.value.detail


async def tell(db: Database, no: str, **values: object) -> None:
    """What the appeal's row says."""
    async with db.writes.begin() as session:
        ticket = await row(db, no)
        await session.execute(sa.update(Appeal).where(Appeal.id == ticket.appeal_id).values(**values))


async def say(db: Database, tables: Tables, no: str, kind: str) -> None:
    async with db.writes.begin() as session:
        await correct(session, tables, all_seeing("k"), no, {"appeal_type": kind}, at=NOW)


async def test_an_answer_closes_it_and_row_and_events_agree(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, asked())
    made = await do(db, tables, no, HOTLINE, Move.ANSWER_NOW, 1, ANSWER, key="k")
    again = await do(db, tables, no, HOTLINE, Move.ANSWER_NOW, 1, ANSWER, key="k")
    assert (made.version, again.version, again.repeated) == (2, 2, True)
    await holds(db, tables, no)
    ticket = await row(db, no)
    assert (ticket.state, ticket.due_at, ticket.unit_code) == (State.CLOSED, None, "bj-desk")


@pytest.mark.parametrize("kind", ["投诉", "举报", "求助", "其他"])
async def test_no_other_type_is_answered_at_once_until_it_is_corrected(
    db: Database, tables: Tables, kind: str
) -> None:
    (no,) = await ready(db, tables, asked(appeal_type=kind))
    assert f"这件是{kind}，只有咨询、建议、表扬可以当场答复" in await refused(db, tables, no)
    await say(db, tables, no, "咨询")
    await do(db, tables, no, HOTLINE, Move.ANSWER_NOW, 1, ANSWER)
    assert (await row(db, no)).state == State.CLOSED


async def test_what_was_read_as_a_question_is_one_when_a_clerk_says_so_too(
    db: Database, tables: Tables
) -> None:
    (no,) = await ready(db, tables, asked())
    await tell(db, no, told_type="投诉")
    assert "这件是投诉" in await refused(db, tables, no)
    await say(db, tables, no, "咨询")
    await do(db, tables, no, HOTLINE, Move.ANSWER_NOW, 1, ANSWER)


async def test_what_was_corrected_to_a_complaint_is_one(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, asked())
    await say(db, tables, no, "投诉")
    assert "这件是投诉" in await refused(db, tables, no)


async def test_the_source_s_own_word_counts_and_of_a_report_for_good(db: Database, tables: Tables) -> None:
    one, other, third = await ready(db, tables, asked(), asked(), asked())
    await tell(db, one, told_type="举报")
    await tell(db, other, told_type="投诉")
    await tell(db, third, told_type="其他")
    assert "这件是举报" in await refused(db, tables, one)
    await say(db, tables, one, "建议")
    assert "这件是举报" in await refused(db, tables, one)
    assert "这件是投诉" in await refused(db, tables, other)
    await say(db, tables, other, "建议")
    await do(db, tables, other, HOTLINE, Move.ANSWER_NOW, 1, ANSWER)
    await do(db, tables, third, HOTLINE, Move.ANSWER_NOW, 1, ANSWER)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"urgency": "U1"}, "只有U3 一般、U4 复杂疑难"),
        ({"urgency": "U2"}, "只有U3 一般、U4 复杂疑难"),
        ({"flagged": True}, "需要关注的标记"),
        ({"confidential": True}, "不能当场答复：诉求人要求保密"),
    ],
)
async def test_what_is_urgent_flagged_or_secret_is_not(
    db: Database, tables: Tables, more: dict[str, object], words: str
) -> None:
    (no,) = await ready(db, tables, asked(**more))
    assert words in await refused(db, tables, no)


async def test_what_became_secret_meanwhile_is_not(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, asked())
    await tell(db, no, confidential=True)
    assert "要求保密" in await refused(db, tables, no)


async def test_who_carries_others_is_not_answered_before_they_left(db: Database, tables: Tables) -> None:
    head, mine = await ready(db, tables, asked(), asked())
    into = {"other_ticket": head, "reason": "同一处同一事项"}
    await do(db, tables, mine, OTHER, Move.MERGE, 1, into)
    assert "还有诉求并在这张工单后面" in await refused(db, tables, head, 2)
    await do(db, tables, mine, OTHER, Move.SPLIT, 2, {"reason": "不是同一件"})
    for no, version in ((head, 3), (mine, 3)):
        await do(db, tables, no, HOTLINE, Move.ANSWER_NOW, version, ANSWER)
        await holds(db, tables, no)
    # And none is merged into what was answered.
    (late,) = await ready(db, tables, asked())
    with pytest.raises(Refusal, match="已经办结"):
        await do(db, tables, late, OTHER, Move.MERGE, 1, into)


async def test_who_still_carries_one_after_its_own_merge_was_taken_back(db: Database, tables: Tables) -> None:
    top, head, mine = await ready(db, tables, asked(), asked(), asked())
    reason = "同一处同一事项"
    await do(db, tables, mine, OTHER, Move.MERGE, 1, {"other_ticket": head, "reason": reason})
    await do(db, tables, head, OTHER, Move.MERGE, 2, {"other_ticket": top, "reason": reason})
    await do(db, tables, head, OTHER, Move.SPLIT, 3, {"reason": "不是同一件"})
    assert "还有诉求并在这张工单后面" in await refused(db, tables, head, 4)


async def test_of_two_clerks_the_second_is_told(db: Database, tables: Tables) -> None:
    one, other = await ready(db, tables, asked(), asked())
    sent = {"unit": "110105026"}
    await do(db, tables, one, HOTLINE, Move.ANSWER_NOW, 1, ANSWER)
    with pytest.raises(Conflict, match="热线甲：当场答复"):
        await do(db, tables, one, OTHER, Move.DISPATCH, 1, sent)
    await do(db, tables, other, OTHER, Move.DISPATCH, 1, sent)
    with pytest.raises(Conflict, match="热线乙：派单"):
        await do(db, tables, other, HOTLINE, Move.ANSWER_NOW, 1, ANSWER)
    with pytest.raises(Refusal, match="已派单"):
        await do(db, tables, other, HOTLINE, Move.ANSWER_NOW, 2, ANSWER)


async def test_it_is_the_hotline_s_alone(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, asked())
    with pytest.raises(Refusal, match="由热线坐席办理"):
        await do(db, tables, no, STREET, Move.ANSWER_NOW, 1, ANSWER)


async def test_ten_minutes_one_s_own_and_then_taken_up_again(db: Database, tables: Tables) -> None:
    one, other = await ready(db, tables, asked(), asked())
    for no in (one, other):
        await do(db, tables, no, HOTLINE, Move.ANSWER_NOW, 1, ANSWER)
    with pytest.raises(Refusal, match="不是您做的"):
        await do(db, tables, one, OTHER, Move.UNDO, 2, {"reason": "答错了"})
    await do(db, tables, one, HOTLINE, Move.UNDO, 2, {"reason": "答错了一件"})
    late = NOW + timedelta(hours=1)
    with pytest.raises(Refusal, match="已过可以撤销的时间"):
        await do(db, tables, other, HOTLINE, Move.UNDO, 2, {"reason": "答错了一件"}, at=late)
    await do(db, tables, other, OTHER, Move.ACCEPT, 2, {"reason": "诉求人还有一处要问"}, at=late)
    for no in (one, other):
        assert (await row(db, no)).state == State.REVIEW
        await holds(db, tables, no)
    assert (await row(db, other)).due_clock == "dispatch"
    with pytest.raises(Refusal, match="不能受理"):
        await do(db, tables, one, HOTLINE, Move.ACCEPT, 3, {"reason": "诉求人还有一处要问"})
