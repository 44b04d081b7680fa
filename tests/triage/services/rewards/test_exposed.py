"""Media that were first: looked at whenever something is decided, set by itself for one report."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from models.leads import Lead, MediaExposure
from models.vocab_rewards import Exclusion, RewardAct, RewardState
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.bed import FINANCE, HANDLER, HEAD, LEGAL
from tests.triage.services.rewards.test_flow import aged
from triage.rules.rewards.stepping import StepRefused

if TYPE_CHECKING:
    from triage.services.deps import Deps


async def exposed(deps: Deps, no: str, hours: int) -> None:
    """A lead that was public so many hours ago is tied to the case."""
    appeal_id = await bed.appeal_of(deps, no)
    async with deps.db.writes.begin() as session:
        lead = Lead(
            version=1, source="x", url_hash="1" * 64, text="黑水", seen_at=NOW, state="confirmed",
            exposed_at=NOW - timedelta(hours=hours), hand_out_at=NOW,
        )  # fmt: skip
        session.add(lead)
        await session.flush()
        session.add(MediaExposure(appeal_id=appeal_id, lead_id=lead.id, exposed_at=lead.exposed_at))


async def test_media_that_are_tied_to_the_case_later_are_looked_at_before_anything_is_decided(
    lite: Deps,
) -> None:
    (no,) = await bed.reports(lite.db, aged(5))
    await bed.sweep(lite)
    await bed.fined(lite)
    await bed.state(lite, ruleset="CQ-2025")
    await bed.do(lite, HANDLER, RewardAct.VERIFY)
    await exposed(lite, no, 9)
    await bed.do(lite, LEGAL, RewardAct.LEGAL_PASS)
    await bed.do(lite, FINANCE, RewardAct.FINANCE_PASS)
    with pytest.raises(StepRefused, match="早于举报"):
        await bed.do(lite, HEAD, RewardAct.APPROVE)


async def test_what_was_set_by_itself_goes_with_the_report_it_was_set_for(lite: Deps) -> None:
    late, early = await bed.reports(lite.db, aged(2), aged(5))
    await exposed(lite, late, 3)
    await bed.sweep(lite)
    alone = {one.winner_appeal_id: one.exclusions for one in await bed.rewards(lite)}
    late_appeal, early_appeal = await bed.appeal_of(lite, late), await bed.appeal_of(lite, early)
    assert alone == {late_appeal: [Exclusion.EXPOSED_BY_MEDIA], early_appeal: []}
    # Together, the report that was before the media is the first.
    await bed.merged(lite.db, early, late)
    await bed.sweep(lite)
    (standing,) = [one for one in await bed.rewards(lite) if one.state == RewardState.CANDIDATE]
    assert (standing.winner_appeal_id, standing.exclusions) == (early_appeal, [])
