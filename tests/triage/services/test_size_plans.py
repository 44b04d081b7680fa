"""What grows for years is not read from end to end: the plans of what is asked often, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.lead_matters import LeadPair
from models.leads import Lead
from models.notices import Notice
from models.tickets import TicketEvent
from models.units import Staff
from models.vocab import Tag
from models.vocab_leads import LeadState
from models.vocab_notices import Medium, NoticeState
from tests.factories import NOW, TicketIn, add_tickets
from tests.plans import heard, plans, scanned
from triage.clock import FixedClock
from triage.services.auditing import moves
from triage.services.auditing.moves import MoveFilter
from triage.services.deps import Deps
from triage.services.histories import histories
from triage.services.leads import listing
from triage.services.notices import waking
from triage.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

DAY = timedelta(days=1)
TABLES = triage.tables.load()


@pytest.fixture
def deps(db: Database) -> Deps:
    return Deps(Settings(), FixedClock(NOW), TABLES, db, Vault({1: bytes(32)}))


async def lived(db: Database) -> list[int]:
    """Three tickets with an event of a person on each of some days, the last day's stored first."""
    await add_tickets(db, *[TicketIn()] * 3)
    async with db.writes.begin() as session:
        await session.execute(sa.insert(Staff), {"login": "zhang", "name": "张", "created_at": NOW})
        who = await session.scalar(sa.select(Staff.id))
        rows = [
            {
                "ticket_id": ticket_id, "seq": 10 + day, "at": NOW - day * DAY, "tag": Tag.URGE.value,
                "staff_id": who, "data": {"day": day},
            }
            for day in range(5)
            for ticket_id in (1, 2, 3)
        ]  # fmt: skip
        await session.execute(sa.insert(TicketEvent), rows)
        found = await session.scalars(
            sa.select(TicketEvent.id).where(TicketEvent.staff_id == who).order_by(TicketEvent.id)
        )
        return list(found)


async def test_a_month_is_counted_from_its_own_events(db: Database) -> None:
    await lived(db)

    async def ask(session: AsyncSession) -> None:
        assert [one async for one in histories(session, since=NOW - 2 * DAY, until=NOW)] != []

    found = await plans(db, ask)
    assert "ix_ticket_event_at" in found[0]


async def test_moves_of_some_days_are_read_by_time_page_by_page(db: Database) -> None:
    made = await lived(db)
    wanted = MoveFilter(since=NOW - 3 * DAY, until=NOW)
    async with db.reads() as session:
        first = await moves.page(session, TABLES, wanted, before=None, limit=4)
        then = await moves.page(session, TABLES, wanted, before=first[-1].id, limit=50)
        gone = await moves.page(session, TABLES, wanted, before=10**9, limit=50)
    by_time = [number for start in (3, 6, 9) for number in reversed(made[start : start + 3])]
    assert [one.id for one in first + then] == by_time
    assert gone == []
    assert [one.id async for one in moves.every(db, TABLES, wanted)] == by_time[::-1]

    async def ask(session: AsyncSession) -> None:
        await moves.page(session, TABLES, wanted, before=first[-1].id, limit=50)

    found = await plans(db, ask)
    assert "ix_ticket_event_at" in found[-1]


async def test_no_page_and_no_piece_of_some_days_reads_those_before_it_again(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place it had come to was looked for from the first of the days, or from the last: quadratic."""
    made = await lived(db)
    monkeypatch.setattr(moves, "_PIECE", 2)
    wanted = MoveFilter(since=NOW - 3 * DAY, until=NOW)
    by_time = [number for start in (9, 6, 3) for number in made[start : start + 3]]
    with heard(db) as said:
        assert [one.id async for one in moves.every(db, TABLES, wanted)] == by_time
        async with db.reads() as session:
            await moves.page(session, TABLES, wanted, before=by_time[-1], limit=2)
    first, *later, _place, page = [statement for statement, _ in said if "ticket_event" in statement]
    # Of two conditions on one end SQLite takes the wider.
    since, until = "ticket_event.at >= ", "ticket_event.at < "
    assert (since in first, until in first) == (True, True)
    assert [(since in piece, until in piece) for piece in later] == [(False, True)] * 4
    assert (since in page, until in page) == (True, False)


async def test_a_page_after_what_lies_past_the_days_begins_with_the_days(db: Database) -> None:
    made = await lived(db)
    wanted = MoveFilter(since=NOW - 3 * DAY, until=NOW - DAY)
    async with db.reads() as session:
        found = await moves.page(session, TABLES, wanted, before=made[0], limit=50)
    assert [one.id for one in found] == [number for at in (6, 9) for number in reversed(made[at : at + 3])]


async def test_all_moves_come_in_pieces(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await lived(db)
    monkeypatch.setattr(moves, "_PIECE", 2)
    found = [one.id async for one in moves.every(db, TABLES, MoveFilter())]
    assert found == [number for start in (12, 9, 6, 3, 0) for number in made[start : start + 3]]


async def test_whom_nobody_could_reach_is_looked_for_among_the_last_days_alone(deps: Deps) -> None:
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.insert(Notice),
            [
                {
                    "key": f"k{number}", "recipient_kind": "unit", "recipient": "110105", "template": "t",
                    "urgency": "U3", "facts": {}, "created_at": NOW - number * DAY, "not_before": NOW,
                    "state": NoticeState.NO_CONTACT.value,
                }
                for number in range(300)
            ],
        )  # fmt: skip
    async with deps.db.writes.begin() as session:
        await session.execute(sa.text("ANALYZE"))

    async def ask(_session: AsyncSession) -> None:
        await waking.wake_reachable(deps, (Medium.SMS,))

    (plan,) = await plans(deps.db, ask)
    assert "ix_notice_no_contact" in plan


async def test_what_was_given_up_is_looked_for_among_the_newest_alone(deps: Deps) -> None:
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.insert(Notice),
            [
                {
                    "key": f"k{number}", "recipient_kind": "unit", "recipient": "110105", "template": "t",
                    "urgency": "U3", "facts": {}, "created_at": NOW, "not_before": NOW, "state": state.value,
                }
                for number, state in enumerate([NoticeState.GIVEN_UP, *[NoticeState.SENT] * 3000])
            ],
        )  # fmt: skip
    async with deps.db.writes.begin() as session:
        await session.execute(sa.text("ANALYZE"))

    async def ask(_session: AsyncSession) -> None:
        await waking.wake_unworded(deps)

    (plan,) = await plans(deps.db, ask)
    assert "ix_notice_state" in plan
    assert not scanned(plan, "notice")


async def test_a_case_s_reports_are_not_looked_for_among_all_leads(db: Database) -> None:
    await add_tickets(db, TicketIn())
    async with db.writes.begin() as session:
        await session.execute(
            sa.insert(Lead),
            [
                {
                    "version": 1, "source": "s", "url_hash": str(number), "text": "工地扬尘。",
                    "seen_at": NOW, "exposed_at": NOW, "state": state.value, "hand_out_at": NOW,
                }
                for number, state in enumerate([LeadState.WAITING, *[LeadState.DROPPED] * 3000])
            ],
        )  # fmt: skip
        await session.execute(
            sa.insert(LeadPair),
            [
                {"lead_id": lead, "ticket_id": 1, "p": 0.9, "why": [], "state": "proposed", "at": NOW}
                for lead in (1, 2)
            ],
        )
    async with db.writes.begin() as session:
        await session.execute(sa.text("ANALYZE"))
    async with db.reads() as session:
        # Only the lead that still waits.
        assert [one.lead_id for one in await listing.exposures(session, 1)] == [1]

    async def ask(session: AsyncSession) -> None:
        await listing.exposures(session, 1)

    (plan,) = await plans(db, ask)
    assert not scanned(plan, "lead")
