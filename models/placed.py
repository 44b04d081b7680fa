"""地点: the place of a ticket that is in force, for lists, filters, counts, maps and everything else.

`ticket.district_code` and `ticket.street_code` are it: as read, until a person puts it right (更正), and then
as that person said. `ticket.community_code` is the community that a person said, '' where a person said the
street alone and not the community that was read; null: the reading's, while the place is the one that was
read. Its point is where that person pressed on the map (`ticket.lon`, `ticket.lat`), else the reading's as
long as all of the place is as read; else there is none but the middle of the place.
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
_STREET_DIGITS: Final = 9

#: Whether the place in force is the reading's, in SQL; whoever asks joins `Reading`.
AS_READ: Final[ColumnElement[bool]] = sa.and_(
    Ticket.district_code.is_not_distinct_from(Reading.district_code),
    Ticket.street_code.is_not_distinct_from(Reading.street_code),
    Ticket.community_code.is_(None),
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
    return _street_as_read(ticket, reading) and ticket.community_code is None


def _street_as_read(ticket: Ticket, reading: Reading) -> bool:
    return (ticket.district_code, ticket.street_code) == (reading.district_code, reading.street_code)


def community(ticket: Ticket, reading: Reading | None) -> str | None:
    """The community of the place in force; None when nobody knows it."""
    said = ticket.community_code
    if said:
        # Code of before 0039 moves a ticket and leaves the community: one of another street is none.
        return said if said[:_STREET_DIGITS] == ticket.street_code else None
    return reading.community_code if reading is not None and as_read(ticket, reading) else None


def point(ticket: Ticket, reading: Reading | None) -> tuple[float, float] | None:
    """The point of the place in force, WGS-84 degrees: `point_columns`; None when it has none of its own."""
    if ticket.lon is not None and ticket.lat is not None:
        return ticket.lon, ticket.lat
    if reading is None or reading.lon is None or reading.lat is None or not as_read(ticket, reading):
        return None
    return reading.lon, reading.lat


def codes(code: str) -> tuple[str | None, str | None]:
    """District and street of what a correction says: a district's code, a street's, or '' for unknown."""
    return code[:_DISTRICT_DIGITS] or None, code if len(code) > _DISTRICT_DIGITS else None


def of(ticket: Ticket) -> tuple[str | None, str | None, str | None, float | None, float | None]:
    """What a ticket keeps of its place: district, street, community, and the point that was pressed."""
    return ticket.district_code, ticket.street_code, ticket.community_code, ticket.lon, ticket.lat


def put(
    ticket: Ticket,
    reading: Reading,
    code: str,
    where: tuple[float, float] | None,
    *,
    within: str | None = None,
    back: bool = False,
) -> bool:
    """Put a ticket where a person says it is. Gives whether anything of it changed.

    `code` is a district's (6 digits), a street's (9) or empty for unknown; `within` the community there, ''
    for none, None when nothing is said of it: then that of the same street stays. `where` is the point that
    was pressed on the map, WGS-84 degrees, None when none was: of the same place a point that somebody
    pressed before stays, unless `back` takes the corrections back.
    """
    old = of(ticket)
    ticket.district_code, ticket.street_code = codes(code)
    said = within
    if said is None and old[:2] == (ticket.district_code, ticket.street_code):
        said = ticket.community_code
    read = (reading.community_code or "") if _street_as_read(ticket, reading) else ""
    # What is as read is not kept: then a point that was read counts again.
    ticket.community_code = None if back or said == read else said
    if where or back or old[:3] != of(ticket)[:3]:
        ticket.lon, ticket.lat = where or (None, None)
    return old != of(ticket)


async def heal(session: AsyncSession) -> None:
    """Give tickets the place of their last correction where they have another one.

    Code of before 0035 keeps a correction and leaves the ticket as it is, code of before 0039 its community;
    while a new release is laid out they may still serve. Does nothing where all agree.
    """
    last = (
        sa.select(sa.func.max(Correction.id))
        .where(Correction.field == Corrected.PLACE.value)
        .group_by(Correction.ticket_id)
    )
    district = sa.func.nullif(sa.func.substr(Correction.new, 1, _DISTRICT_DIGITS), "")
    street = sa.case((sa.func.length(Correction.new) > _DISTRICT_DIGITS, Correction.new))
    elsewhere = sa.or_(
        Ticket.district_code.is_distinct_from(district), Ticket.street_code.is_distinct_from(street)
    )
    said = Correction.community
    await session.execute(
        sa.update(Ticket)
        .where(
            Ticket.id == Correction.ticket_id,
            Correction.id.in_(last),
            sa.or_(elsewhere, Ticket.community_code.is_distinct_from(said)),
        )
        .values(
            district_code=district,
            street_code=street,
            community_code=said,
            lon=sa.case((elsewhere, sa.null()), else_=Ticket.lon),
            lat=sa.case((elsewhere, sa.null()), else_=Ticket.lat),
        )
        .execution_options(synchronize_session=False)
    )
