"""What citizens whose cases stand merged into another send: words, ratings and photos, with that one.

For whoever may see the one that is worked on (`may_see`): it is for them that a citizen adds something. Never
of a case that is 保密, whoever looks: that stays with its own ticket. Words are masked, as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models import citizens, files, merged
from models.filters import may_see
from models.tickets import Ticket
from triage.services import following

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.citizens import CitizenRating, CitizenWord
    from models.files import FileRow
    from models.viewing import Viewer

#: The last so many are shown with the ticket.
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Behind:
    """What was sent, oldest first."""

    words: tuple[CitizenWord, ...] = field(default=(), repr=False)
    files: tuple[FileRow, ...] = ()
    ratings: tuple[CitizenRating, ...] = field(default=(), repr=False)


async def said(session: AsyncSession, ticket_id: int) -> Behind:
    """What was sent with the cases that stand merged into a ticket. Whether it may be seen is asked first."""
    members = await merged.behind_ids(session, [ticket_id])
    if not members:
        return Behind()
    return Behind(
        tuple(await citizens.said_behind(session, members, most=MOST)),
        tuple(await files.sent_behind(session, members, most=MOST)),
        tuple(await citizens.rated_behind(session, members, most=MOST)),
    )


async def photo(session: AsyncSession, viewer: Viewer, file_id: int) -> FileRow | None:
    """One that `said` shows with a ticket that the viewer may see; None: there is none."""
    found = await files.sent_openly(session, file_id)
    if found is None:
        return None
    row, ticket_id, state = found
    head = await following.top(session, ticket_id, state)
    if head is None or head[0] == ticket_id:
        return None
    seen = await session.scalar(sa.select(Ticket.id).where(Ticket.id == head[0], may_see(viewer)))
    if seen is None or ticket_id not in await merged.behind_ids(session, [seen]):
        return None
    return row
