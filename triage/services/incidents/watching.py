"""突发的发现: each new ticket is seen within seconds; a burst becomes an incident, later calls attach.

Run by the timetable, beside the workers and never in their transactions: intake pays nothing. A batch is one
short transaction under the lock of the watch's row, so two processes never see one burst twice. What a
killed process left is looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models import incident_reads
from models.db import insert_of
from models.incidents import LIVE, Incident, IncidentCall, IncidentHour, IncidentWatch
from models.vocab import Urgency
from models.vocab_incidents import BurstScope, CallBy, IncidentAct, IncidentState
from triage import logs
from triage.rules import incidents as rules
from triage.rules.calendar import beijing
from triage.rules.deadlines import clock_of, due_time
from triage.rules.reminders import reminders
from triage.rules.rows import ClockName
from triage.services.incidents import joining, telling

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.incident_reads import NewTicket
    from triage.rules.incident_rows import BurstRow, ConductRow, Incidents
    from triage.rules.incidents import Burst, Call, Extent
    from triage.rules.reminders import Reminder
    from triage.services.deps import Deps

log = logs.get(__name__)

#: Tickets in one transaction.
BATCH: Final = 200
_WATCH: Final = 1
#: Calls of no incident are kept so long; those near the last ticket longer, or they would be looked at anew.
_KEPT: Final = timedelta(days=3)
_CLEARED: Final = 500


@dataclass(frozen=True, slots=True)
class Look:
    """What is the same for a batch."""

    deps: Deps
    rules: Incidents
    watch: IncidentWatch
    now: datetime


async def watch(deps: Deps) -> bool:
    """Look at the tickets nobody looked at, once. Gives whether there may be more."""
    now = deps.clock.now()
    async with deps.db.reads() as session:
        kept = await session.get(IncidentWatch, _WATCH)
        new = await incident_reads.unseen(session, kept, limit=1) if kept else []
        quiet = (
            kept is not None
            and not new
            and not await _put_right(session, kept, now)
            and not await _anything_live(session, deps, now)
        )
    if quiet:
        return False
    async with deps.db.writes.begin() as session:
        held = await _held(session, deps, now=now)
        if held is None:
            return False
        look = Look(deps, deps.tables.incidents.on(beijing(now).date()), held, now)
        await _follow(session, look)
        seen = await _batch(session, look)
        await _join_matters(session, look)
        await _tell_late(session, look)
        await _warn(session, look)
        held.looked_at = now
    return seen == BATCH


async def _anything_live(session: AsyncSession, deps: Deps, now: datetime) -> bool:
    """Whether an incident still takes calls, or one that takes none any more was not confirmed in time."""
    join = deps.tables.incidents.on(beijing(now).date()).conduct.join
    if await incident_reads.live(session, since=now - join):
        return True
    waits = sa.or_(sa.and_(*_late(now)), _unanswered(now))
    return await session.scalar(sa.select(Incident.id).where(waits).limit(1)) is not None


def _unanswered(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(sa.text(LIVE), Incident.calls > 0, Incident.answer_next_at <= now)


def _late(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        Incident.state == IncidentState.PROPOSED.value,
        Incident.confirm_by <= now,
        Incident.late_told.is_(sa.false()),
        Incident.calls > 0,
    )


async def _held(session: AsyncSession, deps: Deps, *, now: datetime) -> IncidentWatch | None:
    """The watch's row, locked; made at the first look. None: another process holds it.

    What was there before is not gone through: what is usual is learned from the first look on.
    """
    if await session.get(IncidentWatch, _WATCH) is None:
        fresh = now - deps.tables.incidents.on(beijing(now).date()).conduct.fresh
        after = await incident_reads.last_before(session, fresh)
        row = {"id": _WATCH, "after_id": after, "since": now, "looked_at": now}
        await session.execute(insert_of(session, IncidentWatch).values(row).on_conflict_do_nothing())
    found: IncidentWatch | None = await session.scalar(
        sa.select(IncidentWatch)
        .where(IncidentWatch.id == _WATCH)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return found


async def _batch(session: AsyncSession, look: Look) -> int:
    tickets = await incident_reads.unseen(session, look.watch, limit=BATCH)
    if not tickets:
        return 0
    calls = [_new(ticket) for ticket in tickets]
    await session.execute(
        sa.insert(IncidentCall),
        [
            {
                "ticket_id": call.ticket_id, "at": call.at, "family": call.family,
                "square": rules.square(*call.point) if call.point else None,
                "district_code": call.district, "lon": call.lon, "lat": call.lat, "kept_out": False,
            }
            for call in calls
        ],
    )  # fmt: skip
    await joining.count_hours(session, calls, +1)
    fresh = [call for call in calls if call.at >= look.now - look.rules.conduct.fresh]
    if fresh:
        await _look_at(session, look, sorted(fresh, key=lambda call: (call.at, call.ticket_id)))
    await _clear(session, look, tickets[-1].id)
    return len(tickets)


async def _put_right(session: AsyncSession, watch: IncidentWatch, now: datetime) -> list[NewTicket]:
    """Calls that were seen where they are no more.

    Asked a minute back: a correction is dated before its transaction ends.
    """
    since = watch.looked_at - timedelta(minutes=1)
    return await incident_reads.put_right(session, since=since, spoken=now - _KEPT)


async def _follow(session: AsyncSession, look: Look) -> None:
    """A call whose place was put right counts there, and is looked at there; in an incident it stays."""
    calls: list[Call] = []
    for found in await _put_right(session, look.watch, look.now):
        row = await session.get_one(IncidentCall, found.id)
        # Of the family it was counted in, whatever kind a person said since.
        call = replace(_new(found), family=row.family)
        calls.append(call)
        before = replace(call, lon=row.lon, lat=row.lat, district=row.district_code)
        row.square = rules.square(*call.point) if call.point else None
        row.district_code, row.lon, row.lat = call.district, call.lon, call.lat
        await session.flush()
        await joining.count_hours(session, [before], -1)
        await joining.count_hours(session, [call], +1)
    fresh = [call for call in calls if call.at >= look.now - look.rules.conduct.fresh]
    if fresh:
        await _look_at(session, look, sorted(fresh, key=lambda call: (call.at, call.ticket_id)))


def _new(ticket: NewTicket) -> Call:
    family = rules.family(ticket.kind)
    return rules.Call(ticket.id, ticket.at, family, ticket.lon, ticket.lat, ticket.district)


async def _look_at(session: AsyncSession, look: Look, fresh: Sequence[Call]) -> None:
    """Attach each call to the incident it belongs to, or see whether it makes one with others."""
    conduct = look.rules.conduct
    live = await incident_reads.live(session, since=fresh[0].at - conduct.join)
    none = await incident_reads.dismissed(session, since=fresh[0].at - conduct.join)
    homes = {incident.id: (incident, joining.extent_of(incident)) for incident in (*live, *none)}
    joined: dict[int, list[Call]] = {}
    around = _Around(session, look)
    for call in fresh:
        if call.ticket_id in around.taken:
            continue
        home = next((n for n, (one, here) in homes.items() if _belongs(conduct, one, here, call)), None)
        if home is not None:
            incident, here = homes[home]
            homes[home] = (incident, replace(here, last_at=max(here.last_at, call.at)))
            joined.setdefault(home, []).append(call)
            around.taken.add(call.ticket_id)
            continue
        burst = await _burst(session, look, call, await around.of(call))
        if burst is None:
            continue
        around.taken |= {other.ticket_id for other in burst.calls}
        home = next((n for n, (one, here) in homes.items() if _same_event(conduct, one, here, burst)), None)
        if home is not None:
            joined.setdefault(home, []).extend(burst.calls)
            continue
        made = await _open(session, look, burst)
        homes = {made.id: (made, joining.extent_of(made)), **homes}
    for number, calls in joined.items():
        together = [(call, CallBy.PLACE) for call in calls]
        await joining.attach(session, look.deps, homes[number][0], together, now=look.now)


def _belongs(conduct: ConductRow, incident: Incident, here: Extent, call: Call) -> bool:
    """Whether a call is one more of an incident, or of what a person has just said was none."""
    if incident.decided_at is not None and incident.state == IncidentState.DISMISSED:
        return rules.still_none(conduct, here, incident.decided_at, call)
    return rules.belongs(conduct, here, call)


def _same_event(conduct: ConductRow, incident: Incident, here: Extent, burst: Burst) -> bool:
    """Whether a burst is of an incident that goes on; one beside what was none is a new one."""
    return incident.state != IncidentState.DISMISSED and rules.same_event(conduct, here, burst)


class _Around:
    """The calls around those of a batch, asked for once a square and once a district."""

    def __init__(self, session: AsyncSession, look: Look) -> None:
        self._session, self._look = session, look
        self._known: dict[tuple[str, tuple[str, ...]], list[Call]] = {}
        #: Calls that the batch put into an incident.
        self.taken: set[int] = set()

    async def of(self, call: Call) -> dict[int, Call]:
        """The calls near this one and in its district, itself among them, that belong to no incident."""
        found: dict[int, Call] = {}
        for scope, areas in _areas(call):
            key = (call.family, areas)
            if key not in self._known:
                column = IncidentCall.square if scope is BurstScope.NEAR else IncidentCall.district_code
                longest = self._look.rules.longest
                kept = await incident_reads.around(
                    self._session, call.family, column.in_(areas), since=call.at - longest,
                    until=self._look.now + longest,
                )  # fmt: skip
                self._known[key] = [joining.kept(one) for one in kept]
            found |= {one.ticket_id: one for one in self._known[key] if one.ticket_id not in self.taken}
        return found


async def _burst(session: AsyncSession, look: Look, call: Call, others: dict[int, Call]) -> Burst | None:
    """Whether this call makes a burst with the others."""
    # With its caller, which only the kept row knows.
    whole = others.get(call.ticket_id, call)
    near = list(others.values())
    asked = rules.may_be(look.rules, whole, near)
    usual = {row.id: rate for row in asked if (rate := await _usual(session, look, row, call)) is not None}
    return rules.burst(look.rules, whole, near, usual) if asked else None


def _areas(call: Call) -> list[tuple[BurstScope, tuple[str, ...]]]:
    """Where the calls around it are looked for."""
    found: list[tuple[BurstScope, tuple[str, ...]]] = []
    if call.point is not None:
        found.append((BurstScope.NEAR, rules.squares_around(*call.point)))
    if call.district is not None:
        found.append((BurstScope.DISTRICT, (call.district,)))
    return found


async def _usual(session: AsyncSession, look: Look, row: BurstRow, call: Call) -> float | None:
    """Calls in an hour that are usual for this row; None: too few days were counted to say."""
    conduct = look.rules.conduct
    days = min(conduct.history_days, (call.at - look.watch.since).days)
    if days < conduct.least_days:
        return None
    areas = dict(_areas(call)).get(row.scope, ())
    return await incident_reads.per_hour(session, call.family, areas, at=call.at, days=days)


async def _open(session: AsyncSession, look: Look, burst: Burst) -> Incident:
    """A new incident with its calls, its U1 clocks and its alert, all in this transaction."""
    tables, now = look.deps.tables, look.now
    here = rules.extent(burst.row.scope, burst.calls)
    incident = Incident(
        version=0, state=IncidentState.PROPOSED.value, scope=burst.row.scope.value, family=here.family,
        kind=None, district_code=here.district, street_code=None, lon=here.lon, lat=here.lat,
        reach=here.reach,
        first_at=burst.calls[0].at, last_at=here.last_at, opened_at=now, calls=0, told_calls=0,
        row_id=burst.row.id, callers=burst.callers, usual=burst.usual, chance=burst.chance,
        confirm_by=due_time(tables, ClockName.SIGN, Urgency.U1, now).at,
        answer_by=due_time(tables, ClockName.ANSWER, Urgency.U1, now).at, late_told=False,
        answer_next_at=min((point.at for point in _points(look, now)), default=None),
    )  # fmt: skip
    session.add(incident)
    await session.flush()
    said = {
        "row": burst.row.id, "callers": burst.callers, "usual": round(burst.usual, 4),
        "chance": burst.chance, "minutes": burst.row.minutes,
    }  # fmt: skip
    await telling.write(session, incident, IncidentAct.OPENED, at=now, data=said)
    await joining.attach(
        session, look.deps, incident, [(call, CallBy.BURST) for call in burst.calls], now=now, tell=False
    )
    await telling.opened(session, tables, incident, burst, now=now)
    log.info("incident_opened", incident_id=incident.id, calls=incident.calls, row=burst.row.id)
    return incident


async def _join_matters(session: AsyncSession, look: Look) -> None:
    """Calls that name no place attach where the search for the same matter tied them to a call of it."""
    live = await incident_reads.live(session, since=look.now - look.rules.conduct.join)
    if not live:
        return
    by_id = {incident.id: incident for incident in live}
    pairs = await incident_reads.of_one_matter(
        session, list(by_id), since=look.now - look.rules.conduct.fresh
    )
    for incident_id in dict.fromkeys(home for _, home in pairs):
        mine = [ticket_id for ticket_id, home in pairs if home == incident_id]
        rows = await session.scalars(sa.select(IncidentCall).where(IncidentCall.ticket_id.in_(mine)))
        calls = [
            rules.Call(row.ticket_id, row.at, row.family, row.lon, row.lat, row.district_code) for row in rows
        ]
        together = [(call, CallBy.MATTER) for call in calls]
        await joining.attach(session, look.deps, by_id[incident_id], together, now=look.now)


async def _tell_late(session: AsyncSession, look: Look) -> None:
    """逾期未确认: told once."""
    for incident in await session.scalars(sa.select(Incident).where(*_late(look.now))):
        incident.late_told = True
        await telling.late(session, look.deps.tables, incident, now=look.now)


async def _warn(session: AsyncSession, look: Look) -> None:
    """The 答复 limit of an incident that goes on: each warning point is told once, as of tickets."""
    waiting = sa.select(Incident).where(_unanswered(look.now)).order_by(Incident.id)
    for incident in await session.scalars(waiting):
        points = _points(look, incident.opened_at)
        told = incident.answer_told_at or incident.opened_at
        reached = [point for point in points if told < point.at <= look.now]
        incident.answer_told_at = look.now
        incident.answer_next_at = min((point.at for point in points if point.at > look.now), default=None)
        if reached:
            await telling.unanswered(session, look.deps.tables, incident, reached, now=look.now)


def _points(look: Look, opened_at: datetime) -> tuple[Reminder, ...]:
    tables = look.deps.tables
    return reminders(tables.clocks, clock_of(tables, ClockName.ANSWER, Urgency.U1, opened_at))


async def _clear(session: AsyncSession, look: Look, last: int) -> None:
    """Let go of old calls of no incident, and, once an hour, of hours that no rate looks at."""
    old = (
        sa.select(IncidentCall.ticket_id)
        .where(
            IncidentCall.ticket_id < last - 2 * incident_reads.OVERLAP,
            IncidentCall.at < look.now - _KEPT,
            IncidentCall.incident_id.is_(None),
        )
        .order_by(IncidentCall.ticket_id)
        .limit(_CLEARED)
    )
    await session.execute(
        sa.delete(IncidentCall)
        .where(IncidentCall.ticket_id.in_(old))
        .execution_options(synchronize_session=False)
    )
    if look.watch.looked_at.hour == look.now.hour:
        return
    past = look.now - timedelta(days=look.rules.conduct.history_days + 2)
    await session.execute(
        sa.delete(IncidentHour).where(IncidentHour.hour < past).execution_options(synchronize_session=False)
    )
