"""待审批: the wishes of a ticket that wait for an answer (延期, 挂账, 剔除, 异议), and whose, in SQL.

What may be decided by whom says `moves.yaml` (`triage.rules.wishes`); here it is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from models.appeals import Appeal
from models.tickets import Ticket, TicketEvent, TicketUnit
from models.units import Unit
from models.vocab import TAG_OF, Level, Move, Role, State, WishKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Decides

#: While a ticket stands so, the unit's answer is still to come: `answer_by` is a limit, not a memory.
TO_ANSWER: Final = (
    State.DISPATCHED, State.SIGNED, State.CONTACTED, State.HANDLING, State.OBJECTED, State.TO_REASSIGN,
    State.ARBITRATION,
)  # fmt: skip
#: An objection waits while the ticket stands so.
OBJECTION_STATES: Final = (State.OBJECTED, State.ARBITRATION)
_RUNS: Final = ", ".join(f"'{state.value}'" for state in TO_ANSWER)
# Written out, and as a list of its own: what waits is little beside what there is, and is found by two small
# stretches of indexes; with an OR, or with an order that an index has, databases walk all tickets instead.
#: A wish waits for an answer.
WAITS: Final = (
    "(ticket.id IN (SELECT w.id FROM ticket AS w WHERE w.asked IS NOT NULL UNION ALL "
    "SELECT w.id FROM ticket AS w WHERE w.state IN ('objected', 'arbitration')))"
)
#: The same by whether the answer is still to come. An expression of the state: its own index is not wanted.
WAITS_TO_ANSWER: Final = f"({WAITS} AND ticket.answer_by IS NOT NULL AND (ticket.state || '') IN ({_RUNS}))"
WAITS_ANSWERED: Final = f"({WAITS} AND (ticket.answer_by IS NULL OR (ticket.state || '') NOT IN ({_RUNS})))"
#: Events that raise a wish, by tag.
RAISES: Final = {TAG_OF[Move(kind.value)].value: kind for kind in WishKind}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A wish that waits: since when, and what it asks for (延期, 挂账: until when)."""

    kind: WishKind
    at: datetime
    until: datetime | None = None


def waits_of(state: str, asked: str | None) -> tuple[WishKind, ...]:
    """The wishes of a ticket that wait, as its row tells them."""
    known = {*(asked or "").split(",")}
    if state in OBJECTION_STATES:
        known.add(WishKind.OBJECTION.value)
    return tuple(kind for kind in WishKind if kind.value in known)


def to_decide(
    decides: Iterable[Decides], state: str, asked: str | None, district: str | None, *, blind: bool
) -> tuple[WishKind, ...]:
    """Of the wishes that wait on a case of that district those to be ruled on: `may_decide` of one row.

    `blind`: its government does not see the case (`district_blind`).
    """
    mine = {
        one.kind
        for one in decides
        if state in one.states
        and (one.districts is None or district in one.districts)
        and (blind or not one.blind)
    }
    return tuple(kind for kind in waits_of(state, asked) if kind in mine)


def may_decide(decides: Iterable[Decides]) -> ColumnElement[bool]:
    """Whether one of these wishes waits on `ticket`; who sees it is asked apart (`filters.may_see`)."""
    found = [sa.and_(*_waits(one)) for one in decides]
    return sa.or_(*found) if found else sa.false()


def _waits(one: Decides) -> list[ColumnElement[bool]]:
    # Expressions, for the same reason: these narrow what waits down, and are no way to find it.
    found: list[ColumnElement[bool]] = [Ticket.state.concat("").in_([state.value for state in one.states])]
    if one.kind is not WishKind.OBJECTION:
        found.append(Ticket.asked.contains(one.kind.value, autoescape=True))
    if one.districts is not None:
        found.append(district_having().in_(sorted(one.districts)))
    if one.blind:
        found.append(district_blind())
    return found


def district_having() -> ColumnElement[str | None]:
    """The district that has a case, as `routing.district_having` says: its lead unit's, else the place's."""
    lead = sa.select(Unit.district_code).where(Unit.code == Ticket.unit_code).correlate(Ticket)
    return sa.func.coalesce(lead.scalar_subquery(), Ticket.district_code)


def district_blind() -> ColumnElement[bool]:
    """Whether the government of the district that has the case does not see it (`rules/sighted.py`).

    It does where it has a part itself in a 保密 case, and more than a copy; in any other where somebody of
    its district has one.
    """
    theirs = aliased(Unit)
    governs = sa.and_(theirs.level == Level.DISTRICT.value, theirs.function.is_(None))
    secret = sa.exists().where(Appeal.id == Ticket.appeal_id, Appeal.confidential).correlate(Ticket)
    return ~(
        sa.exists()
        .where(
            TicketUnit.ticket_id == Ticket.id,
            theirs.code == TicketUnit.unit_code,
            theirs.district_code == district_having(),
            sa.or_(~secret, sa.and_(governs, TicketUnit.role != Role.COPY.value)),
        )
        .correlate(Ticket)
    )


async def blind_among(session: AsyncSession, ids: Collection[int]) -> frozenset[int]:
    """Of these tickets those that the government of the district which has them does not see."""
    if not ids:
        return frozenset()
    return frozenset(await session.scalars(sa.select(Ticket.id).where(Ticket.id.in_(ids), district_blind())))


async def raised(
    session: AsyncSession, tickets: Collection[tuple[int, Sequence[WishKind]]]
) -> dict[int, tuple[Waiting, ...]]:
    """When each of these waiting wishes was raised, by ticket, oldest first: one question for all of them.

    The last event of a sort is the one that waits: of each sort there is one at a time.
    """
    wanted = {number: frozenset(kinds) for number, kinds in tickets if kinds}
    if not wanted:
        return {}
    rows = await session.execute(
        sa.select(TicketEvent.ticket_id, TicketEvent.tag, TicketEvent.at, TicketEvent.data)
        .where(TicketEvent.ticket_id.in_(sorted(wanted)), TicketEvent.tag.in_(sorted(RAISES)))
        .order_by(TicketEvent.ticket_id, TicketEvent.seq)
    )
    found: dict[int, dict[WishKind, Waiting]] = {number: {} for number in wanted}
    for number, tag, at, data in rows:
        kind = RAISES[tag]
        if kind in wanted[number]:
            until = data.get("values", {}).get("until")
            found[number][kind] = Waiting(kind, at, datetime.fromisoformat(until) if until else None)
    return {number: tuple(sorted(kinds.values(), key=lambda one: one.at)) for number, kinds in found.items()}
