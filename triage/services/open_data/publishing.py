"""公布开放数据: a month's public cases by district and sort of pollution, small numbers hidden, then frozen.

Only what the public may see of cases is counted (`models.public`): nothing sent in confidence, no report that
may be rewarded. A month is counted once, when it is published, and never again: two versions of a month
would tell by their difference what each hides.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import aliased

from models.appeals import Appeal
from models.corrections import Correction
from models.open311 import Open311Request
from models.public import visible_to_public
from models.reports import OpenMonth
from models.tickets import Ticket
from models.vocab import Channel, Corrected
from triage.clock import local
from triage.errors import NotReady
from triage.rules.publishing import Publish, number
from triage.rules.suppression import Cell, hidden, with_totals
from triage.rules.trends.facts import as_corrected
from triage.services import months

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.services.deps import Deps

UNKNOWN: Final = "unknown"
#: Corrections that change the cell a case is counted in.
_FIELDS: Final = (Corrected.KIND.value, Corrected.ENVIRONMENTAL.value, Corrected.PLACE.value)


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
    districts = sorted(code for code, unit in tables.units.items() if unit.governs)
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
    """As corrected, as in the trends."""
    one = sa.alias(Correction.__table__)
    said = sa.exists().where(one.c.ticket_id == Ticket.id, one.c.field.in_(_FIELDS))
    # What nobody asked for (巡查发现) is no demand.
    asked = Appeal.channel != Channel.PATROL.value
    public = (visible_to_public(), asked, Appeal.received_at >= start, Appeal.received_at < end)
    rows = await session.execute(
        _of_cases(Ticket.district_code, Ticket.kind, sa.func.count())
        .where(*public, Ticket.environmental, ~said)
        .group_by(Ticket.district_code, Ticket.kind)
    )
    counts = [(district or "", kind or "", int(count)) for district, kind, count in rows]
    counts += [(district, kind, 1) for district, kind in await _corrected(session, [*public, said])]
    found: dict[Cell, int] = {}
    for district, kind, count in counts:
        row = tables.kinds.get(kind)
        if row is not None:
            cell = (district or UNKNOWN, row.parent)
            found[cell] = found.get(cell, 0) + count
    return found


def _of_cases(*columns: Any) -> sa.Select[Any]:  # noqa: ANN401  (columns)
    return (
        sa.select(*columns)
        .select_from(Appeal)
        .join(Ticket, Ticket.appeal_id == Appeal.id)
        .outerjoin(Open311Request, Open311Request.appeal_id == Appeal.id)
    )


async def _corrected(
    session: AsyncSession, conditions: Sequence[sa.ColumnElement[bool]]
) -> list[tuple[str, str]]:
    """District and kind of the cases that somebody corrected."""
    columns = (Ticket.id, Ticket.environmental, Ticket.kind, Ticket.district_code, Ticket.street_code)
    cases = (await session.execute(_of_cases(*columns).where(*conditions))).all()
    told: dict[int, list[tuple[str, str]]] = {}
    # Under another name: the condition on what is public asks for corrections itself.
    said = aliased(Correction)
    rows = await session.execute(
        _of_cases(said.ticket_id, said.field, said.new)
        .join(said, said.ticket_id == Ticket.id)
        .where(*conditions)
        .order_by(said.id)
    )
    for ticket_id, field, new in rows:
        told.setdefault(ticket_id, []).append((field, new))
    found = [
        as_corrected(kind if environmental else None, district, street, told.get(number, ()))
        for number, environmental, kind, district, street in cases
    ]
    return [(district, kind) for kind, district, _ in found]


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
