"""更正: whether a case may be rewarded follows what a clerk last said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appeal, Reading
from models.tickets import Ticket
from models.viewing import all_seeing
from models.vocab_rewards import RewardAct, RewardState
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bed import HANDLER
from tests.triage.services.rewards.test_anew import news, step
from tests.triage.services.rewards.test_flow import aged
from triage.rules.rewards.stepping import StepRefused
from triage.services import correcting

if TYPE_CHECKING:
    from triage.services.deps import Deps


async def corrected(deps: Deps, no: str, **said: str) -> None:
    async with deps.db.writes.begin() as session:
        await correcting.correct(session, deps.tables, all_seeing("clerk"), no, said, at=NOW)


async def read_as(deps: Deps, no: str, kind: str | None = "WAT-02", appeal_type: str = "举报") -> None:
    """What the reading says of a ticket."""
    said = {"kind": kind, "appeal_type": appeal_type}
    async with deps.db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        await session.execute(sa.update(Ticket).where(Ticket.id == ticket.id).values(**said))
        more = {**said, "environmental": kind is not None}
        await session.execute(sa.update(Reading).where(Reading.id == ticket.reading_id).values(**more))


async def kinds(deps: Deps) -> list[tuple[str, str]]:
    await bed.sweep(deps)
    return [(one.state, one.kind) for one in await bed.rewards(deps)]


CANDIDATE = [(RewardState.CANDIDATE, "WAT-02")]


@pytest.mark.parametrize(
    ("read", "said"),
    [
        ({"appeal_type": "投诉"}, {"appeal_type": "举报"}),
        ({"kind": "NOI-01"}, {"kind": "WAT-02"}),
        ({"kind": None}, {"environmental": "true", "kind": "WAT-02"}),
    ],
)
async def test_what_was_misread_becomes_a_candidate_once_it_is_corrected(
    deps: Deps, read: dict[str, str], said: dict[str, str]
) -> None:
    (no,) = await bed.reports(deps.db)
    await read_as(deps, no, **read)
    assert await kinds(deps) == []
    await corrected(deps, no, **said)
    assert await kinds(deps) == CANDIDATE


NONE = [{"appeal_type": "投诉"}, {"kind": "NOI-01"}, {"environmental": "false"}]


@pytest.mark.parametrize("said", NONE)
async def test_what_is_none_after_all_becomes_no_candidate(lite: Deps, said: dict[str, str]) -> None:
    (no,) = await bed.reports(lite.db)
    await read_as(lite, no)
    await corrected(lite, no, **said)
    assert await kinds(lite) == []


@pytest.mark.parametrize("said", NONE)
async def test_a_candidate_that_is_none_after_all_is_not_verified(lite: Deps, said: dict[str, str]) -> None:
    (no,) = await bed.reports(lite.db)
    await read_as(lite, no)
    await kinds(lite)
    await bed.fined(lite)
    await corrected(lite, no, **said)
    with pytest.raises(StepRefused, match="更正"):
        await bed.do(lite, HANDLER, RewardAct.VERIFY)


async def test_a_candidate_follows_the_kind_as_it_is_corrected(lite: Deps) -> None:
    (no,) = await bed.reports(lite.db)
    await read_as(lite, no)
    await kinds(lite)
    await corrected(lite, no, kind="AIR-01")
    assert await kinds(lite) == [(RewardState.CANDIDATE, "AIR-01")]


async def test_whoever_reviews_it_is_told(lite: Deps) -> None:
    (no,) = await bed.reports(lite.db)
    await read_as(lite, no)
    await kinds(lite)
    await bed.fined(lite)
    await bed.state(lite, ruleset="CQ-2025")
    reward = await bed.the_reward(lite)
    await step(lite, reward.no, HANDLER, RewardAct.VERIFY)
    await corrected(lite, no, appeal_type="投诉")
    assert "更正有变化" in await news(lite, reward.no)


async def test_that_the_sender_called_it_a_report_no_correction_takes_away(lite: Deps) -> None:
    (no,) = await bed.reports(lite.db)
    await read_as(lite, no)
    async with lite.db.writes.begin() as session:
        await session.execute(sa.update(Appeal).values(told_type="举报"))
    await corrected(lite, no, appeal_type="投诉")
    assert await kinds(lite) == CANDIDATE


async def test_of_a_merged_one_its_head_is_looked_at_anew(lite: Deps) -> None:
    head, early = await bed.reports(lite.db, aged(2), aged(5))
    await read_as(lite, early, appeal_type="投诉")
    await bed.merged(lite.db, early, head)
    await kinds(lite)
    assert (await bed.the_reward(lite)).winner_appeal_id == await bed.appeal_of(lite, head)
    await corrected(lite, early, appeal_type="举报")
    await kinds(lite)
    assert (await bed.the_reward(lite)).winner_appeal_id == await bed.appeal_of(lite, early)
