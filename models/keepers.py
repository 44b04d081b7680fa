"""经办人 (keeper): which of a unit's own people deals with its part of a ticket. It moves nothing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

import models.staff  # noqa: F401  (the table that foreign keys here name)
from models.db import Base
from models.narrowed import one_of_few
from models.tickets import Ticket, TicketUnit
from models.units import Staff
from models.vocab import Role, State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer


#: What nobody opened yet, written out: only so does the partial index fit.
_NEW: Final = "seen_at IS NULL"


class TicketKeeper(Base):
    """Who has a unit's part of a ticket: at most one. Whether they still may is asked when it is read."""

    __tablename__ = "ticket_keeper"
    __table_args__ = (
        sa.Index("ix_ticket_keeper_staff", "staff_id", "ticket_id"),
        sa.Index(
            "ix_ticket_keeper_new",
            "staff_id",
            postgresql_where=sa.text(_NEW),
            sqlite_where=sa.text(_NEW),
        ),
    )

    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
    unit_code: Mapped[str] = mapped_column(sa.ForeignKey("unit.code"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("account.staff_id"))
    since: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(
        sa.ForeignKey("account.staff_id"), comment="who named them: themselves, or a colleague"
    )
    seen_at: Mapped[datetime | None] = mapped_column(comment="when they first opened it; null: not yet")


#: The lead unit was found not to be the right one: it deals with the case no more, though it is still named.
_LEFT: Final = frozenset({State.TO_REASSIGN.value, State.REVIEW.value})
#: Under a name of its own: the question around may read tickets.
_TICKET: Final = sa.alias(Ticket.__table__, "kept")


def dealing(parts: Mapping[str, str], state: str) -> frozenset[str]:
    """Of the units of a ticket, each with its vocab.Role, those that deal with it while it stands so."""
    gone = {Role.COPY.value, *((Role.LEAD.value,) if state in _LEFT else ())}
    return frozenset(unit for unit, role in parts.items() if role not in gone)


def has_part() -> ColumnElement[bool]:
    """The part that a keeper has: the same as `dealing`, as a join of `ticket_unit`."""
    left = (
        sa.exists()
        .where(_TICKET.c.id == TicketKeeper.ticket_id, _TICKET.c.state.in_(sorted(_LEFT)))
        .correlate(TicketKeeper)
    )
    return sa.and_(
        TicketUnit.ticket_id == TicketKeeper.ticket_id,
        TicketUnit.unit_code == TicketKeeper.unit_code,
        TicketUnit.role != Role.COPY.value,
        sa.or_(TicketUnit.role != Role.LEAD.value, ~left),
    )


def kept_by(login: str, units: Collection[str], *, unopened: bool = False) -> ColumnElement[bool]:
    """我经办的: the condition on `ticket` for what somebody deals with, for one of these units.

    `unopened`: of these what a colleague gave them and they have not opened.
    """
    if not units:
        return sa.false()
    new = (TicketKeeper.seen_at.is_(None), TicketKeeper.by_id != TicketKeeper.staff_id) if unopened else ()
    return one_of_few(
        Ticket.id,
        sa.select(TicketKeeper.ticket_id)
        .select_from(TicketKeeper)
        .join(Staff, Staff.id == TicketKeeper.staff_id)
        .join(TicketUnit, has_part())
        .where(Staff.login == login, TicketKeeper.unit_code.in_(sorted(units)), *new)
        # Also where the question around it reads units.
        .correlate(None)
        .scalar_subquery(),
    )


def keeps_part(login: str) -> ColumnElement[bool]:
    """Of a row of `ticket_unit` that was called in: whether somebody deals with this very part."""
    return (
        sa.exists()
        .where(
            TicketKeeper.ticket_id == TicketUnit.ticket_id,
            TicketKeeper.unit_code == TicketUnit.unit_code,
            TicketKeeper.staff_id == Staff.id,
            Staff.login == login,
        )
        .correlate(TicketUnit)
    )


async def opened(session: AsyncSession, ticket_id: int, viewer: Viewer, at: datetime) -> None:
    """The viewer looks at what they were given until then: it is new to them no more."""
    me = sa.select(Staff.id).where(Staff.login == viewer.login).scalar_subquery()
    await session.execute(
        sa.update(TicketKeeper)
        .where(
            TicketKeeper.ticket_id == ticket_id, TicketKeeper.staff_id == me, TicketKeeper.seen_at.is_(None),
            TicketKeeper.unit_code.in_(sorted(viewer.scope.own)), TicketKeeper.since <= at,
        )
        .values(seen_at=at)
        .execution_options(synchronize_session=False)
    )  # fmt: skip


async def end(session: AsyncSession, ticket_id: int, *, but: Collection[str]) -> None:
    """No unit but these deals with the ticket: whoever did for another one does no more."""
    await session.execute(
        sa.delete(TicketKeeper).where(
            TicketKeeper.ticket_id == ticket_id, TicketKeeper.unit_code.not_in(sorted(but))
        )
    )
