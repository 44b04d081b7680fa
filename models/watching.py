"""定时督办: when each ticket must be looked at next, and every reminder that was written, once.

A database trigger marks a ticket whenever something happens to it, in the same transaction: no service can
forget to, and no clock is needed to find what changed.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, BigId


class TicketWatch(Base):
    """When the sweep must look at a ticket again."""

    __tablename__ = "ticket_watch"

    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
    next_at: Mapped[datetime] = mapped_column(index=True)


class Reminder(Base):
    """One reminder of one run of a clock. The key makes it impossible to write it twice.

    `folded`: a later one was due as well when the sweep came, and was sent in its place.
    """

    __tablename__ = "reminder"
    __table_args__ = (sa.UniqueConstraint("ticket_id", "clock", "run", "percent"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"))
    clock: Mapped[str] = mapped_column(sa.String(16), comment="rows.ClockName")
    run: Mapped[int] = mapped_column(comment="1, 2 … : each start of the clock is a run")
    percent: Mapped[int] = mapped_column(comment="share of the limit that had run")
    point: Mapped[datetime] = mapped_column(comment="the moment it tells of")
    written_at: Mapped[datetime]
    folded: Mapped[bool]
