"""已不需告知: of what waited (for its digest, for the morning), what its unit need not hear any more.

A case may have gone to another unit meanwhile, whose own notice says so, or become confidential; whoever does
not see it is told nothing of it (`sight`), and who handed it on (二次派单) and is copied since is not told
to deal with it. And a reminder that a limit comes hurries nobody who has
answered, a wish that was taken back (撤销) or is answered waits for nobody, a merge that was undone took
nothing, nor did a 撤诉 that was taken back; nor goes on what was withdrawn again, and a feedback that is
complete again (退回补充 taken back, or answered) is not asked for. That a case is one's no more hears only
who was told of it, and has it not again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from models.notices import Notice
from models.tickets import Ticket, TicketEvent
from models.vocab import CLOSED_STATES, TAG_OF, Clock, Move, State, Tag
from models.vocab_notices import NoticeState, NoticeTo, RecipientKind
from models.waiting import RAISES, waits_of
from triage.services.notices import sight

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.services.notices.noting import Recipient

_ANSWERED: Final = (State.FEEDBACK.value, State.FOLLOWED_UP.value, *(state.value for state in CLOSED_STATES))
_FULL: Final = 100
_WITHDRAWALS: Final = frozenset({Tag.WITHDRAW, Tag.TAKE_UP})
#: What tells these alone asks them to deal with a case.
_DEALING: Final = frozenset({NoticeTo.LEAD, NoticeTo.ASSIST})


class Waiting(NamedTuple):
    """A notice that is due: its key says which event of which ticket it tells of (`telling.notices_of`)."""

    id: int
    key: str
    template: str
    facts: Mapping[str, Any]


async def of(
    session: AsyncSession, tables: Tables, to: Recipient, waiting: Sequence[Waiting], day: date
) -> set[int]:
    """The ids of those that a unit or post need not hear: of tickets' events.

    A ruling on an objection is heard always.
    """
    if to.kind is RecipientKind.APPELLANT:
        return set()
    rows = {row.name: row for row in tables.notices.templates if row.events and row.holds(day)}
    mine = [
        one
        for one in waiting
        if one.key.startswith(f"{one.facts.get('no')}:")
        and one.template in rows
        and NoticeTo.OBJECTOR not in rows[one.template].tells
    ]
    lost = [one for one in mine if NoticeTo.LOST in rows[one.template].tells]
    mine = [one for one in mine if one not in lost]
    if not (mine or lost):
        return set()
    seen = await sight.read(session, tables, {one.facts["no"] for one in (*mine, *lost)}, day)
    again = {
        one.id for one in lost if seen.reaches(to, one.facts["no"]) and not seen.copied(to, one.facts["no"])
    }
    unseen = {one.id for one in mine if not seen.reaches(to, one.facts["no"])}
    left = [one for one in mine if one.id not in unseen]
    others = {
        one.id
        for one in left
        if _DEALING.issuperset(rows[one.template].tells) and seen.copied(to, one.facts["no"])
    }
    hurries = [one for one in left if Tag.REMINDED in rows[one.template].events]
    asks = [one for one in left if NoticeTo.DECIDES in rows[one.template].tells]
    merges = [one for one in left if Tag.MERGE in rows[one.template].events]
    backs = [one for one in left if Tag.SUPPLEMENT in rows[one.template].events]
    withdrawals = [one for one in left if not _WITHDRAWALS.isdisjoint(rows[one.template].events)]
    taken_up = [one for one in withdrawals if Tag.TAKE_UP in rows[one.template].events]
    return (
        unseen
        | others
        | again
        | await _untold(session, tables, to, lost)
        | await _answered(session, hurries)
        | await _decided(session, asks)
        | await _parted(session, merges)
        | await _settled(session, backs)
        | await _other_since(session, withdrawals)
        | await _unheard(session, tables, to, taken_up)
    )


async def _answered(session: AsyncSession, reminders: Sequence[Waiting]) -> set[int]:
    """Of reminders those of a limit to come whose ticket was answered, or has ended.

    That a limit was missed is told all the same; and the limit of the 回访 runs while a ticket is answered.
    """
    if not reminders:
        return set()
    events = {_event(one): one.id for one in reminders}
    rows = await session.execute(
        sa.select(Ticket.no, TicketEvent.seq, TicketEvent.data)
        .join(Ticket, Ticket.id == TicketEvent.ticket_id)
        .where(
            Ticket.no.in_({no for no, _ in events}),
            Ticket.state.in_(_ANSWERED),
            TicketEvent.tag == Tag.REMINDED.value,
        )
    )
    return {
        events[no, seq]
        for no, seq, data in rows
        if (no, seq) in events and data["percent"] < _FULL and data["clock"] != Clock.FOLLOW_UP.value
    }


def _event(one: Waiting) -> tuple[str, int]:
    """The event that it tells of: the ticket's number and its own."""
    no, seq, *_ = one.key.split(":")
    return no, int(seq)


async def _decided(session: AsyncSession, asks: Sequence[Waiting]) -> set[int]:
    """Of wishes those that wait no more: taken back, answered, or raised anew since (told by itself)."""
    if not asks:
        return set()
    events = [(_event(one), one) for one in asks]
    rows = await session.execute(
        sa.select(Ticket.no, Ticket.state, Ticket.asked, TicketEvent.tag, sa.func.max(TicketEvent.seq))
        .join(Ticket, Ticket.id == TicketEvent.ticket_id)
        .where(Ticket.no.in_({no for (no, _), _ in events}), TicketEvent.tag.in_(RAISES))
        .group_by(Ticket.no, Ticket.state, Ticket.asked, TicketEvent.tag)
    )
    waits = {(no, seq) for no, state, asked, tag, seq in rows if RAISES[tag] in waits_of(state, asked)}
    return {one.id for event, one in events if event not in waits}


async def _untold(session: AsyncSession, tables: Tables, to: Recipient, lost: Sequence[Waiting]) -> set[int]:
    """Of what was taken back (撤销) that which nobody was told of: its own notice waits, or was moot.

    What a bulk job told of has no notice of its own.
    """
    if not lost:
        return set()
    events = {_event(one): one.id for one in lost}
    rows = await session.execute(
        sa.select(Ticket.no, TicketEvent.seq, TicketEvent.data)
        .join(Ticket, Ticket.id == TicketEvent.ticket_id)
        .where(Ticket.no.in_({no for no, _ in events}), TicketEvent.tag == Tag.UNDO.value)
    )
    told = {
        f"{no}:{data['undoes']}:{row.name}:{to.id}": events[no, seq]
        for no, seq, data in rows
        if (no, seq) in events
        for row in tables.notices.templates
        if TAG_OF[Move(data["undone"])] in row.events
    }
    return await _unsent(session, told)


async def _unheard(
    session: AsyncSession, tables: Tables, to: Recipient, withdrawals: Sequence[Waiting]
) -> set[int]:
    """Of 取消撤诉 those of a 撤诉 that nobody was told of: its own notice waits, or was moot."""
    names = [row.name for row in tables.notices.templates if Tag.WITHDRAW in row.events]
    events = {_event(one): one.id for one in withdrawals}
    if not events:
        return set()
    rows = await session.execute(
        sa.select(Ticket.no, TicketEvent.seq)
        .join(Ticket, Ticket.id == TicketEvent.ticket_id)
        .where(Ticket.no.in_({no for no, _ in events}), TicketEvent.tag == Tag.WITHDRAW.value)
    )
    ends: dict[str, list[int]] = {}
    for no, seq in rows:
        ends.setdefault(no, []).append(seq)
    told = {
        f"{no}:{max(before)}:{name}:{to.id}": found
        for (no, seq), found in events.items()
        if (before := [end for end in ends.get(no, ()) if end < seq])
        for name in names
    }
    return await _unsent(session, told)


async def _unsent(session: AsyncSession, told: Mapping[str, int]) -> set[int]:
    """Of these keys of notices, what stands beside those that were not sent."""
    held = (NoticeState.WAITING.value, NoticeState.MOOT.value)
    unsent = await session.scalars(
        sa.select(Notice.key).where(Notice.key.in_(sorted(told)), Notice.state.in_(held))
    )
    return {told[key] for key in unsent}


async def _parted(session: AsyncSession, merges: Sequence[Waiting]) -> set[int]:
    """Of merges those of tickets that are merged no more."""
    if not merges:
        return set()
    numbers = {one.facts["no"] for one in merges}
    states = (State.MERGED.value, State.ARCHIVED.value)
    still = await session.scalars(
        sa.select(Ticket.no).where(Ticket.no.in_(numbers), Ticket.state.in_(states))
    )
    merged = set(still)
    return {one.id for one in merges if one.facts["no"] not in merged}


async def _settled(session: AsyncSession, backs: Sequence[Waiting]) -> set[int]:
    """Of 退回补充 those of tickets that are answered: it was taken back (撤销), or the rest came already."""
    if not backs:
        return set()
    numbers = {one.facts["no"] for one in backs}
    answered = set(
        await session.scalars(sa.select(Ticket.no).where(Ticket.no.in_(numbers), Ticket.state.in_(_ANSWERED)))
    )
    return {one.id for one in backs if one.facts["no"] in answered}


async def _other_since(session: AsyncSession, withdrawals: Sequence[Waiting]) -> set[int]:
    """Of 撤诉 and 取消撤诉 those that something else followed: undone (撤销), taken back, withdrawn again."""
    if not withdrawals:
        return set()
    events = {one.id: _event(one) for one in withdrawals}
    tags = [tag.value for tag in (*sorted(_WITHDRAWALS), Tag.UNDO)]
    rows = await session.execute(
        sa.select(Ticket.no, TicketEvent.seq, TicketEvent.tag, TicketEvent.data)
        .join(Ticket, Ticket.id == TicketEvent.ticket_id)
        .where(Ticket.no.in_({no for no, _ in events.values()}), TicketEvent.tag.in_(tags))
        .order_by(TicketEvent.ticket_id, TicketEvent.seq)
    )
    last = {
        no: seq for no, seq, tag, data in rows if tag != Tag.UNDO or data.get("undone") == Move.WITHDRAW.value
    }
    return {number for number, (no, seq) in events.items() if last.get(no) != seq}
