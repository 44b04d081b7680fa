"""处理结果: what was decided on the violation, with its document and evidence by hash."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.rewards import RewardFile, RewardOutcomeRow
from models.vocab_rewards import Measure, RewardAct, RewardOutcome, Via
from nlp.text import mask_identity
from triage.clock import local
from triage.errors import BadInput, NotFound
from triage.rules.rewards.deciding import DECIDED
from triage.rules.rewards.rows import LimitName
from triage.services.rewards import book

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.rewards import Reward
    from triage.rules.rewards.stepping import Doer
    from triage.rules.rows import Tables
    from triage.services.attachments import Prepared
    from triage.services.rewards.book import Wish

_LONGEST: Final = 100
_MOST_CONTRIBUTION: Final = 3


@dataclass(frozen=True, slots=True)
class NewOutcome:
    """An outcome as it is entered; amounts in fen."""

    outcome: RewardOutcome
    title: str
    document_no: str
    effective_on: date | None
    fine: int | None = None
    statutory_max: int | None = None
    via: Via = Via.REPORT
    matter: str | None = None
    contribution: int | None = None
    measures: Mapping[Measure, int] = field(default_factory=dict)


def _checked(new: NewOutcome, matters: Sequence[str], today: date) -> None:
    """Raises BadInput naming what is missing."""
    if new.outcome in DECIDED and not new.document_no.strip():
        raise BadInput(f"“{new.outcome.label}”要写文号")
    if new.outcome in DECIDED and new.effective_on is None:
        raise BadInput(f"“{new.outcome.label}”要写生效日期")
    if new.effective_on is not None and (new.effective_on - today).days > _LONGEST:
        raise BadInput("生效日期太远，请核对")
    if new.outcome is RewardOutcome.FINED and not new.fine:
        raise BadInput("作出罚款决定的要写罚款金额")
    if len(new.title) > _LONGEST or len(new.document_no) > _LONGEST:
        raise BadInput(f"名称和文号最多 {_LONGEST} 个字")
    if new.matter is not None and new.matter not in matters:
        raise BadInput("这套规则没有这个事项")
    if new.contribution is not None and not 1 <= new.contribution <= _MOST_CONTRIBUTION:
        raise BadInput("贡献只有一、二、三级")


async def add(
    session: AsyncSession,
    tables: Tables,
    doer: Doer,
    wish: Wish,
    new: NewOutcome,
    *,
    files: Sequence[Prepared],
    hashes: Sequence[tuple[str, str | None]],
    now: datetime,
) -> int:
    """Enter one. Gives its id. Raises BadInput, StepRefused, RewardChanged."""
    reward = await book.seen(session, wish.no, wish.version)
    rules = tables.rewards.ruleset(local(reward.reported_at).date(), reward.ruleset)
    _checked(new, rules.matters, local(now).date())
    book.step(tables, reward, RewardAct.OUTCOME, doer, now=now)
    row = RewardOutcomeRow(
        reward_id=reward.id, outcome=new.outcome.value, title=mask_identity(new.title.strip()),
        document_no=mask_identity(new.document_no.strip()), effective_on=new.effective_on, fine_fen=new.fine,
        statutory_max_fen=new.statutory_max, via=new.via.value, matter=new.matter,
        contribution=new.contribution,
        measures={measure.value: value for measure, value in new.measures.items()}, by=doer.login, at=now,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    kept = {}
    for file, (sha256, _) in zip(files, hashes, strict=True):
        kept[sha256] = RewardFile(
            outcome_id=row.id, sha256=sha256, size=len(file.content), media_type=file.media_type,
            name=mask_identity(file.name), by=doer.login, at=now,
        )  # fmt: skip
    session.add_all(kept.values())
    reward.notify_by = await notify_by(session, tables, reward, now=now)
    await book.note(
        session, reward, RewardAct.OUTCOME, doer.login, now,
        outcome=row.id, kind=new.outcome.value, fine=new.fine, files=sorted(kept),
    )  # fmt: skip
    return row.id


async def withdraw(
    session: AsyncSession, tables: Tables, doer: Doer, wish: Wish, outcome_id: int, *, now: datetime
) -> None:
    """Take one back that was entered by mistake; its row stays. Raises NotFound, StepRefused."""
    reward = await book.seen(session, wish.no, wish.version)
    book.step(tables, reward, RewardAct.OUTCOME, doer, now=now)
    row = await session.scalar(
        sa.select(RewardOutcomeRow).where(
            RewardOutcomeRow.id == outcome_id,
            RewardOutcomeRow.reward_id == reward.id,
            RewardOutcomeRow.withdrawn_at.is_(None),
        )
    )
    if row is None:
        raise NotFound("没有这条处理结果。")
    row.withdrawn_at = now
    await session.flush()
    reward.notify_by = await notify_by(session, tables, reward, now=now)
    await book.note(session, reward, RewardAct.OUTCOME, doer.login, now, withdrawn=row.id)


async def notify_by(session: AsyncSession, tables: Tables, reward: Reward, *, now: datetime) -> date | None:
    """The last day to tell the reporter: so long after the last decision took effect; None without one."""
    last = await session.scalar(
        sa.select(sa.func.max(RewardOutcomeRow.effective_on)).where(
            RewardOutcomeRow.reward_id == reward.id, RewardOutcomeRow.withdrawn_at.is_(None)
        )
    )
    days = tables.rewards.limit(LimitName.NOTIFY, local(now).date()).days
    return None if last is None else last + timedelta(days=days)


async def files_of(session: AsyncSession, reward_id: int) -> list[RewardFile]:
    """The evidence of a reward's outcomes, oldest first."""
    rows = await session.scalars(
        sa.select(RewardFile)
        .join(RewardOutcomeRow, RewardOutcomeRow.id == RewardFile.outcome_id)
        .where(RewardOutcomeRow.reward_id == reward_id)
        .order_by(RewardFile.id)
    )
    return list(rows)
