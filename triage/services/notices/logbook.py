"""发送记录: every notice with what became of it, and the way back for those that were not taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.bounded import bounded
from models.filters import may_see
from models.notices import Delivery, DeliveryAttempt, Notice
from models.tickets import Ticket
from models.vocab_notices import NoticeState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer

#: What a person may let go out again.
AGAIN: Final = (
    NoticeState.REFUSED,
    NoticeState.GIVEN_UP,
    NoticeState.NO_CONTACT,
    NoticeState.PRESUMED,
)
#: Of a state so many go out again at one press, in parts of so many: a request takes seconds, not minutes.
MOST: Final = 20_000
_PART: Final = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """A notice, and of its delivery the medium, the tries and what the last one said."""

    id: int
    recipient_kind: str
    recipient: str
    template: str
    facts: Mapping[str, Any]
    created_at: datetime
    not_before: datetime
    state: str
    medium: str | None
    together: int | None
    attempts: int | None
    next_at: datetime | None
    ended_at: datetime | None
    code: str | None


async def entries(
    session: AsyncSession, *, state: NoticeState | None, before: int | None, limit: int
) -> list[Entry]:
    """Notices, newest first; those of a state; those before an id."""
    last = (
        sa.select(DeliveryAttempt.code)
        .where(DeliveryAttempt.delivery_id == Delivery.id)
        .order_by(DeliveryAttempt.started_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    wanted = (
        sa.select(
            Notice.id, Notice.recipient_kind, Notice.recipient, Notice.template, Notice.facts,
            Notice.created_at, Notice.not_before, Notice.state, Delivery.medium, Delivery.notices,
            Delivery.attempts, Delivery.next_at, Delivery.ended_at, last,
        )
        .outerjoin(Delivery, Delivery.id == Notice.delivery_id)
        .order_by(Notice.id.desc())
        .limit(limit)
    )  # fmt: skip
    if state is not None:
        wanted = wanted.where(Notice.state == state.value)
    if before is not None:
        wanted = wanted.where(Notice.id < before)
    return [Entry(*row) for row in await session.execute(wanted)]


async def counts(session: AsyncSession) -> dict[NoticeState, int]:
    """How many stand in each state, bounded."""
    return {
        state: await bounded(session, sa.select(Notice.id).where(Notice.state == state.value))
        for state in NoticeState
    }


async def again(
    session: AsyncSession,
    viewer: Viewer,
    *,
    now: datetime,
    ids: Sequence[int] = (),
    state: NoticeState | None = None,
) -> int:
    """Let notices of `AGAIN` go out again: these, or those of a state, `MOST` of them. Gives how many.

    Of cases that the viewer may see; those of no case go to whoever may look after notices.
    A delivery goes out whole and under its own key: who took it after all takes it once.
    """
    if state is None:
        return await _again(session, sa.and_(Notice.id.in_(ids), _seen(viewer)), now=now)
    moved = 0
    while moved < MOST:
        part = await _again(session, sa.and_(Notice.state == state.value, _seen(viewer)), now=now)
        if not part:
            break
        moved += part
    return moved


def _seen(viewer: Viewer) -> sa.ColumnElement[bool]:
    if viewer.scope.everything and viewer.scope.secret:
        return sa.true()
    no = Notice.facts["no"].as_string()
    mine = sa.select(Ticket.id).where(Ticket.no == no, may_see(viewer)).correlate(Notice)
    return sa.or_(sa.func.coalesce(no, "") == "", mine.exists())


async def _again(session: AsyncSession, chosen: sa.ColumnElement[bool], *, now: datetime) -> int:
    rows = (
        await session.execute(
            sa.select(Notice.id, Notice.delivery_id)
            .where(chosen, Notice.state.in_([item.value for item in AGAIN]))
            .order_by(Notice.id)
            .limit(_PART)
            .with_for_update()
        )
    ).all()
    deliveries = {row.delivery_id for row in rows if row.delivery_id is not None}
    loose = [row.id for row in rows if row.delivery_id is None]
    moved = 0
    if loose:
        moved += len(loose)
        await _move(session, Notice.id.in_(loose), NoticeState.WAITING)
    if deliveries:
        await session.execute(
            sa.update(Delivery)
            .where(Delivery.id.in_(deliveries))
            .values(state=NoticeState.SENDING.value, attempts=0, next_at=now, ended_at=None)
            .execution_options(synchronize_session=False)
        )
        moved += await _move(session, Notice.delivery_id.in_(deliveries), NoticeState.SENDING)
    return moved


async def _move(session: AsyncSession, which: sa.ColumnElement[bool], state: NoticeState) -> int:
    rows = await session.execute(
        sa.update(Notice)
        .where(which)
        .values(state=state.value)
        .returning(Notice.id)
        .execution_options(synchronize_session=False)
    )
    return len(rows.all())
