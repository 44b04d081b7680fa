"""公示: no sum of one reward, whoever reads the notice however often."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.rewards import Reward
from models.vocab_rewards import RewardAct, RewardState
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bed import HANDLER, HEAD, PAYER
from triage.services.rewards import announcing, book

if TYPE_CHECKING:
    from triage.services.deps import Deps
    from triage.services.rewards.announcing import Notice


async def notified(deps: Deps, count: int) -> list[str]:
    """Rewards of 1,000 fen, 2,000 fen and so on, told one after the other."""
    await bed.reports(deps.db, *[bed.REPORT] * count, access=False)
    await bed.sweep(deps)
    found = await bed.rewards(deps)
    async with deps.db.writes.begin() as session:
        for number, one in enumerate(found, start=1):
            told = {"amount_fen": 1_000 * number, "notified_at": NOW + timedelta(hours=number)}
            await session.execute(
                sa.update(Reward).where(Reward.id == one.id).values(state=RewardState.NOTIFIED.value, **told)
            )
    return [one.no for one in found]


async def told(deps: Deps) -> Notice:
    async with deps.db.reads() as session:
        return await announcing.told(session, deps.tables, now=NOW)


async def test_there_is_one_sum_of_many_and_it_grows_by_many(deps: Deps) -> None:
    numbers = await notified(deps, 6)
    found = await told(deps)
    assert set(found.numbers) == set(numbers)
    # The sixth would follow from the difference.
    assert (found.count, found.total) == (5, 15_000)


async def test_few_have_no_sum(lite: Deps) -> None:
    await notified(lite, 4)
    found = await told(lite)
    assert (len(found.numbers), found.count, found.total) == (4, 0, 0)


async def test_what_was_taken_back_stands_there_no_more_and_its_sum_follows_from_nothing(lite: Deps) -> None:
    numbers = await notified(lite, 5)
    async with lite.db.writes.begin() as session:
        reward = await book.locked(session, numbers[0])
        for doer, act in (
            (HEAD, RewardAct.RECOVER), (PAYER, RewardAct.RECOVERED), (HANDLER, RewardAct.ARCHIVE)
        ):  # fmt: skip
            book.step(lite.tables, reward, act, doer, now=NOW, reason="材料是伪造的")
            await book.note(session, reward, act, doer.login, NOW)
    found = await told(lite)
    assert set(found.numbers) == set(numbers[1:])
    assert (found.count, found.total) == (5, 15_000)


async def test_what_was_refused_is_not_announced_once_archived(lite: Deps) -> None:
    await bed.reports(lite.db)
    await bed.sweep(lite)
    await bed.refused(lite)
    await bed.do(lite, HANDLER, RewardAct.ARCHIVE)
    assert (await told(lite)).numbers == ()
