"""锁定: how often a login was tried without success, and until when it is locked.

Counted before the password is looked at and under the login as typed, whether an account has it or not: many
tries at once do not get more of them, and nobody learns from a lock which logins exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from models.staff import SignInLock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from triage.rules.signin_rows import SignInRow

_AT_ONCE: Final = 20


def code_of(login: str) -> str:
    """Under what the codes of a login are counted."""
    return f"{login}\0code"


async def enter(
    session: AsyncSession, vault: Vault, login: str, rule: SignInRow, *, now: datetime
) -> tuple[bool, datetime | None]:
    """Count one more try. Gives whether it may go on, and until when the login is locked from now on.

    A try that succeeds is forgotten by `leave`, the lock that it brought with it.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    key = _key(vault, login)
    row = insert(SignInLock).values(login_hash=key, failed=1, last_at=now)
    open_now = sa.or_(SignInLock.locked_until.is_(None), SignInLock.locked_until <= now)
    failed: int | None = await session.scalar(
        row.on_conflict_do_update(
            index_elements=["login_hash"],
            set_={
                "failed": sa.case((SignInLock.last_at < now - rule.forget, 1), else_=SignInLock.failed + 1),
                "last_at": now,
            },
            where=open_now,
        ).returning(SignInLock.failed)
    )
    if failed is None:
        until = await session.scalar(sa.select(SignInLock.locked_until).where(SignInLock.login_hash == key))
        return False, until
    span = rule.lock_after(failed)
    until = None if span is None else now + span
    await session.execute(
        sa.update(SignInLock).where(SignInLock.login_hash == key).values(locked_until=until)
    )
    if failed == 1:
        await _forget(session, rule, now=now)
    return True, until


async def leave(session: AsyncSession, vault: Vault, login: str) -> None:
    """Forget the failures of a login: it was proved, or an administrator opened it."""
    await session.execute(sa.delete(SignInLock).where(SignInLock.login_hash == _key(vault, login)))


async def locks_of(
    session: AsyncSession, vault: Vault, logins: Sequence[str], *, now: datetime
) -> dict[str, datetime]:
    """Until when each of the logins is locked; those that are not are left out."""
    keys = {_key(vault, login): login for login in logins}
    rows = await session.execute(
        sa.select(SignInLock.login_hash, SignInLock.locked_until).where(
            SignInLock.login_hash.in_(keys), SignInLock.locked_until > now
        )
    )
    return {keys[key]: until for key, until in rows if until is not None}


async def _forget(session: AsyncSession, rule: SignInRow, *, now: datetime) -> None:
    """Remove a few of those that count for nothing any more."""
    old = sa.select(SignInLock.login_hash).where(SignInLock.last_at < now - rule.forget).limit(_AT_ONCE)
    keys = list(await session.scalars(old.with_for_update(skip_locked=True)))
    if keys:
        await session.execute(sa.delete(SignInLock).where(SignInLock.login_hash.in_(keys)))


def _key(vault: Vault, login: str) -> str:
    return vault.content_hash(f"signin\0{login}")
