"""Every state of a ticket's life in the list: its own view, its place among what is open, its index."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.filters import TicketFilter, View, conditions, segments
from models.tickets import FLAGGED_CLOSED, OPEN, UNCLOCKED, Ticket
from models.vocab import CLOSED_STATES, OPEN_STATES, State
from tests.factories import TicketIn, add_tickets
from tests.models.test_queries import DAY, VIEWER, numbers

if TYPE_CHECKING:
    from models.db import Database


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_view(state: State) -> None:
    assert View(state.value).label


async def test_every_view_of_a_state_shows_that_state_alone(db: Database) -> None:
    made = await add_tickets(db, *(TicketIn(state=state, due=None) for state in State))
    seen = {state: await numbers(db, TicketFilter(view=View(state.value))) for state in State}
    del seen[State.REVIEW]  # shows what is flagged too
    assert seen == {
        state: [no] for state, no in zip(State, made, strict=True) if state is not State.REVIEW
    }  # fmt: skip


async def test_open_is_what_somebody_must_act_on_the_clocked_first(db: Database) -> None:
    made = await add_tickets(db, *(TicketIn(state=state, due=None) for state in State))
    (late,) = await add_tickets(db, TicketIn(state=State.HANDLING, due=timedelta(hours=1)))
    unclocked = [no for state, no in zip(State, made, strict=True) if state in OPEN_STATES]
    assert await numbers(db) == [late, *unclocked]


@pytest.mark.parametrize("condition", [OPEN, UNCLOCKED, FLAGGED_CLOSED])
async def test_what_is_written_out_for_the_indexes_is_what_the_vocabulary_says(
    db: Database, condition: str
) -> None:
    await add_tickets(db, *(TicketIn(state=state, due=None, flagged=True) for state in State))
    async with db.reads() as session:
        found = set(await session.scalars(sa.select(Ticket.state).where(sa.literal_column(condition))))
    wanted = CLOSED_STATES if condition == FLAGGED_CLOSED else OPEN_STATES
    assert found == {state.value for state in wanted}


async def test_what_has_no_clock_has_an_index(db: Database) -> None:
    explain = {"postgresql": "EXPLAIN ", "sqlite": "EXPLAIN QUERY PLAN "}[db.dialect]
    # Six hundred rows are sorted faster than any index is read: what counts is that the index fits.
    tell = {"postgresql": ["SET LOCAL enable_seqscan = off", "SET LOCAL enable_sort = off"], "sqlite": []}
    waiting = TicketIn(state=State.FEEDBACK, due=None)
    closed = TicketIn(state=State.CLOSED, due=None)
    await add_tickets(db, *([TicketIn()] * 300), *([closed] * 300), *([waiting] * 2))
    async with db.writes.begin() as session:
        await session.execute(sa.text("ANALYZE"))
    last = segments(TicketFilter())[-1]
    query = (
        sa.select(Ticket.id)
        .where(*conditions(TicketFilter(), VIEWER, DAY, (), ()), *last.where())
        .order_by(*last.order(Ticket, backwards=False))
    )
    async with db.reads() as session:
        for setting in tell[db.dialect]:
            await session.execute(sa.text(setting))
        bound = query.limit(50).compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = " ".join(str(row) for row in await session.execute(sa.text(f"{explain}{bound}")))
    assert "ix_ticket_unclocked" in plan
