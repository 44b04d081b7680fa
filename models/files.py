"""附件: what is registered of a file; the content lies in the file store, by its hash.

Whoever may see the case may see its files, by the same predicate as everything else of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.appeals import Appeal
from models.db import Base, BigId
from models.filters import may_see, may_see_unread
from models.tickets import Ticket

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer


class Attachment(Base):
    """One file of a case: of the appeal itself, of its ticket, or of one event of the ticket."""

    __tablename__ = "attachment"
    __table_args__ = (
        sa.CheckConstraint("owner in ('appeal', 'ticket', 'event')", name="owner"),
        sa.CheckConstraint("(owner = 'event') = (event_seq IS NOT NULL)", name="event_seq"),
        # The same picture sent twice with one form is one attachment.
        sa.UniqueConstraint("appeal_id", "owner", "event_seq", "sha256"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    appeal_id: Mapped[int] = mapped_column(
        sa.ForeignKey("appeal.id"), index=True, comment="the case: every ticket has one"
    )
    owner: Mapped[str] = mapped_column(sa.String(8), comment="vocab_files.FileOwner")
    event_seq: Mapped[int | None] = mapped_column(comment="of the ticket's event it belongs to")
    sha256: Mapped[str] = mapped_column(
        sa.String(64), index=True, comment="of what is kept, not of what was sent"
    )
    thumb_sha256: Mapped[str | None] = mapped_column(sa.String(64), comment="null: not a picture")
    size: Mapped[int] = mapped_column(comment="bytes kept")
    media_type: Mapped[str] = mapped_column(sa.String(40), comment="by content, never as the sender said")
    width: Mapped[int | None] = mapped_column(comment="pixels")
    height: Mapped[int | None]
    name: Mapped[str] = mapped_column(sa.String(120), comment="as given, made harmless and masked")
    by: Mapped[str] = mapped_column(sa.String(64), comment="login, or 'citizen'")
    at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class FileRow:
    """What is shown of an attachment."""

    id: int
    owner: str
    event_seq: int | None
    sha256: str
    thumb_sha256: str | None
    size: int
    media_type: str
    width: int | None
    height: int | None
    name: str
    by: str
    at: datetime


_COLUMNS = (
    Attachment.id,
    Attachment.owner,
    Attachment.event_seq,
    Attachment.sha256,
    Attachment.thumb_sha256,
    Attachment.size,
    Attachment.media_type,
    Attachment.width,
    Attachment.height,
    Attachment.name,
    Attachment.by,
    Attachment.at,
)


#: Of a citizen, whose case is not 保密; over attachment and appeal.
_OPENLY_SENT = (Attachment.owner == "appeal", Appeal.confidential.is_(False))


def _seen_by(viewer: Viewer) -> sa.ColumnElement[bool]:
    """The case's own predicate: the ticket's, or the appeal's while there is no ticket."""
    return sa.or_(
        sa.and_(Ticket.id.is_not(None), may_see(viewer)), sa.and_(Ticket.id.is_(None), may_see_unread(viewer))
    )


async def file_for(session: AsyncSession, viewer: Viewer, file_id: int) -> FileRow | None:
    """One attachment; None when there is none that the viewer may see."""
    row = (
        (
            await session.execute(
                sa.select(*_COLUMNS)
                .join(Appeal, Appeal.id == Attachment.appeal_id)
                .outerjoin(Ticket, Ticket.appeal_id == Appeal.id)
                .where(Attachment.id == file_id, _seen_by(viewer))
            )
        )
        .mappings()
        .one_or_none()
    )
    return None if row is None else FileRow(**row)


async def files_of_ticket(session: AsyncSession, viewer: Viewer, no: str) -> list[FileRow]:
    """Every attachment of a ticket's case, oldest first; none when the viewer may not see it."""
    rows = await session.execute(
        sa.select(*_COLUMNS)
        .join(Ticket, Ticket.appeal_id == Attachment.appeal_id)
        .where(Ticket.no == no, may_see(viewer))
        .order_by(Attachment.id)
    )
    return [FileRow(**row) for row in rows.mappings()]


async def sent_behind(session: AsyncSession, tickets: Collection[int], *, most: int) -> list[FileRow]:
    """What citizens sent with these tickets' cases, the last `most`; nothing of a case that is 保密."""
    rows = await session.execute(
        sa.select(*_COLUMNS)
        .join(Ticket, Ticket.appeal_id == Attachment.appeal_id)
        .join(Appeal, Appeal.id == Attachment.appeal_id)
        .where(Ticket.id.in_(tickets), *_OPENLY_SENT)
        .order_by(Attachment.id.desc())
        .limit(most)
    )
    return [FileRow(**row) for row in rows.mappings()][::-1]


async def sent_openly(session: AsyncSession, file_id: int) -> tuple[FileRow, int, str] | None:
    """What a citizen sent with a case that is not 保密, for whom it may be; its ticket's id and state."""
    row = (
        (
            await session.execute(
                sa.select(*_COLUMNS, Ticket.id.label("ticket_id"), Ticket.state.label("ticket_state"))
                .join(Ticket, Ticket.appeal_id == Attachment.appeal_id)
                .join(Appeal, Appeal.id == Attachment.appeal_id)
                .where(Attachment.id == file_id, *_OPENLY_SENT)
            )
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None
    told = dict(row)
    ticket_id, state = told.pop("ticket_id"), told.pop("ticket_state")
    return FileRow(**told), ticket_id, state


async def sent_with(session: AsyncSession, appeal_id: int) -> list[FileRow]:
    """What the appellant sent: all that they are shown of a case's files."""
    rows = await session.execute(
        sa.select(*_COLUMNS)
        .where(Attachment.appeal_id == appeal_id, Attachment.owner == "appeal")
        .order_by(Attachment.id)
    )
    return [FileRow(**row) for row in rows.mappings()]
