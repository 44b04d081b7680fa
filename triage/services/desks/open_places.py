"""Where the open cases of a unit or district lie: the points of the places in force, several to a point."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.appeals import Reading
from models.filters import may_see
from models.placed import point_columns
from models.tickets import OPEN, Ticket, TicketUnit
from models.units import Unit
from models.vocab import Role

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from nlp.place_point import Atlas

#: The most pressing that are drawn: a street has tens, the city thousands.
MOST: Final = 500


@dataclass(frozen=True, slots=True)
class OpenCase:
    """An open case; without a point when nobody knows its place. WGS-84 degrees."""

    id: int
    unit: str | None
    no: str
    title: str
    urgency: str
    state: str
    street: str | None
    due_at: datetime | None
    due_clock: str | None
    lon: float | None
    lat: float | None


async def open_cases(
    session: AsyncSession,
    viewer: Viewer,
    atlas: Atlas,
    *,
    unit: str | None = None,
    district: str | None = None,
    own: str | None = None,
) -> list[OpenCase]:
    """The open cases that a unit has a hand in, or of a district, most pressing first; at most `MOST`.

    `own` is the district of a district government: what lies in it, and what a unit of it leads although its
    place was put right elsewhere.

    A hand in it: it leads (主办), assists (协办) or was called in (吹哨); not what it was only copied.
    A place that was put right without a press on the map stands in its middle, by `atlas`.
    """
    chosen = [may_see(viewer), sa.literal_column(OPEN), Ticket.due_at.is_not(None)]
    if unit:
        handled = sa.select(TicketUnit.ticket_id).where(
            TicketUnit.unit_code == unit, TicketUnit.role != Role.COPY.value
        )
        chosen.append(Ticket.id.in_(handled))
    if district:
        chosen.append(Ticket.district_code == district)
    if own:
        led = Ticket.unit_code.in_(sa.select(Unit.code).where(Unit.district_code == own))
        chosen.append(sa.or_(Ticket.district_code == own, led))
    rows = await session.execute(
        sa.select(
            Ticket.id,
            Ticket.unit_code,
            Ticket.no,
            Ticket.title,
            Ticket.urgency,
            Ticket.state,
            Ticket.street_code,
            Ticket.due_at,
            Ticket.due_clock,
            *point_columns(),
            Ticket.district_code,
            Ticket.community_code,
        )
        .outerjoin(Reading, Reading.id == Ticket.reading_id)
        .where(*chosen)
        .order_by(Ticket.due_at, Ticket.id)
        .limit(MOST)
    )
    return [_case(atlas, *row) for row in rows]


def _case(atlas: Atlas, *row: Any) -> OpenCase:  # noqa: ANN401  (columns)
    case, district, community = OpenCase(*row[:-2]), *row[-2:]
    if case.lon is not None or not district:
        return case
    # A community of another street was left by an older release.
    within = case.street and community and community.startswith(case.street)
    middle = atlas.point(community if within else case.street or district, None)
    return replace(case, lon=middle.lon, lat=middle.lat) if middle else case
