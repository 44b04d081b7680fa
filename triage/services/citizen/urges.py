"""How often a citizen urged (催办) on tickets that their case was merged into, counted for their own page.

An urge there names the case it comes from, but for a 保密 one in an open head: who reads that head learns
nothing of it. Its event bears a mark instead, which the vault alone can make from the case, and no two of
which tell that they are of one.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.tickets import Ticket, TicketEvent
from models.vocab import Tag
from triage.services import following

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from triage.services.citizen.told import Case

#: How the note of a 催办 begins; of a merged case, which one it is follows.
URGED: Final = "诉求人网上催办"


def note_of(no: str | None) -> str:
    """What an urge says that comes from this merged case."""
    return f"{URGED}{merged_no(no)}"


def merged_no(no: str | None) -> str:
    """Which of those who wait for a ticket says it."""
    return f"（并入的工单 {no}）"


def mark(vault: Vault, appeal_id: int, no: str, version: int) -> str:
    """What an urge on a ticket bears, in place of a case that must not be named: that version is its own."""
    return vault.content_hash(f"citizen.urge\0{appeal_id}\0{no}\0{version}")


async def above(session: AsyncSession, vault: Vault, case: Case) -> int:
    """The urges of this case on every ticket that it was merged into, and those into others."""
    tickets: dict[int, str] = {}
    asked = {str(following.head_of(event.data)) for event in case.events if event.tag == Tag.MERGE}
    while asked:
        rows = await session.execute(sa.select(Ticket.id, Ticket.no).where(Ticket.no.in_(sorted(asked))))
        new = {number: no for number, no in rows if number not in tickets and no != case.no}
        tickets |= new
        asked = await _merged_into(session, new)
    if not tickets:
        return 0
    found = await session.execute(
        sa.select(TicketEvent.ticket_id, TicketEvent.data).where(
            TicketEvent.ticket_id.in_(sorted(tickets)), TicketEvent.tag == Tag.URGE.value
        )
    )
    mine = note_of(case.no)
    return sum(
        (data.get("values") or {}).get("note") == mine
        or hmac.compare_digest(
            str(data.get("mark") or ""), mark(vault, case.appeal_id, tickets[number], data.get("version", 0))
        )
        for number, data in found
    )


async def _merged_into(session: AsyncSession, ids: Iterable[int]) -> set[str]:
    """The numbers of the tickets that these were ever merged into."""
    wanted = sorted(ids)
    if not wanted:
        return set()
    rows = await session.scalars(
        sa.select(TicketEvent.data).where(
            TicketEvent.ticket_id.in_(wanted), TicketEvent.tag == Tag.MERGE.value
        )
    )
    return {following.head_of(data) for data in rows}
