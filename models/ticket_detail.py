"""One ticket whole, for its page and the API: appeal, reading, units, events, names of places. Four queries.

Identities are not among what is read: only whether a name, phone or ID number was registered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.appeals import Appeal, Appellant, Reading, Source
from models.corrections import said_of
from models.filters import may_see
from models.merged import behind_ids, rung_behind
from models.tickets import Ticket, TicketEvent, TicketUnit
from models.unit_queries import area_names
from models.units import Staff, Unit
from models.vocab import Corrected, State, Tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer

#: Numbers asked for in one statement.
_AT_ONCE: Final = 5000
_NUMBER: Final = re.compile(r"[0-9]{8}-[0-9]{6,20}")
#: Whose addition a note tells: of a case that was merged into this one.
JOINED_CASE: Final = re.compile(r"（并入的工单 ([0-9]{8}-[0-9]{6,20})）")


@dataclass(frozen=True, slots=True)
class UnitPart:
    """A unit's part in the ticket; `role` is a vocab.Role."""

    code: str
    name: str
    level: str
    role: str
    due_at: datetime | None = None
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event; `staff` is null for the system."""

    seq: int
    at: datetime
    tag: str
    staff: str | None
    data: dict[str, Any]
    login: str = ""


@dataclass(frozen=True, slots=True)
class Registered:
    """Which parts of an identity are kept, sealed, with the appeal."""

    name: bool
    phone: bool
    id_number: bool
    original: bool = False
    """Whether anything of the text was masked."""

    def __bool__(self) -> bool:
        return self.name or self.phone or self.id_number or self.original


@dataclass(frozen=True, slots=True)
class WholeTicket:
    """Everything the ticket page shows. Rows are detached: only their columns may be read."""

    ticket: Ticket
    appeal: Appeal
    source: str
    reading: Reading | None
    registered: Registered
    units: tuple[UnitPart, ...]
    events: tuple[EventRow, ...]
    areas: dict[str, str]
    corrected_type: str | None = None
    """What a clerk says the matter is (vocab.AppealType); None: nobody said."""
    others: frozenset[str] = frozenset()
    """Of the tickets that the events name (merged into this one, or this one into) those that may be seen."""
    plain: frozenset[str] = frozenset()
    """Of the rest those that are not 保密: what their citizens added here may be read, not their numbers."""
    rung_behind: bool = False
    """Answered, and somebody who waits behind it was rung since (`merged.rung_behind`)."""


async def whole_ticket(session: AsyncSession, viewer: Viewer, no: str) -> WholeTicket | None:
    """The ticket of a number; None when there is none that the viewer may see."""
    if not _NUMBER.fullmatch(no):
        # Not asked at all: PostgreSQL refuses a NUL in a text.
        return None
    first = (
        await session.execute(
            sa.select(
                Ticket,
                Appeal,
                Source.name,
                Reading,
                Appellant.name.is_not(None),
                Appellant.phone.is_not(None),
                Appellant.id_number.is_not(None),
                Appellant.original.is_not(None),
                said_of(Corrected.APPEAL_TYPE),
            )
            .join(Appeal, Appeal.id == Ticket.appeal_id)
            .join(Source, Source.id == Appeal.source_id)
            .outerjoin(Reading, Reading.id == Ticket.reading_id)
            .outerjoin(Appellant, Appellant.appeal_id == Appeal.id)
            .where(Ticket.no == no, may_see(viewer))
        )
    ).one_or_none()
    if first is None:
        return None
    ticket, appeal, source, reading, name, phone, id_number, original, corrected = first
    units = await session.execute(
        sa.select(
            Unit.code, Unit.name, Unit.level, TicketUnit.role, TicketUnit.due_at, TicketUnit.reported_at
        )
        .join(Unit, Unit.code == TicketUnit.unit_code)
        .where(TicketUnit.ticket_id == ticket.id)
        .order_by(Unit.code)
    )
    events = await session.execute(
        sa.select(
            TicketEvent.seq,
            TicketEvent.at,
            TicketEvent.tag,
            Staff.name,
            TicketEvent.data,
            sa.func.coalesce(Staff.login, ""),
        )
        .outerjoin(Staff, Staff.id == TicketEvent.staff_id)
        .where(TicketEvent.ticket_id == ticket.id)
        .order_by(TicketEvent.seq)
    )
    told = tuple(EventRow(*row) for row in events)
    named = {no for event in told for no in other_tickets(event.data)}
    others = await seen_numbers(session, viewer, named) if named else frozenset()
    asks = ticket.state == State.FEEDBACK and any(event.tag == Tag.JOINED for event in told)
    codes = {ticket.district_code, ticket.street_code}
    if reading is not None:
        codes |= {reading.district_code, reading.street_code, reading.community_code}
    return WholeTicket(
        ticket=ticket,
        appeal=appeal,
        source=source,
        reading=reading,
        registered=Registered(bool(name), bool(phone), bool(id_number), bool(original)),
        units=tuple(UnitPart(*row) for row in units),
        events=told,
        areas=await area_names(session, sorted(code for code in codes if code)),
        corrected_type=corrected,
        others=others,
        plain=await _plain_behind(session, ticket.id, named - others) if named - others else frozenset(),
        rung_behind=await rung_behind(session, ticket.id) if asks else False,
    )


def other_tickets(data: Mapping[str, Any]) -> list[str]:
    """The tickets that an event names besides its own: who may see this one need not see those."""
    values = data.get("values") or data
    named = (data.get("joined"), data.get("left"), values.get("other_ticket"))
    return [str(no) for no in named if no] + JOINED_CASE.findall(str(values.get("note") or ""))


async def _plain_behind(session: AsyncSession, ticket_id: int, numbers: Iterable[str]) -> frozenset[str]:
    """Of these ticket numbers those that stand merged into a ticket, and whose case is not 保密."""
    behind = await behind_ids(session, [ticket_id])
    if not behind:
        return frozenset()
    found = await session.scalars(
        sa.select(Ticket.no)
        .join(Appeal, Appeal.id == Ticket.appeal_id)
        .where(Ticket.no.in_(sorted(numbers)), Ticket.id.in_(behind), Appeal.confidential.is_(False))
    )
    return frozenset(found)


async def seen_numbers(session: AsyncSession, viewer: Viewer, numbers: Iterable[str]) -> frozenset[str]:
    """Of these ticket numbers those that the viewer may see: for what only names cases."""
    wanted = sorted({no for no in numbers if no})
    found: set[str] = set()
    # In parts: a database takes only so many parameters.
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        found.update(await session.scalars(sa.select(Ticket.no).where(Ticket.no.in_(part), may_see(viewer))))
    return frozenset(found)
