"""What a platform calls 举报 is looked at for a reward, also where its words were read as something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.appeals import Appeal
from models.rewards import Reward
from models.tickets import Ticket
from tests.triage.services.rewards import bed

if TYPE_CHECKING:
    from triage.services.deps import Deps


async def test_a_report_that_was_read_as_a_complaint_is_a_candidate(deps: Deps) -> None:
    await bed.reports(deps.db)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).values(appeal_type="投诉"))
    assert await bed.sweep(deps) == 0
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Appeal).values(told_type="举报"))
    assert await bed.sweep(deps) == 1
    async with deps.db.reads() as session:
        reward = (await session.scalars(sa.select(Reward))).one()
        assert reward.winner_appeal_id == await session.scalar(sa.select(Appeal.id))
