"""支付: claimed parts into batches for the bank; the bank's results back: `settling`.

A payment is a row before the file leaves, and the database lets a part be held by one payment at a time
(`uq_reward_payment_held`): killed anywhere in between, nothing is paid twice. The file is made from those
rows, so it is the same bytes however often it is fetched.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import aliased

from connectors import bank_file
from models.rewards import Reward, RewardBatch, RewardEvent, RewardPayment, RewardShare
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_rewards import PaymentState, RewardAct, RewardPost, RewardState, ShareState
from triage.clock import local
from triage.errors import BadInput, NotFound, TriageError
from triage.rules.rewards.rows import Subject
from triage.rules.rewards.stepping import StepRefused
from triage.services import ledger
from triage.services.rewards import book
from triage.services.rewards.claiming import place_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from models.viewing import Viewer
    from triage.rules.rewards.stepping import Doer
    from triage.rules.rows import Tables

PURPOSE: Final = "举报奖励"
_MOST: Final = 1000


class BankFileRefused(TriageError):
    """银行的结果文件不能导入。"""

    code: ClassVar[str] = "bank_file_refused"
    status: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class Overview:
    """What waits to be paid, for one payer.

    `ready`, `fen`: parts of their next batch and their sum; `later`: theirs too, beyond what one batch holds;
    `others`: parts that others must pay, as they had a part in these rewards; `differing`: numbers of the
    rewards and parts that wait until a name is confirmed.
    """

    ready: int
    fen: int
    later: int
    others: int
    differing: tuple[tuple[str, int], ...]


def check_payer(doer: Doer) -> None:
    """Raises StepRefused to whoever does not pay."""
    if RewardPost.PAYER not in doer.posts:
        raise StepRefused("支付批次由支付岗位办理")


async def gather(
    session: AsyncSession,
    tables: Tables,
    vault: Vault,
    doer: Doer,
    *,
    viewer: Viewer,
    now: datetime,
    most: int = _MOST,
) -> RewardBatch:
    """A batch of everything that is claimed, that the payer may see and had no other part in.

    A claim under another name than the report's waits until it is confirmed.

    Raises BadInput when there is nothing, StepRefused.
    """
    check_payer(doer)
    claimed = _claimed(viewer)
    ready = (
        await session.execute(
            sa.select(Reward, RewardShare)
            .join(RewardShare, RewardShare.reward_id == Reward.id)
            .where(claimed, _payable(), _of_others(tables, doer, now=now))
            .order_by(Reward.id, RewardShare.number)
            .limit(most)
            .with_for_update(of=(Reward, RewardShare), skip_locked=True)
            .execution_options(populate_existing=True)
        )
    ).all()
    if not ready:
        waiting = sa.select(RewardShare.id).join(Reward, Reward.id == RewardShare.reward_id).where(claimed)
        theirs = waiting.where(_of_others(tables, doer, now=now))
        if await session.scalar(theirs.where(disputed()).limit(1)) is not None:
            raise BadInput("银行对此前的支付先称失败、后称成功：先与银行核实，由另一名支付人员再导入确认")
        if await session.scalar(theirs.limit(1)) is not None:
            raise BadInput("登记的姓名与举报时不一致（或当面核验、无从比对），要先由法制或财务在奖励页面确认")
        whose = await session.scalar(waiting.limit(1))
        raise BadInput(
            "没有已登记待支付的奖励"
            if whose is None
            else "已登记的奖励都是您经办、复核或审批过的，要由另外的人支付"
        )
    batch = RewardBatch(
        no=f"P{local(now):%Y%m%d}{book.drawn(4)}", sha256="", payments=len(ready),
        total_fen=sum(share.amount_fen for _, share in ready), by=doer.login, at=now,
    )  # fmt: skip
    session.add(batch)
    await session.flush()
    made = []
    for line, (reward, share) in enumerate(ready, start=1):
        book.step_share(tables, reward, share, RewardAct.EXPORT, doer, now=now)
        told = vault.open(share.claimant or b"", belongs_to=place_of(share.id))
        reference = f"{batch.no}-{line:04d}"
        made.append(RewardPayment(
            batch_id=batch.id, line=line, share_id=share.id, reference=reference,
            amount_fen=share.amount_fen, payee=vault.seal(told, belongs_to=payee_of(reference)),
            state=PaymentState.CLAIMED.value,
        ))  # fmt: skip
        await book.note(
            session, reward, RewardAct.EXPORT, doer.login, now, share=share.number, batch=batch.no
        )
    session.add_all(made)
    await session.flush()
    batch.sha256 = hashlib.sha256(_written(vault, made)).hexdigest()
    await session.flush()
    return batch


async def overview(
    session: AsyncSession, tables: Tables, doer: Doer, *, viewer: Viewer, now: datetime, most: int = _MOST
) -> Overview:
    """What somebody's next batch would hold, by what `gather` goes by, and what it would leave."""
    theirs = _of_others(tables, doer, now=now)
    parts = sa.select(RewardShare.id).join(Reward, Reward.id == RewardShare.reward_id).where(_claimed(viewer))
    next_ones = (
        parts.add_columns(RewardShare.amount_fen)
        .where(_payable(), theirs)
        .order_by(Reward.id, RewardShare.number)
        .limit(most)
        .subquery()
    )
    ready, fen = (
        await session.execute(
            sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(next_ones.c.amount_fen), 0)).select_from(
                next_ones
            )
        )
    ).one()
    payable, others = (
        await session.execute(
            sa.select(sa.func.count(), sa.func.count().filter(~theirs))
            .select_from(RewardShare)
            .join(Reward, Reward.id == RewardShare.reward_id)
            .where(_claimed(viewer), _payable())
        )
    ).one()
    differing = await session.execute(
        parts.with_only_columns(Reward.no, RewardShare.number)
        .where(~disputed(), ~name_stands())
        .order_by(Reward.id, RewardShare.number)
    )
    return Overview(
        ready=ready, fen=int(fen), later=payable - others - ready, others=others,
        differing=tuple((no, number) for no, number in differing),
    )  # fmt: skip


def _claimed(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Parts that are claimed and not paid, of the rewards that somebody may see."""
    return sa.and_(
        RewardShare.state == ShareState.CLAIMED.value, Reward.state == RewardState.NOTIFIED.value,
        book.seen_by(viewer),
    )  # fmt: skip


def _payable() -> sa.ColumnElement[bool]:
    """Of those, the ones that nothing holds back."""
    return sa.and_(name_stands(), ~disputed())


def _of_others(tables: Tables, doer: Doer, *, now: datetime) -> sa.ColumnElement[bool]:
    """The rewards that somebody may pay: as the row of the step EXPORT has it, in SQL.

    A return clears whose name a step keeps; the events tell of every step that they took.
    """
    day = local(now).date()
    steps = [row for row in tables.rewards.steps if row.holds(day)]
    apart = {
        post
        for row in steps
        if row.act is RewardAct.EXPORT and row.subject is Subject.SHARE
        for post in row.apart
    }
    who = [book.PARTS[post] for post in sorted(apart)]
    took = sorted({row.act.value for row in steps if apart & set(row.who)})
    stepped = sa.exists().where(
        RewardEvent.reward_id == Reward.id, RewardEvent.by == doer.login, RewardEvent.act.in_(took)
    )
    return sa.and_(~stepped, *(sa.func.coalesce(column, "") != doer.login for column in who))


def name_stands() -> sa.ColumnElement[bool]:
    """Parts of which nothing is `book.to_confirm`, or it was confirmed since."""
    confirmed, claimed = aliased(RewardEvent), aliased(RewardEvent)
    later = sa.exists().where(
        claimed.reward_id == confirmed.reward_id, claimed.share == confirmed.share,
        claimed.act == RewardAct.CLAIM.value, claimed.seq > confirmed.seq,
    )  # fmt: skip
    return sa.or_(
        sa.and_(RewardShare.same_name.is_(None), Reward.attested_by.is_(None)),
        RewardShare.same_name.is_(True),
        sa.exists().where(
            confirmed.reward_id == Reward.id, confirmed.share == RewardShare.number,
            confirmed.act == RewardAct.CONFIRM.value, ~later,
        ),
    )  # fmt: skip


def disputed() -> sa.ColumnElement[bool]:
    """Parts that the bank may have paid after all: it first said no, and then yes."""
    return sa.exists().where(RewardPayment.share_id == RewardShare.id, RewardPayment.disputed_by.is_not(None))


async def check_apart(
    session: AsyncSession, tables: Tables, doer: Doer, batch: RewardBatch, *, now: datetime
) -> None:
    """Whoever decided on a reward sees neither its account nor the bank's answer. Raises StepRefused."""
    own = await session.scalar(
        sa.select(Reward.id)
        .join(RewardShare, RewardShare.reward_id == Reward.id)
        .join(RewardPayment, RewardPayment.share_id == RewardShare.id)
        .where(RewardPayment.batch_id == batch.id, ~_of_others(tables, doer, now=now))
        .limit(1)
    )
    if own is not None:
        raise StepRefused("这个批次里有您经办、复核或审批过的奖励，支付文件和结果要由另外的人办理")


def payee_of(reference: str) -> str:
    """What a payment's sealed account belongs to."""
    return f"reward_payment.payee:{reference}"


def _written(vault: Vault, payments: Sequence[RewardPayment]) -> bytes:
    found = []
    for one in payments:
        told = orjson.loads(vault.open(one.payee, belongs_to=payee_of(one.reference)))
        found.append(
            bank_file.Payment(one.reference, told["name"], told["bank"], told["account"], one.amount_fen)
        )
    try:
        return bank_file.written(found, PURPOSE)
    except bank_file.BadBankFile as error:
        raise BankFileRefused(str(error)) from None


def seen_batch(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Batches all of whose rewards somebody may see: a file or an answer is never a part of one."""
    hidden = (
        sa.select(RewardPayment.batch_id)
        .join(RewardShare, RewardShare.id == RewardPayment.share_id)
        .join(Reward, Reward.id == RewardShare.reward_id)
        .where(RewardPayment.batch_id == RewardBatch.id, ~book.seen_by(viewer))
    )
    return ~hidden.correlate(RewardBatch).exists()


async def batch_of(session: AsyncSession, no: str, viewer: Viewer) -> RewardBatch:
    """A batch, locked. Raises NotFound, also when something of it is not theirs to see."""
    found = await session.scalar(
        sa.select(RewardBatch)
        .where(RewardBatch.no == no, seen_batch(viewer))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound("没有这个支付批次，或您无权查看其中的奖励。")
    return found


async def payments_of(session: AsyncSession, batch_id: int) -> list[RewardPayment]:
    """The payments of a batch, in the order of its file."""
    rows = await session.scalars(
        sa.select(RewardPayment).where(RewardPayment.batch_id == batch_id).order_by(RewardPayment.line)
    )
    return list(rows)


async def fetch(
    session: AsyncSession, tables: Tables, vault: Vault, doer: Doer, no: str, *, viewer: Viewer, now: datetime
) -> bytes:
    """The bank's file of a batch: the same bytes every time.

    Raises BankFileRefused, NotFound (also when something of it is not theirs to see), StepRefused for whoever
    had another part in one of its rewards.
    """
    check_payer(doer)
    batch = await batch_of(session, no, viewer)
    await check_apart(session, tables, doer, batch, now=now)
    made = await payments_of(session, batch.id)
    if not batch.sha256:  # `services.backup.rewarded`
        raise BankFileRefused("这个批次是恢复后按台账补记的，支付文件恢复前已经取走")
    if not all(one.payee for one in made):
        raise BankFileRefused("这个批次的收款人信息已到期删除，支付文件不能再导出")
    content = await asyncio.to_thread(_written, vault, made)
    if hashlib.sha256(content).hexdigest() != batch.sha256:
        raise BankFileRefused("支付文件与登记的摘要不符，已停止导出")
    ledger.write(
        session, who=doer.login, act=LedgerAct.EXPORTED, subject=ledger.Subject(SubjectKind.EXPORT, no),
        now=now, detail={"what": "支付文件", "payments": batch.payments},
    )  # fmt: skip
    if batch.fetched_at is None:
        batch.fetched_at = now
    return content
