"""Which tickets would move if their place were read again: with the names in force, or with others."""

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
    from nlp.types import PlaceReading

#: Tickets read at a time.
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Move:
    """A ticket whose place would be another one; codes of the finest units, empty for none. No text.

    `version` is that of the names that gave `before`.
    """

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


async def moves(
    session: AsyncSession, reader: PlaceReader, checked: Checked, *, other: PlaceReader | None = None
) -> AsyncIterator[Move]:
    """The tickets that would move, oldest first. `reader` has the names in force.

    Alone it is held against what was read when a ticket came; what was read with these very names is passed
    over. With an `other` reader, the two are held against each other: what other names would change.
    """
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
            current = reading.model_version.endswith(f"/{reader.version}")
            checked.current += current
            if current and other is None:
                continue
            version = reading.model_version.rpartition("/")[2]
            before = _finest(reading)
            if other is not None and not current:
                before, version = _again(reader, appeal), reader.version
            after = _again(other or reader, appeal)
            if before != after:
                yield Move(no, state, before, after, version)
        if len(page) < _PAGE:
            return
        session.expunge_all()


def _again(reader: PlaceReader, appeal: Appeal) -> str:
    return _finest(reader.read(*words_of(appeal), area=appeal.caller_area))


def _finest(place: PlaceReading | Reading) -> str:
    return place.community_code or place.street_code or place.district_code or ""
