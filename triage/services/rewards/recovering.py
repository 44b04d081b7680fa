"""追回: what may be taken back, and what came back; never twice, and never more than was paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from models.rewards import Reward, RewardEvent, RewardPayment, RewardShare
from models.vocab_rewards import RewardAct, RewardState, ShareState
from nlp.text import mask_identity
from triage.clock import local
from triage.errors import BadInput
from triage.rules.rewards.amounts import yuan
from triage.services.rewards import book

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


async def taken_back(session: AsyncSession, reward: Reward) -> bool:
    """Whether it was ever taken back, whether or not the money came."""
    asked = sa.select(Reward.id).where(Reward.id == reward.id, book.was_taken_back())
    return await session.scalar(asked) is not None


async def refused(session: AsyncSession, reward: Reward, act: RewardAct, *, was: RewardState) -> str:
    """Why 追回 or 撤回追回 is not for a reward that stood in `was`; empty where nothing stands against it.

    What was paid after all, or did not come back at first, may be taken back again. To give that up is
    未能追回: 撤回追回 would give a reward back that was taken back for fraud.
    """
    if act is RewardAct.RECOVER and reward.amount_fen is None:
        return "这一件没有给过奖励，没有可追回的"
    if act not in {RewardAct.RECOVER, RewardAct.CALL_OFF} or not await taken_back(session, reward):
        return ""
    if act is RewardAct.CALL_OFF:
        return "以前已经追回或未能追回过，不能撤回追回：不再追的，由支付岗位办理“未能追回”"
    if was is not RewardState.ARCHIVED:
        return ""
    paid, returned = await _sums(session, reward)
    return "" if paid > returned else "已经追回或未能追回过，没有已支付而未退回的，不能再追回"


async def came_back(
    session: AsyncSession, reward: Reward, told: book.Recovery, *, now: datetime
) -> dict[str, Any]:
    """What came back, as the event keeps it; nothing where nothing is to come. Raises BadInput."""
    paid, returned = await _sums(session, reward)
    if paid <= returned:
        return {}
    if not 0 < told.amount <= paid - returned:
        before = f"、以前已退回 {yuan(returned)}，不能多于余下的" if returned else "，不能多于它"
        raise BadInput(f"请写追回的金额：已支付 {yuan(paid)}{before}")
    if told.on is None or told.on > local(now).date():
        raise BadInput("请写钱退回的日期，不能晚于今天")
    if not told.document_no.strip():
        raise BadInput("请写追回的文号或票据号")
    return {
        "returned": told.amount, "on": told.on.isoformat(),
        "document": mask_identity(told.document_no.strip()),
    }  # fmt: skip


async def _sums(session: AsyncSession, reward: Reward) -> tuple[int, int]:
    """What was paid, and what came back of it, in fen.

    A part that was paid twice counts twice: the bank said 失败 of one payment and, once another was made,
    成功.
    """
    of_these = (RewardShare.reward_id == reward.id, RewardShare.state == ShareState.PAID.value)
    paid = await session.scalar(sa.select(sa.func.sum(RewardShare.amount_fen)).where(*of_these))
    twice = await session.scalar(
        sa.select(sa.func.sum(RewardPayment.amount_fen))
        .join(RewardShare, RewardShare.id == RewardPayment.share_id)
        .where(*of_these, RewardPayment.disputed_by.is_not(None))
    )
    returned = await session.scalar(
        sa.select(sa.func.sum(RewardEvent.data["returned"].as_integer())).where(
            RewardEvent.reward_id == reward.id, RewardEvent.act == RewardAct.RECOVERED.value
        )
    )
    return int(paid or 0) + int(twice or 0), int(returned or 0)
