"""办理记录 for the auditor: who moved which case, when, from where, as which unit, from what state to what.

Read from the events of tickets, which are append-only by themselves; no words that anybody typed are here.
Only what a person did: the system's own events are not an act of anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from connectors import office_csv
from models.db import AwareUtc
from models.tickets import Ticket, TicketEvent
from models.units import Staff
from models.vocab import Move, State, Tag
from models.vocab_citizen import CITIZEN
from triage.clock import local

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database
    from triage.rules.rows import Tables

_PIECE: Final = 1000
#: In the order of time, as the index has them: days are a stretch of it.
_ORDER: Final = (TicketEvent.at, TicketEvent.id)
_HEAD: Final = ("编号", "时间", "人员", "来自", "操作", "工单编号", "以谁的名义", "原状态", "新状态", "批量")
_MOVES: Final = {move.value: move.label for move in Move}
_STATES: Final = {state.value: state.label for state in State}
_TAGS: Final = {tag.value: tag.label for tag in Tag}


@dataclass(frozen=True, slots=True)
class MoveFilter:
    """Which moves, as `LedgerFilter`: `since` inclusive, `until` exclusive."""

    who: str | None = None
    case_no: str | None = None
    origin: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class MoveLine:
    """One move in words. `id` is the event's; `origin` is empty for what was done before it was kept.

    Also for what citizens did: code of before 0041, which may serve while a release is laid out, kept it.
    """

    id: int
    at: datetime
    who: str
    origin: str
    move: str
    no: str
    unit: str
    old: str
    new: str
    batch: str


def _place(at: datetime, event_id: int) -> sa.Tuple:
    return sa.tuple_(sa.literal(at, AwareUtc()), sa.literal(event_id, sa.BigInteger()))


def _query(wanted: MoveFilter) -> sa.Select[Any]:
    query = (
        sa.select(TicketEvent.id, TicketEvent.at, TicketEvent.tag, TicketEvent.data, Staff.login, Ticket.no)
        .join(Staff, Staff.id == TicketEvent.staff_id)
        .join(Ticket, Ticket.id == TicketEvent.ticket_id)
    )
    if wanted.who is not None:
        query = query.where(Staff.login == wanted.who)
    if wanted.case_no is not None:
        query = query.where(Ticket.no == wanted.case_no)
    if wanted.origin is not None:
        query = query.where(TicketEvent.data["origin"].as_string() == wanted.origin, Staff.login != CITIZEN)
    if wanted.since is not None:
        query = query.where(TicketEvent.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(TicketEvent.at < wanted.until)
    return query


async def page(
    session: AsyncSession, tables: Tables, wanted: MoveFilter, *, before: int | None, limit: int
) -> list[MoveLine]:
    """Moves, newest first, those before the event `before`; before one that is not there is nothing."""
    query = _query(wanted)
    if before is not None:
        at = await session.scalar(sa.select(TicketEvent.at).where(TicketEvent.id == before))
        if at is None:
            return []
        # Of two conditions on one end SQLite takes `until`, and reads all from there again with each page.
        inside = wanted.until is not None and at < wanted.until
        query = _query(replace(wanted, until=None) if inside else wanted)
        query = query.where(sa.tuple_(*_ORDER) < _place(at, before))
    query = query.order_by(*(column.desc() for column in _ORDER)).limit(limit)
    return [_line(tables, row) for row in await session.execute(query)]


async def every(db: Database, tables: Tables, wanted: MoveFilter) -> AsyncIterator[MoveLine]:
    """All of them, oldest first, in pieces: whoever takes his time holds no connection."""
    # What follows a move lies after `since`: see `page`.
    piece, later = _query(wanted), _query(replace(wanted, since=None))
    while True:
        async with db.reads() as session:
            rows = await session.execute(piece.order_by(*_ORDER).limit(_PIECE))
            found = [_line(tables, row) for row in rows]
        for line in found:
            yield line
        if len(found) < _PIECE:
            return
        piece = later.where(sa.tuple_(*_ORDER) > _place(found[-1].at, found[-1].id))


def _line(tables: Tables, row: sa.Row[Any]) -> MoveLine:
    data: Mapping[str, Any] = row.data
    unit = tables.units.get(str(data.get("by_unit") or ""))
    return MoveLine(
        id=row.id,
        at=row.at,
        who=row.login,
        origin="" if row.login == CITIZEN else str(data.get("origin") or ""),
        move=_MOVES.get(str(data.get("move")), _TAGS.get(row.tag, row.tag)),
        no=row.no,
        unit=unit.name if unit else "",
        old=_STATES.get(str(data.get("from")), ""),
        new=_STATES.get(str(data.get("to")), ""),
        batch=str(data.get("batch") or ""),
    )


def head() -> str:
    """The header, with the mark that spreadsheets want."""
    return office_csv.MARK + office_csv.line(_HEAD)


def line(one: MoveLine) -> str:
    """One move as a line of CSV, its line break included."""
    at = local(one.at).strftime("%Y-%m-%d %H:%M:%S")
    return office_csv.line(
        (str(one.id), at, one.who, one.origin, one.move, one.no, one.unit, one.old, one.new, one.batch)
    )
