"""The report of rows that lose objections: counted by month, by row, by what became of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.tickets import ObjectionRow, Ticket
from models.vocab import Role
from tests.factories import NOW, TicketIn
from tests.triage.services.test_moving import VIEWER, ready
from tests.triage.services.test_moving import tables as tables  # noqa: PLC0414  (a fixture is found by name)
from triage.errors import BadInput
from triage.services import objections

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.rows import Tables

WANGJING, ECOLOGY, WATER = "110105026", "110105-ecology", "110105-water"


async def raised(
    db: Database, no: str, seq: int, row: str | None, ruling: str | None, *, ruled: str | None = None,
    at: timedelta = timedelta(0),
) -> None:  # fmt: skip
    async with db.writes.begin() as session:
        ticket = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        await session.execute(
            sa.insert(ObjectionRow),
            {
                "ticket_id": ticket, "seq": seq, "at": NOW + at, "unit_code": WANGJING,
                "proposed_unit": ECOLOGY if seq % 2 else WATER, "catalogue_row": row, "clause": "条例第12条",
                "reason": "不在辖区", "ruling": ruling, "ruled_unit": ruled,
                "ruled_at": NOW + at + timedelta(hours=seq) if ruling else None,
            },
        )  # fmt: skip


async def test_rows_that_lose_stand_first(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    good, bad = [row.id for row in tables.catalogue if row.role is Role.LEAD][:2]
    await raised(db, no, 1, bad, "object_uphold")
    await raised(db, no, 2, bad, "arbitrate", ruled=WATER)
    await raised(db, no, 3, bad, "object_reject")
    await raised(db, no, 4, good, "object_reject")
    await raised(db, no, 5, good, "arbitrate", ruled=WANGJING)
    await raised(db, no, 6, None, None)
    async with db.reads() as session:
        found = await objections.report(session, tables, VIEWER, "2026-11")
    assert [(row.row, row.raised, row.lost, row.won, row.waiting) for row in found.rows] == [
        (bad, 3, 2, 1, 0), (good, 2, 0, 2, 0), (objections.BY_PERSON, 1, 0, 0, 1)
    ]  # fmt: skip
    assert (found.raised, found.lost, found.won, found.waiting) == (6, 2, 3, 1)
    assert found.longest_ruling == timedelta(hours=5)
    assert found.rows[0].proposed == (("朝阳区生态环境局", 2), ("朝阳区水务局", 1))
    assert found.rows[0].title.endswith("主办")
    assert [row.share for row in found.rows] == [2 / 3, 0.0, None]


async def test_a_month_is_half_open_in_beijing(db: Database, tables: Tables) -> None:
    (no,) = await ready(db, tables, TicketIn())
    first, after = objections.edges("2026-12")
    for seq, at in enumerate((first - timedelta(seconds=1), first, after - timedelta(seconds=1), after), 1):
        await raised(db, no, seq, None, None, at=at - NOW)
    async with db.reads() as session:
        counts = [
            (await objections.report(session, tables, VIEWER, month)).raised
            for month in ("2026-11", "2026-12", "2027-01")
        ]
    assert counts == [1, 2, 1]


@pytest.mark.parametrize("month", ["", "2026-13", "2026-1", "２０２６-11", "2026-11-01"])
def test_a_month_that_is_none_is_refused(month: str) -> None:
    with pytest.raises(BadInput, match="月份应形如"):
        objections.edges(month)
