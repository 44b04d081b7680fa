"""A reward's page names no case and no reward that whoever opens it may not see."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.rewards import Reward
from models.vocab_rewards import RewardState
from tests.triage.services.rewards import bed

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps


async def test_what_is_in_confidence_is_not_named_in_the_hints_of_another(client: Client, deps: Deps) -> None:
    """An earlier case that was merged into it, and another reward of the street."""
    earlier = replace(bed.REPORT, text="臭", confidential=True, age=timedelta(hours=9))
    child, head, _ = await bed.reports(deps.db, earlier, bed.REPORT, replace(bed.REPORT, confidential=True))
    await bed.merged(deps.db, child, head)
    await bed.sweep(deps)
    mine, other = [one.no for one in await bed.rewards(deps)]
    await bed.look_again(deps, mine)
    named = []
    for who in ("head", "chaoyang"):
        page = await client.get(f"/desk/rewards/of/{mine}", headers={"Cookie": f"who={who}"})
        text = await page.text()
        assert ("同一事项的" in text, "另有奖励" in text) == (True, True)
        named.append((child in text, other in text, "您无权查看的一件" in text))
    assert named == [(True, True, False), (False, False, True)]


async def test_nor_in_a_refusal(client: Client, deps: Deps) -> None:
    """Of two of one violation the other is in confidence."""
    head, child = await bed.reports(deps.db, bed.REPORT, replace(bed.REPORT, confidential=True))
    await bed.sweep(deps)
    mine, other = await bed.rewards(deps)
    await bed.merged(deps.db, child, head)
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(Reward)
            .where(Reward.id == other.id)
            .values(state=RewardState.APPROVED.value, amount_fen=1)
        )
    await bed.look_again(deps, mine.no)
    token = "t" * 43
    form = {"token": token, "version": "0", "act": "verify"}
    told = []
    for who in ("handler", "chaoyang"):
        form["version"] = str({one.no: one.version for one in await bed.rewards(deps)}[mine.no])
        answer = await client.post(
            f"/desk/rewards/of/{mine.no}/act",
            data=form,
            headers={"Cookie": f"who={who}; jiesu_token={token}"},
        )
        text = await answer.text()
        assert (answer.status, "同一违法行为另有奖励" in text) == (422, True)
        told.append(other.no in text)
    assert told == [True, False]
