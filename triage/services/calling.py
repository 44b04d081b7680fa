"""吹哨报到双考核 and 督办: a month's calls by unit, on both sides, and what was not kept.

A call counts in the month in which it was made, in Beijing time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.sums import counted_for, sums_only
from models.tickets import CALL_EVENTS, Ticket, TicketEvent
from triage.rules.calling import Call, Called, calls_of
from triage.services.histories import by_ids
from triage.services.objections import edges

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from triage.rules.rows import Tables

_BATCH: Final = 500
UNKNOWN: Final = "未明"


@dataclass(frozen=True, slots=True)
class Side:
    """A unit on one side: how many calls, kept, not kept, still open. `answered` of `tickets` for callers."""

    unit: str
    name: str
    calls: int
    kept: int
    broken: int
    open: int
    tickets: int = 0
    answered: int = 0

    @property
    def share(self) -> float | None:
        """Kept of those decided; None when none is."""
        decided = self.kept + self.broken
        return self.kept / decided if decided else None

    @property
    def answered_share(self) -> float | None:
        """Tickets answered in time of those decided."""
        return self.answered / self.tickets if self.tickets else None


@dataclass(frozen=True, slots=True)
class Breach:
    """A due time that was not kept, and by how much (so far)."""

    no: str
    act: str
    unit: str
    due: datetime
    done: datetime | None
    late: timedelta


@dataclass(frozen=True, slots=True)
class CallReport:
    """A month: who was called, who called, who was to be on the spot; how much was broken, and what.

    `breaches`, worst first, name cases: whoever is told sums alone gets `broken`, their number.
    """

    month: str
    called: tuple[Side, ...]
    callers: tuple[Side, ...]
    onsite: tuple[Side, ...]
    broken: int
    breaches: tuple[Breach, ...]


async def report(
    session: AsyncSession, tables: Tables, viewer: Viewer, month: str, *, now: datetime
) -> CallReport:
    """The report of a month as it stands now. Raises BadInput."""
    first, after = edges(month)
    ids = list(
        await session.scalars(
            sa.select(TicketEvent.ticket_id)
            .join(Ticket, Ticket.id == TicketEvent.ticket_id)
            # Written out: only so does the partial index fit.
            .where(
                sa.literal_column(CALL_EVENTS),
                TicketEvent.at >= first,
                TicketEvent.at < after,
                counted_for(viewer),
            )
            .distinct()
            .order_by(TicketEvent.ticket_id)
        )
    )
    found: list[tuple[Call, Called]] = []
    for start in range(0, len(ids), _BATCH):
        for history in (await by_ids(session, ids[start : start + _BATCH])).values():
            called = calls_of(tables, history, as_of=now)
            found += [(call, called) for call in called.calls if first <= call.at < after]
    calls = [(call, called) for call, called in found if call.act != "supervise"]
    breaches = _breaches(tables, (call for call, _ in found), now)
    return CallReport(
        month=month,
        called=_called(tables, ((call.unit, call) for call, _ in calls), now),
        callers=_callers(tables, calls, now),
        onsite=_called(tables, ((call.unit, call) for call, _ in found if call.act == "supervise"), now),
        broken=len(breaches),
        breaches=() if sums_only(viewer) else breaches,
    )


def _sides(tables: Tables, calls: Iterable[tuple[str | None, Call]], now: datetime) -> tuple[Side, ...]:
    """By unit, the most broken first; of calls that were overtaken nothing but the unit."""
    sums: dict[str, list[bool | None]] = {}
    for unit, call in calls:
        told = sums.setdefault(unit or UNKNOWN, [])
        if not call.overtaken:
            told.append(call.kept(now))
    sides = [
        Side(unit, _name(tables, unit), len(told), told.count(True), told.count(False), told.count(None))
        for unit, told in sums.items()
    ]
    return tuple(sorted(sides, key=lambda side: (-side.broken, -side.calls, side.unit)))


def _called(tables: Tables, calls: Iterable[tuple[str | None, Call]], now: datetime) -> tuple[Side, ...]:
    """The side of those who were called, by what they could follow."""
    return tuple(side for side in _sides(tables, calls, now) if side.calls)


def _callers(tables: Tables, calls: list[tuple[Call, Called]], now: datetime) -> tuple[Side, ...]:
    """The other side: how its calls were kept, and whether its own tickets were answered in time."""
    tickets: dict[str, dict[str, bool | None]] = {}
    for call, called in calls:
        tickets.setdefault(call.by or UNKNOWN, {})[call.no] = called.answered
    found = []
    for side in _sides(tables, ((call.by, call) for call, _ in calls), now):
        told = [one for one in tickets[side.unit].values() if one is not None]
        found.append(replace(side, tickets=len(told), answered=told.count(True)))
    return tuple(found)


def _breaches(tables: Tables, calls: Iterable[Call], now: datetime) -> tuple[Breach, ...]:
    broken = [
        Breach(
            call.no, call.act, _name(tables, call.unit or UNKNOWN), call.due, call.done,
            (call.done or now) - call.due,
        )
        for call in calls
        if call.kept(now) is False
    ]  # fmt: skip
    return tuple(sorted(broken, key=lambda one: (-one.late, one.no)))


def _name(tables: Tables, unit: str) -> str:
    row = tables.units.get(unit)
    return row.name if row else unit
