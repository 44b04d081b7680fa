"""A claim written for too long, or beside another one in the same browser, is neither lost nor misplaced."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from models.vocab_rewards import ShareState
from tests.triage.services.rewards import bed

if TYPE_CHECKING:
    from tests.triage.web.citizen.conftest import Citizen, Clock
    from triage.services.deps import Deps

CLAIM = {one.name: str(getattr(bed.CLAIM, one.name)) for one in dataclasses.fields(bed.CLAIM)}


async def opened(citizen: Citizen, deps: Deps) -> dict[str, str]:
    """A notified reward is opened with its code. Gives what opens it."""
    await bed.reports(deps.db)
    await bed.sweep(deps)
    reward = await bed.approved(deps)
    (code,) = await bed.codes(deps, reward.winner_appeal_id)
    way = {"number": reward.no, "code": code.code}
    await citizen.get("/citizen/reward")
    await citizen.post("/citizen/reward", way)
    assert citizen.address == "/citizen/reward/claim"
    return way


def carried(citizen: Citizen) -> dict[str, str]:
    """What the form goes on with."""
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', citizen.page)
    return {name: value for name, value in fields if name in {*CLAIM, "mark"}}


async def test_a_claim_outlives_the_half_hour(citizen: Citizen, deps: Deps, clock: Clock) -> None:
    way = await opened(citizen, deps)
    mark = citizen.hidden("mark")
    clock.later(minutes=31)
    await citizen.post("/citizen/reward/claim", {**CLAIM, "mark": mark})
    assert (citizen.status, "打开已过 30 分钟" in citizen.page) == (403, True)
    assert carried(citizen) == {**CLAIM, "mark": mark}
    # A wrong code loses nothing.
    await citizen.post("/citizen/reward", {**way, "code": "2" * 12, **carried(citizen)})
    assert (citizen.status, carried(citizen)) == (403, {**CLAIM, "mark": mark})
    await citizen.post("/citizen/reward", {**way, **carried(citizen)})
    assert ("已放回表单" in citizen.page, f'value="{CLAIM["account"]}"' in citizen.page) == (True, True)
    assert [share.state for share in await bed.shares(deps)] == [ShareState.OPEN]
    await citizen.post("/citizen/reward/claim", {**CLAIM, "mark": citizen.hidden("mark")})
    assert [share.state for share in await bed.shares(deps)] == [ShareState.CLAIMED]


async def test_a_claim_of_another_part_is_not_taken(citizen: Citizen, deps: Deps) -> None:
    way = await opened(citizen, deps)
    await citizen.post("/citizen/reward/claim", {**CLAIM, "mark": "AAAA"})
    assert (citizen.status, "您又打开了另一份奖励" in citizen.page) == (409, True)
    assert [share.state for share in await bed.shares(deps)] == [ShareState.OPEN]
    await citizen.post("/citizen/reward", {**way, **carried(citizen)})
    assert "不是同一份奖励" in citizen.page
    await citizen.post("/citizen/reward/claim", {**CLAIM, "mark": citizen.hidden("mark")})
    assert [share.state for share in await bed.shares(deps)] == [ShareState.CLAIMED]
