"""What happens to accounts is written to the ledger (审计台账): who, what, whose account, and no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.vocab_ledger import SubjectKind
from triage.services import ledger

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.vocab_ledger import LedgerAct


def record(
    session: AsyncSession,
    act: LedgerAct,
    *,
    by: str,
    login: str,
    now: datetime,
    detail: dict[str, str] | None = None,
    old: str | None = None,
    new: str | None = None,
) -> None:
    """Write down that `by` did this to the account of `login`, with this transaction."""
    subject = ledger.Subject(SubjectKind.STAFF, login)
    ledger.write(session, who=by, act=act, subject=subject, now=now, old=old, new=new, detail=detail)
