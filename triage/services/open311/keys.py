"""接口密钥: who may post through Open311. A key is shown once, when it is made; kept is its keyed hash."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, ClassVar, Final

import sqlalchemy as sa

from models.open311 import Open311Key
from triage.errors import BadInput, NotFound, TriageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault

_NAME: Final = re.compile(r"[\w.-]{1,40}")
_LONGEST: Final = 200


class KeyRefused(TriageError):
    """接口密钥 api_key 缺少、有误或已停用。"""

    code: ClassVar[str] = "key_refused"
    status: ClassVar[int] = 403


def _hash(vault: Vault, key: str) -> str:
    return vault.content_hash(f"open311.key\0{key}")


async def make(session: AsyncSession, vault: Vault, name: str, *, now: datetime) -> str:
    """Make a key for a program of that name, and show it. Raises BadInput when the name is taken or odd."""
    if not _NAME.fullmatch(name):
        raise BadInput("名称用 1 到 40 个字母、数字、汉字、点、横线")
    if await session.scalar(sa.select(Open311Key.id).where(Open311Key.name == name)):
        raise BadInput(f"已有名为 {name} 的接口密钥")
    key = secrets.token_urlsafe(24)
    session.add(Open311Key(name=name, key_hash=_hash(vault, key), created_at=now))
    return key


async def revoke(session: AsyncSession, name: str, *, now: datetime) -> None:
    """Let a key be of no use from now on. Raises NotFound."""
    done = await session.execute(
        sa.update(Open311Key)
        .where(Open311Key.name == name, Open311Key.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(Open311Key.id)
    )
    if done.one_or_none() is None:
        raise NotFound(f"没有名为 {name} 的有效接口密钥")


async def listed(session: AsyncSession) -> Sequence[Open311Key]:
    """Every key, by name."""
    return (await session.scalars(sa.select(Open311Key).order_by(Open311Key.name))).all()


async def holder(session: AsyncSession, vault: Vault, key: str | None) -> Open311Key:
    """Whose key it is. Raises KeyRefused."""
    if not key or len(key) > _LONGEST:
        raise KeyRefused
    found = await session.scalar(
        sa.select(Open311Key).where(Open311Key.key_hash == _hash(vault, key), Open311Key.revoked_at.is_(None))
    )
    if found is None:
        raise KeyRefused
    return found
