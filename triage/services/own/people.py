"""What of a unit's is open: over and soon over, and who of it has how much (经办人).

The figures by person are for whom the unit may name (`keeping.colleagues`): they give cases to each other.
Somebody who cannot have them any more has none: theirs count with those that nobody has.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.filters import may_see
from models.keepers import TicketKeeper, has_part
from models.tickets import OPEN, Ticket, TicketUnit
from models.vocab import State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from triage.services.keeping import Colleague

#: What is at risk: over within so long.
SOON: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Load:
    """How many open cases; of these over."""

    open: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Person:
    """A colleague with their cases; nobody: `who` is None."""

    who: Colleague | None
    load: Load


@dataclass(frozen=True, slots=True)
class OpenCase:
    """An open case whose clock is over or soon is."""

    no: str
    title: str
    state: str
    urgency: str
    due: datetime | None
    clock: str | None


@dataclass(frozen=True, slots=True)
class Work:
    """What is open now of the cases that the unit leads.

    `soon`: over within 24 hours, not yet; `pressing`: the first of both. `people`: nobody first.
    """

    open: int
    overdue: int
    soon: int
    pressing: tuple[OpenCase, ...]
    people: tuple[Person, ...]
    nobodys: tuple[OpenCase, ...]


def _led(viewer: Viewer, unit: str) -> tuple[ColumnElement[bool], ...]:
    """What is open is written out, as the list does: so its indexes fit."""
    return (may_see(viewer), Ticket.unit_code == unit, sa.literal_column(OPEN))


async def work(
    session: AsyncSession,
    viewer: Viewer,
    unit: str,
    colleagues: Sequence[Colleague],
    *,
    now: datetime,
    most: int,
) -> Work:
    """What is open, by the predicate of the list; `most` cases of each list."""
    until = now + SOON
    unkept = _unkept(unit, colleagues)
    late = Ticket.due_at < now
    row = (
        await session.execute(
            sa.select(
                sa.func.count(),
                sa.func.count().filter(late),
                sa.func.count().filter(Ticket.due_at >= now, Ticket.due_at < until),
                sa.func.count().filter(unkept),
                sa.func.count().filter(unkept, late),
            ).where(*_led(viewer, unit))
        )
    ).one()
    opened, overdue, soon, *nobodys = row
    people = await _people(session, viewer, unit, colleagues, now=now)
    return Work(
        opened,
        overdue,
        soon,
        await _cases(session, most, *_led(viewer, unit), Ticket.due_at < until),
        (Person(None, Load(*nobodys)), *people) if people else (),
        await _cases(session, most, *_led(viewer, unit), unkept) if people else (),
    )


async def _cases(session: AsyncSession, most: int, *chosen: ColumnElement[bool]) -> tuple[OpenCase, ...]:
    """The most pressing; those without a clock last."""
    rows = await session.execute(
        sa.select(Ticket.no, Ticket.title, Ticket.state, Ticket.urgency, Ticket.due_at, Ticket.due_clock)
        .where(*chosen)
        .order_by(Ticket.due_at.is_(None), Ticket.due_at, Ticket.id)
        .limit(most)
    )
    return tuple(OpenCase(*row) for row in rows)


def _unkept(unit: str, colleagues: Sequence[Colleague]) -> ColumnElement[bool]:
    """Whether nobody who can deals with the unit's part, and one of them could be named."""
    kept = (
        sa.exists()
        .where(
            TicketKeeper.ticket_id == Ticket.id,
            TicketKeeper.unit_code == unit,
            TicketKeeper.staff_id.in_([one.staff_id for one in colleagues]),
        )
        .correlate(Ticket)
    )
    # The lead unit was found not to be the right one (`keepers.dealing`): nobody of it is named.
    return sa.and_(~kept, Ticket.state.not_in([State.TO_REASSIGN.value, State.REVIEW.value]))


async def _people(
    session: AsyncSession, viewer: Viewer, unit: str, colleagues: Sequence[Colleague], *, now: datetime
) -> tuple[Person, ...]:
    """Every colleague, who has least first: to whom more can be given. Whatever the unit's part is."""
    rows = await session.execute(
        sa.select(TicketKeeper.staff_id, sa.func.count(), sa.func.count().filter(Ticket.due_at < now))
        .select_from(TicketKeeper)
        .join(Ticket, Ticket.id == TicketKeeper.ticket_id)
        .join(TicketUnit, has_part())
        .where(TicketKeeper.unit_code == unit, sa.literal_column(OPEN), may_see(viewer))
        .group_by(TicketKeeper.staff_id)
    )
    loads = {staff: Load(count, late) for staff, count, late in rows}
    found = [(one, loads.get(one.staff_id, Load(0, 0))) for one in colleagues]
    found.sort(key=lambda one: (one[1].open, one[0].label))
    return tuple(Person(one, load) for one, load in found)
