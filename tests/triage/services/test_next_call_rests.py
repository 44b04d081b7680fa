"""回访台: who has withdrawn (撤诉) is rung no more; what an agreed time outdoes and what ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from models import ringing
from models.ringing import CallAfter
from models.tickets import Ticket
from models.vocab import Move
from tests.factories import TicketIn
from tests.triage.services.repeats.test_following import AWAY, act, answered, merged
from tests.triage.services.test_moving import CALLER, HOTLINE, STREET, ready, row
from tests.triage.services.test_next_call import (
    ANNE,
    BERT,
    HOUR,
    LATER,
    TABLES,
    _agreed,
    agree,
    cases,
    figures,
    take,
    waits,
)
from triage.services.call_after import NotToFollow
from triage.services.desks import next_call

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.rows import Tables

BY = {"withdrawn_by": "caller", "withdrawn_why": "solved", "note": "诉求人来电说已经解决，督办不必再到场"}
AGAIN = {"reason": "诉求人又来电要求办"}
DAY = timedelta(days=1)


@pytest.fixture(scope="session")
def tables() -> Tables:
    return TABLES


async def headed(db: Database) -> tuple[str, str]:
    """An answered case that another waits behind, whose own citizen has withdrawn."""
    head, one = await ready(db, TABLES, TicketIn(), TicketIn())
    await merged(db, one, head)
    await answered(db, head)
    await act(db, head, HOTLINE, Move.WITHDRAW, BY, at=LATER)
    return head, one


async def test_who_has_withdrawn_is_not_given_and_counted_nowhere(db: Database) -> None:
    head, one = await headed(db)
    assert ((await row(db, head)).state, (await row(db, head)).due_clock) == ("feedback", None)
    assert await figures(db) == (1, 0, 0, 0, 0)
    assert await take(db) == one
    assert await take(db, BERT) is None
    with pytest.raises(NotToFollow):
        await agree(db, head, LATER + HOUR)


@pytest.mark.parametrize(("who", "back"), [(HOTLINE, Move.UNDO), (HOTLINE, Move.TAKE_UP)])
async def test_taken_up_they_are_given_again(db: Database, who: Any, back: Move) -> None:  # noqa: ANN401
    head, one = await headed(db)
    await act(db, head, who, back, AGAIN, at=LATER)
    assert {await take(db), await take(db, BERT)} == {head, one}


async def test_an_agreed_time_rests_with_the_withdrawal_and_comes_back(db: Database) -> None:
    head, one = await ready(db, TABLES, TicketIn(), TicketIn())
    await merged(db, one, head)
    await answered(db, head)
    await agree(db, head, LATER + HOUR)
    await act(db, head, HOTLINE, Move.WITHDRAW, BY, at=LATER)
    assert not await _agreed(db, head)
    assert await figures(db) == (1, 0, 0, 0, 0)
    await act(db, head, HOTLINE, Move.TAKE_UP, AGAIN, at=LATER)
    assert await _agreed(db, head)
    assert await figures(db) == (1, 0, 1, 0, 0)


async def test_also_where_another_clock_runs(db: Database) -> None:
    head, one = await headed(db)
    async with db.writes.begin() as session:
        # As where a 督办 is still waited for.
        late = {"due_clock": "onsite", "due_at": LATER - HOUR}
        await session.execute(sa.update(Ticket).where(Ticket.no == head).values(**late))
    assert await figures(db) == (1, 0, 0, 0, 0)
    assert await take(db) == one
    await act(db, head, HOTLINE, Move.TAKE_UP, AGAIN, at=LATER)
    async with db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no == head).values(**late))
    assert await figures(db) == (2, 0, 0, 0, 0)


async def test_an_agreed_time_that_is_reached_is_stronger_than_the_hours_after_a_try(db: Database) -> None:
    first, second, _ = await cases(db)
    await act(db, second, CALLER, Move.FOLLOW_UP, AWAY, at=LATER)
    await agree(db, second, LATER + HOUR)
    assert await figures(db) == (2, 0, 1, 0, 0)
    assert await figures(db, at=LATER + HOUR) == (3, 0, 0, 0, 0)
    assert await take(db, at=LATER + HOUR) == second
    async with db.reads() as session:
        number = await session.scalar(sa.select(Ticket.id).where(Ticket.no == second)) or 0
        moment = next_call.moment_of(TABLES, ANNE, LATER + HOUR)
        assert await ringing.may_be_rung(session, ANNE, moment, number)
    # One that was set before the try is not about it.
    await agree(db, first, LATER + HOUR)
    await act(db, first, CALLER, Move.FOLLOW_UP, AWAY, at=LATER + timedelta(minutes=30))
    assert (await waits(db, at=LATER + HOUR)).tried.count.value == 1


async def test_another_answer_ends_an_agreed_time_and_one_put_right_does_not(db: Database) -> None:
    head, one = await ready(db, TABLES, TicketIn(), TicketIn())
    await merged(db, one, head)
    await answered(db, head)
    await agree(db, head, LATER + DAY)
    await agree(db, one, LATER + DAY)
    await act(
        db, head, STREET, Move.AMEND, {"note": "已到现场处理，围挡已复原", "reason": "漏写了围挡"}, at=LATER
    )
    assert (await _agreed(db, head), await _agreed(db, one)) == (True, True)
    await act(
        db, head, HOTLINE, Move.SUPPLEMENT, {"lack": "lack.evidence", "reason": "没有现场照片"}, at=LATER
    )
    more = {"note": "已补充照片", "attachment": "照片 2", "told_citizen": "phone"}
    await act(db, head, STREET, Move.FEEDBACK, more, at=LATER)
    assert (await _agreed(db, head), await _agreed(db, one)) == (False, False)


async def test_a_time_that_was_reached_long_ago_puts_nothing_first(db: Database) -> None:
    first, second, _ = await cases(db)
    await agree(db, second, LATER + HOUR)
    async with db.writes.begin() as session:
        await session.execute(sa.update(CallAfter).values(at=LATER - 31 * DAY))
    assert await take(db) == first
    # And it is given when its due time brings it.
    assert {await take(db, BERT), await take(db)} == {second, first}
