"""查进度: whose case a number is, and what the question costs: anybody may ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.vault import Vault
from models.appeals import Appeal, Appellant, Source
from models.tickets import Ticket
from tests.factories import NOW, TicketIn, add_tickets
from tests.plans import plans, scanned
from triage.services.citizen import cases, filing

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

VAULT = Vault({1: bytes(32)})
MINE, THEIRS = "13912340007", "13800000008"


async def two_of_one_number(db: Database) -> tuple[int, int]:
    """A receipt of the web, and another's ticket whose number has the same digits."""
    await add_tickets(db, TicketIn(), TicketIn())
    async with db.writes.begin() as session:
        first, second = list(await session.scalars(sa.select(Appeal.id).order_by(Appeal.id)))
        await session.execute(sa.insert(Source), {"key": filing.SOURCE, "name": "网上", "created_at": NOW})
        web = sa.select(Source.id).where(Source.key == filing.SOURCE).scalar_subquery()
        await session.execute(
            sa.update(Appeal)
            .where(Appeal.id == first)
            .values(source_id=web, external_id="W20261126482107", dedupe_key="x:W20261126482107")
        )
        await session.execute(
            sa.update(Ticket).where(Ticket.appeal_id == second).values(no="20261126-482107")
        )
        for appeal_id, phone in ((first, MINE), (second, THEIRS)):
            await session.execute(
                sa.insert(Appellant),
                {"appeal_id": appeal_id, "phone_index": VAULT.phone_index(phone), "created_at": NOW},
            )
    return first, second


async def test_of_two_cases_with_the_same_digits_the_phone_tells_whose_is_meant(
    db: Database,
) -> None:
    first, second = await two_of_one_number(db)
    async with db.reads() as session:
        assert await cases.find(session, VAULT, "20261126482107", MINE) == first
        assert await cases.find(session, VAULT, "20261126482107", THEIRS) == second
        assert await cases.find(session, VAULT, "W20261126482107", MINE) == first
        with pytest.raises(cases.NotYours):
            await cases.find(session, VAULT, "W20261126482107", THEIRS)


async def test_no_number_makes_it_read_all_there_is(db: Database) -> None:
    await two_of_one_number(db)

    async def ask(session: AsyncSession) -> None:
        await cases.find(session, VAULT, "20261126482107", MINE)

    (plan,) = await plans(db, ask)
    assert "appeal" in plan
    assert [table for table in ("appeal", "ticket", "appellant") if scanned(plan, table)] == []
