"""Open data: what is counted, what is not, frozen once published; page, CSV and JSON."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.appeals import Appeal
from models.corrections import Correction
from models.reports import OpenMonth
from models.tickets import Ticket
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import FixedClock
from triage.errors import NotReady
from triage.services import months
from triage.services.deps import Deps
from triage.services.open_data import publishing
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database

OCTOBER = TicketIn(age=timedelta(days=30))


def deps_of(db: Database) -> Deps:
    return Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))


async def test_confidential_and_reward_cases_are_not_counted(db: Database) -> None:
    await add_tickets(db, *[OCTOBER] * 12, replace(OCTOBER, age=timedelta(days=1)))
    async with db.writes.begin() as session:
        await session.execute(sa.update(Appeal).where(Appeal.id == 1).values(confidential=True))
        await session.execute(sa.update(Ticket).where(Ticket.id == 2).values(appeal_type="举报"))
        row = await publishing.publish(session, triage.tables.load(), "2026-10", now=NOW)
    counts = {(cell["district"], cell["sort"]): cell["count"] for cell in row.cells}
    assert counts["110105", "噪声"] == 10
    assert counts["", ""] == 10


async def test_a_case_is_counted_as_it_was_corrected(db: Database) -> None:
    numbers = await add_tickets(db, *[OCTOBER] * 13)
    tables = triage.tables.load()
    people = ((0, "kind", "AIR-01"), (1, "place", "110108010"), (2, "kind", "AIR-01"), (2, "kind", "NOI-02"))
    async with db.writes.begin() as session:
        found = {row.no: row.id for row in await session.execute(sa.select(Ticket.no, Ticket.id))}
        told = [(found[numbers[n]], field, new) for n, field, new in (*people, (3, "environmental", "false"))]
        rows = [
            {
                "ticket_id": ticket, "appeal_id": ticket, "field": field, "old": None, "new": new, "by": "x",
                "at": NOW, "model_version": "m",
            }
            for ticket, field, new in told
        ]  # fmt: skip
        await session.execute(sa.insert(Correction), rows)
        row = await publishing.publish(session, tables, "2026-10", now=NOW)
    whole = {(cell["district"], cell["sort"]): cell["count"] for cell in row.cells}
    # Thirteen, of which one is none of ours; small ones are hidden.
    assert whole["", ""] == 12
    async with db.reads() as session:
        start, end = months.span("2026-10")
        counts = await publishing._counts(session, tables, start, end)
    air = tables.kinds["AIR-01"].parent
    assert counts == {("110105", "噪声"): 10, ("110105", air): 1, ("110108", "噪声"): 1}


async def test_published_it_does_not_change(sqlite_db: Database) -> None:
    deps = deps_of(sqlite_db)
    await add_tickets(sqlite_db, *[OCTOBER] * 6)
    await publishing.Publisher(deps).poke()
    await add_tickets(sqlite_db, *[OCTOBER] * 6)
    await publishing.Publisher(deps).poke()
    async with sqlite_db.writes.begin() as session:
        row = await publishing.publish(session, deps.tables, "2026-10", now=NOW + timedelta(days=1))
        assert row.published_at == NOW
        assert await session.scalar(sa.select(sa.func.count()).select_from(OpenMonth)) == 1
    assert {cell["count"] for cell in row.cells} == {0, 6}


async def test_a_month_waits_for_its_day(sqlite_db: Database) -> None:
    async with sqlite_db.writes.begin() as session:
        with pytest.raises(NotReady, match="次月 5 日"):
            await publishing.publish(session, triage.tables.load(), "2026-11", now=NOW)


async def test_only_districts_that_have_a_government_have_a_row(sqlite_db: Database) -> None:
    """经开区 has a district's level and a code that no case is counted under: a row of noughts for good."""
    async with sqlite_db.writes.begin() as session:
        row = await publishing.publish(session, triage.tables.load(), "2026-10", now=NOW)
    districts = {cell["district"] for cell in row.cells} - {"", publishing.UNKNOWN}
    assert len(districts) == 16
    assert "110115403" not in districts


def test_small_numbers_are_null() -> None:
    cells = publishing.told(
        {("a", "x"): 2, ("b", "x"): 9, ("b", "y"): 9, ("a", "y"): 9}, ["a", "b"], ["x", "y"], 5
    )
    assert sum(1 for cell in cells if cell["count"] is None) == 4
