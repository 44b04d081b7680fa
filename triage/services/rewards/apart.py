"""另外的人: who may not take a step because of what they did before, as the reward's events tell it.

The table of steps knows whose name a part stands under now. A return clears some of them, and what decides
on the sum (认定, 处理结果) or leads to a code (当面核验, 重发) leaves none: the events tell of every step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.rewards import RewardEvent
from models.tickets import Ticket, TicketEvent
from models.units import Staff
from models.vocab_rewards import RewardAct
from triage.rules.rewards.stepping import StepRefused
from triage.services.rewards import owning, reports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.rewards import Reward
    from triage.rules.rewards.stepping import Doer

#: What the sum comes from.
_FIXED: Final = (RewardAct.OUTCOME, RewardAct.STATE, RewardAct.VERIFY, RewardAct.REFUSE)
#: Step → what nobody who takes it may ever have done to this reward. Who leads somebody to a code neither
#: makes a new one necessary nor says afterwards that the name is right.
_APART: Final[Mapping[RewardAct, tuple[RewardAct, ...]]] = {
    RewardAct.LEGAL_PASS: _FIXED,
    RewardAct.FINANCE_PASS: _FIXED,
    RewardAct.APPROVE: _FIXED,
    RewardAct.UPHOLD: _FIXED,
    RewardAct.DECLINE: _FIXED,
    RewardAct.UNRECOVERED: (RewardAct.RECOVER,),
    RewardAct.CALL_OFF: (RewardAct.RECOVER,),
    RewardAct.ATTEST: (RewardAct.RECODE, *_FIXED),
    RewardAct.RECODE: (RewardAct.ATTEST,),
    RewardAct.CONFIRM: (RewardAct.ATTEST, RewardAct.RECODE, *_FIXED),
}


async def check(session: AsyncSession, reward: Reward, act: RewardAct, doer: Doer) -> None:
    """Raises StepRefused to whoever did what must be somebody else's doing."""
    if doer.login and (wanted := _APART.get(act)):
        done = await session.scalar(
            sa.select(RewardEvent.act)
            .where(
                RewardEvent.reward_id == reward.id,
                RewardEvent.by == doer.login,
                RewardEvent.act.in_([one.value for one in wanted]),
            )
            .order_by(RewardEvent.seq.desc())
            .limit(1)
        )
        if done is not None:
            label = RewardAct(done).label
            raise StepRefused(f"您办过这一件的“{label}”，“{act.label}”要由另外的人办理")
    if act is not RewardAct.ATTEST:
        return
    if await owning.looked(session, doer.login, reward.winner_appeal_id):
        raise StepRefused("您查看过这位举报人的身份，“当面核验本人”要由没有看过的人办理")
    if await _handled(session, reward, doer.login):
        raise StepRefused("您办理过这一件的工单，“当面核验本人”要由没有办过的人办理")


async def _handled(session: AsyncSession, reward: Reward, login: str) -> bool:
    """Whether somebody ever acted on one of the case's tickets: who took or made a call knows the phone."""
    root = await session.get(Ticket, reward.root_ticket_id)
    if root is None:
        return False
    tickets = [one.ticket.id for one in await reports.group(session, root)]
    found = (
        sa.select(TicketEvent.id)
        .join(Staff, Staff.id == TicketEvent.staff_id)
        .where(TicketEvent.ticket_id.in_(tickets), Staff.login == login)
    )
    return await session.scalar(found.limit(1)) is not None
