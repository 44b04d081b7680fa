"""公布开放数据: a month's public cases by district and sort of pollution, small numbers hidden, then frozen.

Only what the public may see of cases is counted (`models.public`): nothing sent in confidence, no report that
may be rewarded. A month is counted once, when it is published, and never again: two versions of a month
would tell by their difference what each hides.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from models.appeals import Appeal
from models.open311 import Open311Request
from models.public import visible_to_public
from models.reports import OpenMonth
from models.tickets import Ticket
from models.vocab import Level
from triage.clock import local
from triage.errors import NotReady
from triage.rules.publishing import Publish, number
from triage.rules.suppression import Cell, hidden, with_totals
from triage.services import months

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.services.deps import Deps

UNKNOWN = "unknown"


async def publish(session: AsyncSession, tables: Tables, month: str, *, now: datetime) -> OpenMonth:
    """Publish a month once; published, it is given as it is. Raises BadInput, NotReady before its day."""
    start, end = months.span(month)
    known = await session.get(OpenMonth, month)
    if known is not None:
        return known
    today = local(now).date()
    day = number(tables.publishing, Publish.OPEN_DAY, today)
    if local(end).date().replace(day=day) > today:
        raise NotReady(f"{month} 的数据自次月 {day} 日起公布。")
    least = number(tables.publishing, Publish.OPEN_LEAST, local(start).date())
    counts = await _counts(session, tables, start, end)
    districts = sorted(code for code, unit in tables.units.items() if unit.level is Level.DISTRICT)
    sorts = sorted({kind.parent for kind in tables.kinds.values()})
    cells = told(counts, [*districts, UNKNOWN], sorts, least)
    row = OpenMonth(
        month=month, least=least, published_at=now, cells=cells,
        sha256=hashlib.sha256(orjson.dumps([month, least, cells])).hexdigest(),
    )  # fmt: skip
    session.add(row)
    await session.flush()
    return row


def told(
    counts: dict[Cell, int], districts: Sequence[str], sorts: Sequence[str], least: int
) -> list[dict[str, Any]]:
    """Every cell with its count, null where it is hidden; an empty district or sort is the total."""
    table = with_totals(counts, districts, sorts)
    not_told = hidden(table, least)
    return [
        {"district": district, "sort": sort, "count": None if (district, sort) in not_told else count}
        for (district, sort), count in sorted(table.items())
    ]


async def _counts(session: AsyncSession, tables: Tables, start: datetime, end: datetime) -> dict[Cell, int]:
    rows = await session.execute(
        sa.select(Ticket.district_code, Ticket.kind, sa.func.count())
        .select_from(Appeal)
        .join(Ticket, Ticket.appeal_id == Appeal.id)
        .outerjoin(Open311Request, Open311Request.appeal_id == Appeal.id)
        .where(
            visible_to_public(), Appeal.received_at >= start, Appeal.received_at < end, Ticket.environmental
        )
        .group_by(Ticket.district_code, Ticket.kind)
    )
    found: dict[Cell, int] = {}
    for district, kind, count in rows:
        row = tables.kinds.get(kind or "")
        if row is not None:
            cell = (district or UNKNOWN, row.parent)
            found[cell] = found.get(cell, 0) + count
    return found


class Publisher:
    """Publishes last month when its day has come. One per process."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def poke(self) -> bool:
        """Publish what is due; never more at once."""
        deps, now = self._deps, self._deps.clock.now()
        month = months.earlier_month(f"{local(now):%Y-%m}")
        async with deps.db.reads() as session:
            if await session.get(OpenMonth, month) is not None:
                return False
        try:
            async with deps.db.writes.begin() as session:
                await publish(session, deps.tables, month, now=now)
        except NotReady:
            # Its day has not come.
            return False
        return False
