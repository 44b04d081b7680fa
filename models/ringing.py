"""回访台: of what waits for 回访 (待回访) the cases that may be rung now, and why the others rest.

A case rests while a colleague has it open (`FollowUpHold`), until the agreed time (`CallAfter`), for some
hours after a try, and, where the limit of the answer is not over, until then. What rests for two reasons is
told by the first of these. Tries are read off the ticket's events, so whatever made or took one back counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.citizens import UNHAPPY, CitizenRating
from models.db import Base
from models.filters import may_see
from models.lines import COUNT_CAP, Count
from models.narrowed import one_of_few, stands, withdrawn
from models.tickets import TO_FOLLOW, UNCLOCKED, Ticket, TicketEvent
from models.units import Staff
from models.vocab import Clock, State, Tag

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer

#: How long what somebody said on the web puts their case before others; so many are looked at.
UNHAPPY_FOR: Final = timedelta(days=60)
_UNHAPPY_MOST: Final = 500
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: How long a case whose agreed time is reached comes before others; then it comes by its due time.
_AGREED_FOR: Final = timedelta(days=30)
#: Events after which an agreed time is none any more, beside a try: the answer it was about is gone, or there
#: is another one. Not 更正反馈 (the same answer, put right), nor 撤诉 (taken up, the time stands again).
_ENDS: Final = (
    Tag.REHANDLE.value, Tag.HEAD_REOPENED.value, Tag.FEEDBACK.value, Tag.HEAD_ANSWERED.value,
)  # fmt: skip
_LATER: Final = sa.alias(TicketEvent.__table__, "later_on")
_TRY: Final = sa.alias(TicketEvent.__table__, "tried")


class FollowUpHold(Base):
    """A 回访员 has the case open, until then. No lock: a courtesy, so that two never ring one citizen."""

    __tablename__ = "follow_up_hold"
    __table_args__ = (sa.Index("ix_follow_up_hold_by", "by"),)

    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
    by: Mapped[str] = mapped_column(sa.String(64), comment="login")
    until: Mapped[datetime]
    looked: Mapped[bool] = mapped_column(default=False, comment="they looked at the number")


class CallAfter(Base):
    """约定时间: the citizen asked to be rung after it. One at a time; the ledger tells each change."""

    __tablename__ = "call_after"
    __table_args__ = (sa.Index("ix_call_after_at", "at", "ticket_id"),)

    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(comment="not to be rung before")
    words: Mapped[str] = mapped_column(sa.Text, comment="masked; empty: none")
    by: Mapped[str] = mapped_column(sa.String(64), comment="login of who set it")
    set_at: Mapped[datetime]
    seq: Mapped[int] = mapped_column(comment="the ticket's last event then: later ones may end it")


@dataclass(frozen=True, slots=True)
class Moment:
    """When it is asked, by whom, and how long a case rests after a try."""

    now: datetime
    login: str
    apart: timedelta


@dataclass(frozen=True, slots=True)
class Agreed:
    """An agreed time that stands: after when, a few words, who set it and when."""

    at: datetime
    words: str
    by: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class Resting:
    """So many cases, counted to a cap, and when the first of them is free again, as far as counted."""

    count: Count
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """待回访, each case once: to be rung now, or why not yet.

    `agreed`: 约定稍后. `tried`: the hours after a try. `early`: the limit of the answer is not over.
    """

    now: Count
    held: Resting
    agreed: Resting
    tried: Resting
    early: Resting


#: `TO_FOLLOW` of a ticket found by its key: an expression, else SQLite takes an index of the state.
_WAITS: Final = TO_FOLLOW.replace("ticket.state", "(ticket.state || '')")


def _to_follow(viewer: Viewer) -> list[ColumnElement[bool]]:
    """Of a ticket that is found by its key."""
    return [sa.literal_column(_WAITS), _asks(), may_see(viewer)]


def _asks() -> ColumnElement[bool]:
    """Whether the own citizen of what is answered has not withdrawn (撤诉): `withdrawing.since`, in SQL.

    Their clock of 回访 stands still as long as they have, so a case that shows it is asked no further. Who is
    merged and has withdrawn shows none either, and does not wait.
    """
    return sa.or_(
        sa.func.coalesce(Ticket.due_clock, "") == Clock.FOLLOW_UP.value,
        Ticket.state.concat("") != State.FEEDBACK.value,
        ~withdrawn(Ticket.id),
    )


def _stretches() -> tuple[tuple[ColumnElement[bool], ...], ...]:
    """What waits, as indexes give it: what has a clock, then what has none.

    By a range, not by IS NOT NULL: with it SQLite reads of what is merged what has a clock alone.
    """
    answered = Ticket.state.concat("") == State.FEEDBACK.value
    return (
        (sa.literal_column(TO_FOLLOW), Ticket.due_at > _EPOCH, _asks()),
        (sa.literal_column(UNCLOCKED), answered, _asks()),
    )


def _agreed() -> ColumnElement[bool]:
    """Whether a row of `call_after` still counts: no other answer since, nor rung since it was reached."""
    # Asked of each row by its own events: EXISTS would be a join, and might read all events there are.
    over = sa.select(_LATER.c.seq).where(
        _LATER.c.ticket_id == CallAfter.ticket_id, _LATER.c.seq > CallAfter.seq, _LATER.c.tag.in_(_ENDS)
    )
    rung = sa.select(_TRY.c.seq).where(
        _TRY.c.ticket_id == CallAfter.ticket_id,
        _TRY.c.seq > CallAfter.seq,
        _TRY.c.tag == Tag.FOLLOW_UP.value,
        _TRY.c.at >= CallAfter.at,
        stands(_TRY),
    )
    return sa.and_(_none(over), _none(rung))


def _none(events: sa.Select[Any]) -> ColumnElement[bool]:
    return events.limit(1).correlate(CallAfter).scalar_subquery().is_(None)


def _held(moment: Moment) -> sa.Select[Any]:
    return sa.select(FollowUpHold.ticket_id).where(
        FollowUpHold.until > moment.now, FollowUpHold.by != moment.login
    )


def _later(moment: Moment) -> sa.Select[Any]:
    return sa.select(CallAfter.ticket_id).where(CallAfter.at > moment.now, _agreed()).correlate(None)


def _tried(moment: Moment) -> sa.Select[Any]:
    """By the index on the time of events: those of some hours."""
    return sa.select(_TRY.c.ticket_id).where(*_lately(moment)).correlate(None)


def _lately(moment: Moment) -> list[ColumnElement[bool]]:
    """Of an event: a try after which its case still rests."""
    # A time that was agreed after it and is reached is what the citizen asked for: the hours are not waited.
    asked = (
        sa.select(CallAfter.ticket_id)
        .where(
            CallAfter.ticket_id == _TRY.c.ticket_id, CallAfter.seq >= _TRY.c.seq,
            CallAfter.at <= moment.now, _agreed(),
        )
        .correlate(_TRY)
        .scalar_subquery()
    )  # fmt: skip
    return [
        _TRY.c.at > moment.now - moment.apart, _TRY.c.tag == Tag.FOLLOW_UP.value, stands(_TRY),
        asked.is_(None),
    ]  # fmt: skip


def _early(moment: Moment) -> ColumnElement[bool]:
    """Who is merged is rung when the case that stands for theirs is answered: as the rules allow it."""
    return sa.and_(
        Ticket.state.concat("") == State.FEEDBACK.value,
        Ticket.answer_by.is_not(None),
        Ticket.answer_by > moment.now,
    )


def _ringable(moment: Moment) -> list[ColumnElement[bool]]:
    return [
        Ticket.id.not_in(_held(moment)),
        Ticket.id.not_in(_later(moment)),
        Ticket.id.not_in(_tried(moment)),
        sa.or_(
            Ticket.state != State.FEEDBACK.value, Ticket.answer_by.is_(None), Ticket.answer_by <= moment.now
        ),
    ]


async def agreed_first(
    session: AsyncSession, viewer: Viewer, moment: Moment, *, limit: int, but: Collection[str] = ()
) -> list[tuple[int, str]]:
    """Cases whose agreed time is reached, that one first which was agreed for earliest: ids and numbers."""
    rows = await session.execute(
        sa.select(Ticket.id, Ticket.no)
        .select_from(CallAfter)
        .join(Ticket, Ticket.id == CallAfter.ticket_id)
        .where(
            CallAfter.at <= moment.now, CallAfter.at > moment.now - _AGREED_FOR, _agreed(),
            *_to_follow(viewer), *_ringable(moment), Ticket.no.not_in(sorted(but)),
        )
        .order_by(CallAfter.at, Ticket.id)
        .limit(limit)
    )  # fmt: skip
    return [(row.id, row.no) for row in rows]


async def unhappy_first(
    session: AsyncSession, viewer: Viewer, moment: Moment, *, limit: int, but: Collection[str] = ()
) -> list[tuple[int, str, int, str]]:
    """Cases whose citizen said on the web lately that it is not solved, or that they are not content, by due.

    Ids, numbers, appeals and states: whether it is about the answer that stands is asked of each
    (`triage.services.citizen.unsolved`).
    """
    said = (
        sa.select(CitizenRating.appeal_id)
        .where(sa.literal_column(UNHAPPY), CitizenRating.at > moment.now - UNHAPPY_FOR)
        .order_by(CitizenRating.at.desc())
        .limit(_UNHAPPY_MOST)
        .correlate(None)
        .scalar_subquery()
    )
    rows = await session.execute(
        sa.select(Ticket.id, Ticket.no, Ticket.appeal_id, Ticket.state)
        .where(
            one_of_few(Ticket.appeal_id, said), *_to_follow(viewer), *_ringable(moment),
            Ticket.no.not_in(sorted(but)),
        )
        .order_by(Ticket.due_at, Ticket.id)
        .limit(limit)
    )  # fmt: skip
    return [(row.id, row.no, row.appeal_id, row.state) for row in rows]


async def by_due(
    session: AsyncSession, viewer: Viewer, moment: Moment, *, limit: int, but: Collection[str] = ()
) -> list[tuple[int, str]]:
    """Cases that may be rung now, first the one that is due first: ids and numbers."""
    found: list[tuple[int, str]] = []
    for stretch in _stretches():
        if len(found) < limit:
            rows = await session.execute(
                sa.select(Ticket.id, Ticket.no)
                .where(*stretch, may_see(viewer), *_ringable(moment), Ticket.no.not_in(sorted(but)))
                .order_by(Ticket.due_at, Ticket.id)
                .limit(limit - len(found))
            )
            found += [(row.id, row.no) for row in rows]
    return found


async def may_be_rung(session: AsyncSession, viewer: Viewer, moment: Moment, ticket_id: int) -> bool:
    """Whether it still may: asked again by whoever holds it, for it may have been rung a moment ago."""
    found = sa.select(Ticket.id).where(Ticket.id == ticket_id, *_to_follow(viewer), *_ringable(moment))
    return await session.scalar(found) is not None


async def waits(session: AsyncSession, viewer: Viewer, moment: Moment, *, cap: int = COUNT_CAP) -> Waiting:
    """How many may be rung now, how many rest and why, each to a cap."""
    mine = _to_follow(viewer)
    free = Ticket.id.not_in(_held(moment))
    unagreed = Ticket.id.not_in(_later(moment))
    untried = Ticket.id.not_in(_tried(moment))
    first, then = _stretches()
    ready = [
        sa.select(Ticket.id)
        .where(*stretch, may_see(viewer), *_ringable(moment))
        .order_by(Ticket.due_at, Ticket.id)
        .limit(cap + 1)
        .subquery()
        for stretch in (first, then)
    ]
    held = (
        sa.select(Ticket.id, FollowUpHold.until.label("at"))
        .join(Ticket, Ticket.id == FollowUpHold.ticket_id)
        .where(FollowUpHold.until > moment.now, FollowUpHold.by != moment.login, *mine)
        .order_by(FollowUpHold.until)
    )
    agreed = (
        sa.select(Ticket.id, CallAfter.at)
        .join(Ticket, Ticket.id == CallAfter.ticket_id)
        .where(CallAfter.at > moment.now, _agreed(), free, *mine)
        .order_by(CallAfter.at)
    )
    tried = (
        sa.select(Ticket.id, _TRY.c.at)
        .select_from(_TRY)
        .join(Ticket, Ticket.id == _TRY.c.ticket_id)
        .where(*_lately(moment), free, unagreed, *mine)
        .order_by(_TRY.c.at)
    )
    early = (
        sa.select(Ticket.id, Ticket.answer_by.label("at"))
        .where(*first, may_see(viewer), _early(moment), free, unagreed, untried)
        .order_by(Ticket.due_at, Ticket.id)
    )
    some = sa.union_all(*(sa.select(part.c.id) for part in ready)).limit(cap + 1).subquery()
    now = await session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
    return Waiting(
        Count(min(now, cap), more=now > cap),
        await _resting(session, held, cap),
        await _resting(session, agreed, cap),
        await _resting(session, tried, cap, after=moment.apart),
        await _resting(session, early, cap),
    )


async def _resting(
    session: AsyncSession, rows: sa.Select[Any, Any], cap: int, *, after: timedelta = timedelta()
) -> Resting:
    some = rows.limit(cap + 1).subquery()
    found = sa.select(sa.func.count(some.c.id.distinct()), sa.func.min(some.c.at))
    count, first = (await session.execute(found)).one()
    return Resting(Count(min(count, cap), more=count > cap), None if first is None else first + after)


async def agreed_of(session: AsyncSession, ids: Collection[int]) -> dict[int, Agreed]:
    """The agreed times that stand, of these tickets. Sight is asked before."""
    if not ids:
        return {}
    rows = await session.execute(
        sa.select(
            CallAfter.ticket_id, CallAfter.at, CallAfter.words, CallAfter.by, CallAfter.set_at, Staff.name
        )
        .join(Ticket, Ticket.id == CallAfter.ticket_id)
        .outerjoin(Staff, Staff.login == CallAfter.by)
        .where(CallAfter.ticket_id.in_(sorted(ids)), sa.literal_column(_WAITS), _asks(), _agreed())
    )
    return {
        row.ticket_id: Agreed(row.at, row.words, row.name or row.by, row.set_at) for row in rows
    }  # fmt: skip
