"""Keys of moves (提交编号) go after a week: who sends one again does so within minutes, hours at most.

After that the version that comes with every wish still keeps it from being done twice. A citizen's 催办 comes
with none: sent again after a week it is a second one. What older releases kept of a wish told numbers apart
that were masked beside it; it goes with the rest.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.tickets import MoveRequest

if TYPE_CHECKING:
    from datetime import datetime

    from triage.services.deps import Deps

KEPT: Final = timedelta(days=7)
EVERY: Final = timedelta(days=1)
#: Keys looked at in one transaction.
BATCH: Final = 5000


class Forgetter:
    """What the timetable runs: once a day through all of them, ticket by ticket. No index is by the day."""

    def __init__(self, deps: Deps) -> None:
        """Start with nothing done."""
        self._deps = deps
        self._after = 0
        self._done_at: datetime | None = None

    async def keep(self) -> bool:
        """Forget those of some tickets. Gives whether there are more at once."""
        deps, now = self._deps, self._deps.clock.now()
        if self._done_at is not None and now - self._done_at < EVERY:
            return False
        later = sa.select(MoveRequest.ticket_id).where(MoveRequest.ticket_id > self._after)
        old = sa.delete(MoveRequest).where(MoveRequest.ticket_id > self._after, MoveRequest.at < now - KEPT)
        async with deps.db.writes.begin() as session:
            last = await session.scalar(
                later.order_by(MoveRequest.ticket_id, MoveRequest.key).offset(BATCH - 1).limit(1)
            )
            await session.execute(old if last is None else old.where(MoveRequest.ticket_id <= last))
        self._after, self._done_at = last or 0, None if last else now
        return last is not None
