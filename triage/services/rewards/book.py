"""The rows of a reward under their lock, its events, and the step that somebody wants to take.

Every change locks the reward's row, compares the version that was seen, asks the table of steps, and writes
the event with the change in one transaction.
"""

from __future__ import annotations

import secrets
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import sqlalchemy as sa

from models.filters import may_see
from models.rewards import Reward, RewardEvent, RewardShare
from models.tickets import Ticket
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_rewards import RewardAct, RewardPost, RewardState, ShareState
from nlp.text import mask_identity
from triage.clock import local
from triage.errors import NotFound, TriageError
from triage.rules.rewards import stepping
from triage.rules.rewards.rows import Subject
from triage.rules.rewards.stepping import Asked, Doer
from triage.services import ledger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer
    from triage.rules.rows import Tables

#: Without those that are taken for one another.
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_NO_LETTERS: Final = 10
_NOBODYS: Final = "没有这个候选编号，或您无权查看。"
#: What the ledger calls them; the others are changes.
_LEDGER: Final = {
    RewardAct.APPROVE: LedgerAct.REWARD_APPROVED, RewardAct.EXPORT: LedgerAct.REWARD_PAID,
    RewardAct.PAY: LedgerAct.REWARD_PAID, RewardAct.FAIL: LedgerAct.REWARD_PAID,
    RewardAct.CLAIM: LedgerAct.ACCOUNT_STORED,
}  # fmt: skip
#: Nobody's doing: the reward's own events tell of it.
_BY_ITSELF: Final = (RewardAct.FOUND, RewardAct.RERANKED, RewardAct.JOIN, RewardAct.REMIND)
SYSTEM: Final = Doer("", (RewardPost.SYSTEM,))
REPORTER: Final = Doer("reporter", (RewardPost.REPORTER,))


class RewardChanged(TriageError):
    """别人刚刚办过这一件，请刷新后核对再提交。"""

    code: ClassVar[str] = "version_conflict"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Recovery:
    """已追回: what came back, in fen; on which day, by which document. Nothing where nothing was paid."""

    amount: int = 0
    on: date | None = None
    document_no: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """A step somebody asks for; `version` is that of the reward as it was seen.

    Who is named in the reason is masked: it stays for good, in events that nobody may change.
    """

    no: str
    act: RewardAct
    version: int
    reason: str = ""
    share: int | None = None
    recovery: Recovery = field(default_factory=Recovery)

    def __post_init__(self) -> None:
        """Mask."""
        object.__setattr__(self, "reason", mask_identity(self.reason))


#: Where a reward says who did which part.
PARTS: Final = {
    RewardPost.HANDLER: Reward.handler,
    RewardPost.LEGAL: Reward.legal,
    RewardPost.FINANCE: Reward.finance,
    RewardPost.HEAD: Reward.head,
}


def drawn(letters: int = _NO_LETTERS) -> str:
    """Letters and digits drawn by lot."""
    return "".join(secrets.choice(_LETTERS) for _ in range(letters))


def seen_by(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Rewards of cases that somebody may see: who works for a district sees no other's."""
    if viewer.scope.everything and viewer.scope.secret:
        return sa.true()
    return sa.exists().where(Ticket.id == Reward.root_ticket_id, may_see(viewer)).correlate(Reward)


def took(*acts: RewardAct) -> sa.ColumnElement[bool]:
    """Rewards of which one of these steps was ever taken."""
    return (
        sa.exists()
        .where(RewardEvent.reward_id == Reward.id, RewardEvent.act.in_([act.value for act in acts]))
        .correlate(Reward)
    )


def was_taken_back() -> sa.ColumnElement[bool]:
    """Rewards that were taken back for fraud, archived since or not, whether or not the money came."""
    return took(RewardAct.RECOVERED, RewardAct.UNRECOVERED)


async def check_seen(session: AsyncSession, viewer: Viewer, no: str) -> None:
    """Whether somebody may see the reward of a number. Raises NotFound, as for one that is not there."""
    if await session.scalar(sa.select(Reward.id).where(Reward.no == no, seen_by(viewer))) is None:
        raise NotFound(_NOBODYS)


async def locked(session: AsyncSession, no: str) -> Reward:
    """The reward of a number, locked. Raises NotFound."""
    found = await session.scalar(
        sa.select(Reward).where(Reward.no == no).with_for_update().execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound(_NOBODYS)
    return found


async def seen(session: AsyncSession, no: str, version: int) -> Reward:
    """The same, as it was seen. Raises NotFound, RewardChanged."""
    found = await locked(session, no)
    if found.version != version:
        raise RewardChanged
    return found


async def shares_of(session: AsyncSession, reward_id: int) -> list[RewardShare]:
    """Its parts in order; under the reward's lock they are locked too."""
    rows = await session.scalars(
        sa.select(RewardShare).where(RewardShare.reward_id == reward_id).order_by(RewardShare.number)
    )
    return list(rows)


def before(reward: Reward) -> dict[RewardPost, str | None]:
    """Who did which part."""
    return {post: getattr(reward, column.key) for post, column in PARTS.items()}


def to_confirm(reward: Reward, share: RewardShare) -> bool:
    """Whether somebody must say that who claims is who reported: `paying.name_stands` asks the same in SQL.

    Another name, or none to compare with where no 查询码 but one officer's word opened the code.
    """
    return share.same_name is False or (share.same_name is None and reward.attested_by is not None)


def step(
    tables: Tables, reward: Reward, act: RewardAct, doer: Doer, *, now: datetime, reason: str = ""
) -> None:
    """Move the whole reward. Raises StepRefused."""
    state = RewardState(reward.state)
    asked = Asked(act, Subject.REWARD, state, reason, before(reward))
    row = stepping.allow(tables.rewards, asked, doer, at=local(now).date())
    if row.goal is not None:
        reward.state = row.goal.value
    reward.version += 1


def step_share(
    tables: Tables,
    reward: Reward,
    share: RewardShare,
    act: RewardAct,
    doer: Doer,
    *,
    now: datetime,
    reason: str = "",
) -> None:
    """Move one part. Raises StepRefused."""
    asked = Asked(act, Subject.SHARE, ShareState(share.state), reason, before(reward))
    row = stepping.allow(tables.rewards, asked, doer, at=local(now).date())
    if row.goal is not None:
        share.state = row.goal.value
    reward.version += 1


async def note(
    session: AsyncSession,
    reward: Reward,
    act: RewardAct,
    by: str,
    now: datetime,
    *,
    share: int | None = None,
    facts: Mapping[str, ledger.Fact] | None = None,
    **data: Any,  # noqa: ANN401  (JSON)
) -> None:
    """Write the event, and the ledger's entry of it, with `facts`.

    Nothing that identifies a reporter belongs into `data`.
    """
    last = await session.scalar(
        sa.select(sa.func.max(RewardEvent.seq)).where(RewardEvent.reward_id == reward.id)
    )
    session.add(RewardEvent(
        reward_id=reward.id, seq=(last or 0) + 1, at=now, act=act.value, share=share, by=by, data=data
    ))  # fmt: skip
    await session.flush()
    if act not in _BY_ITSELF:
        told = {"act": act.value, **(facts or {})} | ({} if share is None else {"share": share})
        subject = ledger.Subject(SubjectKind.REWARD, reward.no)
        # Whose address stands beside what a reporter did is no longer anonymous.
        with ledger.coming_from(None) if by == REPORTER.login else nullcontext():
            ledger.write(
                session, who=by or "system", act=_LEDGER.get(act, LedgerAct.REWARD_CHANGED),
                subject=subject, now=now, reason=data.get("reason"), detail=told,
            )  # fmt: skip
