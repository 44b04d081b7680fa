"""What waits with a ticket that is merged waits with its case; a merge taken back takes that away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models import matters
from models.filters import all_seeing
from models.matters import MatterPair
from models.tickets import Ticket
from models.vocab import Move, State
from models.vocab_matters import Proposal
from tests.factories import NOW, TicketIn
from tests.plans import heard
from tests.triage.services.repeats.test_following import SAME, TABLES, act, merged
from tests.triage.services.test_moving import HOTLINE, do, ready, row
from triage.services.repeats import comparing

if TYPE_CHECKING:
    from models.db import Database

VIEWER = all_seeing("local")
SPLIT = {"reason": "不是同一处的烧烤店"}


async def proposed(db: Database, *pairs: tuple[int, int]) -> None:
    """As the search does: the later one, and the earlier one it is like."""
    async with db.writes.begin() as session:
        rows = [
            {
                "ticket_id": later, "head_id": earlier, "p": 0.9, "same_caller": True, "why": ["都提到望京"],
                "state": Proposal.PROPOSED.value, "at": NOW, "model_version": "t",
            }
            for later, earlier in pairs
        ]  # fmt: skip
        await session.execute(sa.insert(MatterPair), rows)


async def listed(db: Database) -> set[tuple[int, int]]:
    async with db.reads() as session:
        return {(pair.ticket.id, pair.head.id) for pair in await matters.proposals(session, VIEWER)}


async def test_who_is_like_a_merged_ticket_is_proposed_to_its_case(db: Database) -> None:
    """Whether it was the later one of the pair or the earlier one."""
    case, _, middle, _ = await ready(db, TABLES, *[TicketIn()] * 4)
    await proposed(db, (3, 2), (4, 3))
    await merged(db, middle, case)
    assert await listed(db) == {(2, 1), (4, 1)}
    async with db.reads() as session:
        found = await matters.proposals(session, VIEWER)
    # The reasons of the other pair quote a ticket that not all may see.
    assert {(pair.p, pair.same_caller, pair.why) for pair in found} == {
        (0.9, False, ("和已经并入的一张工单像是同一事项",))
    }
    await act(db, middle, HOTLINE, Move.SPLIT, SPLIT)
    assert await listed(db) == {(3, 2), (4, 3)}


async def test_a_merge_of_merges_hands_on_what_was_handed_on(db: Database) -> None:
    top, case, middle, _ = await ready(db, TABLES, *[TicketIn()] * 4)
    await proposed(db, (4, 3))
    await merged(db, middle, case)
    await merged(db, case, top)
    assert await listed(db) == {(4, 1)}
    await act(db, case, HOTLINE, Move.SPLIT, SPLIT)
    assert await listed(db) == {(4, 2)}


async def test_of_two_that_hand_on_one_pair_who_stays_keeps_it(db: Database) -> None:
    case, first, second, _ = await ready(db, TABLES, *[TicketIn()] * 4)
    await proposed(db, (4, 2), (4, 3))
    await merged(db, first, case)
    await merged(db, second, case)
    assert await listed(db) == {(4, 1)}
    await act(db, first, HOTLINE, Move.SPLIT, SPLIT)
    assert await listed(db) == {(4, 1), (4, 2)}
    await act(db, second, HOTLINE, Move.SPLIT, SPLIT)
    assert await listed(db) == {(4, 2), (4, 3)}


async def test_what_the_other_side_handed_on_is_not_taken_away(db: Database) -> None:
    """A ticket like the case was merged elsewhere: that one waits beside the case, whoever leaves it."""
    case, other, like, member = await ready(db, TABLES, *[TicketIn()] * 4)
    await proposed(db, (3, 1))
    await merged(db, like, other)
    assert await listed(db) == {(2, 1)}
    await merged(db, member, case)
    await act(db, member, HOTLINE, Move.SPLIT, SPLIT)
    assert await listed(db) == {(2, 1)}


async def test_who_leaves_below_takes_away_what_came_up_from_there(db: Database) -> None:
    top, case, middle, _ = await ready(db, TABLES, *[TicketIn()] * 4)
    await proposed(db, (4, 3))
    await merged(db, middle, case)
    await merged(db, case, top)
    await act(db, middle, HOTLINE, Move.SPLIT, SPLIT)
    assert await listed(db) == {(4, 3)}


async def test_what_a_person_decided_stands_and_what_is_over_is_not_proposed(db: Database) -> None:
    case, middle, refused, over = await ready(db, TABLES, *[TicketIn()] * 4)
    await proposed(db, (3, 2), (4, 2))
    async with db.writes.begin() as session:
        await comparing.refuse(session, VIEWER, refused, case, by="a", now=NOW)
        await session.execute(sa.update(Ticket).where(Ticket.no == over).values(state=State.CLOSED.value))
    await merged(db, middle, case)
    assert await listed(db) == set()
    async with db.reads() as session:
        assert await session.get(MatterPair, (4, 1)) is None
    await act(db, middle, HOTLINE, Move.SPLIT, SPLIT)
    async with db.reads() as session:
        assert (await session.get_one(MatterPair, (3, 1))).state == Proposal.REFUSED.value


async def test_what_was_handed_on_and_merged_stays_when_the_first_leaves(db: Database) -> None:
    case, middle, last = await ready(db, TABLES, *[TicketIn()] * 3)
    await proposed(db, (3, 2))
    await merged(db, middle, case)
    await merged(db, last, case)
    await act(db, middle, HOTLINE, Move.SPLIT, SPLIT)
    async with db.reads() as session:
        assert (await session.get_one(MatterPair, (3, 1))).state == Proposal.MERGED.value


async def test_a_merge_does_not_wait_for_who_works_on_one_that_is_like_it(postgres_db: Database) -> None:
    """They would wait for each other: that one may be about to lock the case."""
    case, middle, last = await ready(postgres_db, TABLES, *[TicketIn()] * 3)
    await proposed(postgres_db, (3, 2))
    version = (await row(postgres_db, middle)).version
    async with postgres_db.writes.begin() as session:
        await session.execute(sa.select(Ticket).where(Ticket.no == last).with_for_update())
        values = SAME | {"other_ticket": case}
        await do(postgres_db, TABLES, middle, HOTLINE, Move.MERGE, version, values)
    assert (await row(postgres_db, middle)).state == "merged"


async def test_who_leaves_a_case_of_many_costs_no_more_questions(db: Database) -> None:
    """Asked for each that stays, a set of thousands could not be taken back."""
    case, *rest = await ready(db, TABLES, *[TicketIn()] * 9)
    await proposed(db, *((9, member) for member in range(2, 9)))
    for member in rest[:-1]:
        await merged(db, member, case)
    counts = []
    for member in (rest[0], rest[5]):
        with heard(db) as said:
            await act(db, member, HOTLINE, Move.SPLIT, SPLIT)
        counts.append(len([one for one, _ in said if "FROM matter_pair" in one or "INTO matter_pair" in one]))
    assert counts[0] == counts[1] == 3
    assert await listed(db) == {(9, 1), (9, 2), (9, 7)}
