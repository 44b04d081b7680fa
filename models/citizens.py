"""The citizen's page (网络渠道): how a case is opened again by whoever sent it, and how often anyone asks."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.appeals import Appeal
from models.db import Base, BigId
from models.filters import may_see
from models.tickets import Ticket

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer


class CitizenAccess(Base):
    """How a case sent by the page is opened: its receipt number is the appeal's external number."""

    __tablename__ = "citizen_access"

    appeal_id: Mapped[int] = mapped_column(sa.ForeignKey("appeal.id"), primary_key=True)
    form_hash: Mapped[str] = mapped_column(
        sa.String(64), unique=True, comment="keyed: the form it came from, so that sent twice it is one case"
    )
    code_hash: Mapped[str | None] = mapped_column(
        sa.String(64), comment="keyed, of the code that the sender was shown once; null: by phone alone"
    )
    lon: Mapped[float | None] = mapped_column(comment="where the map was pressed; WGS-84 degrees")
    lat: Mapped[float | None]


#: A rating that says 没有解决 or 不满意 (`vocab_citizen.Unsolved`). Written out: only so does its index fit.
UNHAPPY: Final = (
    "(citizen_rating.solved = 'no' OR citizen_rating.satisfaction IN ('dissatisfied', 'very_dissatisfied'))"
)


class CitizenWord(Base):
    """追加: what a citizen added to a case. Masked; the unmasked words are sealed beside it."""

    __tablename__ = "citizen_word"
    __table_args__ = (sa.UniqueConstraint("appeal_id", "key"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    appeal_id: Mapped[int] = mapped_column(sa.ForeignKey("appeal.id"), index=True)
    key: Mapped[str] = mapped_column(sa.String(64), comment="of the form: sent twice it is kept once")
    text: Mapped[str] = mapped_column(sa.Text, comment="masked")
    original: Mapped[bytes | None] = mapped_column(sa.LargeBinary, comment="sealed; null: nothing was masked")
    at: Mapped[datetime]


class CitizenRating(Base):
    """评价: what a citizen says of an answer. Beside the 回访, which alone counts in the rates.

    One for each answer: after 重办 there is another to be rated.
    """

    __tablename__ = "citizen_rating"
    __table_args__ = (
        sa.Index(
            "ix_citizen_rating_unhappy",
            "at",
            postgresql_where=sa.text(UNHAPPY.replace("citizen_rating.", "")),
            sqlite_where=sa.text(UNHAPPY.replace("citizen_rating.", "")),
        ),
    )

    appeal_id: Mapped[int] = mapped_column(sa.ForeignKey("appeal.id"), primary_key=True)
    answer: Mapped[int] = mapped_column(
        BigId,
        primary_key=True,
        autoincrement=False,
        comment="ticket_event.id of the 反馈 it is about; 0: closed without one",
    )
    solved: Mapped[str] = mapped_column(sa.String(8), comment="vocab.YesNo")
    satisfaction: Mapped[str] = mapped_column(sa.String(20), comment="vocab.Satisfaction")
    note: Mapped[str | None] = mapped_column(sa.Text, comment="masked")
    at: Mapped[datetime]


class RateCount(Base):
    """How often something was done in a stretch of time, by whom: shared by all web processes."""

    __tablename__ = "rate_count"
    __table_args__ = (sa.Index("ix_rate_count_until", "until"),)

    who: Mapped[str] = mapped_column(
        sa.String(64), primary_key=True, comment="keyed hash of address or phone"
    )
    what: Mapped[str] = mapped_column(sa.String(20), primary_key=True, comment="vocab_citizen.Asked")
    stretch: Mapped[int] = mapped_column(BigId, primary_key=True, comment="number of the stretch since 1970")
    times: Mapped[int] = mapped_column(comment="so often")
    until: Mapped[datetime] = mapped_column(comment="after that the row says nothing any more")


async def said_of(
    session: AsyncSession, viewer: Viewer, no: str
) -> tuple[list[CitizenWord], list[CitizenRating]]:
    """What the citizen added to a ticket's case, and what they say of its answers; for whoever may see it."""
    words = await session.scalars(
        sa.select(CitizenWord)
        .join(Ticket, Ticket.appeal_id == CitizenWord.appeal_id)
        .where(Ticket.no == no, may_see(viewer))
        .order_by(CitizenWord.id)
    )
    ratings = await session.scalars(
        sa.select(CitizenRating)
        .join(Ticket, Ticket.appeal_id == CitizenRating.appeal_id)
        .where(Ticket.no == no, may_see(viewer))
        .order_by(CitizenRating.at)
    )
    return list(words), list(ratings)


async def said_behind(session: AsyncSession, tickets: Collection[int], *, most: int) -> list[CitizenWord]:
    """What citizens added to these tickets' cases, the last `most`; nothing of a case that is 保密."""
    rows = await session.scalars(
        sa.select(CitizenWord)
        .join(Ticket, Ticket.appeal_id == CitizenWord.appeal_id)
        .join(Appeal, Appeal.id == CitizenWord.appeal_id)
        .where(Ticket.id.in_(tickets), Appeal.confidential.is_(False))
        .order_by(CitizenWord.id.desc())
        .limit(most)
    )
    return list(rows)[::-1]


async def ratings_of(session: AsyncSession, appeals: Collection[int]) -> list[CitizenRating]:
    """What was said of the answers of these cases, oldest first; by the key, case by case."""
    rows = await session.scalars(
        sa.select(CitizenRating)
        .where(CitizenRating.appeal_id.in_(appeals))
        .order_by(CitizenRating.appeal_id, CitizenRating.at)
    )
    return list(rows)


async def rated_behind(session: AsyncSession, tickets: Collection[int], *, most: int) -> list[CitizenRating]:
    """What citizens of these tickets say of answers, the last `most`; nothing of a case that is 保密."""
    rows = await session.scalars(
        sa.select(CitizenRating)
        .join(Ticket, Ticket.appeal_id == CitizenRating.appeal_id)
        .join(Appeal, Appeal.id == CitizenRating.appeal_id)
        .where(Ticket.id.in_(tickets), Appeal.confidential.is_(False))
        .order_by(CitizenRating.at.desc(), CitizenRating.appeal_id.desc())
        .limit(most)
    )
    return list(rows)[::-1]


async def ratings_between(
    session: AsyncSession, viewer: Viewer, since: datetime, until: datetime
) -> dict[tuple[str, str], int]:
    """网上评价 given in [since, until) on cases that somebody may see: (solved, satisfaction) to how many."""
    rows = await session.execute(
        sa.select(CitizenRating.solved, CitizenRating.satisfaction, sa.func.count())
        .join(Ticket, Ticket.appeal_id == CitizenRating.appeal_id)
        .where(CitizenRating.at >= since, CitizenRating.at < until, may_see(viewer))
        .group_by(CitizenRating.solved, CitizenRating.satisfaction)
    )
    return {(solved, satisfaction): count for solved, satisfaction, count in rows}
