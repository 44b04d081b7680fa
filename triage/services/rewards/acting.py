"""经办、复核、审批: what staff do with a reward; each step under its lock, with the version that was seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.citizens import CitizenAccess
from models.rewards import Reward, RewardOutcomeRow, RewardShare
from models.tickets import Ticket
from models.vocab_rewards import (
    Exclusion,
    Measure,
    RewardAct,
    RewardOutcome,
    RewardState,
    ShareState,
    Via,
)
from triage.clock import local, show
from triage.errors import BadInput
from triage.rules.rewards import deciding
from triage.rules.rewards.facts import Decision, Facts, Item
from triage.rules.rewards.rows import LimitName
from triage.rules.rewards.stepping import StepRefused
from triage.services.rewards import apart, book, checking, finding, recovering, reports, telling

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rewards.stepping import Doer
    from triage.rules.rows import Tables
    from triage.services.rewards.book import Wish

MOST_REPORTERS: Final = 50
#: Of an agreed part: shares are proportions, and each is kept as typed.
MOST_PART: Final = 999_999
#: Whose name each step keeps.
_KEEPS: Final = {
    RewardAct.VERIFY: "handler", RewardAct.REFUSE: "handler", RewardAct.LEGAL_PASS: "legal",
    RewardAct.FINANCE_PASS: "finance", RewardAct.APPROVE: "head",
}  # fmt: skip
#: Steps of one part that staff take.
SHARE_ACTS: Final = (RewardAct.DECLINE, RewardAct.REOPEN, RewardAct.RECODE, RewardAct.CONFIRM)
_MOVED: Final = "首报或核查提示刚刚有变化，请刷新后核对再提交。"
#: What a reporter may still claim.
CLAIMABLE: Final = frozenset({ShareState.OPEN.value, ShareState.FAILED.value})
#: A part in one of these is over.
_OVER: Final = frozenset({ShareState.PAID.value, ShareState.WAIVED.value, ShareState.DECLINED.value})
_TAKEN_BACK: Final = frozenset(state.value for state in ShareState if state is not ShareState.PAYING)


@dataclass(frozen=True, slots=True)
class Stated:
    """What the handler states of a reward; amounts in fen."""

    ruleset: str | None = None
    exclusions: tuple[Exclusion, ...] = ()
    insider: bool = False
    rewarded_before: bool = False
    reoffended: bool = False
    reporters: int = 1
    parts: tuple[int, ...] = ()
    pick: int | None = None


async def outcomes_of(session: AsyncSession, reward_id: int) -> list[RewardOutcomeRow]:
    """The outcomes that stand, in order."""
    rows = await session.scalars(
        sa.select(RewardOutcomeRow)
        .where(RewardOutcomeRow.reward_id == reward_id, RewardOutcomeRow.withdrawn_at.is_(None))
        .order_by(RewardOutcomeRow.id)
    )
    return list(rows)


async def facts_of(session: AsyncSession, reward: Reward, outcomes: Sequence[RewardOutcomeRow]) -> Facts:
    """What the decision stands on."""
    code = await session.scalar(
        sa.select(sa.exists().where(CitizenAccess.appeal_id == reward.winner_appeal_id))
    )
    return Facts(
        kind=reward.kind, reported_on=local(reward.reported_at).date(), real_name=reward.real_name,
        code=bool(code), rewarded_before=reward.rewarded_before, reoffended=reward.reoffended,
        insider=reward.insider, exclusions=tuple(Exclusion(one) for one in reward.exclusions),
        items=tuple(item_of(row) for row in outcomes), reporters=reward.reporters,
        parts=tuple(reward.parts), pick=reward.pick_fen, ruleset=reward.ruleset,
    )  # fmt: skip


def item_of(row: RewardOutcomeRow) -> Item:
    """An outcome as the rules take it."""
    return Item(
        outcome=RewardOutcome(row.outcome), title=row.title, via=Via(row.via), fine=row.fine_fen,
        statutory_max=row.statutory_max_fen, matter=row.matter, contribution=row.contribution,
        measures={Measure(name): value for name, value in row.measures.items()},
        effective_on=row.effective_on,
    )  # fmt: skip


async def decision(session: AsyncSession, tables: Tables, reward: Reward, *, now: datetime) -> Decision:
    """What the rules say of it now. Raises NoRule."""
    outcomes = await outcomes_of(session, reward.id)
    return deciding.decide(tables, await facts_of(session, reward, outcomes), at=local(now).date())


def _told(found: Decision, table_version: str) -> dict[str, Any]:
    """A decision as it is kept."""
    return {
        "eligible": found.eligible, "ruleset": found.ruleset, "table_version": table_version,
        "amount": found.amount, "award": found.award, "parts": list(found.parts), "recover": found.recover,
        "lines": [
            {"text": one.text, "ok": one.ok, "row": one.row_id, "source": one.source,
             "status": one.status.value if one.status else None}
            for one in found.lines
        ],
    }  # fmt: skip


async def state(
    session: AsyncSession, tables: Tables, doer: Doer, wish: Wish, stated: Stated, *, now: datetime
) -> Reward:
    """Keep what the handler states; nothing is decided by it yet. Raises StepRefused, BadInput."""
    reward = await book.seen(session, wish.no, wish.version)
    book.step(tables, reward, RewardAct.STATE, doer, now=now)
    if not 1 <= stated.reporters <= MOST_REPORTERS:
        raise BadInput(f"联合举报人数应在 1 到 {MOST_REPORTERS} 之间")
    if stated.parts and (len(stated.parts) != stated.reporters or min(stated.parts) < 1):
        raise BadInput("约定的份额应每人一个正整数，个数与人数相同")
    if stated.parts and max(stated.parts) > MOST_PART:
        raise BadInput(f"约定的份额每份不能超过 {MOST_PART}：写比例就行，如 7、3")
    if stated.ruleset is not None and stated.ruleset not in tables.rewards.rulesets:
        raise BadInput("没有这套奖励规则")
    reward.ruleset, reward.exclusions = stated.ruleset, [one.value for one in stated.exclusions]
    reward.insider, reward.rewarded_before = stated.insider, stated.rewarded_before
    reward.reoffended, reward.reporters = stated.reoffended, stated.reporters
    reward.parts, reward.pick_fen = list(stated.parts), stated.pick
    told: dict[str, Any] = {
        "ruleset": reward.ruleset, "exclusions": list(reward.exclusions), "insider": reward.insider,
        "rewarded_before": reward.rewarded_before, "reoffended": reward.reoffended,
        "reporters": reward.reporters, "parts": "/".join(str(part) for part in reward.parts),
        "pick_fen": reward.pick_fen,
    }  # fmt: skip
    await book.note(session, reward, RewardAct.STATE, doer.login, now, facts=told, **told)
    return reward


async def act(session: AsyncSession, tables: Tables, doer: Doer, wish: Wish, *, now: datetime) -> Reward:
    """One step of the whole reward. Raises StepRefused, RewardChanged, NotFound, NoRule."""
    reward = await book.seen(session, wish.no, wish.version)
    was = RewardState(reward.state)
    data: dict[str, Any] = {"reason": wish.reason} if wish.reason else {}
    await _as_it_stands(session, tables, reward, wish.act, now=now)
    book.step(tables, reward, wish.act, doer, now=now, reason=wish.reason)
    await _check(session, reward, wish.act, doer, was=was)
    match wish.act:
        case RewardAct.VERIFY:
            await _verify(session, tables, reward, now=now)
            data |= {"amount": reward.amount_fen, "ruleset": reward.verdict["ruleset"]}
        case RewardAct.REFUSE:
            found = await decision(session, tables, reward, now=now)
            reward.verdict = {**_told(found, tables.rewards.version), "refused": wish.reason}
            reward.amount_fen = None
        case RewardAct.RETURN | RewardAct.REVIVE:
            reward.legal = reward.finance = reward.head = None
            await finding.forget(session, reward)
        case RewardAct.APPROVE:
            _share_out(session, reward)
        case RewardAct.RECOVERED:
            data |= await recovering.came_back(session, reward, wish.recovery, now=now)
        case RewardAct.NOTIFY | RewardAct.CALL_OFF:
            await _opened(session, tables, reward, wish.act, doer, now=now)
        case RewardAct.ATTEST:
            # A word of before opens nothing any more; `owning.hand_over` gives the new one.
            reward.attested_by, reward.attested_at, reward.attested_word = doer.login, now, None
    if name := _KEEPS.get(wish.act):
        setattr(reward, name, doer.login)
    await book.note(session, reward, wish.act, doer.login, now, **data)
    if wish.act in {RewardAct.NOTIFY, RewardAct.CALL_OFF}:
        await telling.write(session, tables, reward, now=now)
    return reward


async def _as_it_stands(
    session: AsyncSession, tables: Tables, reward: Reward, act: RewardAct, *, now: datetime
) -> None:
    """What is verified is what stands now, with what was merged or came in since. Raises RewardChanged."""
    verified = act is RewardAct.VERIFY and reward.state == RewardState.CANDIDATE
    if verified and await finding.again(session, tables, reward, now=now):
        raise book.RewardChanged(_MOVED)


async def _check(
    session: AsyncSession, reward: Reward, act: RewardAct, doer: Doer, *, was: RewardState
) -> None:
    """What the table of steps cannot know. Raises StepRefused."""
    if act is RewardAct.ARCHIVE:
        await _finished(session, reward, was)
    if why := await recovering.refused(session, reward, act, was=was):
        raise StepRefused(why)
    if act in {RewardAct.VERIFY, RewardAct.APPROVE}:
        await _not_exposed(session, reward)
        if no := await finding.rival(session, reward):
            raise StepRefused(f"同一违法行为另有奖励 {no}，不能再奖：退回的会自动并入")
    await apart.check(session, reward, act, doer)


async def _not_exposed(session: AsyncSession, reward: Reward) -> None:
    """Leads may be tied to the case after the candidate was found. Raises StepRefused."""
    root = await session.get(Ticket, reward.root_ticket_id)
    if root is None or Exclusion.EXPOSED_BY_MEDIA.value in reward.exclusions:
        return
    appeals = [one.appeal.id for one in await reports.group(session, root)]
    exposed = await checking.exposed_before(session, appeals, reward.reported_at)
    if exposed is not None:
        raise StepRefused(
            f"并入本案的媒体线索 {show(exposed)} 已经曝光，早于举报：请由经办登记“已经媒体曝光”；"
            "线索并错的，先撤销并入"
        )


async def _verify(session: AsyncSession, tables: Tables, reward: Reward, *, now: datetime) -> None:
    """The amount is worked out and kept with every line. Raises StepRefused when there is none."""
    found = await decision(session, tables, reward, now=now)
    if found.amount is None:
        why = "；".join(line.text for line in found.lines if line.ok is False) or found.lines[-1].text
        raise StepRefused(f"还不能提出奖励：{why}")
    if 0 in found.parts:
        number = found.parts.index(0) + 1
        raise StepRefused(f"还不能提出奖励：按约定的份额，第 {number} 份不足 1 分钱，请改份额")
    reward.verdict, reward.amount_fen = _told(found, tables.rewards.version), found.amount
    if reward.notify_by is None:  # nothing that takes effect on a day: from now on
        today = local(now).date()
        reward.notify_by = today + timedelta(days=tables.rewards.limit(LimitName.NOTIFY, today).days)


def _share_out(session: AsyncSession, reward: Reward) -> None:
    for number, amount in enumerate(reward.verdict["parts"], start=1):
        session.add(RewardShare(
            reward_id=reward.id, number=number, state=ShareState.PENDING.value, amount_fen=amount, reminders=0
        ))  # fmt: skip


async def _opened(
    session: AsyncSession, tables: Tables, reward: Reward, act: RewardAct, doer: Doer, *, now: datetime
) -> None:
    """Parts may be claimed from now on: told of, or again, since nothing could be while it was taken back."""
    shares = await book.shares_of(session, reward.id)
    if act is RewardAct.NOTIFY:
        reward.notified_at = now
        for share in shares:
            book.step_share(tables, reward, share, RewardAct.NOTIFY, doer, now=now)
    until = window(tables, local(now).date())
    for share in shares:
        if share.state in CLAIMABLE:
            share.claim_by, share.reminders = until, 0


def window(tables: Tables, told_on: date) -> date:
    """The last day on which a reward may be claimed that was told on that day."""
    return told_on + timedelta(days=tables.rewards.limit(LimitName.CLAIM, told_on).days)


async def _finished(session: AsyncSession, reward: Reward, was: RewardState) -> None:
    """Nothing is claimed or paid of what was taken back: only a payment that is at the bank keeps it."""
    over = _TAKEN_BACK if was is RewardState.RECOVERED else _OVER
    waiting = [one for one in await book.shares_of(session, reward.id) if one.state not in over]
    if waiting:
        label = ShareState(waiting[0].state).label
        raise StepRefused(f"第 {waiting[0].number} 份还是“{label}”，不能归档")


async def act_share(
    session: AsyncSession, tables: Tables, doer: Doer, wish: Wish, *, now: datetime
) -> RewardShare:
    """One step of one part by staff (`SHARE_ACTS`). Raises StepRefused, BadInput."""
    if wish.act not in SHARE_ACTS:
        raise BadInput("这一步不在这里办")
    reward = await book.seen(session, wish.no, wish.version)
    shares = {one.number: one for one in await book.shares_of(session, reward.id)}
    share = shares.get(wish.share or 0)
    if share is None:
        raise BadInput("没有这一份")
    if wish.act is RewardAct.CONFIRM and not book.to_confirm(reward, share):
        raise StepRefused("登记的姓名与举报时没有不一致，不必确认")
    if wish.act is RewardAct.REOPEN:
        await _reopened(session, tables, reward, wish, doer, now=now)
    book.step_share(tables, reward, share, wish.act, doer, now=now, reason=wish.reason)
    await apart.check(session, reward, wish.act, doer)
    if wish.act is RewardAct.REOPEN:
        share.claim_by, share.reminders = window(tables, local(now).date()), 0
    if wish.act is RewardAct.RECODE:
        # The old one opens nothing any more; the reporter asks for a new one from their own case.
        share.code_hash = None
    await book.note(session, reward, wish.act, doer.login, now, share=share.number, reason=wish.reason)
    return share


async def _reopened(
    session: AsyncSession, tables: Tables, reward: Reward, wish: Wish, doer: Doer, *, now: datetime
) -> None:
    """An archived reward is told of again, or what was opened could not be claimed. Raises StepRefused."""
    if await recovering.taken_back(session, reward):
        raise StepRefused("已经追回或未能追回，不能重新开放领取")
    book.step(tables, reward, RewardAct.REOPEN, doer, now=now, reason=wish.reason)
