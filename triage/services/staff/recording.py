"""What happens to accounts is written down: who, what, whose account, and facts that hold no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triage import logs

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.vocab_signin import SignInAct

log = logs.get(__name__)


def record(
    session: AsyncSession,
    act: SignInAct,
    *,
    by: str,
    login: str,
    now: datetime,
    detail: dict[str, str] | None = None,
) -> None:
    """Write down that `by` did this to the account of `login`."""
    log.info(
        act.value,
        by=by,
        login=login,
        at=now.isoformat(),
        in_transaction=session.in_transaction(),
        **(detail or {}),
    )
