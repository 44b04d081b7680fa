"""经办人 (keeper): which of a unit's own people deals with its part of a ticket. It moves nothing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

import models.staff  # noqa: F401  (the table that foreign keys here name)
from models.db import Base
from models.tickets import Ticket, TicketUnit
from models.units import Staff
from models.vocab import Role, State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer


class TicketKeeper(Base):
    """Who has a unit's part of a ticket: at most one. Whether they still may is asked when it is read."""

    __tablename__ = "ticket_keeper"
    __table_args__ = (sa.Index("ix_ticket_keeper_staff", "staff_id", "ticket_id"),)

    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
    unit_code: Mapped[str] = mapped_column(sa.ForeignKey("unit.code"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("account.staff_id"))
    since: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.staff_id"), comment="who named them: themselves, or a colleague"
    )


#: The lead unit was found not to be the right one: it deals with the case no more, though it is still named.
_LEFT: Final = frozenset({State.TO_REASSIGN.value, State.REVIEW.value})


def dealing(parts: Mapping[str, str], state: str) -> frozenset[str]:
    """Of the units of a ticket, each with its vocab.Role, those that deal with it while it stands so."""
    gone = {Role.COPY.value, *((Role.LEAD.value,) if state in _LEFT else ())}
    return frozenset(unit for unit, role in parts.items() if role not in gone)


def has_part() -> ColumnElement[bool]:
    """The part that a keeper has: the unit leads, assists or was called in. Joins `ticket_unit`."""
    return sa.and_(
        TicketUnit.ticket_id == TicketKeeper.ticket_id,
        TicketUnit.unit_code == TicketKeeper.unit_code,
        TicketUnit.role != Role.COPY.value,
    )


def kept_by(viewer: Viewer) -> ColumnElement[bool]:
    """我经办的: the condition on `ticket` for what the viewer deals with, for a unit of theirs."""
    own = sorted(viewer.scope.own)
    if not own:
        return sa.false()
    return Ticket.id.in_(
        sa.select(TicketKeeper.ticket_id)
        .join(Staff, Staff.id == TicketKeeper.staff_id)
        .join(TicketUnit, has_part())
        .where(Staff.login == viewer.login, TicketKeeper.unit_code.in_(own))
        # Also where the question around it reads units.
        .correlate(None)
    )


async def end(session: AsyncSession, ticket_id: int, *, but: Collection[str]) -> None:
    """No unit but these deals with the ticket: whoever did for another one does no more."""
    await session.execute(
        sa.delete(TicketKeeper).where(
            TicketKeeper.ticket_id == ticket_id, TicketKeeper.unit_code.not_in(sorted(but))
        )
    )
