"""告知举报人: a text message that the case has an answer, and nothing else.

Whoever reads the message, the gateway's log or the case's tables learns nothing of a reward: the words are
those of any answer, and who is told stands in the schema of rewards alone, not among the notices. A message
goes at the notice and at each reminder, to the phone that was left with the first report, outside the quiet
hours of `notices.yaml`, as long as something is still to be claimed. A confidential report (保密) gets none:
a message on a phone is seen by others. A setting (`reward_sms`) switches all of it off.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from connectors.messenger.port import Message, MessengerAway, MessengerRefused
from connectors.vault import VaultError
from models.appeals import Appeal
from models.ledger import LedgerRow
from models.rewards import Reward, RewardEvent, RewardNotice, RewardShare
from models.vocab import Urgency
from models.vocab_ledger import LedgerAct
from models.vocab_notices import Medium, NoticeState, RecipientKind
from models.vocab_rewards import RewardState, ShareState
from triage import logs
from triage.errors import NoRule
from triage.rules.calendar import beijing
from triage.rules.notice_rows import pause
from triage.rules.noticing import fill, not_before
from triage.services.notices import contacts
from triage.services.notices.noting import Recipient

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.messenger.port import Messenger
    from triage.rules.rows import Tables
    from triage.services.deps import Deps

log = logs.get(__name__)

TEMPLATE: Final = "answer_waits"
BATCH: Final = 8
#: A lease is this much longer than a message may take.
_MARGIN: Final = timedelta(seconds=30)
_CLAIMABLE: Final = (ShareState.OPEN.value, ShareState.FAILED.value)
#: Why a message was not sent.
NEWER, NOTHING_TO_CLAIM, CONFIDENTIAL, NO_PHONE = "newer", "nothing_to_claim", "confidential", "no_phone"
NO_TEMPLATE: Final = "no_template"
_KEY_LETTERS: Final = 32


@dataclass(frozen=True, slots=True)
class _Held:
    """A message that this process holds."""

    id: int
    appeal_id: int
    attempts: int
    created_at: datetime


async def write(session: AsyncSession, tables: Tables, reward: Reward, *, now: datetime) -> None:
    """A message goes with the reward's newest event, in its transaction; an older one that waits does not."""
    await session.execute(
        sa.update(RewardNotice)
        .where(RewardNotice.reward_id == reward.id, RewardNotice.state == NoticeState.WAITING.value)
        .values(state=NoticeState.GIVEN_UP.value, ended_at=now, code=NEWER)
        .execution_options(synchronize_session=False)
    )
    seq = await session.scalar(
        sa.select(sa.func.max(RewardEvent.seq)).where(RewardEvent.reward_id == reward.id)
    )
    session.add(RewardNotice(
        reward_id=reward.id, seq=seq or 0, created_at=now, state=NoticeState.WAITING.value, attempts=0,
        next_at=not_before(tables.notices, RecipientKind.APPELLANT, Urgency.U3, now),
    ))  # fmt: skip
    await session.flush()


async def send(deps: Deps, messenger: Messenger) -> bool:
    """Send what is due. Gives whether there may be more."""
    async with deps.db.writes.begin() as session:
        held = await _claim(session, deps, now=deps.clock.now())
    for item in held:
        await _one(deps, messenger, item)
    return len(held) == BATCH


async def _claim(session: AsyncSession, deps: Deps, *, now: datetime) -> list[_Held]:
    rows = await session.execute(
        sa.select(RewardNotice, Reward.winner_appeal_id)
        .join(Reward, Reward.id == RewardNotice.reward_id)
        .where(
            RewardNotice.state == NoticeState.WAITING.value,
            RewardNotice.next_at <= now,
            sa.or_(RewardNotice.claimed_until.is_(None), RewardNotice.claimed_until <= now),
        )
        .order_by(RewardNotice.next_at, RewardNotice.id)
        .limit(BATCH)
        .with_for_update(of=RewardNotice, skip_locked=True)
    )
    found = []
    for row, appeal_id in rows:
        row.claimed_until = now + timedelta(seconds=deps.settings.message_seconds) + _MARGIN
        row.attempts += 1
        found.append(_Held(row.id, appeal_id, row.attempts, row.created_at))
    return found


async def _one(deps: Deps, messenger: Messenger, item: _Held) -> None:
    now = deps.clock.now()
    async with deps.db.reads() as session:
        why, phone = await _reached(session, deps, item)
        occasion = await _occasion(session, item)
    if phone is None:
        await _end(
            deps, item, NoticeState.NO_CONTACT if why != NOTHING_TO_CLAIM else NoticeState.GIVEN_UP, why
        )
        return
    try:
        template = deps.tables.notices.template(TEMPLATE, beijing(now).date())
    except NoRule:  # a site's own table, older than this notice
        await _end(deps, item, NoticeState.GIVEN_UP, NO_TEMPLATE)
        return
    # The key is the gateway's to see: it tells nothing.
    key = deps.vault.content_hash(f"answer_waits\0{occasion}")[:_KEY_LETTERS]
    try:
        async with asyncio.timeout(deps.settings.message_seconds):
            await messenger.send(Message(key, phone, template.title, fill(template.text, {})))
    except MessengerRefused as refusal:
        await _end(deps, item, NoticeState.REFUSED, refusal.code)
    except MessengerAway as refusal:
        await _later(deps, item, refusal.code, refusal.after)
    except TimeoutError:
        await _later(deps, item, "timeout", None)
    else:
        await _end(deps, item, NoticeState.SENT, None)


async def _occasion(session: AsyncSession, item: _Held) -> str:
    """What the message's key is made of: the same for every try, whichever release makes it.

    The number of its row, and of one that was written after a restore also when that was: the old house had
    given the same numbers to other messages since the backup, and a gateway would take them for these.
    """
    restored = await session.scalar(
        sa.select(sa.func.max(LedgerRow.at)).where(
            LedgerRow.act.in_([LedgerAct.RESTORED.value, LedgerAct.RESTORE_SETTLED.value]),
            LedgerRow.at <= item.created_at,
        )
    )
    return str(item.id) if restored is None else f"{item.id}\0{restored.isoformat()}"


async def _reached(session: AsyncSession, deps: Deps, item: _Held) -> tuple[str | None, str | None]:
    """The phone, or why there is none to be told."""
    waits = sa.exists().where(
        RewardShare.reward_id == Reward.id, RewardShare.number == 1, RewardShare.state.in_(_CLAIMABLE)
    )
    row = (
        await session.execute(
            sa.select(Appeal.confidential, waits, Reward.state)
            .join(RewardNotice, RewardNotice.reward_id == Reward.id)
            .join(Appeal, Appeal.id == Reward.winner_appeal_id)
            .where(RewardNotice.id == item.id)
        )
    ).one_or_none()
    if row is None or not row[1] or row[2] != RewardState.NOTIFIED.value:
        return NOTHING_TO_CLAIM, None
    if row[0]:
        return CONFIDENTIAL, None
    to = Recipient(RecipientKind.APPELLANT, str(item.appeal_id))
    try:
        phone = await contacts.address(session, deps.vault, to, Medium.SMS)
    except VaultError:
        return "does_not_open", None
    return (None, phone) if phone else (NO_PHONE, None)


async def _later(deps: Deps, item: _Held, code: str, after: timedelta | None) -> None:
    now = deps.clock.now()
    wait = pause(deps.tables.notices.retry(beijing(now).date()), item.attempts)
    if wait is None:
        await _end(deps, item, NoticeState.GIVEN_UP, code)
        return
    at = not_before(deps.tables.notices, RecipientKind.APPELLANT, Urgency.U3, now + max(wait, after or wait))
    await _write(deps, item, state=NoticeState.WAITING.value, next_at=at, claimed_until=None, code=code)


async def _end(deps: Deps, item: _Held, state: NoticeState, code: str | None) -> None:
    now = deps.clock.now()
    await _write(deps, item, state=state.value, ended_at=now, claimed_until=None, code=code)


async def _write(deps: Deps, item: _Held, **values: object) -> None:
    """What came of a try; nothing when it was given up for a newer one, or another process holds it."""
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(RewardNotice)
            .where(
                RewardNotice.id == item.id,
                RewardNotice.attempts == item.attempts,
                RewardNotice.state == NoticeState.WAITING.value,
            )
            .values(**values)
            .execution_options(synchronize_session=False)
        )
    if values["state"] != NoticeState.SENT:
        log.warning("answer_not_told", code=values["code"])


async def last(session: AsyncSession, reward_id: int) -> RewardNotice | None:
    """The newest message of a reward."""
    return await session.scalar(
        sa.select(RewardNotice)
        .where(RewardNotice.reward_id == reward_id)
        .order_by(RewardNotice.id.desc())
        .limit(1)
    )


#: What staff of rewards read of a message that was not sent.
WORDS: Final = {
    CONFIDENTIAL: "保密举报不发短信，请用其他办法联系", NO_PHONE: "没有留电话，请用其他办法联系",
    NOTHING_TO_CLAIM: "已没有要领取的，没有发", NEWER: "并到下一次",
    NO_TEMPLATE: "规则表里没有这条通知的话，没有发",
}  # fmt: skip
