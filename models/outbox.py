"""Work still to be handed to the queue, and work that failed for good. The database is the record."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, aliased, mapped_column

from models.db import Base, BigId

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import InstrumentedAttribute

#: The reason of the letter that says who took its place: a person registered the matter by hand.
BY_HAND: Final = "RegisteredByHand"


class Outbox(Base):
    """One thing to do, written in the transaction that made it necessary."""

    __tablename__ = "outbox"
    __table_args__ = (
        sa.Index(
            "ix_outbox_pending",
            "id",
            postgresql_where=sa.text("dispatched_at IS NULL"),
            sqlite_where=sa.text("dispatched_at IS NULL"),
        ),
        sa.Index("ix_outbox_key", "key"),
        sa.Index("ix_outbox_dispatched", "dispatched_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    topic: Mapped[str] = mapped_column(sa.String(40))
    key: Mapped[int] = mapped_column(BigId, comment="id of the row it is about: ids only, never text")
    created_at: Mapped[datetime]
    available_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    dispatched_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(sa.Text)
    trace: Mapped[str | None] = mapped_column(
        sa.String(55), comment="W3C traceparent of what wrote it; null: tracing is off"
    )


class DeadLetter(Base):
    """Work given up after its last try, with the reason, until a person runs it again."""

    __tablename__ = "dead_letter"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    topic: Mapped[str] = mapped_column(sa.String(40))
    key: Mapped[int] = mapped_column(BigId, index=True)
    reason: Mapped[str] = mapped_column(
        sa.Text, comment="class of the error and where; never a citizen's text"
    )
    detail: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    created_at: Mapped[datetime]
    rerun_at: Mapped[datetime | None]


def registered_by_hand(appeal_id: InstrumentedAttribute[int]) -> sa.ColumnElement[bool]:
    """Whether an appeal that was given up lives on as one registered by hand, and failed no more since.

    It stays given up: what is kept of its citizen goes in its time, and nobody waits for it any more.
    """
    by_hand, fresh = aliased(DeadLetter), aliased(DeadLetter)
    return sa.and_(
        sa.exists().where(by_hand.key == appeal_id, by_hand.reason == BY_HAND),
        ~sa.exists().where(fresh.key == appeal_id, fresh.rerun_at.is_(None)),
    )


async def living_on(session: AsyncSession, appeals: Collection[int]) -> list[int]:
    """The appeals that were registered by hand in place of these, and in place of those; without these."""
    known, found, last = set(appeals), list[int](), sorted(appeals)
    while last:
        told = await session.scalars(
            sa.select(DeadLetter.detail).where(DeadLetter.key.in_(last), DeadLetter.reason == BY_HAND)
        )
        last = sorted({int(detail["registered"]) for detail in told} - known)
        known.update(last)
        found += last
    return found


async def registered_for(session: AsyncSession, appeal_id: int) -> list[int]:
    """The way back: the given-up appeals that this one was registered by hand for, the latest first."""
    found, last = list[int](), appeal_id
    mine = DeadLetter.detail["registered"].as_integer()
    query = sa.select(sa.func.min(DeadLetter.key)).where(DeadLetter.reason == BY_HAND)
    while (failed := await session.scalar(query.where(mine == last))) is not None:
        found.append(failed)
        last = failed
    return found
