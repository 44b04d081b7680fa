"""From stored events to the histories that clocks and rates are counted from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models import placed
from models.appeals import Reading
from models.corrections import Correction
from models.tickets import Ticket, TicketEvent
from models.vocab import Corrected, State, Tag, Urgency
from triage.rules.acts import ACTS, Event, History
from triage.rules.rate_rows import SATISFACTION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.acts import Placed

_BATCH: Final = 500
#: Events that were named before acts were.
_NAMED: Final = {
    Tag.RECEIVED.value: "receive", Tag.DISPATCHED.value: "dispatch", Tag.DIVERTED.value: "divert",
    Tag.HANDED_OVER.value: "hand_over",
}  # fmt: skip
#: What may decide the month a ticket counts in: the acts that `verdicts` looks at for it.
DECIDING: Final = (
    "dispatch", "divert", "answer_now", "withdraw", "take_up", "merge", "split", "follow_up",
    "exclude_grant", "ledger_grant",
)  # fmt: skip
_WORTH: Final = {word: len(SATISFACTION) - place for place, word in enumerate(SATISFACTION)}
_YES_NO: Final = {"yes": True, "no": False}


def act_of(tag: str) -> str | None:
    """The act that a stored tag tells of; None when it is none of a ticket's life."""
    if tag in _NAMED:
        return _NAMED[tag]
    act = tag.removeprefix("ticket:")
    return act if act in ACTS and act != tag else None


def event_of(tag: str, at: datetime, data: Mapping[str, Any], seq: int) -> Event | None:
    """A stored event as an act with its facts; None when it says nothing to clocks and rates.

    A call of the unit that nobody answered is no contact, but can be taken back like one.
    """
    act = act_of(tag)
    if act is None:
        return None
    told = {**data, **(data.get("values") or {})}
    if act == "withdraw" and data.get("to") != State.CLOSED:
        # Others wait for the case: it goes on.
        return Event("withdraw_part", at, told, seq)
    unanswered = told.get("outcome") == "unreachable" or bool(told.get("unreachable"))
    if act == "contact" and unanswered:
        return Event("contact_tried", at, told, seq)
    if act == "follow_up":
        step = told.get("satisfaction")
        told |= {
            "unreachable": unanswered,
            "contacted": _YES_NO.get(str(told.get("contacted")), told.get("contacted")),
            "solved": _YES_NO.get(str(told.get("solved")), told.get("solved")),
            "satisfaction": _WORTH.get(str(step), step),
        }
    return Event(act, at, told, seq)


def tags_of(acts: Collection[str]) -> list[str]:
    """The stored tags that tell of these acts."""
    return [*(tag.value for tag in Tag if act_of(tag.value) in acts), *(f"ticket:{act}" for act in acts)]


async def histories(session: AsyncSession, *, since: datetime, until: datetime) -> AsyncIterator[History]:
    """The tickets to which something deciding happened in [since, until), each with all its events."""
    tags = tags_of(DECIDING)
    ids = list(
        await session.scalars(
            sa.select(TicketEvent.ticket_id)
            .where(TicketEvent.tag.in_(tags), TicketEvent.at >= since, TicketEvent.at < until)
            .distinct()
            .order_by(TicketEvent.ticket_id)
        )
    )
    for start in range(0, len(ids), _BATCH):
        part = ids[start : start + _BATCH]
        places = await _places(session, part)
        for number, history in (await by_ids(session, part)).items():
            yield replace(history, places=places[number]) if number in places else history


async def _places(session: AsyncSession, ids: list[int]) -> dict[int, tuple[Placed, ...]]:
    """Of those whose place a person put right: where it was put and from when, first as it was read."""
    rows = await session.execute(
        sa.select(
            Correction.ticket_id, Correction.at, Correction.new, Reading.district_code, Reading.street_code
        )
        .join(Ticket, Ticket.id == Correction.ticket_id)
        .outerjoin(Reading, Reading.id == Ticket.reading_id)
        .where(Correction.ticket_id.in_(ids), Correction.field == Corrected.PLACE.value)
        .order_by(Correction.ticket_id, Correction.id)
    )
    found: dict[int, tuple[Placed, ...]] = {}
    for ticket_id, at, new, district, street in rows:
        before = found.get(ticket_id, ((None, district, street),))
        found[ticket_id] = (*before, (at, *placed.codes(new)))
    return found


def _opened(told: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the opening of a ticket says of its grade and kind; an older one says nothing."""
    grade = (told or {}).get("urgency")
    told = told or {}
    return {
        "opened_as": Urgency(grade) if grade else None, "opened_kind": told.get("kind"),
        "patrol": bool(told.get("patrol")),
    }  # fmt: skip


async def by_ids(session: AsyncSession, ids: list[int]) -> dict[int, History]:
    """The histories of tickets, by id."""
    events: dict[int, list[Event]] = {number: [] for number in ids}
    opened: dict[int, dict[str, Any]] = {}
    rows = await session.execute(
        sa.select(TicketEvent.ticket_id, TicketEvent.tag, TicketEvent.at, TicketEvent.data, TicketEvent.seq)
        .where(TicketEvent.ticket_id.in_(ids))
        .order_by(TicketEvent.ticket_id, TicketEvent.seq)
    )
    for ticket_id, tag, at, data, seq in rows:
        event = event_of(tag, at, data, seq)
        if event is not None:
            events[ticket_id].append(event)
        if told := data.get("opening"):
            opened.setdefault(ticket_id, told)
    tickets = await session.execute(
        sa.select(
            Ticket.id, Ticket.no, Ticket.urgency, Ticket.kind,
            Ticket.district_code, Ticket.street_code, Ticket.unit_code,
        )
        .where(Ticket.id.in_(ids))
        .order_by(Ticket.id)
    )  # fmt: skip
    return {
        row.id: History(
            row.no, Urgency(row.urgency), row.kind, row.district_code, row.street_code, row.unit_code,
            tuple(events[row.id]), **_opened(opened.get(row.id)),
        )
        for row in tickets
    }  # fmt: skip
