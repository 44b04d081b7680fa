"""对账 by itself: which day is due. A day is done when an account of the whole day asked for all that lacked.

An account made before its day had ended (somebody ran the command at noon) holds half of it and settles
nothing. One that could not ask for everything (the platform failed, too much was lacking) is made again: at
once while orders still come, else after a while, and no more than some times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from connectors.hotline.client import PlatformAway
from models.hotline import HotlineOrder, Reconciliation
from triage.clock import BEIJING, local
from triage.services.hotline import reconciling
from triage.services.hotline.figures import ended
from triage.services.sources.ports import Outcome, SourceFault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from connectors.hotline.client import HotlineClient
    from connectors.hotline.mapping import PlatformMap
    from connectors.hotline.settings import HotlineSettings
    from triage.services.sources.ports import Work

#: How far back the timetable catches up after days without.
_DAYS_BACK: Final = 7
#: So many accounts that got nothing and could not ask for everything; then the day is left as it stands.
_IN_VAIN: Final = 3
#: Between two of these.
_PAUSE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Made:
    """An account that was made of a day: when, and what its `Fetched` says."""

    made_at: datetime
    fetched: Mapping[str, Any]

    @property
    def finished(self) -> bool:
        """As `Fetched.finished`; older accounts do not say how many were left, only their `why`."""
        return not self.fetched.get("why") and not self.fetched.get("left")

    @property
    def in_vain(self) -> bool:
        """Whether no order was won by it."""
        return not self.fetched.get("stored")


def wanted(day: date, made: Sequence[Made], *, now: datetime) -> bool:
    """Whether a day is to be reconciled now. `made`: its accounts, the oldest first."""
    whole = [one for one in made if one.made_at >= ended(day)]
    if not whole:
        return True
    if any(one.finished for one in whole) or sum(one.in_vain for one in whole) >= _IN_VAIN:
        return False
    return not whole[-1].in_vain or now >= whole[-1].made_at + _PAUSE


async def due(work: Work, client: HotlineClient, settings: HotlineSettings, platform: PlatformMap) -> Outcome:
    """The timetable's task: the earliest recent day that is not done. Raises SourceFault."""
    now = work.deps.clock.now()
    here = local(now)
    newest = here.date() - timedelta(days=1 if here.hour >= settings.reconcile_hour else 2)
    began = local(await _began(work)).date()
    days = [newest - timedelta(days=back) for back in range(_DAYS_BACK - 1, -1, -1)]
    made = await _made(work, days)
    left = [day for day in days if day >= began and wanted(day, made.get(day, []), now=now)]
    if not left:
        return Outcome(said="没有要对的账。")
    try:
        source = (work.source.id, work.source.key)
        report = await reconciling.reconcile(work.deps, source, client, settings, platform, day=left[0])
    except PlatformAway as error:
        raise SourceFault(str(error)) from None
    goes_on = not report.fetched.finished and report.fetched.stored > 0
    return Outcome(said=reconciling.said(report), seen=report.orders, more=goes_on or len(left) > 1)


async def _made(work: Work, days: Sequence[date]) -> dict[date, list[Made]]:
    async with work.deps.db.reads() as session:
        rows = await session.execute(
            sa.select(Reconciliation.day, Reconciliation.made_at, Reconciliation.detail["fetched"])
            .where(Reconciliation.source_id == work.source.id, Reconciliation.day.in_(days))
            .order_by(Reconciliation.id)
        )
        found: dict[date, list[Made]] = {}
        for day, made_at, fetched in rows:
            found.setdefault(day, []).append(Made(made_at, fetched or {}))
    return found


async def _began(work: Work) -> datetime:
    """Since when we have orders of this source; nothing before can be compared."""
    async with work.deps.db.reads() as session:
        first = await session.scalar(
            sa.select(sa.func.min(HotlineOrder.day)).where(HotlineOrder.source_id == work.source.id)
        )
    return datetime.combine(first, time(), BEIJING) if first else work.deps.clock.now()
