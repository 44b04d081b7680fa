"""回访台, 下一个: which case a 回访员 is given to ring, and what waits.

First whose agreed time is reached, then who said on the web that it is not solved or that they are not
content, then by due time. What is given is held, and what was held before is let go of, in one transaction;
the case is asked once more there, for a colleague may have rung it a moment ago.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from models import holds, ringing
from models.ringing import Moment
from triage.rules import ringing as rules
from triage.rules.calendar import beijing
from triage.services.citizen import unsolved

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.ringing import Waiting
    from models.viewing import Viewer
    from triage.rules.rows import Tables
    from triage.services.deps import Deps

#: How long a case that was opened is kept from colleagues; opening it again keeps it longer.
HOLD: Final = timedelta(minutes=10)
#: Cases tried for one that nobody else just took; cases whose ratings are looked at.
_TRIES: Final = 20
_RATED: Final = 50


@dataclass(frozen=True, slots=True)
class Waits:
    """What waits, and when it can go on: `opens_at` where one does not ring at this time of the day."""

    waiting: Waiting
    opens_at: datetime | None
    hours: str


def moment_of(tables: Tables, viewer: Viewer, now: datetime) -> Moment:
    """As the database is asked."""
    row = tables.clocks.follow_up(beijing(now).date())
    return Moment(now, viewer.login, timedelta(hours=row.apart_hours))


def again_from(tables: Tables, tries: Sequence[datetime], now: datetime) -> datetime | None:
    """From when on another call in vain may be written down (R4.13); None: now."""
    again = max(tries, default=now) + timedelta(
        hours=tables.clocks.follow_up(beijing(now).date()).apart_hours
    )
    return again if tries and again > now else None


async def waits(session: AsyncSession, tables: Tables, viewer: Viewer, *, now: datetime) -> Waits:
    """How many may be rung now, how many rest and why."""
    opens = rules.rings_from(tables.clocks, now)
    return Waits(
        await ringing.waits(session, viewer, moment_of(tables, viewer, now)),
        None if opens == now else opens,
        rules.hours(tables.clocks.ring(beijing(now).date())),
    )


async def take(deps: Deps, viewer: Viewer, *, now: datetime, but: Collection[str] = ()) -> str | None:
    """The number of the next case, held from now on; None: none may be rung now. `but`: what was skipped."""
    moment = moment_of(deps.tables, viewer, now)
    async with deps.db.reads() as session:
        found = await _candidates(session, deps.tables, viewer, moment, but)
    async with deps.db.writes.begin() as session:
        await holds.release(session, viewer.login, now=now)
    for ticket_id, no in found:
        async with deps.db.writes.begin() as session:
            if not await holds.hold(session, ticket_id, viewer.login, now=now, span=HOLD):
                continue
            if await ringing.may_be_rung(session, viewer, moment, ticket_id):
                return no
            await holds.release(session, viewer.login, now=now)
    return None


async def _candidates(
    session: AsyncSession, tables: Tables, viewer: Viewer, moment: Moment, but: Collection[str]
) -> list[tuple[int, str]]:
    if rules.rings_from(tables.clocks, moment.now) != moment.now:
        return []
    agreed = await ringing.agreed_first(session, viewer, moment, limit=_TRIES, but=but)
    rated = await ringing.unhappy_first(session, viewer, moment, limit=_RATED, but=but)
    told = await unsolved.waiting(session, {number: (appeal, state) for number, _, appeal, state in rated})
    unhappy = [(number, no) for number, no, *_ in rated if number in told]
    due = await ringing.by_due(session, viewer, moment, limit=_TRIES, but=but)
    return list(dict.fromkeys([*agreed, *unhappy, *due]))
