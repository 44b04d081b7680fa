"""交接班 (shift note): what whoever goes off duty leaves for the next shift of the same desk."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.db import Base, BigId

#: Written out: only so does the partial index fit.
OPEN: Final = "relieved_at IS NULL AND taken_back_at IS NULL"


class ShiftNote(Base):
    """A note. Relieved (接班): somebody of the next shift has it. Taken back (撤回) its words are gone."""

    __tablename__ = "shift_note"
    __table_args__ = (
        sa.UniqueConstraint("by_id", "key"),
        sa.Index("ix_shift_note_at", "at"),
        sa.Index("ix_shift_note_open", "at", postgresql_where=sa.text(OPEN), sqlite_where=sa.text(OPEN)),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    unit_code: Mapped[str | None] = mapped_column(
        sa.ForeignKey("unit.code"), comment="whose desk; null: 12345's own"
    )
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id"), comment="who wrote it")
    text: Mapped[str | None] = mapped_column(sa.Text, comment="masked; null: taken back")
    taken_back_at: Mapped[datetime | None]
    relieved_at: Mapped[datetime | None]
    relieved_id: Mapped[int | None] = mapped_column(sa.ForeignKey("staff.id"), comment="who relieved")
    key: Mapped[str] = mapped_column(sa.String(64), comment="the sender's: sent again it is the same note")


class ShiftTicket(Base):
    """A ticket that a note names; whoever wrote it could see it then."""

    __tablename__ = "shift_ticket"

    note_id: Mapped[int] = mapped_column(sa.ForeignKey("shift_note.id"), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
