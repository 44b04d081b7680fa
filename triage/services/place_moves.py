"""Which tickets would move if their place were read again: after a new gazetteer or new names of a site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.appeals import Appeal, Reading
from models.tickets import Ticket
from triage.services.deciding import words_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncSession

    from nlp.places import PlaceReader

#: Tickets read at a time.
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Move:
    """A ticket whose place would be another one; codes of the finest units, empty for none. No text."""

    no: str
    state: str
    before: str
    after: str
    version: str


@dataclass(slots=True)
class Checked:
    """How many tickets were looked at, and how many of them were read with these very names."""

    tickets: int = 0
    current: int = 0


async def moves(session: AsyncSession, reader: PlaceReader, checked: Checked) -> AsyncIterator[Move]:
    """The tickets that would move, oldest first; what was read with the names in force is passed over."""
    last = 0
    while True:
        page = (
            await session.execute(
                sa.select(Ticket.id, Ticket.no, Ticket.state, Appeal, Reading)
                .join(Appeal, Appeal.id == Ticket.appeal_id)
                .join(Reading, Reading.id == Ticket.reading_id)
                .where(Ticket.id > last)
                .order_by(Ticket.id)
                .limit(_PAGE)
            )
        ).all()
        for ticket_id, no, state, appeal, reading in page:
            last = ticket_id
            checked.tickets += 1
            if reading.model_version.endswith(f"/{reader.version}"):
                checked.current += 1
                continue
            place = reader.read(*words_of(appeal), area=appeal.caller_area)
            before = reading.community_code or reading.street_code or reading.district_code or ""
            after = place.community_code or place.street_code or place.district_code or ""
            if before != after:
                yield Move(no, state, before, after, reading.model_version.rpartition("/")[2])
        if len(page) < _PAGE:
            return
        session.expunge_all()
