"""回访台: who has a case open. A courtesy among those who ring; meanwhile its answer is not put right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.db import insert_of
from models.ringing import FollowUpHold
from models.tickets import Ticket
from models.units import Staff

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime, timedelta

    from sqlalchemy.ext.asyncio import AsyncSession


async def hold(session: AsyncSession, ticket_id: int, login: str, *, now: datetime, span: timedelta) -> bool:
    """Hold it; False when somebody else was faster.

    The ticket is locked first, for as long as this lasts: a move that is under way and asks who rings
    (`ringing_now`) is over when the page is read after this, or comes after it and sees it.
    """
    await session.execute(
        sa.select(Ticket.id).where(Ticket.id == ticket_id).with_for_update(read=True, key_share=True)
    )
    mine = await session.execute(
        insert_of(session, FollowUpHold)
        .values(ticket_id=ticket_id, by=login, until=now + span, looked=False)
        .on_conflict_do_update(
            index_elements=["ticket_id"],
            # Held without a break, it is the same call: what was looked at was.
            set_={
                "by": login,
                "until": now + span,
                "looked": sa.and_(FollowUpHold.looked, FollowUpHold.until > now),
            },
            where=sa.or_(FollowUpHold.by == login, FollowUpHold.until <= now),
        )
        .returning(FollowUpHold.ticket_id)
    )
    return mine.scalar_one_or_none() is not None


async def holder(session: AsyncSession, ticket_id: int, login: str, *, now: datetime) -> str | None:
    """Which colleague has it open, by name."""
    row = (
        await session.execute(
            sa.select(FollowUpHold.by, Staff.name)
            .outerjoin(Staff, Staff.login == FollowUpHold.by)
            .where(
                FollowUpHold.ticket_id == ticket_id, FollowUpHold.until > now, FollowUpHold.by != login
            )
        )
    ).one_or_none()  # fmt: skip
    return None if row is None else row.name or row.by


async def release(session: AsyncSession, login: str, *, now: datetime, until: datetime | None = None) -> None:
    """Let go of what somebody has open, and of what anybody had so long ago that it says nothing.

    `until`: only of what they opened so; a page that was left does not let go of what was opened after it.
    """
    mine = [FollowUpHold.by == login, *((FollowUpHold.until == until,) if until is not None else ())]
    await session.execute(
        sa.delete(FollowUpHold).where(sa.or_(sa.and_(*mine), FollowUpHold.until <= now))
    )  # fmt: skip


async def looked(session: AsyncSession, ticket_id: int, login: str, *, now: datetime) -> bool:
    """Whether whoever holds it looked at the number already."""
    mine = (FollowUpHold.ticket_id == ticket_id, FollowUpHold.by == login, FollowUpHold.until > now)
    return bool(await session.scalar(sa.select(FollowUpHold.looked).where(*mine)))


async def note_look(session: AsyncSession, ticket_id: int, login: str) -> None:
    """Note that they did."""
    mine = (FollowUpHold.ticket_id == ticket_id, FollowUpHold.by == login)
    await session.execute(sa.update(FollowUpHold).where(*mine).values(looked=True))


async def ringing_now(
    session: AsyncSession, ids: Collection[int], login: str, *, now: datetime
) -> tuple[str, datetime] | None:
    """Who else than `login` has one of these open, by name, and until when; of several the last."""
    row = (
        await session.execute(
            sa.select(FollowUpHold.by, FollowUpHold.until, Staff.name)
            .outerjoin(Staff, Staff.login == FollowUpHold.by)
            .where(
                FollowUpHold.ticket_id.in_(sorted(ids)),
                FollowUpHold.until > now,
                FollowUpHold.by != login,
            )
            .order_by(FollowUpHold.until.desc())
            .limit(1)
        )
    ).one_or_none()
    return None if row is None else (row.name or row.by, row.until)
