"""漂移: every day, whether readings are still what they were: measured from the stored readings, and kept.

The timetable pokes; a day is measured once, when it is over (Beijing), against the 28 days before it. Days on
which nobody poked are measured afterwards.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from models import drifting
from models.drifting import DriftFigureRow
from models.vocab_drift import DriftFigure, DriftLevel
from triage import logs
from triage.clock import BEIJING, local
from triage.rules.drifting import judge, row_of

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.services.deps import Deps

log = logs.get(__name__)

#: What a day is compared with: four whole weeks, so that every weekday stands in it as often.
BEFORE: Final = timedelta(days=28)
#: So many days back a day that was not measured still is: what `jiesu nlp drift` shows.
_BACK: Final = 14


async def poke(deps: Deps) -> bool:
    """Measure yesterday if it was not yet, else the last day before it that was not.

    Gives whether one was measured now. Safe to run by two at once.
    """
    now = deps.clock.now()
    today = local(now).date()
    days = [today - timedelta(days=back) for back in range(1, _BACK + 1)]
    async with deps.db.reads() as session:
        missing = await drifting.unmeasured(session, [day for day in days if _judged(deps.tables, day)])
        if not missing:
            return False
        day = missing[0]
        rows = await measure(session, deps.tables, day, at=now)
    try:
        async with deps.db.writes.begin() as session:
            await session.execute(sa.insert(DriftFigureRow), rows)
    except IntegrityError:
        return False  # the other one was quicker
    for row in rows:
        if row["level"] in (DriftLevel.WATCH, DriftLevel.ACT):
            log.warning(
                "readings_drift", day=str(day), figure=row["figure"], psi=row["psi"], level=row["level"]
            )
    return True


def _judged(tables: Tables, day: date) -> bool:
    """Whether a figure has thresholds on a day: without one nothing is measured."""
    return any(row_of(tables.drifts, figure, day) for figure in DriftFigure)


async def measure(
    session: AsyncSession, tables: Tables, day: date, *, at: datetime
) -> list[dict[str, object]]:
    """A day's figures, as rows to store; none for a figure without a row of thresholds on that day."""
    start = datetime.combine(day, time(), BEIJING)
    end = start + timedelta(days=1)
    now = await drifting.count(session, start=start, end=end)
    then = await drifting.count(session, start=start - BEFORE, end=start)
    found: list[dict[str, object]] = []
    for figure in DriftFigure:
        row = row_of(tables.drifts, figure, day)
        if row is None:
            continue
        mine, before = getattr(now, figure.value), getattr(then, figure.value)
        drift = judge(row, before, mine)
        found.append(
            {
                "day": day,
                "figure": figure.value,
                "psi": drift.psi,
                "chance": drift.chance,
                "level": drift.level.value,
                "texts": sum(mine.values()),
                "texts_before": sum(before.values()),
                "row_id": row.id,
                "model_versions": list(now.model_versions),
                "measured_at": at,
            }
        )
    return found
