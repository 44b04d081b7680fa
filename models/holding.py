"""在审: which clerk looks at which ticket that waits for review, so that the next one is given another."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, insert_of
from models.filters import may_see
from models.tickets import Ticket
from models.vocab import State

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer

#: Tickets looked at for one that nobody holds: more clerks than that do not review at once.
_LOOKED_AT = 200


class ReviewHold(Base):
    """A clerk has the ticket open, until then. No lock: whoever moves it first moves it."""

    __tablename__ = "review_hold"
    __table_args__ = (sa.Index("ix_review_hold_by", "by"),)

    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
    by: Mapped[str] = mapped_column(sa.String(64), comment="login")
    until: Mapped[datetime]


async def waiting(
    session: AsyncSession,
    viewer: Viewer,
    login: str,
    *,
    now: datetime,
    limit: int,
    but: tuple[str, ...] = (),
) -> list[tuple[int, str]]:
    """Ids and numbers of tickets that wait for review and nobody else holds, most pressing first."""
    held = sa.exists().where(
        ReviewHold.ticket_id == Ticket.id, ReviewHold.until > now, ReviewHold.by != login
    )
    rows = await session.execute(
        sa.select(Ticket.id, Ticket.no)
        .where(Ticket.state == State.REVIEW.value, may_see(viewer), ~held, Ticket.no.not_in(but))
        .order_by(Ticket.due_at, Ticket.id)
        .limit(min(limit, _LOOKED_AT))
    )
    return [(row.id, row.no) for row in rows]


async def hold(session: AsyncSession, ticket_id: int, login: str, *, now: datetime, span: timedelta) -> bool:
    """Hold it; False when somebody else was faster."""
    mine = await session.execute(
        insert_of(session, ReviewHold)
        .values(ticket_id=ticket_id, by=login, until=now + span)
        .on_conflict_do_update(
            index_elements=["ticket_id"],
            set_={"by": login, "until": now + span},
            where=sa.or_(ReviewHold.by == login, ReviewHold.until <= now),
        )
        .returning(ReviewHold.ticket_id)
    )
    return mine.scalar_one_or_none() is not None


async def release(session: AsyncSession, no: str, *, now: datetime) -> None:
    """Let go of a ticket that was decided, and of what anybody held so long ago that it says nothing.

    What else its clerk holds stays: the browser shows the next one without asking again.
    """
    decided = sa.select(Ticket.id).where(Ticket.no == no).scalar_subquery()
    await session.execute(
        sa.delete(ReviewHold).where(sa.or_(ReviewHold.ticket_id == decided, ReviewHold.until <= now))
    )


async def let_go(session: AsyncSession, login: str, numbers: tuple[str, ...]) -> None:
    """Let go of what a clerk skipped."""
    skipped = sa.select(Ticket.id).where(Ticket.no.in_(numbers)).scalar_subquery()
    await session.execute(
        sa.delete(ReviewHold).where(ReviewHold.by == login, ReviewHold.ticket_id.in_(skipped))
    )
