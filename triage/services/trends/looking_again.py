"""态势重看: the last day that was looked through is looked through once more, after calls of it came late.

An import of a file brings calls of days that are over: the sums take them at once, the signals of those days
were noticed without them. What is noticed again is the same signal; what a person decided stays as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.signals import SignalDay
from triage.errors import BadInput
from triage.services.trends import noticing

if TYPE_CHECKING:
    from datetime import date

    from triage.services.deps import Deps


async def again(deps: Deps, day: date) -> bool:
    """Look through a day anew; False when another process was quicker.

    Raises BadInput on a day before the last one: what was noticed later would be the older signal. Cut off
    in between, the day counts as not looked through, and the timetable does it.
    """
    async with deps.db.writes.begin() as session:
        last = await session.scalar(sa.select(sa.func.max(SignalDay.day)))
        if last is not None and day < last:
            raise BadInput(f"信号已经看到 {last}，只能重看这一天")
        await session.execute(sa.delete(SignalDay).where(SignalDay.day == day))
    return await noticing.notice(deps, day)
