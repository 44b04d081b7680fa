"""复核申请 that end undecided: void because of who asked or whom it is about, or over by its days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.staff import AccountRequest
from models.units import Staff
from models.vocab_ledger import LedgerAct
from triage.services.staff.recording import record

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps


def open_at(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions of a request that still waits."""
    return (AccountRequest.decided_at.is_(None), AccountRequest.until > now)


async def void(session: AsyncSession, which: sa.ColumnElement[bool], *, by: str, now: datetime) -> None:
    """End these requests without a decision on them."""
    rows = (
        await session.execute(
            sa.select(AccountRequest.id, AccountRequest.what, AccountRequest.asked_by, Staff.login)
            .join(Staff, Staff.id == AccountRequest.staff_id)
            .where(which, *open_at(now))
            .order_by(AccountRequest.id)
            .with_for_update(of=AccountRequest)
        )
    ).all()
    for number, what, asked_by, login in rows:
        await session.execute(
            sa.update(AccountRequest)
            .where(AccountRequest.id == number)
            .values(decided_by=by, decided_at=now, confirmed=False, half=None)
        )
        detail = {"request": str(number), "what": what, "asked_by": asked_by, "void": "yes"}
        record(session, LedgerAct.STAFF_TURNED_DOWN, by=by, login=login, now=now, detail=detail)


async def forget(deps: Deps) -> bool:
    """Forget the halves of passwords that nobody confirmed in time: a step of the timetable."""
    over = (
        AccountRequest.decided_at.is_(None),
        AccountRequest.until <= deps.clock.now(),
        AccountRequest.half.is_not(None),
    )
    async with deps.db.reads() as reading:
        if await reading.scalar(sa.select(AccountRequest.id).where(*over).limit(1)) is None:
            return False
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(AccountRequest).where(*over).values(half=None))
    return False
