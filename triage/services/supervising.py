"""督办: the sweep that writes automatic 催办 at the warning points, and the lists of what is due or overdue.

The timetable only pokes the database: what must be looked at is found by an index on when, so that an hour
of downtime delays reminders and loses none. Each is written in one transaction with its event, under a key
that allows it once; where several are due at once the last is sent and names the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import sqlalchemy as sa

from models.filters import may_see
from models.tickets import Ticket, TicketEvent
from models.units import Unit
from models.vocab import Level, Tag
from models.watching import Reminder, TicketWatch
from triage import logs
from triage.errors import NoRule
from triage.metrics import REMINDERS
from triage.rules.calendar import beijing, show
from triage.rules.clock_rows import Tells
from triage.rules.reminders import reminders
from triage.rules.routing import district_having
from triage.rules.rows import OWN, ClockName
from triage.rules.running import runs
from triage.services.histories import by_ids
from triage.services.notices import events as events_told
from triage.services.notices import sight
from triage.services.notices.telling import tell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from models.vocab import Urgency
    from triage.rules.acts import History
    from triage.rules.reminders import Reminder as Point
    from triage.rules.rows import Tables

log = logs.get(__name__)

#: Of a limit, the share at which it is over.
BREACH: Final = 100
#: Acts of which the clocks ask nothing but the moment.
_BEGINNING: Final = frozenset({"receive", "dispatch"})
#: A life as the clocks see it: the grade, each act with its moment, and the number where more is asked.
_Life: TypeAlias = "tuple[Urgency, tuple[tuple[str, datetime], ...], str]"
#: The point at which a limit is reached, in percent of it.
_LIMIT: Final = 100
#: A ticket that no row can time (the holiday table ends) is looked at again after this.
_AGAIN: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Due:
    """A reminder of a ticket: which clock, which run of it, which point."""

    clock: ClockName
    run: int
    point: Point


@dataclass(frozen=True, slots=True)
class Plan:
    """What a ticket's clocks ask for now, and when to look again; None: nothing more is to come."""

    now: tuple[Due, ...]
    next_at: datetime | None


def plan(tables: Tables, history: History, *, now: datetime) -> Plan:
    """The points of every clock that runs: those reached, and the moment of the first that is not."""
    reached: list[Due] = []
    later: list[datetime] = []
    for name in ClockName:
        found = runs(tables, history, name)
        # A clock that started anew (改派, 重办) is reminded of by its last run alone.
        for number, run in list(enumerate(found, start=1))[-1:]:
            points = reminders(tables.clocks, run.clock)
            if run.stopped is not None and run.stopped <= now:
                reached += [Due(name, number, point) for point in _late(points, run.stopped)]
                continue
            for point in points:
                if point.at <= now:
                    reached.append(Due(name, number, point))
                else:
                    later.append(point.at)
    return Plan(tuple(reached), min(later, default=None))


def _late(points: Sequence[Point], stopped: datetime) -> list[Point]:
    """What a clock that was stopped owes: nothing in time; after its end, whatever it ought to have sent.

    Nobody need be hurried then, but the breach is told of, though the sweep was away while it came and went.
    """
    owed = [point for point in points if point.at <= stopped]
    return owed if any(point.percent >= BREACH for point in owed) else []


async def sweep(session: AsyncSession, tables: Tables, *, now: datetime, batch: int = 500) -> tuple[int, int]:
    """Look at up to `batch` tickets whose time has come. Gives how many were looked at, and reminders sent.

    Tickets that somebody holds are left for the next sweep: nobody at the desk waits for this.
    """
    rows = await session.execute(
        sa.select(Ticket.id, Ticket.due_at)
        .join(TicketWatch, TicketWatch.ticket_id == Ticket.id)
        .where(TicketWatch.next_at <= now)
        .order_by(TicketWatch.next_at, Ticket.id)
        .limit(batch)
        .with_for_update(skip_locked=True)
    )
    running = {row.id: row.due_at is not None for row in rows}
    if not running:
        return 0, 0
    histories = await by_ids(session, [number for number, runs_now in running.items() if runs_now])
    wanted: dict[int, tuple[Due, ...]] = {}
    plans: dict[_Life, Plan] = {}
    again: dict[int, datetime | None] = dict.fromkeys(running)
    for ticket_id, history in histories.items():
        alike = _alike(history)
        try:
            found = plans.get(alike) or plan(tables, history, now=now)
        except NoRule as refusal:
            log.warning("ticket_without_clock", ticket_no=history.no, reason=refusal.detail)
            again[ticket_id] = now + _AGAIN
            continue
        plans[alike] = found
        wanted[ticket_id], again[ticket_id] = found.now, found.next_at
    numbers = [histories[ticket_id].no for ticket_id, due in wanted.items() if due]
    seen = await sight.read(session, tables, numbers, beijing(now).date())
    sent = await _write(session, _Telling(tables, histories, now, seen), wanted)
    await _watch(session, again)
    return len(running), sent


def _alike(history: History) -> _Life:
    """What a plan follows from: tickets of one batch of the worker were dispatched in the same moment.

    A life in which more happened than that is its own alone.
    """
    own = "" if all(event.act in _BEGINNING for event in history.events) else history.no
    return history.urgency, tuple((event.act, event.at) for event in history.events), own


@dataclass(frozen=True, slots=True)
class _Telling:
    """What an event says of whom it tells."""

    tables: Tables
    histories: dict[int, History]
    now: datetime
    seen: sight.Sight

    def units(self, ticket_id: int, clock: ClockName, tells: Sequence[Tells]) -> dict[str, str | None]:
        """Level → code of the unit told; None where nobody is known there, or may not see the case.

        The desk itself follows up.
        """
        history = self.histories[ticket_id]
        day = beijing(self.now).date()
        area = district_having(self.tables, history.unit_code, history.district_code)
        district = self.tables.unit(Level.DISTRICT, OWN, area or "", day)
        city = self.tables.unit(Level.DESK, OWN, "", day)
        codes = {
            Tells.UNIT: (city.code if city else None) if clock is ClockName.FOLLOW_UP else history.unit_code,
            Tells.DISTRICT: district.code if district else None,
            Tells.CITY: city.code if city else None,
        }
        told = {level: code for level, code in codes.items() if code and self.seen.of(code, history.no)}
        return {level.value: told.get(level) for level in tells}


async def _write(session: AsyncSession, telling: _Telling, wanted: dict[int, tuple[Due, ...]]) -> int:
    """Write what was not written yet: a row each, and an event for the last of each clock's run."""
    now = telling.now
    ids = [ticket_id for ticket_id, due in wanted.items() if due]
    if not ids:
        return 0
    keys = await session.execute(
        sa.select(Reminder.ticket_id, Reminder.clock, Reminder.run, Reminder.percent).where(
            Reminder.ticket_id.in_(ids)
        )
    )
    written = {tuple(row) for row in keys}
    last = await session.execute(
        sa.select(TicketEvent.ticket_id, sa.func.max(TicketEvent.seq))
        .where(TicketEvent.ticket_id.in_(ids))
        .group_by(TicketEvent.ticket_id)
    )
    seqs: dict[int, int] = {row[0]: row[1] for row in last}
    reminded: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    limits: list[datetime | None] = []
    for ticket_id in ids:
        groups: dict[tuple[ClockName, int], list[Due]] = {}
        for due in wanted[ticket_id]:
            if (ticket_id, due.clock.value, due.run, due.point.percent) not in written:
                groups.setdefault((due.clock, due.run), []).append(due)
        for group in groups.values():
            group.sort(key=lambda due: due.point.percent)
            reminded += [_row(ticket_id, due, now, folded=due is not group[-1]) for due in group]
            seqs[ticket_id] = seqs.get(ticket_id, 0) + 1
            events.append(_event(telling, ticket_id, seqs[ticket_id], group))
            limits.append(group[-1].point.due)
    if events:
        # By the connection: the session would make an object's worth of work of every row.
        connection = await session.connection()
        await connection.execute(sa.insert(Reminder), reminded)
        await connection.execute(sa.insert(TicketEvent), events)
        for row in reminded:
            REMINDERS.labels(row["clock"], "yes" if row["percent"] >= _LIMIT else "no").inc()
        told = [
            events_told.reminded(telling.histories[row["ticket_id"]], row, due)
            for row, due in zip(events, limits, strict=True)
        ]
        await tell(session, telling.tables, told, now=now)
    return len(events)


def _row(ticket_id: int, due: Due, now: datetime, *, folded: bool) -> dict[str, Any]:
    return {
        "ticket_id": ticket_id,
        "clock": due.clock.value,
        "run": due.run,
        "percent": due.point.percent,
        "point": due.point.point,
        "written_at": now,
        "folded": folded,
    }


def _event(telling: _Telling, ticket_id: int, seq: int, group: Sequence[Due]) -> dict[str, Any]:
    last = group[-1]
    levels = [level for level in Tells if any(level in due.point.tells for due in group)]
    return {
        "ticket_id": ticket_id,
        "seq": seq,
        "at": telling.now,
        "tag": Tag.REMINDED.value,
        "staff_id": None,
        "data": {
            "clock": last.clock.value,
            "run": last.run,
            "percent": last.point.percent,
            "row": last.point.row_id,
            "also": [due.point.percent for due in group[:-1]],
            "units": telling.units(ticket_id, last.clock, levels),
            "told": f"{last.clock.label}{last.point.title}（{show(last.point.point)}）",
        },
    }


async def _watch(session: AsyncSession, again: dict[int, datetime | None]) -> None:
    """Set when to look again; a ticket with nothing to come is looked at when something happens to it."""
    done = [ticket_id for ticket_id, at in again.items() if at is None]
    later = [{"key": ticket_id, "at": at} for ticket_id, at in again.items() if at is not None]
    if done:
        await session.execute(sa.delete(TicketWatch).where(TicketWatch.ticket_id.in_(done)))
    if later:
        connection = await session.connection()
        await connection.execute(
            sa.update(TicketWatch)
            .where(TicketWatch.ticket_id == sa.bindparam("key"))
            .values(next_at=sa.bindparam("at", type_=TicketWatch.next_at.type)),
            later,
        )


@dataclass(frozen=True, slots=True)
class UnitDue:
    """What a unit has running out: already over, and within the time asked for."""

    unit_code: str | None
    name: str
    overdue: int
    soon: int
    oldest: datetime


async def due_by_unit(
    session: AsyncSession, viewer: Viewer, *, now: datetime, within: timedelta
) -> list[UnitDue]:
    """The units with something overdue or due within that time, most overdue first."""
    late = sa.func.count().filter(Ticket.due_at <= now)
    rows = await session.execute(
        sa.select(
            Ticket.unit_code,
            sa.func.coalesce(sa.func.min(Unit.name), "未定承办单位"),
            late,
            sa.func.count().filter(Ticket.due_at > now),
            sa.func.min(Ticket.due_at),
        )
        .outerjoin(Unit, Unit.code == Ticket.unit_code)
        .where(Ticket.due_at < now + within, may_see(viewer))
        .group_by(Ticket.unit_code)
        .order_by(late.desc(), sa.func.min(Ticket.due_at), Ticket.unit_code)
    )
    return [
        UnitDue(unit, name, overdue, soon, oldest)
        for unit, name, overdue, soon, oldest in rows
        if oldest is not None
    ]
