"""Which cases and rewards the page of a reward may name.

Its hints are worked out for the whole city and kept with it; whoever opens the page may see less. So what is
told is gone through for numbers: one of a case or a reward that the viewer may not see is left out, what is
said of it stays.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.rewards import Reward
from models.ticket_detail import seen_numbers
from models.tickets import Ticket
from triage.services.rewards import book

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer

#: Whatever may be a number of ours.
_NUMBER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{4,40}")
_HIDDEN: Final = "（您无权查看的一件）"


async def told(session: AsyncSession, viewer: Viewer, texts: Sequence[str]) -> list[str]:
    """The same texts, without the numbers of what the viewer may not see."""
    numbers = sorted({match[0] for text in texts for match in _NUMBER.finditer(text)})
    if not numbers:
        return list(texts)
    there = set(await session.scalars(sa.select(Ticket.no).where(Ticket.no.in_(numbers))))
    there |= set(await session.scalars(sa.select(Reward.no).where(Reward.no.in_(numbers))))
    seen = await seen_numbers(session, viewer, there) | set(
        await session.scalars(sa.select(Reward.no).where(Reward.no.in_(sorted(there)), book.seen_by(viewer)))
    )
    hidden = there - seen
    return [_NUMBER.sub(lambda found: _HIDDEN if found[0] in hidden else found[0], text) for text in texts]
