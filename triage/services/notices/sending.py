"""Hand deliveries over: lease, send outside any transaction, record. Run by every timetable there is.

A lease is taken before a message leaves, under a name of its own; only its holder records what came of it.
After a crash or a lost answer the same message goes out again under the same key, so whoever looks at the
key takes it once.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from connectors.messenger.port import Message, MessengerAway, MessengerRefused
from connectors.vault import VaultError
from models.notices import Delivery, DeliveryAttempt, Notice
from models.vocab_notices import AttemptResult, Medium, NoticeState, RecipientKind
from triage import logs
from triage.rules.calendar import beijing
from triage.rules.notice_rows import pause
from triage.rules.noticing import Said, wakes
from triage.services.notices import contacts
from triage.services.notices.bundling import GRADES, GRAVITY, bundle, write
from triage.services.notices.noting import Recipient

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.messenger.port import Messenger
    from triage.rules.rows import Tables
    from triage.services.deps import Deps

log = logs.get(__name__)

#: Deliveries of a medium under way at once in one process; each is recorded as it ends.
AT_ONCE: Final = 8
#: A lease is this much longer than a message may take: its holder has time to write down what came of it.
_MARGIN: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Leased:
    """A delivery that this process holds."""

    id: int
    medium: Medium
    claim: str
    key: str
    to: Recipient
    subject: str
    text: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a try: its result, our code, and how long the counterpart asked to be left alone."""

    result: AttemptResult
    code: str | None = None
    after: timedelta | None = None


async def gather(deps: Deps, usable: Collection[Medium]) -> bool:
    """Group what is due. Gives whether there may be more."""
    async with deps.db.writes.begin() as session:
        return await bundle(session, deps.tables, usable, now=deps.clock.now()) > 0


async def send(
    deps: Deps, medium: Medium, messenger: Messenger, usable: Collection[Medium] | None = None
) -> bool:
    """Hand over what is due of a medium. Gives whether there may be more.

    What the medium refuses for good goes to the recipient's next one of `usable` (None: there is no other).
    """
    seconds = deps.settings.message_seconds
    lease = timedelta(seconds=seconds) + _MARGIN
    async with deps.db.writes.begin() as session:
        leased, more = await claim(session, deps.tables, medium, now=deps.clock.now(), lease=lease)
    if leased:
        await asyncio.gather(*(_one(deps, messenger, item, usable or ()) for item in leased))
    return more


async def claim(
    session: AsyncSession, tables: Tables, medium: Medium, *, now: datetime, lease: timedelta
) -> tuple[list[Leased], bool]:
    """Take a lease on deliveries that are due and that nobody holds. Gives them, and whether more may be due.

    What came to its recipient's quiet hours while it waited, or was tried again, is put off to their end.
    """
    gravest = (
        sa.select(sa.func.min(GRAVITY)).where(Notice.delivery_id == Delivery.id).correlate(Delivery)
    ).scalar_subquery()
    free = (
        await session.execute(
            sa.select(Delivery.id, Delivery.recipient_kind, gravest)
            .where(
                Delivery.state == NoticeState.SENDING.value,
                Delivery.medium == medium.value,
                Delivery.next_at <= now,
                sa.or_(Delivery.claimed_until.is_(None), Delivery.claimed_until <= now),
            )
            .order_by(Delivery.next_at, Delivery.id)
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True, of=Delivery)
        )
    ).all()
    # What tells of nothing any more has no grade, and nobody's night.
    wake = {
        number: now if place is None else wakes(tables.notices, RecipientKind(kind), GRADES[place], now)
        for number, kind, place in free
    }
    for number, moment in wake.items():
        if moment > now:
            await session.execute(
                sa.update(Delivery)
                .where(Delivery.id == number)
                .values(next_at=moment)
                .execution_options(synchronize_session=False)
            )
    ids = [number for number, moment in wake.items() if moment <= now]
    return await _lease(session, ids, now=now, lease=lease), len(free) == AT_ONCE


async def _lease(
    session: AsyncSession, ids: Sequence[int], *, now: datetime, lease: timedelta
) -> list[Leased]:
    if not ids:
        return []
    name = uuid.uuid4().hex
    rows = await session.execute(
        sa.update(Delivery)
        .where(Delivery.id.in_(ids))
        .values(claim=name, claimed_until=now + lease, attempts=Delivery.attempts + 1)
        .returning(
            Delivery.id,
            Delivery.medium,
            Delivery.key,
            Delivery.recipient_kind,
            Delivery.recipient,
            Delivery.subject,
            Delivery.text,
            Delivery.attempts,
        )
        .execution_options(synchronize_session=False)
    )
    found = [
        Leased(
            row.id, Medium(row.medium), name, row.key,
            Recipient(RecipientKind(row.recipient_kind), row.recipient), row.subject, row.text, row.attempts,
        )
        for row in rows
    ]  # fmt: skip
    await session.execute(
        sa.insert(DeliveryAttempt),
        [{"delivery_id": item.id, "claim": name, "started_at": now} for item in found],
    )
    return sorted(found, key=lambda item: item.id)


async def _one(deps: Deps, messenger: Messenger, item: Leased, usable: Collection[Medium]) -> None:
    try:
        async with deps.db.reads() as session:
            address = await contacts.address(session, deps.vault, item.to, item.medium)
    except VaultError:
        # It is there, and a person or the right key opens it: grouped anew it would come to this again.
        log.exception("contact_does_not_open", delivery_id=item.id)
        ended = Ended(AttemptResult.AWAY, "sealed")
    else:
        if address is None:
            async with deps.db.writes.begin() as session:
                await _give_back(session, item, now=deps.clock.now())
            return
        ended = await _try(messenger, Message(item.key, address, item.subject, item.text), deps)
    async with deps.db.writes.begin() as session:
        await _record(session, deps, item, ended, usable, now=deps.clock.now())
    if ended.result is not AttemptResult.ACCEPTED:
        log.warning("message_not_taken", delivery_id=item.id, medium=item.medium.value, code=ended.code)


async def _try(messenger: Messenger, message: Message, deps: Deps) -> Ended:
    try:
        # The adapters have limits of their own; this one holds whatever they do.
        async with asyncio.timeout(deps.settings.message_seconds):
            await messenger.send(message)
    except MessengerRefused as refusal:
        return Ended(AttemptResult.REFUSED, refusal.code)
    except MessengerAway as refusal:
        return Ended(AttemptResult.AWAY, refusal.code, refusal.after)
    except TimeoutError:
        return Ended(AttemptResult.AWAY, "timeout")
    return Ended(AttemptResult.ACCEPTED)


async def _record(
    session: AsyncSession,
    deps: Deps,
    item: Leased,
    ended: Ended,
    usable: Collection[Medium],
    *,
    now: datetime,
) -> None:
    """Write down what came of a try. Nothing when somebody else holds it by now."""
    state, next_at = _after(deps, item, ended, now=now)
    mine = await session.execute(
        sa.update(Delivery)
        .where(Delivery.id == item.id, Delivery.claim == item.claim)
        .values(
            state=state.value, next_at=next_at, claim=None, claimed_until=None,
            ended_at=None if state is NoticeState.SENDING else now,
        )
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    await session.execute(
        sa.update(DeliveryAttempt)
        .where(DeliveryAttempt.delivery_id == item.id, DeliveryAttempt.claim == item.claim)
        .values(ended_at=now, result=ended.result.value, code=ended.code)
        .execution_options(synchronize_session=False)
    )
    if mine.one_or_none() is None or state is NoticeState.SENDING:
        return
    if state is NoticeState.REFUSED and await _next_medium(session, deps.tables, item, usable, now=now):
        return
    await _notices(session, item.id, {"state": state.value})


async def _next_medium(
    session: AsyncSession, tables: Tables, item: Leased, usable: Collection[Medium], *, now: datetime
) -> bool:
    """Let what a medium refused go out by the next one that reaches the recipient. Gives whether one does.

    The delivery that was refused stays, with its tries; its notices are another's now.
    """
    media = tables.notices.media_for(item.to.kind, beijing(now).date())
    place = next((row.order for row in media if row.medium is item.medium), None)
    reached = (await contacts.of(session, [item.to]))[item.to]
    found = (
        row for row in media if place is not None and row.order > place and row.medium in reached & {*usable}
    )
    medium = next(found, None)
    if medium is None:
        return False
    rows = await session.execute(
        sa.select(Notice.id, Notice.template, Notice.facts)
        .where(Notice.delivery_id == item.id)
        .order_by(GRAVITY, Notice.not_before, Notice.id)
    )
    told_of = [(row.id, Said(row.template, row.facts)) for row in rows]
    if told_of:
        await write(session, tables, item.to, medium, told_of, now=now)
    return True


def _after(deps: Deps, item: Leased, ended: Ended, *, now: datetime) -> tuple[NoticeState, datetime]:
    match ended.result:
        case AttemptResult.ACCEPTED:
            return NoticeState.SENT, now
        case AttemptResult.REFUSED:
            return NoticeState.REFUSED, now
        case _:
            wait = pause(deps.tables.notices.retry(beijing(now).date()), item.attempts)
            if wait is None:
                return NoticeState.GIVEN_UP, now
            return NoticeState.SENDING, now + max(wait, ended.after or wait)


async def _give_back(session: AsyncSession, item: Leased, *, now: datetime) -> None:
    """The address was taken away meanwhile: its notices wait again, and are grouped anew.

    Nothing when somebody else holds it by now: what they sent would go out twice.
    """
    mine = await session.execute(
        sa.update(Delivery)
        .where(Delivery.id == item.id, Delivery.claim == item.claim)
        .values(state=NoticeState.NO_CONTACT.value, claim=None, claimed_until=None, ended_at=now)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    if mine.one_or_none() is not None:
        await _notices(session, item.id, {"state": NoticeState.WAITING.value, "delivery_id": None})


async def _notices(session: AsyncSession, delivery_id: int, values: Mapping[str, object]) -> None:
    await session.execute(
        sa.update(Notice)
        .where(Notice.delivery_id == delivery_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
