"""A given-up appeal (处理失败) that a clerk registered by hand: its citizen reads on at the one in its place.

Whoever knows the old number and its phone or code wrote the old one. They are led on where the other is from
nobody else: from the same phone; without a phone, from the same name or from nobody named (匿名). Of whom
the other was is not known any more once that is erased (删除身份): then to nobody.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.appeals import Appeal, Appellant
from models.identities import Erasure
from models.outbox import BY_HAND, DeadLetter
from models.vocab import AppealState

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault


async def now_at(session: AsyncSession, vault: Vault, appeal_id: int) -> int:
    """The appeal that stands for this one to its citizen: itself, or the last registered in its place."""
    passed = {appeal_id}
    while (after := await _after(session, appeal_id)) is not None and after not in passed:
        if not await _same(session, vault, appeal_id, after):
            break
        passed.add(after)
        appeal_id = after
    return appeal_id


async def _after(session: AsyncSession, appeal_id: int) -> int | None:
    """What was registered in its place, the latest; None: it is not given up, or nothing was."""
    told = await session.scalar(
        sa.select(DeadLetter.detail)
        .join(Appeal, Appeal.id == DeadLetter.key)
        .where(
            DeadLetter.key == appeal_id, DeadLetter.reason == BY_HAND,
            Appeal.state == AppealState.DEAD.value,
        )
        .order_by(DeadLetter.id.desc())
        .limit(1)
    )  # fmt: skip
    return int(told["registered"]) if told else None


async def _same(session: AsyncSession, vault: Vault, first: int, after: int) -> bool:
    rows = await session.scalars(sa.select(Appellant).where(Appellant.appeal_id.in_((first, after))))
    people = {row.appeal_id: row for row in rows}
    theirs, mine = people.get(after), people.get(first)
    if theirs is not None and theirs.phone_index is not None:
        known = mine.phone_index if mine else None
        return known is not None and hmac.compare_digest(known, theirs.phone_index)
    if theirs is not None and await _erased(session, theirs):
        return False
    named = name_of(vault, theirs)
    return named is None or named == name_of(vault, mine)


async def _erased(session: AsyncSession, person: Appellant) -> bool:
    """Whether who it was is erased. One of nobody named has no row, or what was masked in it at least."""
    if person.name is not None:
        return False
    if person.original is None:
        return True
    erased = sa.exists().where(Erasure.appeal_id == person.appeal_id, Erasure.erased_at.is_not(None))
    return bool(await session.scalar(sa.select(erased)))


def name_of(vault: Vault, person: Appellant | None) -> str | None:
    """The name they left; None: none."""
    if person is None or person.name is None:
        return None
    return vault.open(person.name, belongs_to=f"appellant.name:{person.appeal_id}")
