"""态势重看: the last day that was looked through is looked through once more, after calls of it came late.

An import of a file brings calls of days that are over: the sums take them at once, the signals of those days
were noticed without them. What is noticed again is the same signal; what a person decided stays as it was.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.rollups import RollupCursor
from models.signals import SignalDay
from triage.clock import BEIJING, local
from triage.errors import BadInput
from triage.services import backlog
from triage.services.trends import noticing

if TYPE_CHECKING:
    from datetime import date

    from triage.services.deps import Deps


async def again(deps: Deps, day: date) -> bool:
    """Look through a day anew; False when another process was quicker.

    Raises BadInput on any day but the last one that was looked through (yesterday, where none was): an older
    one would undo what was noticed later, a later one would make the timetable leave out the days up to it.
    Also while the sums do not hold the whole day, or many appeals are to be read. Cut off in between, the
    day counts as not looked through, and the timetable does it.
    """
    yesterday = local(deps.clock.now()).date() - timedelta(days=1)
    async with deps.db.writes.begin() as session:
        last = await session.scalar(sa.select(sa.func.max(SignalDay.day)))
        if last is not None and day != last:
            raise BadInput(f"信号已经看到 {last}，只能重看这一天")
        if day > yesterday or (last is None and day != yesterday):
            raise BadInput(f"信号看到昨天为止，现在只能看 {yesterday}")
        counted = await session.scalar(sa.select(RollupCursor.at))
        if counted is None or counted < datetime.combine(day + timedelta(days=1), time(), BEIJING):
            raise BadInput(f"{day} 的诉求还没有汇总完，请稍后再看")
        if await backlog.is_long(session):
            raise BadInput("待识别的诉求很多，请等识别完再看")
        await session.execute(sa.delete(SignalDay).where(SignalDay.day == day))
    return await noticing.notice(deps, day)
