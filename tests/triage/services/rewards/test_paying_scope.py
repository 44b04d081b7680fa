"""Who pays for a district: neither another's accounts, nor its sums, nor the bank's answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models.filters import Scope
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bank import answer_of, gathered
from tests.triage.services.rewards.bed import EVERYTHING, PAYER, VAULT
from triage.errors import BadInput, NotFound
from triage.services.rewards import paying, settling, yearly

if TYPE_CHECKING:
    from triage.services.deps import Deps

HERE = replace(
    EVERYTHING, scope=Scope(units=frozenset({"110105", "110105026"}), own=frozenset({"110105026"}))
)
ELSEWHERE = replace(EVERYTHING, scope=Scope(units=frozenset({"110108"})))
#: The whole city, without what is in confidence.
NOT_SECRET = replace(EVERYTHING, scope=Scope(everything=True))


async def claimed(deps: Deps) -> None:
    await bed.reports(deps.db, replace(bed.REPORT, confidential=True))
    await bed.sweep(deps)
    await bed.approved(deps)
    await bed.claimed(deps)


async def test_only_what_the_payer_may_see_is_gathered(deps: Deps) -> None:
    await claimed(deps)
    for viewer in (ELSEWHERE, NOT_SECRET):
        async with deps.db.writes.begin() as session:
            with pytest.raises(BadInput, match="没有已登记待支付"):
                await paying.gather(session, deps.tables, VAULT, PAYER, viewer=viewer, now=deps.clock.now())
    async with deps.db.writes.begin() as session:
        made = await paying.gather(session, deps.tables, VAULT, PAYER, viewer=HERE, now=deps.clock.now())
    assert made.payments == 1


async def test_a_batch_with_a_reward_of_elsewhere_is_not_there(deps: Deps) -> None:
    await claimed(deps)
    no = (await gathered(deps)).no
    answer = await answer_of(deps, no)
    now = deps.clock.now()
    for viewer in (ELSEWHERE, NOT_SECRET):
        async with deps.db.writes.begin() as session:
            with pytest.raises(NotFound):
                await paying.fetch(session, deps.tables, VAULT, PAYER, no, viewer=viewer, now=now)
            with pytest.raises(NotFound):
                await settling.take(session, deps.tables, PAYER, no, answer, viewer=viewer, now=now)
    async with deps.db.writes.begin() as session:
        assert await paying.fetch(session, deps.tables, VAULT, PAYER, no, viewer=HERE, now=now)
        assert (await settling.take(session, deps.tables, PAYER, no, answer, viewer=HERE, now=now)).paid == 1


async def test_the_year_counts_what_the_viewer_may_see(deps: Deps) -> None:
    await claimed(deps)
    counted = []
    for viewer in (HERE, ELSEWHERE, NOT_SECRET):
        async with deps.db.reads() as session:
            now = deps.clock.now()
            found = await yearly.figures(session, deps.tables, now.year, viewer, now=now)
        counted.append((found.total.reports, found.total.candidates, found.total.granted))
    assert counted == [(1, 1, 500_000), (0, 0, 0), (0, 0, 0)]
