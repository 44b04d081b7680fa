"""网上说没有解决: what a citizen says on the web of an answer, told to whoever will ring them (回访).

A rating (评价) counts in no rate and moves nothing; it is to be known before the call. It is told where the
answer that it is about stands, until somebody rang. Of a case that stands merged into another, that is the
answer of the other; the rating stays with the case's own ticket, which is followed up by itself. Whose own
ticket is closed is rung no more: what was said goes on to stand on its page.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models import citizens
from models.appeals import Appeal
from models.citizens import CitizenRating
from models.merged import behind_ids
from models.tickets import Ticket, TicketEvent
from models.vocab import Outcome, Satisfaction, State, Tag, YesNo
from models.vocab_citizen import Unsolved
from triage.rules import withdrawing
from triage.services import following
from triage.services.citizen.told import RATED, Happened, rounds, standing_events

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.lines import TicketRow
    from models.ticket_detail import WholeTicket

_TAGS: Final = tuple(
    tag.value for tag in (Tag.FEEDBACK, Tag.AMEND, Tag.FOLLOW_UP, Tag.WITHDRAW, Tag.TAKE_UP, Tag.UNDO)
)
#: Without one of these there is nothing to rate: the answer is the case's own, or that of another one.
_WITH_AN_ANSWER: Final = frozenset({Tag.FEEDBACK.value, Tag.MERGE.value})
_OVER: Final = frozenset({State.CLOSED.value, State.ARCHIVED.value})
_UNHAPPY: Final = {
    Satisfaction.DISSATISFIED.value: Unsolved.DISSATISFIED,
    Satisfaction.VERY_DISSATISFIED.value: Unsolved.VERY_DISSATISFIED,
}


@dataclass(frozen=True, slots=True)
class Told:
    """A rating that says 没有解决, or that its citizen is not content.

    `stands`: the answer that it is about does. `called`: they were reached by 回访 since. `over`: the case is
    closed, or they withdrew (撤诉), so nobody rings them any more.
    """

    what: Unsolved
    at: datetime
    solved: str
    satisfaction: str
    note: str | None = field(repr=False)
    stands: bool
    called: bool
    over: bool
    amended: bool = False
    """The answer stands in other words since (更正反馈)."""

    @property
    def waits(self) -> bool:
        """Whether whoever rings, or closes it, should know."""
        return self.stands and not self.called and not self.over


def said(rating: CitizenRating) -> Unsolved | None:
    """What a rating says; None: that all is well."""
    return Unsolved.UNSOLVED if rating.solved == YesNo.NO else _UNHAPPY.get(rating.satisfaction)


async def mark(session: AsyncSession, rows: Sequence[TicketRow]) -> tuple[TicketRow, ...]:
    """The lines of a list, those marked whose citizen waits to be rung with that."""
    found = await waiting(session, {row.id: (row.appeal_id, row.state) for row in rows})
    return tuple(replace(row, unsolved=found[row.id].value) if row.id in found else row for row in rows)


async def waiting(session: AsyncSession, tickets: Mapping[int, tuple[int, str]]) -> dict[int, Unsolved]:
    """Of these tickets, each with its appeal and state, those whose citizen waits to be rung with that.

    By keys alone, so many queries however many tickets: one where nobody says so, else five or so.
    """
    return {no: told.what for no, told in (await _told(session, tickets)).items() if told.waits}


async def of_ticket(session: AsyncSession, whole: WholeTicket) -> Told | None:
    """What the citizen of a ticket says; None: nothing, or that all is well. Sight is asked first."""
    ticket = whole.ticket
    if not any(event.tag in _WITH_AN_ANSWER for event in whole.events):
        return None
    return (await _told(session, {ticket.id: (ticket.appeal_id, ticket.state)})).get(ticket.id)


async def behind(session: AsyncSession, whole: WholeTicket) -> int:
    """How many wait so whose tickets stand merged into this one, each to be rung by itself; no 保密 case."""
    joined = any(event.tag == Tag.JOINED for event in whole.events)
    members = await behind_ids(session, [whole.ticket.id]) if joined else set()
    if not members:
        return 0
    rows = await session.execute(
        sa.select(Ticket.id, Ticket.appeal_id, Ticket.state)
        .join(Appeal, Appeal.id == Ticket.appeal_id)
        .where(
            Ticket.id.in_(members), Appeal.confidential.is_(False),
            sa.exists().where(CitizenRating.appeal_id == Ticket.appeal_id),
        )
    )  # fmt: skip
    return len(await waiting(session, {number: (appeal, state) for number, appeal, state in rows}))


async def _told(session: AsyncSession, tickets: Mapping[int, tuple[int, str]]) -> dict[int, Told]:
    if not tickets:
        return {}
    ratings: dict[int, list[CitizenRating]] = {}
    for rating in await citizens.ratings_of(session, [appeal for appeal, _ in tickets.values()]):
        ratings.setdefault(rating.appeal_id, []).append(rating)
    unhappy = {appeal for appeal, given in ratings.items() if any(map(said, given))}
    states = {number: state for number, (appeal, state) in tickets.items() if appeal in unhappy}
    if not states:
        return {}
    heads = await following.tops(session, states)
    events = await _events(session, {*states, *(head for head, _ in heads.values())})
    found = {}
    for number, own in states.items():
        head, state = heads.get(number, (number, ""))
        # 更正反馈 takes no rating away: whoever rings is told it, and that it is of the words before.
        stands = (rounds(events.get(head, ())) or (0,)) if state in RATED else (0,)
        given = ratings[tickets[number][0]]
        # Of the answer that stands; else what they said last, of one before.
        rating = next((one for one in reversed(given) if one.answer in stands), given[-1])
        if what := said(rating):
            found[number] = Told(
                what=what, at=rating.at, solved=rating.solved, satisfaction=rating.satisfaction,
                note=rating.note, stands=rating.answer in stands,
                amended=rating.answer in stands[:-1],
                called=any(map(_reached, (one for one in events.get(number, ()) if one.at >= rating.at))),
                over=own in _OVER or withdrawing.since(events.get(number, ())) is not None,
            )  # fmt: skip
    return found


def _reached(event: Happened) -> bool:
    """Whether an event is a 回访 that reached its citizen."""
    outcome = (event.data.get("values") or {}).get("outcome")
    return event.tag == Tag.FOLLOW_UP and outcome == Outcome.REACHED


async def _events(session: AsyncSession, tickets: Collection[int]) -> dict[int, tuple[Happened, ...]]:
    """Answers, calls and 撤诉 of these tickets, without what was taken back."""
    rows = await session.execute(
        sa.select(
            TicketEvent.ticket_id, TicketEvent.id, TicketEvent.seq, TicketEvent.at, TicketEvent.tag,
            TicketEvent.data,
        )
        .where(TicketEvent.ticket_id.in_(sorted(tickets)), TicketEvent.tag.in_(_TAGS))
        .order_by(TicketEvent.ticket_id, TicketEvent.seq)
    )  # fmt: skip
    found: dict[int, list[Happened]] = {}
    for ticket_id, *event in rows:
        found.setdefault(ticket_id, []).append(Happened(*event))
    return {ticket_id: standing_events(events) for ticket_id, events in found.items()}
