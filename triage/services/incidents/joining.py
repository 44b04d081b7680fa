"""归入: calls come to an incident and leave it; what its row says of them, and what is usual without them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models import incident_reads
from models.db import insert_of
from models.incidents import Incident, IncidentCall, IncidentHour
from models.tickets import Ticket
from models.vocab_incidents import LIVE_STATES, BurstScope, CallBy, IncidentAct, IncidentState
from triage.rules import incidents as rules
from triage.rules.calendar import beijing
from triage.services.incidents import telling

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.incident_reads import KeptCall
    from triage.rules.incidents import Call
    from triage.services.deps import Deps


def kept(call: KeptCall) -> Call:
    """A call as the rules see it."""
    return rules.Call(call.ticket_id, call.at, call.family, call.lon, call.lat, call.district, call.caller)


async def attach(
    session: AsyncSession,
    deps: Deps,
    incident: Incident,
    calls: Sequence[tuple[Call, CallBy]],
    *,
    now: datetime,
    tell: bool = True,
) -> list[int]:
    """Put calls that belong to no incident into this one; told of when it grew by it. Gives their ids.

    Those of what a person said was none (排除) go on to count as usual, and make it no wider than was judged.
    """
    by = {call.ticket_id: how for call, how in calls}
    moved: list[int] = []
    for how in set(by.values()):
        rows = await session.scalars(
            sa.update(IncidentCall)
            .where(
                IncidentCall.ticket_id.in_([number for number, mine in by.items() if mine is how]),
                IncidentCall.incident_id.is_(None),
            )
            .values(incident_id=incident.id, by=how.value, kept_out=False)
            .returning(IncidentCall.ticket_id)
            .execution_options(synchronize_session=False)
        )
        moved += rows
    if not moved:
        return []
    if not _usual(incident):
        await count_hours(session, [call for call, _ in calls if call.ticket_id in moved], -1)
    await recount(session, incident, judged=_usual(incident))
    if tell:
        data = {"tickets": sorted(moved), "calls": incident.calls}
        await telling.write(session, incident, IncidentAct.ATTACHED, at=now, data=data)
        conduct = deps.tables.incidents.on(beijing(now).date()).conduct
        if rules.grew(conduct, incident.told_calls, incident.calls):
            await telling.grew(session, deps.tables, incident, now=now)
        if IncidentState(incident.state) in LIVE_STATES:
            await telling.spread(session, deps.tables, incident, now=now)
    return sorted(moved)


def _usual(incident: Incident) -> bool:
    """Whether its calls count as usual, though they are an incident's: a person said that it was none."""
    return incident.state == IncidentState.DISMISSED


async def recount(session: AsyncSession, incident: Incident, *, judged: bool = False) -> None:
    """What the incident's row says of its calls, made anew from them.

    `judged`: where it is and how far it reaches stays as a person judged it; else it would walk, call by
    call, to what nobody looked at.
    """
    calls = [kept(one) for one in await incident_reads.calls_of(session, incident.id)]
    incident.calls = len(calls)
    if not calls:
        return
    if judged:
        incident.last_at = max(call.at for call in calls)
        return
    here = rules.extent(BurstScope(incident.scope), calls)
    incident.district_code, incident.lon, incident.lat = here.district, here.lon, here.lat
    # Also when a call leaves what was dismissed: no wider than it was.
    incident.reach = min(here.reach, incident.reach) if _usual(incident) else here.reach
    incident.first_at, incident.last_at = calls[0].at, here.last_at
    rows = await session.execute(
        sa.select(Ticket.kind, Ticket.street_code)
        .join(IncidentCall, IncidentCall.ticket_id == Ticket.id)
        .where(IncidentCall.incident_id == incident.id)
    )
    told = rows.all()
    incident.kind = _most(row.kind for row in told)
    street = _most(row.street_code for row in told)
    same = street is not None and here.district is not None and street.startswith(here.district)
    incident.street_code = street if same else None


def _most(values: Iterable[str | None]) -> str | None:
    counted = Counter(value for value in values if value is not None)
    return min(counted, key=lambda value: (-counted[value], value), default=None)


def extent_of(incident: Incident) -> rules.Extent:
    """How far an incident reaches, off its row."""
    return rules.Extent(
        BurstScope(incident.scope), incident.family, incident.district_code, incident.lon, incident.lat,
        incident.reach, incident.first_at, incident.last_at,
    )  # fmt: skip


async def detach(
    session: AsyncSession, incident: Incident, ticket_ids: Sequence[int], *, kept_out: bool = True
) -> list[int]:
    """Take calls out; they count as usual. Gives their ids.

    `kept_out`: they do not attach by themselves again.
    """
    calls = [kept(one) for one in await incident_reads.calls_of(session, incident.id)]
    mine = [call for call in calls if call.ticket_id in set(ticket_ids)]
    await session.execute(
        sa.update(IncidentCall)
        .where(
            IncidentCall.ticket_id.in_([call.ticket_id for call in mine]),
            IncidentCall.incident_id == incident.id,
        )
        .values(incident_id=None, by=None, kept_out=kept_out)
        .execution_options(synchronize_session=False)
    )
    if not _usual(incident):
        await count_hours(session, mine, +1)
    await recount(session, incident)
    return sorted(call.ticket_id for call in mine)


async def leave(
    session: AsyncSession, deps: Deps, incident: Incident, ticket_ids: Sequence[int], *, now: datetime
) -> None:
    """补报保密: calls leave for good. With none left it is over: nobody could see it, nor end it.

    Written as acts that every release knows, by nobody: no person's to take back.
    """
    gone = await detach(session, incident, ticket_ids)
    words = f"{len(gone)} 件补报保密，还有 {incident.calls} 件"
    await telling.write(session, incident, IncidentAct.REMOVE, at=now, data={"tickets": [], "reason": words})
    if incident.calls or IncidentState(incident.state) not in LIVE_STATES:
        return
    before = telling.standing(incident)
    incident.state, incident.reason = IncidentState.CLOSED.value, "诉求均已补报保密"
    incident.decided_at, incident.decided_by = now, None
    data = {"before": before, "reason": incident.reason}
    await telling.write(session, incident, IncidentAct.CLOSE, at=now, data=data)
    await telling.ended(session, deps.tables, incident, "已结束，诉求均已补报保密", now=now)


async def forget(session: AsyncSession, ticket_ids: Sequence[int]) -> None:
    """Calls that belong to no incident are as if they had never been: neither usual nor near another one."""
    rows = await session.execute(
        sa.delete(IncidentCall)
        .where(IncidentCall.ticket_id.in_(ticket_ids), IncidentCall.incident_id.is_(None))
        .returning(
            IncidentCall.ticket_id, IncidentCall.at, IncidentCall.family, IncidentCall.lon, IncidentCall.lat,
            IncidentCall.district_code,
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    await count_hours(session, [rules.Call(*row) for row in rows], -1)


async def count_hours(session: AsyncSession, calls: Sequence[Call], step: int) -> None:
    """Count calls as usual, or (`step` -1) no longer: an incident's are not."""
    counts: Counter[tuple[str, str, datetime]] = Counter()
    for call in calls:
        hour = call.at.replace(minute=0, second=0, microsecond=0)
        areas = [rules.square(*call.point)] if call.point else []
        areas += [call.district] if call.district else []
        for area in areas:
            counts[call.family, area, hour] += step
    if not counts:
        return
    statement = insert_of(session, IncidentHour)
    statement = statement.on_conflict_do_update(
        index_elements=["family", "area", "hour"],
        set_={"count": IncidentHour.count + statement.excluded["count"]},
    )
    rows = [
        {"family": family, "area": area, "hour": hour, "count": count}
        for (family, area, hour), count in sorted(counts.items())
    ]
    await session.execute(statement, rows)
