"""Group what is due: one message a recipient (a digest when several wait), over the first medium it has.

One process at a time does this (advisory lock on PostgreSQL, the one writer on SQLite), so a recipient's
notices are never split between two.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.notices import Delivery, Notice
from models.vocab import Urgency
from models.vocab_notices import Medium, NoticeState, RecipientKind
from triage import logs
from triage.errors import NoRule
from triage.rules.calendar import beijing
from triage.rules.noticing import Said, wakes, words
from triage.services.notices import contacts, moot
from triage.services.notices.noting import Recipient

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.notice_rows import MediumRow
    from triage.rules.rows import Tables

log = logs.get(__name__)

#: Recipients looked at in one transaction, and notices one digest tells of at most.
RECIPIENTS: Final = 50
MOST_IN_ONE: Final = 500
_LOCK: Final = 0x6A69_6573_75_01  # "jiesu", 1
#: The gravest first.
GRADES: Final = tuple(Urgency)
GRAVITY: Final = sa.case(
    {grade.value: place for place, grade in enumerate(GRADES)}, value=Notice.urgency, else_=len(GRADES) - 1
)


async def bundle(session: AsyncSession, tables: Tables, usable: Collection[Medium], *, now: datetime) -> int:
    """Make deliveries of what is due. Gives how many recipients were looked at."""
    if session.get_bind().dialect.name == "postgresql" and not await session.scalar(
        sa.select(sa.func.pg_try_advisory_xact_lock(sa.literal(_LOCK, sa.BigInteger)))
    ):
        return 0
    due = (Notice.state == NoticeState.WAITING.value, Notice.not_before <= now)
    rows = await session.execute(
        sa.select(Notice.recipient_kind, Notice.recipient)
        .where(*due)
        .group_by(Notice.recipient_kind, Notice.recipient)
        .order_by(sa.func.min(Notice.not_before))
        .limit(RECIPIENTS)
    )
    recipients = [Recipient(RecipientKind(kind), name) for kind, name in rows]
    if not recipients:
        return 0
    reached = await contacts.of(session, recipients)
    day = beijing(now).date()
    for to in recipients:
        media = tables.notices.media_for(to.kind, day)
        medium = next((row for row in media if row.medium in reached[to] and row.medium in usable), None)
        if medium is None:
            await _leave(session, to, now=now)
        else:
            await _deliver(session, tables, to, medium, now=now)
    return len(recipients)


async def _leave(session: AsyncSession, to: Recipient, *, now: datetime) -> None:
    """No address: they stay, and say so."""
    await session.execute(
        sa.update(Notice)
        .where(*_of(to), Notice.not_before <= now)
        .values(state=NoticeState.NO_CONTACT.value)
        .execution_options(synchronize_session=False)
    )


def _of(to: Recipient) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        Notice.state == NoticeState.WAITING.value,
        Notice.recipient_kind == to.kind.value,
        Notice.recipient == to.id,
    )


async def _deliver(
    session: AsyncSession, tables: Tables, to: Recipient, medium: MediumRow, *, now: datetime
) -> None:
    """A delivery of the recipient's due notices, gravest first; late ones wait for the end of quiet hours."""
    rows = (
        await session.execute(
            sa.select(Notice.id, Notice.key, Notice.template, Notice.facts, Notice.urgency)
            .where(*_of(to), Notice.not_before <= now)
            .order_by(GRAVITY, Notice.not_before, Notice.id)
            .limit(MOST_IN_ONE)
            .with_for_update()
        )
    ).all()
    if not rows:
        return
    ids = [row.id for row in rows]
    # What nobody grouped in time (no timetable ran) may have come to the quiet hours meanwhile.
    wakes_at = wakes(tables.notices, to.kind, Urgency(rows[0].urgency), now)
    if wakes_at > now:
        await session.execute(
            sa.update(Notice)
            .where(Notice.id.in_(ids))
            .values(not_before=wakes_at)
            .execution_options(synchronize_session=False)
        )
        return
    waiting = [moot.Waiting(row.id, row.key, row.template, row.facts) for row in rows]
    gone = await moot.of(session, tables, to, waiting, beijing(now).date())
    if gone:
        await _move(session, sorted(gone), NoticeState.MOOT, None)
    told_of = [(one.id, Said(one.template, one.facts)) for one in waiting if one.id not in gone]
    if told_of:
        await write(session, tables, to, medium, told_of, now=now)


async def write(
    session: AsyncSession,
    tables: Tables,
    to: Recipient,
    medium: MediumRow,
    told_of: Sequence[tuple[int, Said]],
    *,
    now: datetime,
) -> None:
    """Make a delivery of notices (id and what each says) over a medium, to go out at once."""
    ids, said = [one for one, _ in told_of], [one for _, one in told_of]
    try:
        told = words(tables.notices, medium, said, now)
    except NoRule as refusal:
        # A template that a site has ended: kept where people see it, never in the way of the others.
        log.warning("notice_without_words", recipient=to.id, reason=refusal.detail)
        await _move(session, ids, NoticeState.GIVEN_UP, None)
        return
    made = await session.execute(
        sa.insert(Delivery).returning(Delivery.id),
        {
            "key": uuid.uuid4().hex,
            "recipient_kind": to.kind.value,
            "recipient": to.id,
            "medium": medium.medium.value,
            "subject": told.subject,
            "text": told.text,
            "notices": len(said),
            "state": NoticeState.SENDING.value,
            "attempts": 0,
            "created_at": now,
            "next_at": now,
        },
    )
    await _move(session, ids, NoticeState.SENDING, made.scalar_one())


async def _move(
    session: AsyncSession, ids: Sequence[int], state: NoticeState, delivery_id: int | None
) -> None:
    await session.execute(
        sa.update(Notice)
        .where(Notice.id.in_(ids))
        .values(state=state.value, delivery_id=delivery_id)
        .execution_options(synchronize_session=False)
    )
