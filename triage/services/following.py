"""回访 of who waits behind a case: whose own case was merged into one that has its answer.

Every citizen is followed up alone. When a case is answered, each case merged into it (and into those, and so
on) is told by an event of its own, which starts its follow-up clock: so it stands in the list 待回访 like
every other. 退回补充, 重办 and 撤销合并 take that back. Written in the transaction of the move, under the
same locks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.merged import behind_ids
from models.tickets import Ticket, TicketEvent
from models.vocab import Field, Move, State, Tag
from triage.rules.dues import follow_up_behind
from triage.rules.replay import Event, step
from triage.services import move_rows
from triage.services.standings import stand_many

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.rules.standing import Standing
    from triage.services.moving import Wish

#: Moves that may give a case its answer, take it away from who waits behind, or ask whether one was rung.
SETTLING: Final = frozenset({
    Move.FEEDBACK, Move.AMEND, Move.SUPPLEMENT, Move.REHANDLE, Move.MERGE, Move.SPLIT, Move.UNDO,
})  # fmt: skip
#: In the data of what those behind are told: the move of the case before them.
BY_MOVE: Final = "by_move"
#: Whether a ticket in one of these stands merged its events say; one in another does not.
_MAY_BE_MERGED: Final = frozenset({State.MERGED.value, State.ARCHIVED.value})


async def merges(session: AsyncSession, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Of these tickets those whose last word is a merge, archived since or not, with what its event says."""
    rows = await session.execute(
        sa.select(TicketEvent.ticket_id, TicketEvent.tag, TicketEvent.data)
        .where(TicketEvent.ticket_id.in_(ids), TicketEvent.tag.in_([Tag.MERGE.value, Tag.SPLIT.value]))
        .order_by(TicketEvent.ticket_id, TicketEvent.seq)
    )
    last = {row.ticket_id: row for row in rows}
    return {number: row.data for number, row in last.items() if row.tag == Tag.MERGE}


def head_of(merge: Mapping[str, Any]) -> str:
    """The number of the ticket that a merge's event says it went into."""
    return str((merge.get("values") or {}).get(Field.OTHER_TICKET.value) or "")


async def above(session: AsyncSession, ticket_id: int, state: str) -> str | None:
    """The number of the ticket that this one stands merged into, archived since or not; None: into none."""
    if state not in _MAY_BE_MERGED:
        return None
    merge = (await merges(session, [ticket_id])).get(ticket_id)
    if merge is None:
        # Merged without an event that says into which: into one that nobody finds.
        return "" if state == State.MERGED else None
    return head_of(merge)


async def top(session: AsyncSession, ticket_id: int, state: str) -> tuple[int, str] | None:
    """The ticket that stands for this one, and its state; None: it cannot be followed up to one."""
    return (await tops(session, {ticket_id: state})).get(ticket_id)


async def tops(session: AsyncSession, states: Mapping[int, str]) -> dict[int, tuple[int, str]]:
    """For each of these tickets (with their states) the one that stands for it, and its state.

    Itself, if it is not merged; what cannot be followed up to one is left out. Two queries for each level of
    merges, however many tickets.
    """
    stands = {one: (one, state) for one, state in states.items()}
    passed = {one: {one} for one in states}
    while asked := {at for at, state in stands.values() if state in _MAY_BE_MERGED}:
        into = {number: head_of(merge) for number, merge in (await merges(session, asked)).items()}
        if not into:
            break
        rows = await session.execute(
            sa.select(Ticket.no, Ticket.id, Ticket.state).where(Ticket.no.in_(set(into.values())))
        )
        heads = {row.no: (row.id, row.state) for row in rows}
        for one, (at, _) in list(stands.items()):
            if at not in into:
                continue
            head = heads.get(into[at])
            if head is None or head[0] in passed[one]:
                del stands[one]
                continue
            stands[one] = head
            passed[one].add(head[0])
    return {one: found for one, found in stands.items() if found[1] != State.MERGED}


async def behind(session: AsyncSession, wish: Wish) -> set[int]:
    """Everything that is merged into the ticket of a move, and into what is, by id; if it may touch them."""
    if wish.move not in SETTLING:
        return set()
    ids = await session.scalars(sa.select(Ticket.id).where(Ticket.no == wish.no))
    return await behind_ids(session, list(ids))


def merged_into(
    tables: Tables, s: Standing, head: Standing | None, wish: Wish, *, at: datetime
) -> list[Event]:
    """What a ticket is told that was just merged into a case which has its answer already; else nothing."""
    if wish.move is not Move.MERGE or head is None or not head.settled:
        return []
    return [_told(tables, s, wish.values["other_ticket"], head, wish.move, at=at)]


def answered_by(wish: Wish, after: Standing, head: Standing | None) -> Standing | None:
    """The case whose answer those behind have from now on; None: they have it no more."""
    if not after.settled:
        return None
    return head if wish.move is Move.MERGE else after


async def tell(
    session: AsyncSession,
    tables: Tables,
    tickets: Sequence[Ticket],
    head_no: str,
    head: Standing | None,
    *,
    move: Move | None = None,
    now: datetime,
) -> int:
    """Tell the locked tickets that the case before them has its answer (`head`), or no more (None).

    `move`: by which; None where it is only made good. Gives how many had not known.
    """
    standings = await stand_many(session, tables, tickets, now=now)
    told = 0
    for ticket in tickets:
        s = standings[ticket.id]
        if s.state is not State.MERGED or s.head_answered is (head is not None):
            continue
        event = _told(tables, s, head_no, head, move, at=max(now, s.last_at))
        await move_rows.store(session, tables, ticket, [event], step(s, event), staff_id=None, before=s)
        told += 1
    return told


def _told(
    tables: Tables, s: Standing, head_no: str, head: Standing | None, move: Move | None, *, at: datetime
) -> Event:
    data: dict[str, Any] = {"head": head_no, "version": s.version + 1}
    if move is not None:
        data[BY_MOVE] = move.value
    if head is None:
        return Event(s.seq + 1, at, Tag.HEAD_REOPENED.value, "", data)
    # Of 自建工单 that was merged there is nobody to follow up.
    if not s.content and not s.patrol:
        start, due = follow_up_behind(tables, head, s.urgency, at=at)
        data |= {"from": start.isoformat(), "follow_up": due.told}
    return Event(s.seq + 1, at, Tag.HEAD_ANSWERED.value, "", data)
