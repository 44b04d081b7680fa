"""约定时间: a citizen asks to be rung after a time (「请 17:00 后再打」); until then the case rests.

One at a time for each case, set by whoever follows up (回访): who set it and when stands with it, each change
in the ledger, its words in neither the ledger nor a log. It moves nothing: no state, no clock, no rate. It is
gone when the case was rung since it was reached, or its answer is no longer the one to be asked about (重办,
another 反馈; not 更正反馈); taking such a call back (撤销) brings it back. Reached, it is stronger than the
hours that a case rests after a try. While the citizen has withdrawn (撤诉) it counts for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime  # noqa: TC003  (read at run time: the OpenAPI document)
from typing import TYPE_CHECKING, ClassVar, Final

import sqlalchemy as sa

from models import ringing
from models.filters import may_see
from models.ringing import CallAfter
from models.tickets import Ticket, TicketEvent
from models.vocab import Clock, State
from models.vocab_ledger import LedgerAct, SubjectKind
from nlp.text import mask_identity
from triage.clock import show
from triage.errors import BadInput, NotFound, TriageError
from triage.rules import ringing as rules
from triage.rules import withdrawing
from triage.rules.calendar import beijing
from triage.services import ledger, standings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.lines import TicketRow
    from models.ringing import Agreed
    from models.ticket_detail import WholeTicket
    from models.viewing import Viewer
    from triage.rules.rows import Tables

#: Of the few words beside the time.
LONGEST_WORDS: Final = 60


class NotToFollow(TriageError):
    """这张工单现在不是待回访，或诉求人已撤诉，不用约定时间。"""

    code: ClassVar[str] = "not_to_follow"
    status: ClassVar[int] = 422


class AfterLimit(TriageError):
    """约定的时间晚于回访时限。"""

    code: ClassVar[str] = "call_after_late"
    status: ClassVar[int] = 422


class CallAfterChanged(TriageError):
    """约定时间刚刚被别人改过。"""

    code: ClassVar[str] = "call_after_changed"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for: after when (None: no agreed time any more), and which one they saw there.

    `late`: that it is after the limit of 回访 is known.
    """

    no: str
    at: datetime | None
    seen: datetime | None
    words: str = ""
    late: bool = False


@dataclass(frozen=True, slots=True)
class CallAfterSet:
    """What stands now. `repeated`: it was so before, nothing was written."""

    no: str
    at: datetime | None
    repeated: bool


def to_follow(state: str, due_clock: str | None, *, withdrawn: bool) -> bool:
    """Whether a citizen waits to be rung: `tickets.TO_FOLLOW`, of one row; none who has withdrawn (撤诉)."""
    waits = state == State.FEEDBACK or (state == State.MERGED and due_clock == Clock.FOLLOW_UP)
    return waits and not withdrawn


def to_follow_whole(whole: WholeTicket) -> bool:
    """The same of a ticket that was read whole."""
    withdrawn = withdrawing.since(whole.events) is not None
    return to_follow(whole.ticket.state, whole.ticket.due_clock, withdrawn=withdrawn)


async def _waits_now(session: AsyncSession, ticket: Ticket) -> bool:
    events = (await standings.events_of(session, [ticket.id]))[ticket.id]
    withdrawn = withdrawing.since(events) is not None
    return to_follow(ticket.state, ticket.due_clock, withdrawn=withdrawn)


async def is_over(session: AsyncSession, no: str) -> bool:
    """Whether nobody waits to be rung any more, asked by whoever has just moved it."""
    return not await _waits_now(
        session, (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
    )


def limits_of(ticket: Ticket) -> rules.Limits:
    """Of a case that is merged the limit of the answer is the other one's: it is rung as soon as it waits."""
    return rules.Limits(
        ticket.answer_by if ticket.state == State.FEEDBACK else None,
        ticket.due_at if ticket.due_clock == Clock.FOLLOW_UP else None,
    )


async def mark(session: AsyncSession, rows: Sequence[TicketRow]) -> tuple[TicketRow, ...]:
    """The lines of a list, each with its agreed time."""
    found = await ringing.agreed_of(session, [row.id for row in rows if _waits(row)])
    return tuple(replace(row, call_after=found[row.id].at) if row.id in found else row for row in rows)


def _waits(row: TicketRow) -> bool:
    return row.state in {State.FEEDBACK.value, State.MERGED.value}


async def set_time(
    session: AsyncSession, tables: Tables, viewer: Viewer, wish: Wish, *, now: datetime
) -> CallAfterSet:
    """Agree on a time, change or clear it.

    Raises NotFound, NotToFollow, CallAfterChanged, AfterLimit, BadInput.
    """
    ticket = (
        await session.scalars(
            # Locked: of two at once the second sees what the first did, and no call comes in between.
            sa.select(Ticket)
            .where(Ticket.no == wish.no[:40].replace("\0", ""), may_see(viewer))
            .with_for_update()
        )
    ).one_or_none()
    if ticket is None:
        raise NotFound("没有这张工单，或您无权查看。")
    if not await _waits_now(session, ticket):
        raise NotToFollow
    standing = (await ringing.agreed_of(session, [ticket.id])).get(ticket.id)
    words = mask_identity(" ".join(wish.words.split()))
    if _same(standing, wish.at, words):
        return CallAfterSet(ticket.no, wish.at, repeated=True)
    if wish.seen != (standing.at if standing else None):
        raise CallAfterChanged(_changed(standing))
    if wish.at is not None:
        _check(tables, ticket, wish, now=now)
    row = await session.get(CallAfter, ticket.id)
    if row is not None:
        await session.delete(row)
        await session.flush()
    if wish.at is not None:
        seq = await session.scalar(
            sa.select(sa.func.max(TicketEvent.seq)).where(TicketEvent.ticket_id == ticket.id)
        )
        session.add(
            CallAfter(
                ticket_id=ticket.id, at=wish.at, words=words, by=viewer.login, set_at=now, seq=seq or 0
            )
        )  # fmt: skip
    ledger.write(
        session, who=viewer.login, act=LedgerAct.CALL_AFTER_SET, now=now,
        subject=ledger.Subject(SubjectKind.TICKET, ticket.no, ticket.no),
        old=show(standing.at) if standing else None, new=show(wish.at) if wish.at else None,
    )  # fmt: skip
    return CallAfterSet(ticket.no, wish.at, repeated=False)


def _same(standing: Agreed | None, at: datetime | None, words: str) -> bool:
    if standing is None:
        return at is None
    return (standing.at, standing.words) == (at, words)


def _check(tables: Tables, ticket: Ticket, wish: Wish, *, now: datetime) -> None:
    """Raises BadInput, AfterLimit."""
    if wish.at is None:
        return
    if len(wish.words) > LONGEST_WORDS:
        raise BadInput(f"约定的话：最多 {LONGEST_WORDS} 个字")
    row = tables.clocks.ring(beijing(wish.at).date())
    found = rules.fault(row, wish.at, now=now, limits=limits_of(ticket))
    if found is None:
        return
    if not found.late:
        raise BadInput(f"{found.words}。")
    if not wish.late:
        raise AfterLimit(f"{found.words}。")


def _changed(standing: Agreed | None) -> str:
    if standing is None:
        return "您打开之后，约定时间已经没有了（清除了，或已打过）；这次没有改动。仍要约，请看过再按。"
    return f"{standing.by}已约定 {show(standing.at)} 以后再打，这次没有改动。仍要改，请看过再按。"
