"""曝光时间: dates that feeds give are believed so far as they may be true."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.leads import LeadEvent
from models.vocab_leads import LeadAct
from tests.triage.services.leads.conftest import SMOKE, SMOKE_AGAIN
from tests.triage.services.leads.test_leads import PUBLIC, item, lead, take

if TYPE_CHECKING:
    from triage.services.deps import Deps


async def test_a_date_long_before_the_lead_moves_no_exposure(deps: Deps) -> None:
    """One feed's wrong date would say of every report of the matter that the media had it first."""
    await take(deps, item(1, SMOKE, at=PUBLIC))
    wrong = PUBLIC - timedelta(days=31)
    await take(deps, item(2, SMOKE_AGAIN, at=wrong), source="evening")
    found = await lead(deps, 1)
    assert (found.repeats, found.exposed_at) == (1, PUBLIC)
    async with deps.db.reads() as session:
        (told,) = await session.scalars(sa.select(LeadEvent.data).where(LeadEvent.act == LeadAct.REPEATED))
    assert told["exposed_at"] == wrong.isoformat()
