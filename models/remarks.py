"""内部备注 (remark): what whoever has a part in a case wrote down for colleagues. It moves nothing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

import models.staff  # noqa: F401  (the table that foreign keys here name)
from models.db import Base, BigId
from models.tickets import Ticket
from models.units import Staff
from models.viewing import AT_DESK
from models.vocab_remarks import Audience

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from models.viewing import Viewer


class TicketRemark(Base):
    """A remark. Taken back (撤回) its words are gone, and the line stays."""

    __tablename__ = "ticket_remark"
    __table_args__ = (sa.UniqueConstraint("ticket_id", "staff_id", "key"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"))
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id"), comment="who wrote it")
    unit_code: Mapped[str | None] = mapped_column(
        sa.ForeignKey("unit.code"), comment="for which unit they did; null: at 12345's own desk"
    )
    at: Mapped[datetime]
    audience: Mapped[str] = mapped_column(sa.String(8), comment="vocab_remarks.Audience")
    text: Mapped[str | None] = mapped_column(sa.Text, comment="masked; null: taken back")
    taken_back_at: Mapped[datetime | None]
    key: Mapped[str] = mapped_column(sa.String(64), comment="the sender's: sent again it is the same remark")


#: Every question for remarks joins the ticket and who wrote them.
JOINED: Final = sa.join(
    sa.join(TicketRemark, Ticket, Ticket.id == TicketRemark.ticket_id),
    Staff,
    Staff.id == TicketRemark.staff_id,
)


def at_desk(viewer: Viewer) -> bool:
    """Whether somebody is of 12345's own desk, a unit like the others here, and acts so."""
    return None in viewer.scope.desks and not viewer.posts.isdisjoint(AT_DESK)


def readable(viewer: Viewer) -> ColumnElement[bool]:
    """Of the remarks (`JOINED`) on cases that the viewer may see, those that are for them."""
    found = [TicketRemark.audience == Audience.ALL.value, Staff.login == viewer.login]
    if at_desk(viewer):
        found.append(TicketRemark.unit_code.is_(None))
    if viewer.scope.own:
        found.append(TicketRemark.unit_code.in_(sorted(viewer.scope.own)))
    return sa.or_(*found)
