"""合并: which tickets stand merged into which, by the events of those they were merged into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.tickets import Ticket, TicketEvent
from models.vocab import Tag

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

#: Merges of merges are followed so far.
DEPTH: Final = 10
#: Of a merged ticket: who was rung, and from when on it was about the answer that stands.
_RINGING: Final = tuple(tag.value for tag in (Tag.FOLLOW_UP, Tag.UNDO, Tag.HEAD_ANSWERED))


async def inside(session: AsyncSession, heads: Collection[int]) -> set[int]:
    """The tickets that stand merged into any of these, by id. Which of them one left before is no matter."""
    rows = await session.execute(
        sa.select(TicketEvent.ticket_id, TicketEvent.tag, TicketEvent.data)
        .where(TicketEvent.ticket_id.in_(heads), TicketEvent.tag.in_([Tag.JOINED.value, Tag.LEFT.value]))
        .order_by(TicketEvent.ticket_id, TicketEvent.seq)
    )
    stands: dict[tuple[int, str], bool] = {}
    for head, tag, data in rows:
        stands[head, data["joined" if tag == Tag.JOINED else "left"]] = tag == Tag.JOINED
    wanted = {no for (_, no), joined in stands.items() if joined}
    return set(await session.scalars(sa.select(Ticket.id).where(Ticket.no.in_(wanted)))) if wanted else set()


async def behind_ids(session: AsyncSession, ids: Sequence[int]) -> set[int]:
    """Everything that is merged into one of these, and into what is, by id; without themselves."""
    roots = set(ids)
    found, frontier = set(roots), roots
    for _ in range(DEPTH):
        frontier = await inside(session, frontier) - found if frontier else set()
        if not frontier:
            break
        found |= frontier
    return found - roots


async def rung_behind(session: AsyncSession, ticket_id: int) -> bool:
    """Whether somebody who waits behind a ticket was rung (回访) since it was answered, reached or not.

    What is archived behind it is told of no further answer: of its calls those since the last 反馈 count.
    """
    members = await behind_ids(session, [ticket_id])
    if not members:
        return False
    answered = await session.scalar(
        sa.select(sa.func.max(TicketEvent.at)).where(
            TicketEvent.ticket_id == ticket_id, TicketEvent.tag == Tag.FEEDBACK.value
        )
    )
    rows = await session.execute(
        sa.select(TicketEvent.ticket_id, TicketEvent.seq, TicketEvent.at, TicketEvent.tag, TicketEvent.data)
        .where(TicketEvent.ticket_id.in_(sorted(members)), TicketEvent.tag.in_(_RINGING))
        .order_by(TicketEvent.ticket_id, TicketEvent.seq)
    )
    calls: dict[int, set[int]] = {}
    for member, seq, at, tag, data in rows:
        mine = calls.setdefault(member, set())
        if tag == Tag.FOLLOW_UP:
            mine.update({seq} if answered is None or at >= answered else ())
        elif tag == Tag.UNDO:
            mine.discard(data.get("undoes"))
        else:
            mine.clear()
    return any(calls.values())
