"""The proposal in force: whom a ticket that waits for review would go to now, on every page and in bulk.

What the decision proposed stands until a clerk puts the place or the kind right: then it is whom the tables
name for the place and the kind of now, and nobody where they name none, nor where a clerk says that it is no
environmental matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models import corrections
from models.appeals import Appeal, Reading
from models.corrections import said_of
from models.tickets import Ticket
from models.vocab import Corrected, Level, State
from nlp.types import source_text
from triage.errors import NoRule
from triage.rules import routing
from triage.services import correcting
from triage.services.deciding import words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.corrections import Correction
    from models.ticket_detail import WholeTicket
    from triage.rules.routing import Route
    from triage.rules.rows import Tables

#: Corrections that change who answers for a ticket.
_DECIDING: Final = (Corrected.PLACE, Corrected.KIND, Corrected.ENVIRONMENTAL)


def route_at(tables: Tables, ticket: Ticket, text: str, kind: str, *, day: date) -> Route | None:
    """Who leads and who assists for a kind where the ticket is now; None where the tables say nothing."""
    told = routing.situation_of(tables, kind=kind, text=text, at=day) if kind in tables.kinds else None
    try:
        route = routing.route(
            tables, kind=kind, at=day, district_code=ticket.district_code, street_code=ticket.street_code,
            situation=told[0].id if told else None,
        )  # fmt: skip
    except NoRule:
        return None
    # Nobody knows where it is: that is what the clerk is to find out, not a unit to send it to.
    return None if route.unit.level is Level.DESK else route


def of_whole(
    tables: Tables, whole: WholeTicket, known: Sequence[Correction], *, day: date
) -> Mapping[str, Any]:
    """The proposal of a ticket that was read whole, with its corrections: `unit` and `assist` by code."""
    said = {Corrected(item.field): item.new for item in known}
    if whole.reading is None or said.keys().isdisjoint(_DECIDING):
        return as_decided(whole.ticket)
    held = correcting.as_held(whole.reading, known, whole.appeal.told_type)
    if held[Corrected.ENVIRONMENTAL] == correcting.NO:
        return {}
    text = source_text(*words_of(whole.appeal))
    return _told(route_at(tables, whole.ticket, text, held[Corrected.KIND] or "", day=day))


async def of_one(
    session: AsyncSession, tables: Tables, whole: WholeTicket, *, day: date
) -> Mapping[str, Any]:
    """The same, its corrections asked for where they matter."""
    waits = whole.ticket.state == State.REVIEW
    known = await corrections.of_ticket(session, whole.ticket.id) if waits else ()
    return of_whole(tables, whole, known, day=day)


async def of_many(
    session: AsyncSession, tables: Tables, tickets: Sequence[Ticket], *, day: date
) -> dict[int, Mapping[str, Any]]:
    """The proposals of many, by id, in one question."""
    found = {ticket.id: as_decided(ticket) for ticket in tickets}
    rows = await session.execute(
        sa.select(
            Ticket.id,
            Appeal,
            sa.func.coalesce(said_of(Corrected.KIND), Reading.kind, "").label("kind"),
            said_of(Corrected.ENVIRONMENTAL).label("environmental"),
        )
        .join(Appeal, Appeal.id == Ticket.appeal_id)
        .join(Reading, Reading.id == Ticket.reading_id)
        .where(Ticket.id.in_(list(found)), sa.or_(*(said_of(field).is_not(None) for field in _DECIDING)))
    )
    mended = {row.id: row for row in rows}
    for ticket in tickets:
        if row := mended.get(ticket.id):
            text = source_text(*words_of(row.Appeal))
            none = row.environmental == correcting.NO
            found[ticket.id] = {} if none else _told(route_at(tables, ticket, text, row.kind, day=day))
    return found


def as_decided(ticket: Ticket) -> Mapping[str, Any]:
    """What the decision proposed; empty when it proposed nothing."""
    return ticket.decision.get("proposed") or {}


def _told(route: Route | None) -> Mapping[str, Any]:
    return {"unit": route.unit.code, "assist": [unit.code for unit in route.assist]} if route else {}
