"""Two analysts merge two leads crosswise at one moment: one is first, the other is told."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.vault import Vault
from models.leads import Lead, MediaExposure
from models.vocab_leads import LeadAct, LeadState
from tests.factories import NOW
from tests.triage.rules.helpers import tables
from tests.triage.services.leads.conftest import RIVER, SMOKE
from tests.triage.services.leads.test_leads import PUBLIC, STAFF, item, take
from triage.clock import FixedClock
from triage.services.deps import Deps
from triage.services.leads import acting, taking
from triage.services.leads.acting import LeadRefused, Wish
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database


@pytest.fixture
def deps(postgres_db: Database) -> Deps:
    return Deps(Settings(), FixedClock(NOW), tables(), postgres_db, Vault({1: bytes(32)}))


async def merge(deps: Deps, lead_id: int, into: int) -> acting.Acted:
    async with deps.db.writes.begin() as session:
        wish = Wish(lead_id, 1, LeadAct.MERGE, into=str(into))
        return await acting.act(session, deps, STAFF, wish, now=NOW)


async def wait_for(deps: Deps, waiting: int) -> None:
    """Until so many statements wait for a lock in this database."""
    found = sa.text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(10):
        while True:
            async with deps.db.reads() as session:
                count = await session.scalar(found)
            if count == waiting:
                return
            await asyncio.sleep(0.01)


async def test_who_confirms_waits_for_what_was_merged_into_it(deps: Deps) -> None:
    """A repeat of it that was public earlier, told meanwhile, was not in the case's exposure."""
    (one,), (other,) = (await take(deps, item(1, SMOKE))).leads, (await take(deps, item(2, RIVER))).leads
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Lead).values(state=LeadState.WAITING.value))
    await merge(deps, other, one)
    earlier = PUBLIC - timedelta(days=2)

    async def confirm() -> None:
        async with deps.db.writes.begin() as session:
            await acting.act(session, deps, STAFF, Wish(one, 1, LeadAct.CONFIRM), now=NOW)

    async with deps.db.writes.begin() as session:
        taken = await taking.take(session, deps.tables, "night", [item(3, RIVER, at=earlier)], now=NOW)
        waits = asyncio.create_task(confirm())
        await wait_for(deps, 1)
    await waits
    async with deps.db.reads() as session:
        rows = await session.execute(sa.select(MediaExposure.lead_id, MediaExposure.exposed_at))
        assert {row.lead_id: row.exposed_at for row in rows} == {one: PUBLIC, other: earlier}
    assert taken.repeats == 1


async def test_two_who_merge_crosswise_do_not_wait_in_a_circle(deps: Deps) -> None:
    one, other = (await take(deps, item(1, SMOKE), item(2, RIVER))).leads
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Lead).values(state=LeadState.WAITING.value))
    # The first lead is held until both wait: the second analyst would have the other one by then.
    async with deps.db.writes.begin() as session:
        await session.execute(sa.select(Lead.id).where(Lead.id == one).with_for_update())
        first = asyncio.create_task(merge(deps, one, other))
        await wait_for(deps, 1)
        second = asyncio.create_task(merge(deps, other, one))
        await wait_for(deps, 2)
    came = await asyncio.gather(first, second, return_exceptions=True)
    assert isinstance(came[0], acting.Acted)
    assert isinstance(came[1], LeadRefused)
