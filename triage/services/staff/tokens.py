"""接口令牌: a program's key to the API. Shown once; it may do a part of what its owner may do, for a time."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.staff import Account, ApiToken
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Permission
from triage.errors import BadInput, NotFound
from triage.services.staff import sessions
from triage.services.staff.recording import record

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.signin_rows import SignInRow
    from triage.services.staff.sessions import Person

START: Final = "jiesu_"
_PREFIX: Final = len(START) + 6
_LONGEST_NAME: Final = 40
_MOST: Final = 20
_SEEN_EVERY: Final = timedelta(minutes=1)


async def make(
    session: AsyncSession,
    staff_id: int,
    *,
    name: str,
    scopes: Collection[Permission],
    allowed: Collection[Permission],
    days: int,
    rule: SignInRow,
    by: str,
    login: str,
    now: datetime,
) -> str:
    """Make one. Gives the token, which is kept nowhere. Raises BadInput."""
    name = name.replace("\0", "").strip()
    if not name or len(name) > _LONGEST_NAME:
        raise BadInput(f"请给令牌起个名字，最多 {_LONGEST_NAME} 个字")
    if not scopes:
        raise BadInput("请至少选一项权限")
    if beyond := sorted(set(scopes) - set(allowed)):
        raise BadInput(f"没有这项权限，不能给令牌：{'、'.join(Permission(p).label for p in beyond)}")
    if not 1 <= days <= rule.token_days:
        raise BadInput(f"有效期应在 1 到 {rule.token_days} 天之间")
    mine = sa.select(sa.func.count()).where(
        ApiToken.staff_id == staff_id, ApiToken.revoked_at.is_(None), ApiToken.expires_at > now
    )
    if (await session.scalar(mine) or 0) >= _MOST:
        raise BadInput(f"一个账号最多 {_MOST} 个有效令牌，请先停用不用的")
    token = START + secrets.token_urlsafe(32)
    await session.execute(
        sa.insert(ApiToken).values(
            token_hash=sessions.token_hash(token),
            staff_id=staff_id,
            name=name,
            prefix=token[:_PREFIX],
            scopes=sorted(scope.value for scope in scopes),
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
    )
    detail = {"token": token[:_PREFIX], "scopes": ",".join(sorted(scopes)), "days": str(days)}
    record(session, LedgerAct.TOKEN_ADDED, by=by, login=login, now=now, detail=detail)
    return token


async def revoke(
    session: AsyncSession, staff_id: int, number: int, *, by: str, login: str, now: datetime
) -> None:
    """Let a token open nothing any more. Raises NotFound."""
    prefix = await session.scalar(
        sa.update(ApiToken)
        .where(ApiToken.id == number, ApiToken.staff_id == staff_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(ApiToken.prefix)
    )
    if prefix is None:
        raise NotFound("没有这个令牌，或已经停用。")
    record(session, LedgerAct.TOKEN_REVOKED, by=by, login=login, now=now, detail={"token": prefix})


async def revoke_all(session: AsyncSession, staff_id: int, *, by: str, login: str, now: datetime) -> int:
    """Let all tokens of an account open nothing any more. Gives how many that were."""
    rows = await session.scalars(
        sa.update(ApiToken)
        .where(ApiToken.staff_id == staff_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(ApiToken.prefix)
    )
    gone = rows.all()
    for prefix in gone:
        record(session, LedgerAct.TOKEN_REVOKED, by=by, login=login, now=now, detail={"token": prefix})
    return len(gone)


async def find(
    session: AsyncSession, token: str, *, now: datetime
) -> tuple[int, frozenset[Permission], Person, bool] | None:
    """Of a token in force: its number, scopes, its owner, and whether its use is to be noted. Else None."""
    own = (ApiToken.id, ApiToken.scopes, ApiToken.used_at)
    rows = (
        await session.execute(
            sessions.people(*own, now=now)
            .join(ApiToken, ApiToken.staff_id == Account.staff_id)
            .where(
                ApiToken.token_hash == sessions.token_hash(token),
                ApiToken.revoked_at.is_(None),
                ApiToken.expires_at > now,
            )
        )
    ).all()
    if not rows:
        return None
    number, scopes, used_at, *_ = rows[0]
    known = {permission.value for permission in Permission}
    stale = used_at is None or now - used_at >= _SEEN_EVERY
    held = frozenset(Permission(scope) for scope in scopes if scope in known)
    return number, held, sessions.person_of([row[len(own) :] for row in rows]), stale


async def touch(session: AsyncSession, number: int, *, now: datetime) -> None:
    """Note that a token is used."""
    await session.execute(sa.update(ApiToken).where(ApiToken.id == number).values(used_at=now))


async def listed(session: AsyncSession, staff_id: int) -> list[ApiToken]:
    """The tokens of an account that are not revoked, newest first."""
    rows = await session.scalars(
        sa.select(ApiToken)
        .where(ApiToken.staff_id == staff_id, ApiToken.revoked_at.is_(None))
        .order_by(ApiToken.id.desc())
    )
    return list(rows)
