"""The steps of a reward: which row allows an act now, for whom. Pure; the states come from events' rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from models.vocab_rewards import RewardState
from triage.errors import TriageError
from triage.rules.rewards.rows import Subject

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from models.vocab_rewards import RewardAct, RewardPost, ShareState
    from triage.rules.rewards.rows import RewardTable, StepRow

#: A reason says something.
_SHORTEST_REASON: Final = 4


class StepRefused(TriageError):
    """这一步现在不能做。"""

    code: ClassVar[str] = "step_refused"
    status: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class Doer:
    """Who acts, and as what."""

    login: str
    posts: tuple[RewardPost, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to do: to what, in which state; who did which part before (post → login)."""

    act: RewardAct
    subject: Subject
    state: RewardState | ShareState
    reason: str = ""
    before: Mapping[RewardPost, str | None] = field(default_factory=dict)


def allow(table: RewardTable, asked: Asked, doer: Doer, *, at: date) -> StepRow:
    """The row that allows it. Raises StepRefused with the reason that comes closest."""
    rows = [r for r in table.steps if r.act is asked.act and r.subject is asked.subject and r.holds(at)]
    here = [row for row in rows if asked.state in row.sources]
    if not here:
        raise StepRefused(f"“{asked.state.label}”时不能“{asked.act.label}”")
    mine = [row for row in here if set(row.who) & set(doer.posts)]
    if not mine:
        who = "、".join(dict.fromkeys(post.label for row in here for post in row.who))
        raise StepRefused(f"“{asked.act.label}”由{who}办理")
    row = mine[0]
    for post in row.apart:
        if doer.login and asked.before.get(post) == doer.login:
            raise StepRefused(f"您已作为{post.label}办过这一件，“{asked.act.label}”要由另外的人办理")
    if "reason" in row.needs and len(asked.reason.strip()) < _SHORTEST_REASON:
        raise StepRefused(f"“{asked.act.label}”必须写明理由，至少 {_SHORTEST_REASON} 个字")
    return row


def possible(
    table: RewardTable,
    state: RewardState | ShareState,
    before: Mapping[RewardPost, str | None],
    doer: Doer,
    *,
    at: date,
) -> tuple[StepRow, ...]:
    """The steps that this person may take now."""
    found = []
    for row in table.steps:
        if not row.holds(at) or state not in row.sources or not set(row.who) & set(doer.posts):
            continue
        if row.subject is not (Subject.REWARD if isinstance(state, RewardState) else Subject.SHARE):
            continue
        if any(doer.login and before.get(post) == doer.login for post in row.apart):
            continue
        found.append(row)
    return tuple(found)
