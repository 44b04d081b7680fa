"""A kind that a person put right is the ticket's: list, count, month follow; what was read stays."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from models import kind_in_force
from models.appeals import Reading
from models.corrections import Correction
from models.counting import count_tickets
from models.filters import Day, TicketFilter, all_seeing
from models.queries import Ask, ticket_page
from models.tickets import Ticket
from tests.factories import NOW, TicketIn, add_reference, add_tickets
from triage.rules.rows import UNCLEAR_KIND
from triage.rules.trends.facts import as_corrected
from triage.services import histories
from triage.services.correcting import correct
from triage.services.trends import gathering

if TYPE_CHECKING:
    from models.db import Database

TABLES = triage.tables.load()
CLERK = all_seeing("local")
DAY = Day(NOW, datetime(2026, 11, 22, 16, tzinfo=UTC), datetime(2026, 11, 23, 16, tzinfo=UTC))
READ, SAID = "NOI-01", "NOI-02"
WORDS = (("kind", SAID), ("kind", "AIR-01"), ("environmental", "true"), ("environmental", "false"))


@pytest.fixture
async def no(db: Database) -> str:
    await add_reference(db)
    (found,) = await add_tickets(db, TicketIn(kind=READ))
    return str(found)


async def say(db: Database, no: str, **said: str) -> None:
    async with db.writes.begin() as session:
        await correct(session, TABLES, CLERK, no, said, at=NOW)


async def listed(db: Database, kind: str) -> tuple[list[str | None], int]:
    """The kinds that the lines of a kind's list tell, and how many it counts."""
    async with db.reads() as session:
        ask = Ask(CLERK, TicketFilter(kind=kind), DAY)
        rows = (await ticket_page(session, ask)).rows
        return [row.kind for row in rows], (await count_tickets(session, ask)).value


async def kept(db: Database) -> dict[int, tuple[str | None, bool]]:
    async with db.reads() as session:
        rows = await session.execute(sa.select(Ticket.id, Ticket.kind, Ticket.environmental))
        return {number: (kind, environmental) for number, kind, environmental in rows}


async def test_list_count_and_month_follow_a_kind_that_was_put_right(db: Database, no: str) -> None:
    assert await listed(db, READ) == ([READ], 1)
    await say(db, no, kind=SAID)
    assert (await listed(db, READ), await listed(db, SAID)) == (([], 0), ([SAID], 1))
    async with db.reads() as session:
        assert (await histories.by_ids(session, [1]))[1].kind == SAID
        assert await session.scalar(sa.select(Reading.kind)) == READ
    await say(db, no, kind=READ)
    assert (await listed(db, READ), await listed(db, SAID)) == (([READ], 1), ([], 0))


async def test_what_is_no_environmental_matter_has_no_kind_until_it_is_one_again(
    db: Database, no: str
) -> None:
    await say(db, no, kind=SAID)
    await say(db, no, environmental="false")
    assert await kept(db) == {1: (None, False)}
    await say(db, no, environmental="true")
    assert await kept(db) == {1: (SAID, True)}


async def test_who_names_the_kind_that_was_read_says_that_it_is_one_after_all(db: Database, no: str) -> None:
    """It was what the reading said, so nothing seemed to change and nothing was kept."""
    await say(db, no, environmental="false")
    await say(db, no, kind=READ)
    assert await kept(db) == {1: (READ, True)}
    async with db.reads() as session:
        assert (await histories.by_ids(session, [1]))[1].kind == READ


@pytest.mark.parametrize("read", [READ, None])
async def test_an_older_release_s_corrections_become_the_ticket_s_kind_as_the_sums_fold_them(
    db: Database, read: str | None
) -> None:
    """It writes corrections alone. All that three of them can say, and a ticket that nobody corrected."""
    await add_reference(db)
    told = [(), *product(WORDS, repeat=1), *product(WORDS, repeat=2), *product(WORDS, repeat=3)]
    await add_tickets(db, *[TicketIn(kind=read)] * len(told))
    async with db.writes.begin() as session:
        await session.execute(
            sa.insert(Correction),
            [
                {
                    "ticket_id": number, "appeal_id": number, "field": field, "new": new, "by": "local",
                    "at": NOW, "model_version": "x",
                }
                for number, said in enumerate(told, start=1)
                for field, new in said
            ],
        )  # fmt: skip
    folded = {
        number: as_corrected(read, None, None, said)[0] or None for number, said in enumerate(told, start=1)
    }
    wrong = sum(kind != read for kind in folded.values())
    healed = []
    for _ in range(3):
        async with db.writes.begin() as session:
            healed.append(await kind_in_force.heal(session, UNCLEAR_KIND, batch=wrong - 5))
    assert healed == [wrong - 5, 5, 0]
    assert await kept(db) == {number: (kind, kind is not None) for number, kind in folded.items()}
    # The sums read the ticket's kind, and come to the same.
    async with db.reads() as session:
        facts = await gathering.facts(session, sorted(folded))
    assert {number: one.fact.kind or None for number, one in facts.items()} == folded
