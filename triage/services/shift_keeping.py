"""交接班 is for the next shift: what was relieved loses its words and its tickets by `retention.yaml`.

Who wrote and relieved it, and when, stays with the row and in the ledger. What nobody relieved stands.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.shift_notes import ShiftNote, ShiftTicket
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_retention import Kept
from triage.rules import retention_rows
from triage.services import ledger

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps

EVERY: Final = timedelta(hours=12)
BATCH: Final = 500


async def forget(session: AsyncSession, *, before: datetime, now: datetime, why: str) -> int:
    """Let go of the words of a batch that was relieved before then. Gives how many; the ledger keeps that."""
    old = (
        sa.select(ShiftNote.id)
        .where(ShiftNote.relieved_at < before, ShiftNote.text.is_not(None))
        .order_by(ShiftNote.id)
        .limit(BATCH)
    )
    ids = list(await session.scalars(old))
    if not ids:
        return 0
    await session.execute(sa.delete(ShiftTicket).where(ShiftTicket.note_id.in_(ids)))
    await session.execute(sa.update(ShiftNote).where(ShiftNote.id.in_(ids)).values(text=None))
    ledger.write(
        session, who="system", act=LedgerAct.SHIFT_FORGOTTEN, now=now, reason=why,
        subject=ledger.Subject(SubjectKind.SHIFT, "relieved"),
        detail={"rows": len(ids), "before": before.isoformat()},
    )  # fmt: skip
    return len(ids)


class Keeper:
    """What the timetable runs, twice a day."""

    def __init__(self, deps: Deps) -> None:
        """Start with nothing done."""
        self._deps = deps
        self._done_at: datetime | None = None

    async def keep(self) -> bool:
        """Do what is due. Gives whether there may be more at once."""
        deps, now = self._deps, self._deps.clock.now()
        if self._done_at is not None and now - self._done_at < EVERY:
            return False
        rows = deps.tables.retention
        if all(row.what is not Kept.SHIFT for row in rows):
            return False
        row = retention_rows.row_of(rows, Kept.SHIFT, now)
        async with deps.db.writes.begin() as session:
            gone = await forget(session, before=row.before(now), now=now, why=row.id)
        if gone < BATCH:
            self._done_at = now
        return gone == BATCH
