"""Named reads of incidents (事件): new tickets, the calls around one, what is usual there, what is live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from models.appeals import Appellant, Reading
from models.corrections import Correction
from models.incidents import LIVE, Incident, IncidentCall, IncidentHour, IncidentTold, IncidentWatch
from models.matters import MatterPair
from models.placed import point_columns
from models.sums import in_demands
from models.tickets import Ticket
from models.vocab import Corrected, Precision
from models.vocab_incidents import IncidentState
from models.vocab_matters import Proposal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

#: Two workers may store tickets in another order than that of their numbers: so many are looked back over.
OVERLAP: Final = 3_000
#: Calls taken from around a new one, the newest first.
AROUND: Final = 400
#: Live incidents that new calls are held against, the newest first.
LIVE_AT_ONCE: Final = 50
_NO_POINT: Final = (Precision.DISTRICT.value, Precision.NONE.value)


@dataclass(frozen=True, slots=True)
class NewTicket:
    """A ticket that the watch has not seen."""

    id: int
    at: datetime
    kind: str | None
    district: str | None
    lon: float | None
    lat: float | None


@dataclass(frozen=True, slots=True)
class KeptCall:
    """A call as it is kept, with the blind index of its caller's phone."""

    ticket_id: int
    at: datetime
    family: str
    lon: float | None
    lat: float | None
    district: str | None
    caller: bytes | None


async def newest(session: AsyncSession) -> int | None:
    """The last ticket that was looked at; None before the first."""
    found: int | None = await session.scalar(sa.select(sa.func.max(IncidentCall.ticket_id)))
    return found


async def last_before(session: AsyncSession, since: datetime) -> int:
    """The number that all tickets opened since then come after."""
    first = await session.scalar(
        sa.select(Ticket.id).where(Ticket.opened_at >= since).order_by(Ticket.opened_at, Ticket.id).limit(1)
    )
    if first is not None:
        return int(first) - 1
    return int(await session.scalar(sa.select(sa.func.max(Ticket.id))) or 0)


async def unseen(session: AsyncSession, watch: IncidentWatch, *, limit: int) -> list[NewTicket]:
    """Tickets nobody looked at that are in sums, by number. Only the last `OVERLAP` are gone through."""
    last = await newest(session)
    after = watch.after_id if last is None else max(watch.after_id, last - OVERLAP)
    rows = await session.execute(
        sa.select(
            Ticket.id,
            Ticket.received_at,
            Ticket.kind,
            Ticket.district_code,
            *point_columns(unless=_NO_POINT),
        )
        .outerjoin(Reading, Reading.id == Ticket.reading_id)
        .where(Ticket.id > after, in_demands(), ~sa.exists().where(IncidentCall.ticket_id == Ticket.id))
        .order_by(Ticket.id)
        .limit(limit)
    )
    return [NewTicket(*row) for row in rows]


async def put_right(session: AsyncSession, *, since: datetime, spoken: datetime) -> list[NewTicket]:
    """Tickets whose place a person put right since then and whose call has another one, by number.

    Only of calls that were `spoken` since, belong to no incident and may come to one by themselves.
    """
    lon, lat = point_columns(unless=_NO_POINT)
    said = sa.select(Correction.ticket_id).where(
        Correction.at >= since, Correction.field == Corrected.PLACE.value
    )
    rows = await session.execute(
        sa.select(Ticket.id, Ticket.received_at, Ticket.kind, Ticket.district_code, lon, lat)
        .join(IncidentCall, IncidentCall.ticket_id == Ticket.id)
        .outerjoin(Reading, Reading.id == Ticket.reading_id)
        .where(
            Ticket.id.in_(said),
            IncidentCall.at >= spoken,
            IncidentCall.incident_id.is_(None),
            IncidentCall.kept_out.is_(sa.false()),
            sa.or_(
                IncidentCall.district_code.is_distinct_from(Ticket.district_code),
                IncidentCall.lon.is_distinct_from(lon),
                IncidentCall.lat.is_distinct_from(lat),
            ),
        )
        .order_by(Ticket.id)
    )
    return [NewTicket(*row) for row in rows]


#: A call with the blind index of its caller's phone, as `KeptCall` has them.
_KEPT: Final = (
    sa.select(
        IncidentCall.ticket_id,
        IncidentCall.at,
        IncidentCall.family,
        IncidentCall.lon,
        IncidentCall.lat,
        IncidentCall.district_code.label("district"),
        Appellant.phone_index.label("caller"),
    )
    .join(Ticket, Ticket.id == IncidentCall.ticket_id)
    .outerjoin(Appellant, Appellant.appeal_id == Ticket.appeal_id)
)


async def around(
    session: AsyncSession,
    family: str,
    where: sa.ColumnElement[bool],
    *,
    since: datetime,
    until: datetime,
) -> list[KeptCall]:
    """The calls of a family in squares or in a district that belong to no incident, newest first."""
    rows = await session.execute(
        _KEPT.where(
            IncidentCall.family == family,
            where,
            IncidentCall.at > since,
            IncidentCall.at < until,
            IncidentCall.incident_id.is_(None),
            IncidentCall.kept_out.is_(sa.false()),
        )
        .order_by(IncidentCall.at.desc())
        .limit(AROUND)
    )
    return [KeptCall(**row) for row in rows.mappings()]


async def calls_of(session: AsyncSession, incident_id: int) -> list[KeptCall]:
    """The calls of an incident, by time."""
    rows = await session.execute(
        _KEPT.where(IncidentCall.incident_id == incident_id).order_by(IncidentCall.at, IncidentCall.ticket_id)
    )
    return [KeptCall(**row) for row in rows.mappings()]


async def by_district(session: AsyncSession, incident_id: int) -> dict[str, int]:
    """How many calls of an incident lie in each district; those of no known district are left out."""
    rows = await session.execute(
        sa.select(IncidentCall.district_code, sa.func.count())
        .where(IncidentCall.incident_id == incident_id, IncidentCall.district_code.is_not(None))
        .group_by(IncidentCall.district_code)
    )
    return {str(district): int(count) for district, count in rows}


async def told(session: AsyncSession, incident_id: int) -> list[str]:
    """The units that were alerted to an incident, in the order in which they were."""
    rows = await session.scalars(
        sa.select(IncidentTold.unit_code)
        .where(IncidentTold.incident_id == incident_id)
        .order_by(IncidentTold.at, IncidentTold.unit_code)
    )
    return list(rows)


async def per_hour(
    session: AsyncSession, family: str, areas: Sequence[str], *, at: datetime, days: int
) -> float:
    """Calls in an hour in these areas together, at this time of day give or take an hour, of so many days."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    hours = [hour - timedelta(days=day, hours=near) for day in range(1, days + 1) for near in (-1, 0, 1)]
    total = await session.scalar(
        sa.select(sa.func.sum(IncidentHour.count)).where(
            IncidentHour.family == family, IncidentHour.area.in_(areas), IncidentHour.hour.in_(hours)
        )
    )
    return float(total or 0) / (3 * days)


async def live(session: AsyncSession, *, since: datetime) -> list[Incident]:
    """The incidents that still take calls, the newest first."""
    rows = await session.scalars(
        sa.select(Incident)
        .where(sa.literal_column(LIVE), Incident.last_at >= since)
        .order_by(Incident.last_at.desc())
        .limit(LIVE_AT_ONCE)
    )
    return list(rows)


async def dismissed(session: AsyncSession, *, since: datetime) -> list[Incident]:
    """What a person said was none (排除) since then, the newest first."""
    rows = await session.scalars(
        sa.select(Incident)
        .where(Incident.state == IncidentState.DISMISSED.value, Incident.decided_at >= since)
        .order_by(Incident.id.desc())
        .limit(LIVE_AT_ONCE)
    )
    return list(rows)


async def of_one_matter(
    session: AsyncSession, incidents: Sequence[int], *, since: datetime
) -> list[tuple[int, int]]:
    """Tickets of no incident that are held to be one matter with an earlier call of these: with which.

    Only of calls that have no place of their own, or no closer one than the incident's district, and that
    were said `since`: where somebody else calls from, and what was imported late, tell nothing of an event.
    """
    inside, outside = aliased(IncidentCall), aliased(IncidentCall)
    rows = await session.execute(
        sa.select(outside.ticket_id, inside.incident_id)
        .select_from(inside)
        .join(MatterPair, MatterPair.head_id == inside.ticket_id)
        .join(outside, outside.ticket_id == MatterPair.ticket_id)
        .join(Incident, Incident.id == inside.incident_id)
        .where(
            inside.incident_id.in_(incidents),
            outside.at >= since,
            outside.lon.is_(None),
            sa.or_(outside.district_code.is_(None), outside.district_code == Incident.district_code),
            outside.incident_id.is_(None),
            outside.kept_out.is_(sa.false()),
            MatterPair.state != Proposal.REFUSED.value,
        )
        .order_by(outside.ticket_id, MatterPair.p.desc())
        .limit(AROUND)
    )
    found: dict[int, int] = {}
    for ticket_id, incident_id in rows:
        found.setdefault(ticket_id, incident_id or 0)
    return sorted(found.items())
