"""A ticket's standing as rows: what the list is sorted and filtered by, its units, its objections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from models import keepers
from models.appeals import Appeal
from models.db import insert_of
from models.tickets import ObjectionRow, Ticket, TicketEvent, TicketUnit
from models.units import Staff
from models.vocab import OPEN_STATES, Role, State, Tag, Urgency
from triage.errors import NotFound, TriageError
from triage.rules.dues import first_limits
from triage.rules.replay import opening_of
from triage.services.repeats import resting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.moves import Actor
    from triage.rules.replay import Event
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing


class LostRow(TriageError):
    """工单在写入时被别人改动，请重试。"""

    code = "lost_row"
    status = 409


def columns(tables: Tables, s: Standing) -> dict[str, Any]:
    """The columns of `ticket` that the events decide."""
    lead = tables.units.get(s.unit or "")
    return {
        "version": s.version,
        "state": s.state.value,
        "level": lead.level.value if lead else None,
        "unit_code": s.unit,
        "urgency": s.urgency.value,
        "flagged": s.flagged,
        "divert": s.divert.value if s.divert else None,
        "dispatched_at": s.dispatched_at,
        "dispatch_by": s.dispatch_by,
        "answer_by": s.answer_by,
        "due_at": s.due_at,
        "due_clock": s.due_clock.value if s.due_clock else None,
        "urges": s.urges,
        "asked": ",".join(sorted(move.value for move in s.asked)) or None,
    }


def unit_rows(s: Standing) -> list[dict[str, Any]]:
    """The rows of `ticket_unit`: each unit once, in its weightiest role; called ones with their due time."""
    found: dict[str, dict[str, Any]] = {}
    roles = (
        (Role.LEAD, (s.unit,) if s.unit else ()),
        (Role.ASSIST, (*s.assist, *(call.unit for call in s.calls))),
        (Role.COPY, s.copies),
    )
    for role, codes in roles:
        for code in codes:
            found.setdefault(
                code, {"unit_code": code, "role": role.value, "due_at": None, "reported_at": None}
            )
    for call in s.calls:
        found[call.unit] |= {"due_at": call.due, "reported_at": call.reported_at}
    return list(found.values())


def objection_rows(s: Standing, catalogue_row: str | None) -> list[dict[str, Any]]:
    """The rows of `objection`. Only the first dispatch was the catalogue's."""
    return [
        {
            "seq": o.seq, "at": o.at, "unit_code": o.unit, "proposed_unit": o.proposed, "clause": o.clause,
            "catalogue_row": catalogue_row if number == 0 else None,
            "reason": o.reason, "ruling": o.ruling.value if o.ruling else None, "ruled_at": o.ruled_at,
            "ruled_unit": o.ruled_unit,
            "ruling_reason": o.ruling_reason or None,
        }
        for number, o in enumerate(s.objections)
    ]  # fmt: skip


async def store(
    session: AsyncSession,
    tables: Tables,
    ticket: Ticket,
    events: Sequence[Event],
    after: Standing,
    *,
    staff_id: int | None,
    before: Standing | None = None,
) -> None:
    """Write the events and bring the rows to `after`. The row must be locked. Raises LostRow.

    With `before`, for which the rows stand already, only what differs is written anew.
    """
    await session.execute(
        sa.insert(TicketEvent),
        [
            {
                "ticket_id": ticket.id, "seq": event.seq, "at": event.at, "tag": event.tag,
                "staff_id": staff_id if event.login else None, "data": dict(event.data),
            }
            for event in events
        ],
    )  # fmt: skip
    done = await session.execute(
        sa.update(Ticket)
        .where(Ticket.id == ticket.id, Ticket.version == ticket.version)
        .values(**columns(tables, after))
        .returning(Ticket.id)
        .execution_options(synchronize_session=False)
    )
    if done.one_or_none() is None:
        raise LostRow
    if ticket.state not in OPEN_STATES and after.state in OPEN_STATES:
        await resting.wake(session, ticket.id)
    if before is None or unit_rows(before) != unit_rows(after):
        await _replace(session, TicketUnit, ticket.id, unit_rows(after))
    if before is None or _dealing(before) != _dealing(after):
        await keepers.end(session, ticket.id, but=_dealing(after))
    if before is None or (before.objections, before.unit) != (after.objections, after.unit):
        found = objection_rows(after, await _sent_by(session, tables, ticket, after))
        await _replace(session, ObjectionRow, ticket.id, found)


def _dealing(s: Standing) -> frozenset[str]:
    """The units that deal with it (经办)."""
    parts = {part["unit_code"]: part["role"] for part in unit_rows(s)}
    return keepers.dealing(parts, s.state.value)


async def _replace(
    session: AsyncSession, model: type[TicketUnit | ObjectionRow], ticket_id: int, rows: list[dict[str, Any]]
) -> None:
    await session.execute(sa.delete(model).where(model.ticket_id == ticket_id))
    if rows:
        await session.execute(sa.insert(model), [{"ticket_id": ticket_id, **row} for row in rows])


async def _sent_by(session: AsyncSession, tables: Tables, ticket: Ticket, after: Standing) -> str | None:
    """The catalogue row that chose the unit which objected first; None when a person chose another one.

    What was proposed to nobody was dispatched at once: whom the row chose stands in that event.
    """
    if not after.objections:
        return None
    known = {row.id for row in tables.catalogue if row.role is Role.LEAD}
    row = next((name for name in ticket.decision.get("row_ids", ()) if name in known), None)
    if row is None:
        return None
    proposed = ticket.decision.get("proposed")
    unit = proposed.get("unit") if proposed else await _dispatched_to(session, ticket.id)
    by_person = unit is not None and unit != after.objections[0].unit
    return None if by_person else row


async def _dispatched_to(session: AsyncSession, ticket_id: int) -> str | None:
    """The unit that it was dispatched to at first; None where the event does not tell (older tickets)."""
    mine = sa.select(TicketEvent.data).where(
        TicketEvent.ticket_id == ticket_id, TicketEvent.tag == Tag.DISPATCHED.value
    )
    data = await session.scalar(mine.order_by(TicketEvent.seq).limit(1))
    return (data or {}).get("unit")


async def units_of(session: AsyncSession, ticket_id: int) -> dict[Role, list[str]]:
    """The units of a ticket by role."""
    rows = await session.execute(
        sa.select(TicketUnit.role, TicketUnit.unit_code)
        .where(TicketUnit.ticket_id == ticket_id)
        .order_by(TicketUnit.unit_code)
    )
    found: dict[Role, list[str]] = {}
    for role, code in rows:
        found.setdefault(Role(role), []).append(code)
    return found


async def registered(session: AsyncSession, ticket: Ticket) -> datetime:
    """When the appeal was stored here: from then its dispatch clock runs."""
    found = await session.scalar(sa.select(Appeal.stored_at).where(Appeal.id == ticket.appeal_id))
    return found or ticket.opened_at


def opening(
    tables: Tables, ticket: Ticket, units: dict[Role, list[str]], *, registered_at: datetime
) -> dict[str, Any]:
    """The opening of a ticket whose own events do not tell it, read off its row."""
    sent = ticket.dispatched_at if ticket.state == State.DISPATCHED else None
    limits = first_limits(tables, Urgency(ticket.urgency), sent) if sent else {}
    return opening_of(
        state=ticket.state, urgency=ticket.urgency, unit=ticket.unit_code,
        assist=units.get(Role.ASSIST, []), cc=units.get(Role.COPY, []),
        kind=ticket.kind, district=ticket.district_code, flagged=ticket.flagged, divert=ticket.divert,
        registered_at=registered_at, dispatched_at=ticket.dispatched_at,
        dispatch_by=ticket.dispatch_by, answer_by=ticket.answer_by,
        clocks={clock.value: due.told for clock, due in limits.items()} or None,
    )  # fmt: skip


async def staff_of(session: AsyncSession, actor: Actor, name: str, *, now: datetime) -> int | None:
    """The staff row of whoever acts, made at the first move: sign-in will bring its own."""
    if not actor.login:
        return None
    mine = sa.select(Staff.id).where(Staff.login == actor.login)
    found = await session.scalar(mine)
    if found is not None:
        return found
    await insert_new(
        session, Staff, login=actor.login, name=name, unit_code=actor.unit, active=True, created_at=now
    )
    made = await session.scalar(mine)
    if made is None:
        raise NotFound("没有这个经办人。")
    return made


async def insert_new(session: AsyncSession, model: type[Staff], **values: Any) -> None:  # noqa: ANN401
    """Insert a row unless it is there."""
    await session.execute(
        insert_of(session, model).values(**values).on_conflict_do_nothing(index_elements=["login"])
    )
