"""锁定: how often a login was tried without success, and until when it is locked.

Counted before the password is looked at and under the login as typed, whether an account has it or not: many
tries at once do not get more of them, and nobody learns from a lock which logins exist.

Passwords are counted by login and by where they come from: by login alone anybody would keep its owner out.
By login alone they are counted as well, widely and by the hour, since an attacker has many addresses; and
between the two by site, the /48 of an IPv6 address, since one line has many places: it alone never fills the
wide one. Codes are counted by login alone: who shows one knows the password.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.db import insert_of
from models.staff import HASH, SignInLock
from triage.services import limiting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from triage.rules.signin_rows import SignInRow

#: So many times what one address may fail before its lock, all together may within an hour.
WIDE: Final = 10
#: So many times, all places of one site may.
SITE: Final = 4
_HOUR: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE: Final = 20
#: Characters of a key that is of a site; all others have HASH.
_SITE_KEY: Final = HASH - 1
#: Logins asked about in one query.
_ASKED: Final = 100


async def enter(
    session: AsyncSession, vault: Vault, login: str, address: str, rule: SignInRow, *, now: datetime
) -> tuple[bool, datetime | None]:
    """Count one more try of a password. Gives whether it may go on, and until when the login is locked.

    A try that succeeds is forgotten by `leave`, the lock that it brought with it.
    """
    site, wide = _around(vault, login, address, now), _everywhere(vault, login, now)
    over = await session.scalar(
        sa.select(SignInLock.locked_until).where(
            SignInLock.login_hash.in_((*site, wide)), SignInLock.locked_until > now
        )
    )
    # What is refused anyhow is no failure of the address it comes from.
    if over is not None:
        return False, over
    may_try, until = await _count(session, _here(vault, login, address), rule, _doubling(rule, now), now=now)
    # What its own address or site is refused is no try of all: one that goes on would lock it for everybody.
    for key, most in (*((one, SITE) for one in site), (wide, WIDE)):
        if not may_try:
            return False, until
        lock = _for_the_hour(rule.free_failures * most, now)
        may_try, over = await _count(session, key, rule, lock, now=now)
        until = max(filter(None, (until, over)), default=None)
    return may_try, until


async def enter_code(
    session: AsyncSession, vault: Vault, login: str, rule: SignInRow, *, now: datetime
) -> tuple[bool, datetime | None]:
    """Count one more try of a code, as `enter` does."""
    return await _count(session, _code(vault, login), rule, _doubling(rule, now), now=now)


async def leave(session: AsyncSession, vault: Vault, login: str, address: str, *, now: datetime) -> None:
    """Forget the failures from there, and those of its site and of all this hour: the login was proved.

    In the order of `enter`, so that neither waits for the other for ever. Other addresses keep theirs.
    """
    site = _around(vault, login, address, now)
    for key in (_here(vault, login, address), *site, _everywhere(vault, login, now)):
        await session.execute(sa.delete(SignInLock).where(SignInLock.login_hash == key))


async def leave_code(session: AsyncSession, vault: Vault, login: str) -> None:
    """Forget the failures with codes."""
    await session.execute(sa.delete(SignInLock).where(SignInLock.login_hash == _code(vault, login)))


async def open_again(session: AsyncSession, vault: Vault, login: str, *, now: datetime) -> None:
    """Forget all failures, from wherever: an administrator opened the login."""
    wide = _everywhere(vault, login, now)
    of_site = sa.func.length(SignInLock.login_hash) == _SITE_KEY
    # In the order of `enter`: addresses, sites, the hour.
    for which in (sa.and_(SignInLock.login_hash != wide, ~of_site), of_site, SignInLock.login_hash == wide):
        await session.execute(sa.delete(SignInLock).where(_passwords(vault, login), which))
    await leave_code(session, vault, login)


async def locks_of(
    session: AsyncSession, vault: Vault, logins: Sequence[str], *, now: datetime
) -> dict[str, datetime]:
    """Until when passwords of the logins are locked, from whatever address longest; others are left out."""
    known = {_family(vault, login): login for login in logins}
    found: dict[str, datetime] = {}
    for start in range(0, len(logins), _ASKED):
        asked = logins[start : start + _ASKED]
        rows = await session.execute(
            sa.select(SignInLock.login_hash, SignInLock.locked_until).where(
                sa.or_(*(_passwords(vault, login) for login in asked)), SignInLock.locked_until > now
            )
        )
        for key, until in rows:
            login = known[key[: HASH // 2]]
            found[login] = max(filter(None, (until, found.get(login))))
    return found


async def locked_until(session: AsyncSession, vault: Vault, login: str, *, now: datetime) -> datetime | None:
    """Until when its passwords, from whatever address, or its codes are locked."""
    codes = await session.scalar(
        sa.select(SignInLock.locked_until).where(
            SignInLock.login_hash == _code(vault, login), SignInLock.locked_until > now
        )
    )
    found = await locks_of(session, vault, [login], now=now)
    return max(filter(None, (codes, *found.values())), default=None)


async def _count(
    session: AsyncSession,
    key: str,
    rule: SignInRow,
    lock: Callable[[int], datetime | None],
    *,
    now: datetime,
) -> tuple[bool, datetime | None]:
    """One more under a key. Gives whether it may go on, and until when it is locked from now on."""
    row = insert_of(session, SignInLock).values(login_hash=key, failed=1, last_at=now)
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
    until = lock(failed)
    await session.execute(
        sa.update(SignInLock).where(SignInLock.login_hash == key).values(locked_until=until)
    )
    if failed == 1:
        await _forget(session, rule, now=now)
    return True, until


def _doubling(rule: SignInRow, now: datetime) -> Callable[[int], datetime | None]:
    """Until when so many failures lock: each further one twice as long."""

    def until(failed: int) -> datetime | None:
        span = rule.lock_after(failed)
        return None if span is None else now + span

    return until


def _for_the_hour(most: int, now: datetime) -> Callable[[int], datetime | None]:
    """Until the end of the hour from so many failures on."""
    ends = _EPOCH + (_stretch(now) + 1) * _HOUR
    return lambda failed: ends if failed >= most else None


async def _forget(session: AsyncSession, rule: SignInRow, *, now: datetime) -> None:
    """Remove a few of those that count for nothing any more."""
    old = sa.select(SignInLock.login_hash).where(SignInLock.last_at < now - rule.forget).limit(_AT_ONCE)
    keys = list(await session.scalars(old.with_for_update(skip_locked=True)))
    if keys:
        await session.execute(sa.delete(SignInLock).where(SignInLock.login_hash.in_(keys)))


def _family(vault: Vault, login: str) -> str:
    """What all keys of its passwords begin with: an administrator opens them without knowing from where."""
    return vault.content_hash(f"signin\0{login}\0password")[: HASH // 2]


def _passwords(vault: Vault, login: str) -> sa.ColumnElement[bool]:
    """Of the family, in the order of the primary key: behind it stand digits of a hash, all before a g."""
    family = _family(vault, login)
    return SignInLock.login_hash.between(family, f"{family}g")


def _here(vault: Vault, login: str, address: str) -> str:
    place = limiting.place_of(address)
    return _family(vault, login) + vault.content_hash(f"signin\0{login}\0at\0{place}")[: HASH // 2]


def _around(vault: Vault, login: str, address: str, now: datetime) -> tuple[str, ...]:
    """The key of its site, of this hour: none for an IPv4 address. Told from the others by its length."""
    if (site := limiting.site_of(address)) is None:
        return ()
    found = vault.content_hash(f"signin\0{login}\0site\0{site}\0{_stretch(now)}")
    return ((_family(vault, login) + found)[:_SITE_KEY],)


def _everywhere(vault: Vault, login: str, now: datetime) -> str:
    hour = vault.content_hash(f"signin\0{login}\0hour\0{_stretch(now)}")
    return _family(vault, login) + hour[: HASH // 2]


def _code(vault: Vault, login: str) -> str:
    return vault.content_hash(f"signin\0{login}\0code")


def _stretch(now: datetime) -> int:
    return int((now - _EPOCH) // _HOUR)
