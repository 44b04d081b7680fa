"""佐证 of an outcome: read by whoever sees the reward, and said and logged when it cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.vocab_rewards import RewardAct
from tests import pictures
from tests.triage.services.rewards import bed
from triage.services import attachments
from triage.services.attachments import FileLimits, Upload
from triage.services.rewards import book, outcomes
from triage.web.keys import FILES

if TYPE_CHECKING:
    import pytest
    from aiohttp import web

    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps


async def test_a_file_of_an_outcome_is_given_or_said_to_be_gone(
    app: web.Application, client: Client, deps: Deps, caplog: pytest.LogCaptureFixture
) -> None:
    await bed.reports(deps.db)
    await bed.sweep(deps)
    reward = await bed.the_reward(deps)
    sent = [Upload("决定书.jpg", pictures.jpeg())]
    made = await attachments.prepare_all(sent, FileLimits(1, 50, 2), pdf=True)
    hashes = await attachments.store_all(app[FILES], made)
    wish = book.Wish(reward.no, RewardAct.OUTCOME, reward.version)
    async with deps.db.writes.begin() as session:
        await outcomes.add(
            session, deps.tables, bed.HANDLER, wish, bed.FINE, files=made, hashes=hashes,
            now=deps.clock.now(),
        )  # fmt: skip
    path, ours = f"/desk/rewards/of/{reward.no}/files/1", {"Cookie": "who=handler"}
    given = await client.get(path, headers=ours)
    assert (given.status, given.content_type) == (200, "image/jpeg")
    assert given.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''%E5%86%B3")
    app[FILES].remove(hashes[0][0])
    gone = await client.get(path, headers=ours)
    assert (gone.status, "附件库里没有它" in await gone.text()) == (404, True)
    assert "file_missing" in caplog.text
