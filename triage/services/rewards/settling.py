"""银行结果: what the bank answers to a batch, taken whole or not at all.

That it paid is believed once. That it did not pay opens the part for another account, so two people must say
so: the first import notes it, the part stays with its payment, and another payer's import of what the bank
says settles it. When the bank says afterwards that it did pay, nothing more is paid of the part, nor does its
time pass; a second person's import settles that too, either way. The same file again by the same person
changes nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from connectors import bank_file
from models.rewards import Reward, RewardImport, RewardPayment, RewardShare
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_rewards import PaymentState, RewardAct, RewardState, ShareState
from nlp.text import mask_identity
from triage import logs
from triage.clock import local
from triage.services import ledger
from triage.services.rewards import acting, book, paying, telling
from triage.services.rewards.paying import BankFileRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer
    from triage.rules.rewards.stepping import Doer
    from triage.rules.rows import Tables

log = logs.get(__name__)

#: A part that is not paid by another payment meanwhile, whatever became of it: the money has left.
_OPEN: Final = (
    ShareState.FAILED.value, ShareState.CLAIMED.value, ShareState.OPEN.value, ShareState.WAIVED.value,
    ShareState.DECLINED.value,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Taken:
    """What a result file changed; `waiting`, `disputed`: so many wait for another person's import.

    `cleared`: so many were said to be paid after all, and were not.
    """

    paid: int
    failed: int
    repeated: bool
    waiting: int = 0
    disputed: int = 0
    cleared: int = 0


@dataclass(frozen=True, slots=True)
class _Told:
    """One result with what it is about, under their locks."""

    one: bank_file.Result
    payment: RewardPayment
    reward: Reward
    share: RewardShare


async def take(
    session: AsyncSession,
    tables: Tables,
    doer: Doer,
    no: str,
    content: bytes,
    *,
    viewer: Viewer,
    now: datetime,
) -> Taken:
    """Take the bank's results of a batch. Raises BankFileRefused naming the line, NotFound, StepRefused."""
    paying.check_payer(doer)
    batch = await paying.batch_of(session, no, viewer)
    await paying.check_apart(session, tables, doer, batch, now=now)
    digest = hashlib.sha256(content).hexdigest()
    known = await session.get(RewardImport, digest)
    if known is not None and known.batch_id != batch.id:
        raise BankFileRefused("这份结果文件已经导入过另一个批次")
    try:
        found = bank_file.results(content)
    except bank_file.BadBankFile as error:
        raise BankFileRefused(str(error)) from None
    held = {one.reference: one for one in await paying.payments_of(session, batch.id)}
    news = [one for one in found if _is_news(one, held, doer)]
    if known is not None and not news:
        return Taken(known.paid, known.failed, repeated=True)
    rewards = await _rewards(session, [held[one.reference].share_id for one in news])
    came = {"paid": 0, "failed": 0, "waiting": 0, "disputed": 0, "cleared": 0}
    for one in news:
        payment = held[one.reference]
        told = _Told(one, payment, *rewards[payment.share_id])
        came[await _settle(session, tables, doer, told, now=now)] += 1
    if known is None:
        session.add(RewardImport(
            sha256=digest, batch_id=batch.id, paid=came["paid"], failed=came["failed"], by=doer.login, at=now
        ))  # fmt: skip
    await session.flush()
    return Taken(**came, repeated=False)


def _is_news(one: bank_file.Result, held: Mapping[str, RewardPayment], doer: Doer) -> bool:
    """Whether a result says something new. Raises BankFileRefused when it contradicts what was paid."""
    payment = held.get(one.reference)
    if payment is None:
        raise BankFileRefused(f"第 {one.line} 行的流水号不属于这个批次")
    if one.fen != payment.amount_fen:
        told, due = bank_file.yuan(one.fen), bank_file.yuan(payment.amount_fen)
        raise BankFileRefused(f"第 {one.line} 行的金额 {told} 元与应付的 {due} 元不符")
    if payment.state == PaymentState.PAID and not one.paid:
        raise BankFileRefused(f"第 {one.line} 行与此前导入的结果相反，请先与银行核实")
    if payment.state == PaymentState.CLAIMED:
        return one.paid or payment.failed_by != doer.login
    if payment.state != PaymentState.FAILED or payment.disputed_by == doer.login:
        return False
    return one.paid or payment.disputed_by is not None


async def _rewards(session: AsyncSession, share_ids: Sequence[int]) -> dict[int, tuple[Reward, RewardShare]]:
    rows = await session.execute(
        sa.select(Reward, RewardShare)
        .join(RewardShare, RewardShare.reward_id == Reward.id)
        .where(RewardShare.id.in_(share_ids))
        .order_by(Reward.id, RewardShare.number)
        .with_for_update(of=(Reward, RewardShare))
        .execution_options(populate_existing=True)
    )
    return {share.id: (reward, share) for reward, share in rows}


#: What the ledger says of a payment that the bank called failed and then paid, and once it was not after all.
DISPUTED: Final = "先称失败、后称成功"
CLEARED: Final = f"{DISPUTED}，另一人确认未支付成功"


async def _settle(session: AsyncSession, tables: Tables, doer: Doer, told: _Told, *, now: datetime) -> str:
    """What became of it, as `take` counts it."""
    one, payment = told.one, told.payment
    if payment.state == PaymentState.FAILED:
        if not one.paid:
            payment.disputed_by = None
            _note(session, doer, told, now=now, what=CLEARED)
            _open_again(tables, told, now=now)
            return "cleared"
        if payment.disputed_by is not None and told.share.state in _OPEN:
            await _paid(session, tables, doer, told, now=now)
            return "paid"
        payment.disputed_by = payment.disputed_by or doer.login
        _note(session, doer, told, now=now, what=DISPUTED)
        log.error("bank_contradicts", payment=payment.reference)
        return "disputed"
    if one.paid:
        await _paid(session, tables, doer, told, now=now)
        return "paid"
    if payment.failed_by is None:
        payment.failed_by = doer.login
        _note(session, doer, told, now=now, what="称未支付成功，待另一人确认")
        return "waiting"
    await _failed(session, tables, doer, told, now=now)
    return "failed"


def _note(session: AsyncSession, doer: Doer, told: _Told, *, now: datetime, what: str) -> None:
    """What waits for another person is in the ledger."""
    ledger.write(
        session, who=doer.login, act=LedgerAct.REWARD_PAID, now=now,
        subject=ledger.Subject(SubjectKind.REWARD, told.reward.no),
        detail={"bank": what, "share": told.share.number, "payment": told.payment.reference},
    )  # fmt: skip


async def _paid(session: AsyncSession, tables: Tables, doer: Doer, told: _Told, *, now: datetime) -> None:
    book.step_share(tables, told.reward, told.share, RewardAct.PAY, doer, now=now)
    payment = told.payment
    payment.state, payment.disputed_by = PaymentState.PAID.value, None
    payment.bank_reference, payment.settled_at = told.one.bank_reference or None, now
    told.share.paid_at, told.share.why = now, None
    await _event(session, doer, told, RewardAct.PAY, now=now)


async def _failed(session: AsyncSession, tables: Tables, doer: Doer, told: _Told, *, now: datetime) -> None:
    why = mask_identity(told.one.why) or "银行没有说明原因"
    reward, share, payment = told.reward, told.share, told.payment
    # A bank may say it in two characters (销户), and it is a reason.
    book.step_share(tables, reward, share, RewardAct.FAIL, doer, now=now, reason=f"银行退回：{why}")
    payment.state, payment.why = PaymentState.FAILED.value, why
    payment.bank_reference, payment.settled_at = told.one.bank_reference or None, now
    # The reporter has the whole window again to give another account.
    share.why, share.claim_by, share.reminders = why, acting.window(tables, local(now).date()), 0
    await _event(session, doer, told, RewardAct.FAIL, now=now)
    if share.number == 1 and reward.state == RewardState.NOTIFIED:
        await telling.write(session, tables, reward, now=now)


def _open_again(tables: Tables, told: _Told, *, now: datetime) -> None:
    """What could not be claimed while the bank contradicted itself has the whole window anew."""
    if told.share.state in acting.CLAIMABLE:
        told.share.claim_by, told.share.reminders = acting.window(tables, local(now).date()), 0


async def _event(session: AsyncSession, doer: Doer, told: _Told, act: RewardAct, *, now: datetime) -> None:
    await book.note(
        session, told.reward, act, doer.login, now, share=told.share.number, payment=told.payment.reference
    )
