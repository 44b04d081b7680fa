"""Where tickets stand: one by one, read whole, and many in a handful of questions. Locks nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.appeals import Appeal
from models.corrections import said_of
from models.merged import rung_behind
from models.tickets import Ticket, TicketEvent, TicketUnit
from models.units import Staff
from models.vocab import Corrected, Move, Role, State, Tag
from triage.errors import NotFound
from triage.rules.answering import type_of
from triage.rules.replay import Event, replay
from triage.services import move_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.ticket_detail import WholeTicket
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing

#: Moves that look at who was rung behind a case.
_ASKING: Final = frozenset({Move.AMEND, Move.SUPPLEMENT, Move.UNDO})
#: States in which a move asks of what is no event: 当场答复, 二次派单.
_TOLD_APART: Final = frozenset({State.REVIEW, State.DISPATCHED, State.SIGNED})


async def stand(
    session: AsyncSession, tables: Tables, ticket: Ticket, *, now: datetime, move: Move | None = None
) -> tuple[Standing, list[Event]]:
    """Where a ticket stands, and the event to be written first when its own do not tell (older tickets).

    `move`: what it is asked for; who was rung behind it is looked up for those alone that ask.
    """
    events = (await events_of(session, [ticket.id]))[ticket.id]
    if (standing := replay(events)) is not None:
        if move in _ASKING and standing.state is State.FEEDBACK and standing.behind:
            standing = standing.evolve(rung_behind=await rung_behind(session, ticket.id))
        found = await _off_the_row(session, [ticket], {ticket.id: placed(standing, ticket)})
        return found[ticket.id], []
    units = await move_rows.units_of(session, ticket.id)
    registered_at = await move_rows.registered(session, ticket)
    opening = move_rows.opening(tables, ticket, units, registered_at=registered_at)
    standing, first = adopted(ticket, events, opening, now=now)
    found = await _off_the_row(session, [ticket], {ticket.id: standing})
    return found[ticket.id], first


def stand_of(tables: Tables, whole: WholeTicket, *, now: datetime) -> Standing:
    """The same for a ticket that was read whole."""
    told = (whole.ticket.appeal_type, whole.corrected_type, whole.appeal.told_type)
    return _told_of_row(tables, whole, now=now).evolve(
        appeal_type=type_of(*told),
        confidential=whole.appeal.confidential,
        rung_behind=whole.rung_behind,
    )


def _told_of_row(tables: Tables, whole: WholeTicket, *, now: datetime) -> Standing:
    events = [Event(e.seq, e.at, e.tag, e.login, e.data) for e in whole.events]
    if (standing := replay(events)) is not None:
        return placed(standing, whole.ticket)
    units: dict[Role, list[str]] = {}
    for part in whole.units:
        units.setdefault(Role(part.role), []).append(part.code)
    opening = move_rows.opening(tables, whole.ticket, units, registered_at=whole.appeal.stored_at)
    return adopted(whole.ticket, events, opening, now=now)[0]


def placed(standing: Standing, ticket: Ticket) -> Standing:
    """The same with the district in which a person put the place, where that is another one."""
    return standing.evolve(placed=None if ticket.district_code == standing.district else ticket.district_code)


async def _off_the_row(
    session: AsyncSession, tickets: Sequence[Ticket], found: dict[int, Standing]
) -> dict[int, Standing]:
    """The same with what is no event, and asked of few alone: their type, and whether 保密.

    These are who stands in review or may be handed on (二次派单), and who waits for an answer (待审批): who
    gives it is a matter of sight.
    """
    known = [(ticket.id, found[ticket.id]) for ticket in tickets if ticket.id in found]
    ids = [number for number, standing in known if standing.state in _TOLD_APART or standing.asked]
    if not ids:
        return found
    rows = await session.execute(
        sa.select(
            Ticket.id, Ticket.appeal_type, said_of(Corrected.APPEAL_TYPE), Appeal.told_type,
            Appeal.confidential,
        )
        .join(Appeal, Appeal.id == Ticket.appeal_id)
        .where(Ticket.id.in_(ids))
    )  # fmt: skip
    return found | {
        number: found[number].evolve(appeal_type=type_of(read, said, told), confidential=confidential)
        for number, read, said, told, confidential in rows
    }


def adopted(
    ticket: Ticket, events: Sequence[Event], opening: dict[str, Any], *, now: datetime
) -> tuple[Standing, list[Event]]:
    """A ticket whose events do not tell how it was opened: read off its row; the event that will say so."""
    last = events[-1] if events else None
    event = Event(
        last.seq + 1 if last else 1,
        max(now, last.at) if last else now,
        Tag.ADOPTED.value,
        "",
        {"opening": opening},
    )
    found = replay([event])
    if found is None:
        raise NotFound
    return replace(found, version=ticket.version), [event]


async def events_of(session: AsyncSession, ids: Sequence[int]) -> dict[int, list[Event]]:
    """The events of each of these tickets, in order; an empty list of one that has none."""
    events: dict[int, list[Event]] = {number: [] for number in ids}
    rows = await session.execute(
        sa.select(
            TicketEvent.ticket_id,
            TicketEvent.seq,
            TicketEvent.at,
            TicketEvent.tag,
            sa.func.coalesce(Staff.login, ""),
            TicketEvent.data,
        )
        .outerjoin(Staff, Staff.id == TicketEvent.staff_id)
        .where(TicketEvent.ticket_id.in_(ids))
        .order_by(TicketEvent.ticket_id, TicketEvent.seq)
    )
    for ticket_id, *event in rows:
        events[ticket_id].append(Event(*event))
    return events


async def stand_many(
    session: AsyncSession, tables: Tables, tickets: Sequence[Ticket], *, now: datetime
) -> dict[int, Standing]:
    """The standing of each ticket, by id."""
    events = await events_of(session, [ticket.id for ticket in tickets])
    found: dict[int, Standing] = {}
    older: list[Ticket] = []
    for ticket in tickets:
        standing = replay(events[ticket.id])
        if standing is None:
            older.append(ticket)
        else:
            found[ticket.id] = placed(standing, ticket)
    if older:
        found |= await _adopted(session, tables, older, events, now=now)
    return await _off_the_row(session, tickets, found)


async def _adopted(
    session: AsyncSession,
    tables: Tables,
    tickets: Sequence[Ticket],
    events: dict[int, list[Event]],
    *,
    now: datetime,
) -> dict[int, Standing]:
    """Those whose own events do not tell how they were opened: read off their rows."""
    ids = [ticket.id for ticket in tickets]
    units: dict[int, dict[Role, list[str]]] = {}
    parts = await session.execute(
        sa.select(TicketUnit.ticket_id, TicketUnit.role, TicketUnit.unit_code)
        .where(TicketUnit.ticket_id.in_(ids))
        .order_by(TicketUnit.ticket_id, TicketUnit.unit_code)
    )
    for ticket_id, role, code in parts:
        units.setdefault(ticket_id, {}).setdefault(Role(role), []).append(code)
    stored = await session.execute(
        sa.select(Appeal.id, Appeal.stored_at).where(Appeal.id.in_([t.appeal_id for t in tickets]))
    )
    registered = {row.id: row.stored_at for row in stored}
    found = {}
    for ticket in tickets:
        opening = move_rows.opening(
            tables,
            ticket,
            units.get(ticket.id, {}),
            registered_at=registered.get(ticket.appeal_id, ticket.opened_at),
        )
        found[ticket.id] = adopted(ticket, events[ticket.id], opening, now=now)[0]
    return found
