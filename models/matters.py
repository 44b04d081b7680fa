"""同一事项: by what keys each ticket's matter is found again, and which two tickets may be one matter.

The keys are an index over names that a text holds (`nlp.repeat_keys`): the likely same matters of a new
appeal are found among any number of cases without looking at the others. A pair is kept with what became
of it, so that what a person refused is not proposed again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, aliased, mapped_column

from models.appeals import Appeal, Appellant
from models.db import Base
from models.filters import may_see
from models.tickets import Ticket, TicketEvent
from models.vocab import OPEN_STATES, Channel, State, Tag
from models.vocab_matters import Proposal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer

#: Tickets taken from each key, the newest first: a name that thousands of cases share is no clue.
PER_KEY: Final = 30
#: Tickets of a key whose state is looked at for them: closed ones of a name are passed over, but not all of a
#: name that thousands had.
LOOKED_AT: Final = 200
#: Candidates that are read and weighed, those that share most keys first.
WEIGHED: Final = 6
PAGE: Final = 50
#: Tickets that one page offers to merge into its heads.
GROUPED: Final = 1_000
_WAITS: Final = "state = 'proposed' AND NOT resting"


class MatterSeen(Base):
    """A ticket whose matter was looked for; without a row the timetable looks again."""

    __tablename__ = "matter_seen"

    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
    at: Mapped[datetime]
    model_version: Mapped[str] = mapped_column(sa.String(40))


class MatterKey(Base):
    """One key of a ticket's matter."""

    __tablename__ = "matter_key"
    __table_args__ = (sa.Index("ix_matter_key_ticket", "ticket_id"),)

    key: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, comment="a hash of a name in the text")
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)


class MatterPair(Base):
    """Two tickets that may be one matter: the later one, and the earlier one it would be merged into."""

    __tablename__ = "matter_pair"
    __table_args__ = (
        sa.CheckConstraint("ticket_id > head_id", name="order"),
        sa.CheckConstraint("state in ('proposed', 'merged', 'refused')", name="state"),
        sa.Index("ix_matter_pair_head", "head_id"),
        # The list of proposals, likeliest first.
        sa.Index(
            "ix_matter_pair_open",
            "p",
            "ticket_id",
            "head_id",
            postgresql_where=sa.text(_WAITS),
            sqlite_where=sa.text(_WAITS),
        ),
    )

    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
    head_id: Mapped[int] = mapped_column(sa.ForeignKey("ticket.id"), primary_key=True)
    p: Mapped[float] = mapped_column(comment="that they are one matter")
    same_caller: Mapped[bool] = mapped_column(comment="by the blind index of the phone")
    why: Mapped[list[str]] = mapped_column(sa.JSON, comment="the reasons, in words")
    state: Mapped[str] = mapped_column(sa.String(16), comment="vocab_matters.Proposal")
    by: Mapped[str | None] = mapped_column(sa.String(64), comment="login of who decided; null: the system")
    at: Mapped[datetime] = mapped_column(comment="of the proposal, then of the decision")
    model_version: Mapped[str] = mapped_column(sa.String(40))
    resting: Mapped[bool] = mapped_column(
        default=False,
        server_default=sa.false(),
        comment="one of the two was not open when it was last looked at: on no list until it is again",
    )


#: A proposal on the list, written out: only so does the partial index fit.
WAITS: Final[sa.ColumnElement[bool]] = sa.literal_column(
    "(matter_pair.state = 'proposed' AND NOT matter_pair.resting)"
)


@dataclass(frozen=True, slots=True)
class Told:
    """What is compared of a ticket: its masked words and when they came."""

    ticket_id: int
    no: str
    title: str | None
    text: str
    received_at: datetime
    state: State
    urgency: str
    version: int


@dataclass(frozen=True, slots=True)
class Proposed:
    """A pair on the list."""

    ticket: Ticket
    head: Ticket
    p: float
    same_caller: bool
    why: tuple[str, ...]
    state: Proposal
    apart: bool = False
    """Whether one of the two is 保密 and the other is not."""
    patrol_head: bool = False
    """Whether the earlier one alone was found on patrol (巡查): it goes behind the later one."""


async def unseen(session: AsyncSession, *, since: datetime, limit: int, gaps: bool) -> list[int]:
    """Open tickets whose matter was not looked for yet, the oldest first.

    Those after the last one that was looked at are found at once; `gaps` before it (a process that was
    killed, a refusal) only by looking at all that is open.
    """
    newest = sa.select(sa.func.coalesce(sa.func.max(MatterSeen.ticket_id), 0)).scalar_subquery()
    rows = await session.scalars(
        sa.select(Ticket.id)
        .where(
            ~sa.exists().where(MatterSeen.ticket_id == Ticket.id) if gaps else Ticket.id > newest,
            Ticket.received_at >= since,
            Ticket.state.in_([state.value for state in OPEN_STATES]),
        )
        .order_by(Ticket.id)
        .limit(limit)
    )
    return list(rows)


async def told_of(session: AsyncSession, ids: Sequence[int]) -> dict[int, Told]:
    """The words of tickets, by id."""
    rows = await session.execute(
        sa.select(
            Ticket.id, Ticket.no, Appeal.title, Appeal.text, Appeal.address,
            Ticket.received_at, Ticket.state, Ticket.urgency, Ticket.version,
        )
        .join(Appeal, Appeal.id == Ticket.appeal_id)
        .where(Ticket.id.in_(ids))
    )  # fmt: skip
    return {
        row.id: Told(
            row.id, row.no, row.title, f"{row.text}\n{row.address}" if row.address else row.text,
            row.received_at, State(row.state), row.urgency, row.version,
        )
        for row in rows
    }  # fmt: skip


async def candidates(session: AsyncSession, ticket_id: int, keys: Sequence[int]) -> dict[int, str]:
    """Earlier tickets that share keys with this one, with their states, those that share most first.

    At most `PER_KEY`, open ones and those that may stand merged, archived since or not: what stands for a
    merged one is for `triage.services.near` to say. The case that many were merged into is the oldest of
    them, so it is found by them alone. What is closed or was sent away takes nobody's place, as far as the
    newest `LOOKED_AT` of a key.
    """
    if not keys:
        return {}
    # Each key on its own, so that a name that all share costs no more than one that few do.
    shared = sa.union_all(*(_of_key(key, ticket_id) for key in keys)).subquery()
    counted = (
        sa.select(shared.c.ticket_id, sa.func.count().label("keys"))
        .group_by(shared.c.ticket_id)
        .order_by(sa.desc("keys"), shared.c.ticket_id.desc())
        .limit(PER_KEY)
        .subquery()
    )
    rows = await session.execute(
        sa.select(counted.c.ticket_id, Ticket.state)
        .join(Ticket, Ticket.id == counted.c.ticket_id)
        .order_by(counted.c["keys"].desc(), counted.c.ticket_id.desc())
    )
    return {row.ticket_id: row.state for row in rows}


def _of_key(key: int, ticket_id: int) -> sa.Select[tuple[int]]:
    """The newest earlier tickets of a key that may be or stand for an open case."""
    newest = (
        sa.select(MatterKey.ticket_id)
        .where(MatterKey.key == key, MatterKey.ticket_id < ticket_id)
        .order_by(MatterKey.ticket_id.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    merged = sa.exists().where(TicketEvent.ticket_id == Ticket.id, TicketEvent.tag == Tag.MERGE.value)
    found = (
        sa.select(newest.c.ticket_id)
        .join(Ticket, Ticket.id == newest.c.ticket_id)
        .where(
            sa.or_(
                Ticket.state.in_([state.value for state in (*OPEN_STATES, State.MERGED)]),
                sa.and_(Ticket.state == State.ARCHIVED.value, merged),
            )
        )
        .order_by(newest.c.ticket_id.desc())
        .limit(PER_KEY)
        .subquery()
    )
    return sa.select(found.c.ticket_id)


async def open_since(session: AsyncSession, ids: Collection[int], *, since: datetime) -> set[int]:
    """Which of these are open and not older."""
    rows = await session.scalars(
        sa.select(Ticket.id).where(
            Ticket.id.in_(list(ids)),
            Ticket.received_at >= since,
            Ticket.state.in_([state.value for state in OPEN_STATES]),
        )
    )
    return set(rows)


async def of_caller(session: AsyncSession, ticket_id: int, *, since: datetime) -> list[int]:
    """Earlier open tickets of the same phone, by the blind index; an appeal without one has none.

    A report in confidence is never tied to what its sender says openly: that one names who reported.
    """
    mine, theirs, other = aliased(Appellant), aliased(Appellant), aliased(Ticket)
    rows = await session.scalars(
        sa.select(other.id)
        .select_from(Ticket)
        .join(mine, mine.appeal_id == Ticket.appeal_id)
        .join(theirs, sa.and_(theirs.phone_index == mine.phone_index, theirs.appeal_id != mine.appeal_id))
        .join(other, other.appeal_id == theirs.appeal_id)
        .where(
            alike_in_confidence(mine, theirs),
            Ticket.id == ticket_id,
            other.id < ticket_id,
            other.received_at >= since,
            other.state.in_([state.value for state in OPEN_STATES]),
        )
        .order_by(other.id.desc())
        .limit(WEIGHED)
    )
    return list(rows)


async def same_caller(session: AsyncSession, one: int, other: int) -> bool:
    """Whether two tickets came from one phone, as far as that may be told (see `of_caller`)."""
    mine, theirs = aliased(Appellant), aliased(Appellant)
    a, b = aliased(Ticket), aliased(Ticket)
    found = await session.scalar(
        sa.select(sa.literal(value=True))
        .select_from(a)
        .join(mine, mine.appeal_id == a.appeal_id)
        .join(theirs, theirs.phone_index == mine.phone_index)
        .join(b, b.appeal_id == theirs.appeal_id)
        .where(a.id == one, b.id == other, alike_in_confidence(mine, theirs))
    )
    return bool(found)


def alike_in_confidence(mine: type[Appellant], theirs: type[Appellant]) -> sa.ColumnElement[bool]:
    """Both appeals are 保密, or neither."""
    told = [
        sa.select(Appeal.confidential).where(Appeal.id == whose.appeal_id).scalar_subquery()
        for whose in (mine, theirs)
    ]
    return told[0] == told[1]


async def proposals(
    session: AsyncSession, viewer: Viewer, *, after: tuple[str, str] | None = None
) -> list[Proposed]:
    """What waits for a person's word, likeliest first: both tickets may be seen and are open.

    `PAGE` of them and one more, if there is more; `after` the pair of these numbers, whatever became of it.
    What is `after` a pair that is not there is nothing.
    """
    asked: sa.ColumnElement[bool] = WAITS
    if after is not None:
        place = await _place_of(session, *after)
        if place is None:
            return []
        keys = sa.tuple_(MatterPair.p, MatterPair.ticket_id, MatterPair.head_id)
        asked = sa.and_(asked, keys < sa.tuple_(*(sa.literal(value) for value in place)))
    return await _pairs(session, viewer, asked, open_only=True, most=PAGE + 1)


async def _place_of(session: AsyncSession, no: str, head_no: str) -> tuple[float, int, int] | None:
    head = aliased(Ticket)
    row = (
        await session.execute(
            sa.select(MatterPair.p, MatterPair.ticket_id, MatterPair.head_id)
            .join(Ticket, Ticket.id == MatterPair.ticket_id)
            .join(head, head.id == MatterPair.head_id)
            .where(Ticket.no == no, head.no == head_no)
        )
    ).one_or_none()
    return (row.p, row.ticket_id, row.head_id) if row is not None else None


async def proposals_of(session: AsyncSession, viewer: Viewer, heads: Collection[int]) -> list[Proposed]:
    """All that waits to be merged into one of these, likeliest first; at most `GROUPED`."""
    asked = sa.and_(MatterPair.state == Proposal.PROPOSED.value, MatterPair.head_id.in_(list(heads)))
    return await _pairs(session, viewer, asked, open_only=True, most=GROUPED)


async def refused_among(session: AsyncSession, ids: Collection[int]) -> set[tuple[int, int]]:
    """Of these tickets the pairs (later, earlier) that a person held for two matters."""
    rows = await session.execute(
        sa.select(MatterPair.ticket_id, MatterPair.head_id).where(
            MatterPair.ticket_id.in_(list(ids)),
            MatterPair.head_id.in_(list(ids)),
            MatterPair.state == Proposal.REFUSED.value,
        )
    )
    return {(row.ticket_id, row.head_id) for row in rows}


async def of_ticket(session: AsyncSession, viewer: Viewer, ticket_id: int) -> list[Proposed]:
    """The pairs of a ticket that were not refused, likeliest first: `PAGE` of them and one more, if any."""
    return await _pairs(
        session,
        viewer,
        sa.and_(
            sa.or_(MatterPair.ticket_id == ticket_id, MatterPair.head_id == ticket_id),
            MatterPair.state != Proposal.REFUSED.value,
        ),
        open_only=False,
        most=PAGE + 1,
    )


async def _pairs(
    session: AsyncSession, viewer: Viewer, condition: sa.ColumnElement[bool], *, open_only: bool, most: int
) -> list[Proposed]:
    head = aliased(Ticket)
    # The one predicate, asked of the other ticket too, before the page is full.
    other_too = (
        sa.exists().select_from(Ticket).where(Ticket.id == MatterPair.head_id, may_see(viewer))
    ).correlate(MatterPair)
    mine, theirs = aliased(Appeal), aliased(Appeal)
    patrol = sa.and_(theirs.channel == Channel.PATROL.value, mine.channel != Channel.PATROL.value)
    found = (
        sa.select(MatterPair, Ticket, head, mine.confidential != theirs.confidential, patrol)
        .join(Ticket, Ticket.id == MatterPair.ticket_id)
        .join(head, head.id == MatterPair.head_id)
        .join(mine, mine.id == Ticket.appeal_id)
        .join(theirs, theirs.id == head.appeal_id)
        .where(condition, may_see(viewer), other_too)
        .order_by(MatterPair.p.desc(), MatterPair.ticket_id.desc(), MatterPair.head_id.desc())
        .limit(most)
    )
    if open_only:
        states = [state.value for state in OPEN_STATES]
        found = found.where(Ticket.state.in_(states), head.state.in_(states))
    return [
        Proposed(
            ticket, other, pair.p, pair.same_caller, tuple(pair.why), Proposal(pair.state), *map(bool, told)
        )
        for pair, ticket, other, *told in await session.execute(found)
    ]


async def moved(
    session: AsyncSession, ticket_id: int, head_id: int, *, merged: bool, by: str | None, now: datetime
) -> None:
    """Keep what a merge or its undoing (`merged` false) makes of a proposal of the two, where there is one.

    What was refused stays so, and what was never proposed is not proposed by being undone.
    """
    was, becomes = (Proposal.PROPOSED, Proposal.MERGED) if merged else (Proposal.MERGED, Proposal.PROPOSED)
    await session.execute(
        sa.update(MatterPair)
        .where(
            MatterPair.ticket_id == max(ticket_id, head_id),
            MatterPair.head_id == min(ticket_id, head_id),
            MatterPair.state == was.value,
        )
        .values(state=becomes.value, by=by, at=now)
    )
