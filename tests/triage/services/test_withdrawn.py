"""撤诉 on real rows: what ends, what goes on for others, the ways back, two at once, what is in the way."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from models.rewards import Reward
from models.tickets import Ticket, TicketEvent
from models.vocab import Field, Move, State
from models.vocab_rewards import RewardState
from tests.factories import NOW, TicketIn
from tests.triage.services.test_moving import CALLER, HOTLINE, OTHER, STREET, do, holds, ready, row
from triage.rules.bulk import bulk_moves
from triage.rules.fields import Refusal
from triage.rules.withdrawing import since
from triage.services.moving import Conflict

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.rows import Tables

BY = {"withdrawn_by": "caller", "withdrawn_why": "mistake", "note": "记错了地方，电话 13912340007"}
AGAIN = {"reason": "诉求人又来电要求办"}
REACHED = {"outcome": "reached", "told_citizen": "phone"}


@pytest.fixture(scope="session")
def tables() -> Tables:
    return triage.tables.load()


async def test_it_ends_the_case_once_and_row_and_events_agree(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    made = await do(db, tables, no, HOTLINE, Move.WITHDRAW, 1, BY, key="k")
    again = await do(db, tables, no, HOTLINE, Move.WITHDRAW, 1, BY, key="k")
    assert (made.version, again.version, again.repeated) == (2, 2, True)
    await holds(db, tables, no)
    ticket = await row(db, no)
    assert (ticket.state, ticket.due_at, ticket.asked) == (State.CLOSED, None, None)
    async with db.reads() as session:
        data = await session.scalar(sa.select(TicketEvent.data).where(TicketEvent.tag == "ticket:withdraw"))
    assert data is not None
    assert "13912340007" not in str(data)
    # An older process reads no value whose name it does not know.
    assert (list(data["values"]), data["withdrawn"]) == (
        ["note"], {"withdrawn_by": "caller", "withdrawn_why": "mistake"}
    )  # fmt: skip


@pytest.mark.parametrize(("person", "back"), [(HOTLINE, Move.UNDO), (OTHER, Move.TAKE_UP)])
async def test_taken_back_it_stands_as_before(
    db: Database, tables: Tables, person: object, back: Move
) -> None:
    (no,) = await ready(db, tables, TicketIn())
    await do(db, tables, no, STREET, Move.SIGN, 1)
    before = await row(db, no)
    await do(db, tables, no, HOTLINE, Move.WITHDRAW, 2, BY)
    await do(db, tables, no, person, back, 3, AGAIN)  # type: ignore[arg-type]
    await holds(db, tables, no)
    after = await row(db, no)
    assert (after.state, after.due_at, after.answer_by) == (before.state, before.due_at, before.answer_by)
    # And the unit goes on.
    await do(db, tables, no, STREET, Move.CONTACT, 4, REACHED)


async def test_a_delay_asked_for_waits_for_nobody_and_comes_back(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    await do(db, tables, no, STREET, Move.SIGN, 1)
    wish = {"reason": "检测要十天", "told_citizen": "phone", "until": "2026-11-23T23:00+08:00"}
    await do(db, tables, no, STREET, Move.EXTEND_ASK, 2, wish)
    await do(db, tables, no, HOTLINE, Move.WITHDRAW, 3, BY)
    assert (await row(db, no)).asked is None
    await do(db, tables, no, OTHER, Move.TAKE_UP, 4, AGAIN)
    assert (await row(db, no)).asked == "extend_ask"


async def test_an_exclusion_asked_for_waits_as_of_any_closed_case(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    await do(db, tables, no, STREET, Move.EXCLUDE_ASK, 1, {"reason": "不在本辖区", "clause": "条例第12条"})
    await do(db, tables, no, HOTLINE, Move.WITHDRAW, 2, BY)
    assert (await row(db, no)).asked == "exclude_ask"
    await do(db, tables, no, OTHER, Move.TAKE_UP, 3, AGAIN)
    assert (await row(db, no)).asked == "exclude_ask"


async def test_of_two_at_once_the_second_is_told(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    await do(db, tables, no, STREET, Move.SIGN, 1)
    with pytest.raises(Conflict, match="签收"):
        await do(db, tables, no, HOTLINE, Move.WITHDRAW, 1, BY)
    await do(db, tables, no, HOTLINE, Move.WITHDRAW, 2, BY)
    with pytest.raises(Conflict, match="热线甲：撤诉"):
        await do(db, tables, no, STREET, Move.CONTACT, 2, REACHED)
    with pytest.raises(Refusal, match="已办结"):
        await do(db, tables, no, STREET, Move.CONTACT, 3, REACHED)


async def test_of_a_head_only_the_caller_s_own_part_goes(db: Database, tables: Tables) -> None:
    head, mine = await ready(db, tables, TicketIn(), TicketIn())
    into = {"other_ticket": head, "reason": "同一处同一事项"}
    await do(db, tables, mine, OTHER, Move.MERGE, 1, into)
    await do(db, tables, head, HOTLINE, Move.WITHDRAW, 2, BY)
    await holds(db, tables, head)
    assert (await row(db, head)).state == State.DISPATCHED
    await do(db, tables, head, STREET, Move.SIGN, 3)
    await do(db, tables, head, STREET, Move.CONTACT, 4, REACHED)
    fed = {"note": "已责令停工并清运", "attachment": "照片 1", "told_citizen": "phone"}
    await do(db, tables, head, STREET, Move.FEEDBACK, 5, fed)
    ticket = await row(db, head)
    assert (ticket.state, ticket.due_at) == (State.FEEDBACK, None), "nobody is to ask its own caller"
    assert (await row(db, mine)).due_clock == "follow_up", "who waits behind is asked as before"
    late = NOW + timedelta(days=3)
    with pytest.raises(Refusal, match="已经撤诉"):
        await do(db, tables, head, CALLER, Move.FOLLOW_UP, 6, {"outcome": "unreachable"}, at=late)
    await do(db, tables, head, CALLER, Move.CLOSE, 6, at=late)
    assert (await row(db, head)).state == State.CLOSED


async def test_of_a_merged_one_the_follow_up_rests_and_goes_on(db: Database, tables: Tables) -> None:
    head, mine = await ready(db, tables, TicketIn(), TicketIn())
    await do(db, tables, mine, OTHER, Move.MERGE, 1, {"other_ticket": head, "reason": "同一处同一事项"})
    await do(db, tables, mine, HOTLINE, Move.WITHDRAW, 2, BY)
    await do(db, tables, head, STREET, Move.SIGN, 2)
    await do(db, tables, head, STREET, Move.CONTACT, 3, REACHED)
    fed = {"note": "已责令停工并清运", "attachment": "照片 1", "told_citizen": "phone"}
    await do(db, tables, head, STREET, Move.FEEDBACK, 4, fed)
    await holds(db, tables, mine)
    assert ((await row(db, mine)).state, (await row(db, mine)).due_at) == (State.MERGED, None)
    await do(db, tables, mine, HOTLINE, Move.TAKE_UP, (await row(db, mine)).version, AGAIN)
    await holds(db, tables, mine)
    assert (await row(db, mine)).due_clock == "follow_up"


async def test_a_case_that_ended_for_the_others_is_not_opened_by_it(db: Database, tables: Tables) -> None:
    head, mine = await ready(db, tables, TicketIn(), TicketIn())
    await do(db, tables, mine, OTHER, Move.MERGE, 1, {"other_ticket": head, "reason": "同一处同一事项"})
    await do(db, tables, head, HOTLINE, Move.WITHDRAW, 2, BY)
    await do(db, tables, head, STREET, Move.SIGN, 3)
    await do(db, tables, head, STREET, Move.CONTACT, 4, REACHED)
    fed = {"note": "已责令停工并清运", "attachment": "照片 1", "told_citizen": "phone"}
    await do(db, tables, head, STREET, Move.FEEDBACK, 5, fed)
    late = NOW + timedelta(days=3)
    await do(db, tables, head, CALLER, Move.CLOSE, 6, at=late)
    with pytest.raises(Refusal, match="另行受理"):
        await do(db, tables, head, HOTLINE, Move.TAKE_UP, 7, AGAIN, at=late)
    await holds(db, tables, head)
    ended = await row(db, head)
    assert (ended.state, ended.due_at) == (State.CLOSED, None)


async def test_all_who_withdrew_are_split_off_and_the_case_ends(db: Database, tables: Tables) -> None:
    head, mine = await ready(db, tables, TicketIn(), TicketIn())
    await do(db, tables, mine, OTHER, Move.MERGE, 1, {"other_ticket": head, "reason": "同一处同一事项"})
    await do(db, tables, head, HOTLINE, Move.WITHDRAW, 2, BY)
    await do(db, tables, mine, HOTLINE, Move.WITHDRAW, 2, BY)
    await do(db, tables, mine, OTHER, Move.SPLIT, 3, {"reason": "两位都不要办了"})
    for no in (mine, head):
        await holds(db, tables, no)
        await do(db, tables, no, HOTLINE, Move.WITHDRAW, (await row(db, no)).version, BY)
        await holds(db, tables, no)
        assert ((await row(db, no)).state, (await row(db, no)).due_at) == (State.CLOSED, None)
        # Two 撤诉, and one takes both back.
        await do(db, tables, no, OTHER, Move.TAKE_UP, (await row(db, no)).version, AGAIN)
        await holds(db, tables, no)
        async with db.reads() as session:
            told = await session.scalars(
                sa.select(TicketEvent)
                .join(Ticket, Ticket.id == TicketEvent.ticket_id)
                .where(Ticket.no == no)
                .order_by(TicketEvent.seq)
            )
            assert since(told.all()) is None
        with pytest.raises(Refusal, match="没有撤诉"):
            await do(db, tables, no, OTHER, Move.TAKE_UP, (await row(db, no)).version, AGAIN)


async def test_a_claim_of_a_reward_that_is_not_decided_stands_against_it(
    db: Database, tables: Tables
) -> None:
    (no,) = await ready(db, tables, TicketIn(appeal_type="举报"))
    await rewarded(db, no, of=no)
    with pytest.raises(Refusal, match="奖励还没有定"):
        await do(db, tables, no, HOTLINE, Move.WITHDRAW, 1, BY)
    async with db.writes.begin() as session:
        await session.execute(sa.update(Reward).values(state=RewardState.REFUSED.value))
    await do(db, tables, no, HOTLINE, Move.WITHDRAW, 1, BY)


async def test_that_a_claim_waits_is_not_told_to_whom_the_move_is_not(db: Database, tables: Tables) -> None:
    """A unit that may not record 撤诉 would ask by it whether its case is to be rewarded."""
    (no,) = await ready(db, tables, TicketIn(appeal_type="举报"))
    await rewarded(db, no, of=no)
    with pytest.raises(Refusal) as refused:
        await do(db, tables, no, STREET, Move.WITHDRAW, 1, BY)
    assert "奖励" not in str(refused.value)


async def test_a_claim_of_another_report_on_the_case_does_not_stand_against_it(
    db: Database, tables: Tables
) -> None:
    """The other may be 保密: a refusal would tell that it is there."""
    head, behind = await ready(db, tables, TicketIn(), TicketIn(appeal_type="举报"))
    await do(db, tables, behind, OTHER, Move.MERGE, 1, {"other_ticket": head, "reason": "同一处同一事项"})
    await rewarded(db, head, of=behind)
    await do(db, tables, head, HOTLINE, Move.WITHDRAW, 2, BY)
    with pytest.raises(Refusal, match="奖励还没有定"):
        await do(db, tables, behind, HOTLINE, Move.WITHDRAW, 2, BY)


async def rewarded(db: Database, root: str, *, of: str) -> None:
    """A candidate rooted in one ticket, won by the report of the same or another."""
    async with db.writes.begin() as session:
        number = sa.select(Ticket.id).where(Ticket.no == root)
        appeal = sa.select(Ticket.appeal_id).where(Ticket.no == of)
        session.add(
            Reward(
                no="J1",
                root_ticket_id=(await session.execute(number)).scalar_one(),
                winner_appeal_id=(await session.execute(appeal)).scalar_one(),
                state=RewardState.CANDIDATE.value,
                version=1,
                kind="WAT-02",
                reported_at=NOW,
                found_at=NOW,
                real_name=False,
                exclusions=[],
                parts=[],
                verdict={},
                proof=[],
                checks=[],
            )
        )


async def test_it_is_made_for_one_ticket_at_a_time(tables: Tables) -> None:
    known = bulk_moves(tables, at=NOW)
    assert not {Move.WITHDRAW, Move.TAKE_UP} & set(known)
    assert all(Field.WITHDRAWN_WHY not in bulk.fields for bulk in known.values())
