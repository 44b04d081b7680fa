"""地点: the place of a ticket that is in force, for lists, filters, counts, maps and everything else.

`ticket.district_code` and `ticket.street_code` are it: as read, until a person puts it right (更正), and then
as that person said. Its point is where that person pressed on the map (`ticket.lon`, `ticket.lat`), else the
reading's as long as the place is the one that was read; else there is none but the middle of the place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.appeals import Reading
from models.corrections import Correction
from models.tickets import Ticket
from models.vocab import Corrected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

_DISTRICT_DIGITS: Final = 6

#: Whether the place in force is the reading's, in SQL; whoever asks joins `Reading`.
AS_READ: Final[ColumnElement[bool]] = sa.and_(
    Ticket.district_code.is_not_distinct_from(Reading.district_code),
    Ticket.street_code.is_not_distinct_from(Reading.street_code),
)


def point_columns(*, unless: Sequence[str] = ()) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Longitude and latitude of the place in force, WGS-84 degrees, in SQL; whoever asks joins `Reading`.

    A reading's point of a precision in `unless` does not count.
    """
    read = sa.and_(AS_READ, Reading.place_precision.not_in(unless)) if unless else AS_READ
    return (
        sa.func.coalesce(Ticket.lon, sa.case((read, Reading.lon))),
        sa.func.coalesce(Ticket.lat, sa.case((read, Reading.lat))),
    )


def as_read(ticket: Ticket, reading: Reading) -> bool:
    """Whether the place in force is the reading's: `AS_READ`."""
    return (ticket.district_code, ticket.street_code) == (reading.district_code, reading.street_code)


def point(ticket: Ticket, reading: Reading | None) -> tuple[float, float] | None:
    """The point of the place in force, WGS-84 degrees: `point_columns`; None when it has none of its own."""
    if ticket.lon is not None and ticket.lat is not None:
        return ticket.lon, ticket.lat
    if reading is None or reading.lon is None or reading.lat is None or not as_read(ticket, reading):
        return None
    return reading.lon, reading.lat


def of(ticket: Ticket) -> tuple[str | None, str | None, float | None, float | None]:
    """What a ticket keeps of its place: district, street, and the point that was pressed."""
    return ticket.district_code, ticket.street_code, ticket.lon, ticket.lat


def put(ticket: Ticket, code: str, where: tuple[float, float] | None, *, back: bool = False) -> bool:
    """Put a ticket where a person says it is. Gives whether anything of it changed.

    `code` is a district's (6 digits), a street's (9) or empty for unknown; `where` the point that was
    pressed on the map, WGS-84 degrees, None when none was: of the same place a point that somebody pressed
    before stays, unless `back` takes the corrections back.
    """
    old = of(ticket)
    ticket.district_code = code[:_DISTRICT_DIGITS] or None
    ticket.street_code = code if len(code) > _DISTRICT_DIGITS else None
    if where or back or old[:2] != (ticket.district_code, ticket.street_code):
        ticket.lon, ticket.lat = where or (None, None)
    return old != of(ticket)


async def heal(session: AsyncSession) -> None:
    """Give tickets the place of their last correction where they have another one.

    Code of before 0035 keeps a correction and leaves the ticket as it is; while a new release is laid out it
    may still serve. Does nothing where all agree.
    """
    last = (
        sa.select(sa.func.max(Correction.id))
        .where(Correction.field == Corrected.PLACE.value)
        .group_by(Correction.ticket_id)
    )
    district = sa.func.nullif(sa.func.substr(Correction.new, 1, _DISTRICT_DIGITS), "")
    street = sa.case((sa.func.length(Correction.new) > _DISTRICT_DIGITS, Correction.new))
    await session.execute(
        sa.update(Ticket)
        .where(
            Ticket.id == Correction.ticket_id,
            Correction.id.in_(last),
            sa.or_(
                Ticket.district_code.is_distinct_from(district), Ticket.street_code.is_distinct_from(street)
            ),
        )
        .values(district_code=district, street_code=street, lon=None, lat=None)
        .execution_options(synchronize_session=False)
    )
