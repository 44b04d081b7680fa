"""网上说没有解决: told of the answer that stands, until somebody rang; of each case by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from models import queries
from models.citizens import CitizenRating
from models.filters import Day, TicketFilter, View, all_seeing
from models.queries import Ask
from models.ticket_detail import whole_ticket
from models.tickets import Ticket, TicketEvent
from models.vocab import State, Tag
from tests.factories import NOW, TicketIn, add_tickets
from tests.plans import heard, plans, scanned
from triage.services.citizen import unsolved

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

DAY = Day(NOW, NOW, NOW + timedelta(hours=8))
ANSWERED = TicketIn(state=State.FEEDBACK)
EVERY = Ask(all_seeing("x"), TicketFilter(view=View.ALL), DAY)
REACHED = {"values": {"outcome": "reached"}}
MISSED = {"values": {"outcome": "unreachable"}}


async def happened(db: Database, no: str, seq: int, tag: Tag, **data: Any) -> int:  # noqa: ANN401  (JSON)
    """An event of a ticket, so many minutes after now. Gives its id."""
    async with db.writes.begin() as session:
        ticket = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        row = await session.execute(
            sa.insert(TicketEvent).returning(TicketEvent.id),
            {"ticket_id": ticket, "seq": seq, "at": at(seq), "tag": tag.value, "data": data},
        )
        return row.scalar_one()


def at(minute: int) -> Any:  # noqa: ANN401  (a moment)
    return NOW + timedelta(minutes=minute)


async def rated(
    db: Database, no: str, answer: int, minute: int, *, said: tuple[str, str] = ("no", "dissatisfied")
) -> None:
    async with db.writes.begin() as session:
        appeal = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        session.add(
            CitizenRating(
                appeal_id=appeal, answer=answer, solved=said[0], satisfaction=said[1], note="还在响",
                at=at(minute),
            )
        )  # fmt: skip


async def in_state(db: Database, no: str, state: State) -> None:
    async with db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no == no).values(state=state.value))


async def marks(db: Database) -> dict[str, str]:
    """The marked lines of the list of all."""
    async with db.reads() as session:
        page = await queries.ticket_page(session, EVERY)
        rows = await unsolved.mark(session, page.rows)
    assert [row.no for row in rows] == [row.no for row in page.rows]
    return {row.no: row.unsolved for row in rows if row.unsolved}


async def of(db: Database, no: str) -> unsolved.Told | None:
    async with db.reads() as session:
        whole = await whole_ticket(session, all_seeing("x"), no)
        assert whole is not None
        return await unsolved.of_ticket(session, whole)


async def behind(db: Database, no: str) -> int:
    async with db.reads() as session:
        whole = await whole_ticket(session, all_seeing("x"), no)
        assert whole is not None
        return await unsolved.behind(session, whole)


@pytest.mark.parametrize(
    ("solved", "satisfaction", "mark"),
    [
        ("no", "satisfied", "unsolved"),
        ("no", "very_dissatisfied", "unsolved"),
        ("yes", "dissatisfied", "dissatisfied"),
        ("yes", "very_dissatisfied", "very_dissatisfied"),
        ("yes", "fair", None),
        ("yes", "satisfied", None),
    ],
)
async def test_a_line_is_marked_by_what_its_citizen_says(
    db: Database, solved: str, satisfaction: str, mark: str | None
) -> None:
    no, other = await add_tickets(db, ANSWERED, ANSWERED)
    await happened(db, other, 10, Tag.FEEDBACK)
    await rated(db, no, await happened(db, no, 10, Tag.FEEDBACK), 20, said=(solved, satisfaction))
    assert list((await marks(db)).items()) == [(no, mark)] * bool(mark)
    assert bool(await of(db, no)) is bool(mark)


async def test_it_is_told_as_long_as_that_answer_stands(db: Database) -> None:
    (no,) = await add_tickets(db, ANSWERED)
    first = await happened(db, no, 10, Tag.FEEDBACK)
    await rated(db, no, first, 20)
    await in_state(db, no, State.HANDLING)
    assert not await marks(db), "sent back to be handled again"
    told = await of(db, no)
    assert (told and told.stands, told and told.note) == (False, "还在响"), (
        "the page still says what was said"
    )
    await in_state(db, no, State.FEEDBACK)
    second = await happened(db, no, 30, Tag.FEEDBACK)
    assert not await marks(db), "another answer, of which nothing was said"
    await happened(db, no, 31, Tag.UNDO, undoes=30)
    assert await marks(db) == {no: "unsolved"}, "and the first stands again"
    await happened(db, no, 32, Tag.FEEDBACK)
    third = await happened(db, no, 33, Tag.FEEDBACK)
    await rated(db, no, third, 40, said=("yes", "satisfied"))
    assert (await marks(db), await of(db, no)) == ({}, None), "they say that all is well now"
    assert second < third


async def test_it_is_told_until_somebody_reached_them(db: Database) -> None:
    (no,) = await add_tickets(db, ANSWERED)
    answer = await happened(db, no, 10, Tag.FEEDBACK)
    await happened(db, no, 15, Tag.FOLLOW_UP, **REACHED)
    await rated(db, no, answer, 20)
    await happened(db, no, 30, Tag.FOLLOW_UP, **MISSED)
    assert await marks(db) == {no: "unsolved"}, "rung before, and not reached since"
    await happened(db, no, 40, Tag.FOLLOW_UP, **REACHED)
    told = await of(db, no)
    assert (await marks(db), told and told.called) == ({}, True)
    await happened(db, no, 41, Tag.UNDO, undoes=40)
    assert await marks(db) == {no: "unsolved"}, "the call was on another ticket"


async def test_it_is_told_in_no_list_once_nobody_rings_any_more(db: Database) -> None:
    (no,) = await add_tickets(db, ANSWERED)
    answer = await happened(db, no, 10, Tag.FEEDBACK)
    await happened(db, no, 15, Tag.FOLLOW_UP, **REACHED)
    await in_state(db, no, State.FOLLOWED_UP)
    await rated(db, no, answer, 20)
    assert await marks(db) == {no: "unsolved"}, "whoever closes it should know"
    for state in (State.CLOSED, State.ARCHIVED):
        await in_state(db, no, state)
        told = await of(db, no)
        assert await marks(db) == {}
        assert (told and told.stands, told and told.over, told and told.note) == (True, True, "还在响")


async def test_who_withdrew_is_rung_no_more_and_waits_in_no_list(db: Database) -> None:
    """A head of which its own citizen withdrew goes on, in 待回访, for the others."""
    (no,) = await add_tickets(db, ANSWERED)
    await rated(db, no, await happened(db, no, 10, Tag.FEEDBACK), 20)
    await happened(db, no, 30, Tag.WITHDRAW)
    told = await of(db, no)
    assert (await marks(db), told and told.over, told and told.note) == ({}, True, "还在响")
    await happened(db, no, 31, Tag.UNDO, undoes=30)
    assert await marks(db) == {no: "unsolved"}
    await happened(db, no, 32, Tag.WITHDRAW)
    await happened(db, no, 33, Tag.TAKE_UP)
    assert await marks(db) == {no: "unsolved"}


async def merged(db: Database, *, confidential: bool) -> tuple[str, str]:
    """A ticket that has its answer, and one whose citizen says no of it, merged into it."""
    head, own = await add_tickets(db, ANSWERED, TicketIn(state=State.MERGED, confidential=confidential))
    answer = await happened(db, head, 10, Tag.FEEDBACK)
    await happened(db, own, 11, Tag.MERGE, values={"other_ticket": head})
    await happened(db, head, 11, Tag.JOINED, joined=own)
    await rated(db, own, answer, 20)
    return head, own


@pytest.mark.parametrize("confidential", [False, True])
async def test_of_a_merged_case_it_stays_with_its_own_ticket(db: Database, *, confidential: bool) -> None:
    head, own = await merged(db, confidential=confidential)
    assert await marks(db) == {own: "unsolved"}
    assert await behind(db, head) == int(not confidential)
    assert (await of(db, head), bool(await of(db, own))) == (None, True)
    await happened(db, head, 30, Tag.FOLLOW_UP, **REACHED)
    assert await marks(db) == {own: "unsolved"}, "it was another citizen who was rung"
    await in_state(db, head, State.HANDLING)
    assert not await marks(db)
    assert await behind(db, head) == 0
    await in_state(db, head, State.FEEDBACK)
    await in_state(db, head, State.CLOSED)
    assert await marks(db) == {own: "unsolved"}, "each is rung by itself"
    assert await behind(db, head) == int(not confidential)
    await in_state(db, own, State.ARCHIVED)
    assert (await marks(db), await behind(db, head)) == ({}, 0)
    await in_state(db, own, State.MERGED)
    await happened(db, own, 40, Tag.FOLLOW_UP, **REACHED)
    assert not await marks(db)


async def test_no_table_is_walked_for_it_and_a_page_asks_as_often_as_a_line(db: Database) -> None:
    numbers = await add_tickets(db, *[ANSWERED] * 40)
    async with db.reads() as session:
        rows = (await queries.ticket_page(session, EVERY)).rows
    with heard(db) as said:
        await marks(db)
    with heard(db) as list_alone:
        async with db.reads() as session:
            await queries.ticket_page(session, EVERY)
    assert len(said) == len(list_alone) + 1, "one question where nobody says so"
    for no in numbers:
        await rated(db, no, await happened(db, no, 10, Tag.FEEDBACK), 20)

    async def ask(session: AsyncSession) -> None:
        assert all(row.unsolved for row in await unsolved.mark(session, rows))

    found = await plans(db, ask)
    assert len(found) <= 3
    assert not [
        plan for plan in found for table in ("citizen_rating", "ticket_event") if scanned(plan, table)
    ]


async def test_an_amendment_takes_no_rating_out_of_sight(db: Database) -> None:
    """更正反馈 is other words for one answer: whoever rings hears of what was said of the words before."""
    (no,) = await add_tickets(db, ANSWERED)
    first = await happened(db, no, 20, Tag.FEEDBACK)
    await rated(db, no, first, 21)
    second = await happened(db, no, 22, Tag.AMEND)
    told = await of(db, no)
    assert told is not None
    assert (told.waits, told.amended) == (True, True)
    assert await marks(db) == {no: "unsolved"}
    # What they say of the new words counts then.
    await rated(db, no, second, 23, said=("yes", "satisfied"))
    assert (await of(db, no), await marks(db)) == (None, {})
    await happened(db, no, 24, Tag.SUPPLEMENT)
    await happened(db, no, 25, Tag.FEEDBACK)
    assert await of(db, no) is None


async def test_a_rating_of_the_amended_words_is_of_what_stands(db: Database) -> None:
    (no,) = await add_tickets(db, ANSWERED)
    await happened(db, no, 20, Tag.FEEDBACK)
    second = await happened(db, no, 21, Tag.AMEND)
    await rated(db, no, second, 22)
    told = await of(db, no)
    assert told is not None
    assert (told.stands, told.amended) == (True, False)
    await happened(db, no, 23, Tag.FEEDBACK)
    told = await of(db, no)
    assert told is not None
    assert (told.stands, told.waits) == (False, False)
