"""年报 as it leaves the office: no line tells by its sum what one reporter got, and lines add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from models.appeals import Appeal
from models.corrections import Correction
from models.tickets import Ticket
from models.vocab_rewards import RewardAct
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bank import gathered, paid
from tests.triage.services.rewards.bed import EVERYTHING, HANDLER, HEAD, PAYER
from triage.services.rewards import reports, yearly
from triage.services.rewards.yearly import Tally, Year

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.services.deps import Deps


def tally(rewarded: int) -> Tally:
    return Tally(
        reports=9, candidates=rewarded, verified=rewarded, rewarded=rewarded, granted=100 * rewarded,
        payments=rewarded, paid=100 * rewarded,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        # Together too few: the next larger goes with them.
        ((1, 2, 7, 9, 0), [9, 0, 10]),
        ((3, 4, 7), [7, 7]),
        ((7, 8, 0), [7, 8, 0]),
        ((1,), [1]),
    ],
)
def test_lines_of_few_rewards_are_one_line(counts: Sequence[int], told: list[int]) -> None:
    kinds = ("NOI-01", "NOI-02", "AIR-01", "AIR-02", "WAT-01")
    found = Year(2026, kinds=dict(zip(kinds, map(tally, counts), strict=False)))
    (_, lines), _ = yearly.outside(triage.tables.load(), found, at=NOW)
    assert sorted(line.rewarded for _, line in lines) == sorted(told)
    assert sum(line.granted for _, line in lines) == 100 * sum(counts)


async def total(deps: Deps) -> tuple[int, ...]:
    """Candidates, verified, rewarded, their sum, taken back, paid."""
    async with deps.db.reads() as session:
        found = (await yearly.figures(session, deps.tables, NOW.year, EVERYTHING, now=NOW)).total
    return found.candidates, found.verified, found.rewarded, found.granted, found.recovered, found.paid


async def test_what_was_refused_is_neither_verified_nor_rewarded_once_archived(deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.do(deps, HANDLER, RewardAct.REFUSE, "举报事实不清楚")
    assert await total(deps) == (1, 0, 0, 0, 0, 0)
    await bed.do(deps, HEAD, RewardAct.UPHOLD)
    await bed.do(deps, HANDLER, RewardAct.ARCHIVE)
    assert await total(deps) == (1, 0, 0, 0, 0, 0)


async def test_what_was_taken_back_is_no_reward_archived_or_not(deps: Deps) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    await bed.approved(deps)
    await bed.claimed(deps)
    batch = await gathered(deps)
    await paid(deps, batch.no)
    await bed.do(deps, HANDLER, RewardAct.ARCHIVE)
    assert await total(deps) == (1, 1, 1, 500_000, 0, 500_000)
    await bed.do(deps, HEAD, RewardAct.RECOVER, "材料是伪造的")
    assert await total(deps) == (1, 1, 1, 500_000, 0, 500_000)
    await bed.do(deps, PAYER, RewardAct.RECOVERED, "已退回财政账户", recovery=bed.BACK)
    assert await total(deps) == (1, 1, 0, 0, 1, 500_000)
    async with deps.db.reads() as session:
        found = (await yearly.figures(session, deps.tables, NOW.year, EVERYTHING, now=NOW)).kinds["WAT-02"]
    assert found.returned == 480_000
    await bed.do(deps, HANDLER, RewardAct.ARCHIVE)
    assert await total(deps) == (1, 1, 0, 0, 1, 500_000)


@pytest.mark.parametrize(
    ("read", "told", "said"),
    [
        ("投诉", None, ()),
        ("举报", None, ()),
        ("举报", None, ("投诉",)),
        ("投诉", None, ("举报",)),
        ("投诉", None, ("举报", "投诉")),
        ("投诉", "举报", ()),
        ("举报", "举报", ("投诉",)),
    ],
)
async def test_reports_are_counted_as_candidates_are_found(
    deps: Deps, read: str, told: str | None, said: Sequence[str]
) -> None:
    """By what was said when it was sent, or a clerk said last, else by what was read."""
    await bed.reports(deps.db)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).values(appeal_type=read))
        await session.execute(sa.update(Appeal).values(told_type=told))
        session.add_all(
            Correction(
                ticket_id=1, appeal_id=1, field="appeal_type", new=new, by="clerk", at=NOW, model_version="0"
            )
            for new in said
        )
    async with deps.db.reads() as session:
        (one,) = await reports.group(session, await session.get_one(Ticket, 1))
        found = (await yearly.figures(session, deps.tables, NOW.year, EVERYTHING, now=NOW)).total
    assert found.reports == int(one.is_report(deps.tables.rewards.candidate(NOW.date())))
