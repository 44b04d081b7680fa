"""更正: what a clerk says a reading got wrong. Kept to learn from, never changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, aliased, mapped_column

from models.appeals import Appeal, Reading
from models.db import Base, BigId
from models.filters import may_see
from models.tickets import Ticket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from models.vocab import Corrected

_NUMBER: Final = re.compile(r"[0-9]{8}-[0-9]{6,20}")


class Correction(Base):
    """One field of one reading, as a person says it should be. A later one of the same field stands."""

    __tablename__ = "correction"
    __table_args__ = (
        sa.CheckConstraint(
            "field in ('environmental', 'kind', 'appeal_type', 'urgency', 'place')", name="field"
        ),
        sa.Index("ix_correction_ticket", "ticket_id", "id"),
        sa.Index("ix_correction_at", "at", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"))
    appeal_id: Mapped[int] = mapped_column(sa.ForeignKey("appeal.id"))
    field: Mapped[str] = mapped_column(sa.String(16), comment="vocab.Corrected")
    old: Mapped[str | None] = mapped_column(sa.String(40), comment="what was held before; null: nothing")
    new: Mapped[str] = mapped_column(sa.String(40), comment="a code, or 'true' and 'false'")
    community: Mapped[str | None] = mapped_column(
        sa.String(12), comment="of a place: ticket.community_code after it, as models.placed says"
    )
    by: Mapped[str] = mapped_column(sa.String(64), comment="login of who said so")
    at: Mapped[datetime]
    model_version: Mapped[str] = mapped_column(sa.String(120), comment="of the reading that is corrected")


@dataclass(frozen=True, slots=True)
class ReadTicket:
    """A ticket with the reading that a correction is about. Detached: only columns may be read."""

    ticket: Ticket
    reading: Reading
    told_type: str | None
    """What its source calls it."""


@dataclass(frozen=True, slots=True)
class CorrectedText:
    """The corrections of one appeal, oldest first, with its masked words."""

    appeal_id: int
    title: str | None
    text: str
    address: str | None
    corrections: tuple[Correction, ...]


async def read_ticket_for_update(session: AsyncSession, viewer: Viewer, no: str) -> ReadTicket | None:
    """The ticket of a number, locked, with its reading; None when there is none to see, or none read."""
    if not _NUMBER.fullmatch(no):
        # Not asked at all: PostgreSQL refuses a NUL in a text.
        return None
    row = (
        await session.execute(
            sa.select(Ticket, Reading, Appeal.told_type)
            .join(Reading, Reading.id == Ticket.reading_id)
            .join(Appeal, Appeal.id == Ticket.appeal_id)
            .where(Ticket.no == no, may_see(viewer))
            .with_for_update(of=Ticket)
        )
    ).one_or_none()
    return ReadTicket(*row) if row else None


async def of_ticket(session: AsyncSession, ticket_id: int) -> Sequence[Correction]:
    """All corrections of a ticket, oldest first."""
    found = await session.scalars(
        sa.select(Correction).where(Correction.ticket_id == ticket_id).order_by(Correction.id)
    )
    return found.all()


async def after(session: AsyncSession, no: str, last: int) -> Sequence[Correction]:
    """The corrections of a ticket later than one of them, oldest first."""
    found = await session.scalars(
        sa.select(Correction)
        .join(Ticket, Ticket.id == Correction.ticket_id)
        .where(Ticket.no == no, Correction.id > last)
        .order_by(Correction.id)
    )
    return found.all()


def said_of(field: Corrected) -> sa.ScalarSelect[str]:
    """What the last correction of the ticket of the statement around it says of a field; null: none does."""
    # Under a name of its own: the statement around it may ask for corrections itself.
    said = aliased(Correction)
    return (
        sa.select(said.new)
        .where(said.ticket_id == Ticket.id, said.field == field.value)
        .order_by(said.id.desc())
        .limit(1)
        .correlate(Ticket)
        .scalar_subquery()
    )


async def corrected_texts(
    session: AsyncSession, *, since: datetime | None
) -> tuple[list[CorrectedText], int]:
    """Every appeal with a correction since a moment, and how many were left out as confidential."""
    late = sa.select(Correction.appeal_id).where(Correction.at >= since) if since else None
    chosen = sa.select(Correction).order_by(Correction.appeal_id, Correction.id)
    if late is not None:
        chosen = chosen.where(Correction.appeal_id.in_(late))
    grouped: dict[int, list[Correction]] = {}
    for correction in await session.scalars(chosen):
        grouped.setdefault(correction.appeal_id, []).append(correction)
    texts, kept_back = [], 0
    for appeal_id, corrections in grouped.items():
        appeal = await session.get_one(Appeal, appeal_id)
        if appeal.confidential:
            kept_back += 1
            continue
        texts.append(CorrectedText(appeal_id, appeal.title, appeal.text, appeal.address, tuple(corrections)))
    return texts, kept_back
