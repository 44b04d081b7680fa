"""保存: virtual numbers go when they are over, records and own numbers by `retention.yaml`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.callbacks import CallBack
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_retention import Kept
from triage import logs
from triage.rules import retention_rows
from triage.services import ledger
from triage.services.callbacks import own_number

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps

log = logs.get(__name__)

EVERY: Final = timedelta(hours=1)
BATCH: Final = 1000


async def clear_numbers(session: AsyncSession, *, now: datetime) -> int:
    """Forget the virtual numbers that lead nowhere any more. Gives how many."""
    gone = await session.scalars(
        sa.update(CallBack)
        .where(CallBack.number.is_not(None), CallBack.until <= now)
        .values(number=None)
        .returning(CallBack.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


async def prune(session: AsyncSession, *, before: datetime, now: datetime, why: str) -> int:
    """Let go of a batch of records older than `before`. Gives how many; the ledger keeps that."""
    old = sa.select(CallBack.id).where(CallBack.asked_at < before).order_by(CallBack.id).limit(BATCH)
    ids = list(await session.scalars(old))
    if not ids:
        return 0
    await session.execute(sa.delete(CallBack).where(CallBack.id.in_(ids)))
    ledger.write(
        session, who="system", act=LedgerAct.CALLS_PRUNED, now=now, reason=why,
        subject=ledger.Subject(SubjectKind.LEDGER, "call_back"),
        detail={"rows": len(ids), "before": before.isoformat()},
    )  # fmt: skip
    return len(ids)


class Keeper:
    """What the timetable runs: numbers as soon as they are over, the rest once an hour."""

    def __init__(self, deps: Deps) -> None:
        """Start with nothing done."""
        self._deps = deps
        self._done_at: datetime | None = None

    async def keep(self) -> bool:
        """Do what is due. Gives whether there may be more at once."""
        deps, now = self._deps, self._deps.clock.now()
        async with deps.db.reads() as session:
            over = await session.scalar(
                sa.select(CallBack.id).where(CallBack.number.is_not(None), CallBack.until <= now).limit(1)
            )
        if over is not None:
            async with deps.db.writes.begin() as session:
                await clear_numbers(session, now=now)
        if self._done_at is not None and now - self._done_at < EVERY:
            return False
        calls = retention_rows.row_of(deps.tables.retention, Kept.CALL, now)
        own = retention_rows.row_of(deps.tables.retention, Kept.OWN_NUMBER, now)
        async with deps.db.writes.begin() as session:
            gone = await prune(session, before=calls.before(now), now=now, why=calls.id)
            unused = await own_number.forget_unused(session, before=own.before(now))
            if unused:
                ledger.write(
                    session, who="system", act=LedgerAct.OWN_NUMBER_REMOVED, now=now, reason=own.id,
                    subject=ledger.Subject(SubjectKind.STAFF, "unused"), detail={"rows": unused},
                )  # fmt: skip
        if gone < BATCH:
            self._done_at = now
        return gone == BATCH
