"""恢复之后的奖励: what was paid after the backup stands in the restored rows as still to be paid.

Nothing in them tells; the ledger that left the house does, as far as it goes (`jiesu audit export`). A part
that it says went to the bank is held by a payment again: in a batch of its own (R…, without a file), as paid
where the ledger says that too, else as 支付中 until a payer imports what the bank says. So it can be neither
claimed nor paid again. The others that are to be paid are named: the export may end before the old house did.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import orjson
import sqlalchemy as sa

from models.rewards import Reward, RewardBatch, RewardEvent, RewardPayment, RewardShare
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_rewards import PaymentState, RewardAct, RewardState, ShareState
from triage.clock import local
from triage.errors import BadInput
from triage.services.rewards import book, settling

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

#: What the ledger tells of a part's money; the newest counts.
_MONEY: Final = (RewardAct.EXPORT, RewardAct.PAY, RewardAct.FAIL)
_WENT: Final = (RewardAct.EXPORT, RewardAct.PAY)
#: From where a part may come to be paid again.
_PAYABLE: Final = (ShareState.CLAIMED.value, ShareState.OPEN.value, ShareState.FAILED.value)
_WHY: Final = "恢复后按另存的台账补记：备份以后已列入支付批次"


@dataclass(frozen=True, slots=True)
class Went:
    """What the ledger says of a part's money last."""

    no: str
    share: int
    act: RewardAct
    at: datetime
    disputed: bool = False
    """The bank said that it failed, and then that it did not: whether it was paid is for people to ask."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts of rewards, by number."""

    #: They went out, says the ledger.
    held: tuple[str, ...] = ()
    #: They did as well, and stand otherwise here than that they could be held.
    unclear: tuple[str, ...] = ()
    #: They are to be paid, and the ledger tells nothing of it.
    payable: tuple[str, ...] = ()


def read(lines: Iterable[str]) -> list[Went]:
    """What a ledger's export (JSONL) says of the money of rewards. Raises BadInput naming the line."""
    newest: dict[tuple[str, int], Went] = {}
    acts = {act.value for act in _MONEY}
    for number, line in enumerate(lines, start=1):
        if LedgerAct.REWARD_PAID.value not in line:
            continue
        try:
            row: dict[str, Any] = orjson.loads(line)
            told = row["detail"].get("act")
            disputed = row["detail"].get("bank") == settling.DISPUTED
            if (row["act"], row["subject_kind"]) == (
                LedgerAct.REWARD_PAID,
                SubjectKind.REWARD,
            ) and (told in acts or disputed or row["detail"].get("bank") == settling.CLEARED):
                no, share = str(row["subject"]), int(row["detail"]["share"])
                act = RewardAct(told) if told in acts else RewardAct.FAIL
                newest[no, share] = Went(no, share, act, datetime.fromisoformat(row["at"]), disputed=disputed)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
            raise BadInput(f"第 {number} 行不是台账的一行：请用 jiesu audit export 的 JSONL") from None
    return [one for one in newest.values() if one.act in _WENT or one.disputed]


async def find(session: AsyncSession, told: Sequence[Went]) -> Parts:
    """What there is to do, nothing of it done."""
    held: list[str] = []
    unclear: list[str] = []
    for one in told:
        reward, share, known = await _of(session, one)
        if known:
            continue
        payable = reward is not None and share is not None and share.state in _PAYABLE and not one.disputed
        (held if payable else unclear).append(_name(one.no, one.share))
    return Parts(tuple(held), tuple(unclear), tuple(await _payable(session, set(held))))


async def hold(session: AsyncSession, told: Sequence[Went], *, by: str, now: datetime) -> Parts:
    """Hold them. Safe to run again: what is held is known then."""
    held, unclear = [], []
    for one in told:
        reward, share, known = await _of(session, one, lock=True)
        if known:
            continue
        if reward is None or share is None or share.state not in _PAYABLE or one.disputed:
            unclear.append(_name(one.no, one.share))
            continue
        reference = await _held(session, reward, share, one, by=by, now=now)
        held.append(f"{_name(one.no, one.share)}（流水号 {reference}）")
    return Parts(tuple(held), tuple(unclear), tuple(await _payable(session)))


async def _of(
    session: AsyncSession, one: Went, *, lock: bool = False
) -> tuple[Reward | None, RewardShare | None, bool]:
    """The part that the ledger tells of, and whether its own events, or its state, tell the same."""
    wanted = sa.select(Reward).where(Reward.no == one.no).execution_options(populate_existing=True)
    reward = await session.scalar(wanted.with_for_update() if lock else wanted)
    if reward is None:
        return None, None, False
    mine = (RewardShare.reward_id == reward.id, RewardShare.number == one.share)
    share = await session.scalar(
        sa.select(RewardShare).where(*mine).execution_options(populate_existing=True)
    )
    events = sa.select(sa.func.count()).where(
        RewardEvent.reward_id == reward.id, RewardEvent.share == one.share, RewardEvent.at >= one.at,
        RewardEvent.act.in_([act.value for act in _MONEY]),
    )  # fmt: skip
    known = bool(await session.scalar(events)) or (share is not None and share.state == ShareState.PAID)
    return reward, share, known


async def _held(
    session: AsyncSession, reward: Reward, share: RewardShare, one: Went, *, by: str, now: datetime
) -> str:
    """The payment that holds it; gives its 流水号, under which the bank's answer may be imported."""
    paid = one.act is RewardAct.PAY
    # A batch of its own, so that every payer who may see the reward sees it.
    batch = RewardBatch(
        no=f"R{local(now):%Y%m%d}{book.drawn(4)}", sha256="", payments=1, total_fen=share.amount_fen, by=by,
        at=now, fetched_at=one.at,
    )  # fmt: skip
    session.add(batch)
    await session.flush()
    reference = f"{batch.no}-0001"
    session.add(RewardPayment(
        batch_id=batch.id, line=1, share_id=share.id, reference=reference, amount_fen=share.amount_fen,
        payee=b"", state=(PaymentState.PAID if paid else PaymentState.CLAIMED).value,
        settled_at=one.at if paid else None,
    ))  # fmt: skip
    share.state = (ShareState.PAID if paid else ShareState.PAYING).value
    share.paid_at, share.why = one.at if paid else None, None
    reward.version += 1
    await book.note(
        session, reward, one.act, "", now, share=share.number, batch=batch.no, payment=reference, reason=_WHY
    )
    return reference


async def _payable(session: AsyncSession, but: set[str] | None = None) -> list[str]:
    rows = await session.execute(
        sa.select(Reward.no, RewardShare.number)
        .join(RewardShare, RewardShare.reward_id == Reward.id)
        .where(RewardShare.state == ShareState.CLAIMED.value, Reward.state == RewardState.NOTIFIED.value)
        .order_by(Reward.id, RewardShare.number)
    )
    return [name for no, number in rows if (name := _name(no, number)) not in (but or ())]


def _name(no: str, share: int) -> str:
    return f"{no} 第 {share} 份"
