"""Media that were first: looked at whenever something is decided, set by itself for one report."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appeal
from models.leads import Lead, MediaExposure
from models.parties import Party, PartyMention, PartyName
from models.tickets import Ticket
from models.vocab import State
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


async def known(deps: Deps) -> list[str]:
    (reward,) = [one for one in await bed.rewards(deps) if one.root_ticket_id == 1]
    return [one["text"] for one in reward.checks if one["exclusion"] == Exclusion.ALREADY_KNOWN]


async def test_cases_that_were_answered_before_are_told_by_place_and_by_party(deps: Deps) -> None:
    _, place, later, old, secret, open_one, *_ = numbers = await bed.reports(
        deps.db, aged(5), aged(9), aged(2), aged(24 * 400), aged(8), aged(7, state=State.HANDLING),
        aged(30, kind="AIR-02"),
    )  # fmt: skip
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no != numbers[0]).values(appeal_type="投诉"))
        appeal = sa.select(Ticket.appeal_id).where(Ticket.no == secret).scalar_subquery()
        await session.execute(sa.update(Appeal).where(Appeal.id == appeal).values(confidential=True))
        party = Party(name="某印刷厂", made_at=NOW)
        session.add(party)
        await session.flush()
        name = PartyName(party_id=party.id, form="某印刷厂", scope="", written="某印刷厂", made_at=NOW)
        session.add(name)
        await session.flush()
        for number, hours in ((1, 5), (7, 30)):
            session.add(PartyMention(
                ticket_id=number, name_id=name.id, received_at=NOW - timedelta(hours=hours)
            ))  # fmt: skip
    await bed.sweep(deps)
    told = await known(deps)
    assert [text.split("，")[0] for text in told] == [
        f"此前已答复的同一对象工单 {numbers[6]}", f"此前已答复的同一街道、同一种类工单 {place}"
    ]  # fmt: skip
    assert [no for no in (later, old, secret, open_one) if no in "".join(told)] == []


async def test_no_two_cases_are_of_one_street_where_nobody_knows_it(lite: Deps) -> None:
    await bed.reports(lite.db, aged(5), aged(9))
    async with lite.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).values(street_code=None))
    await bed.sweep(lite)
    assert await known(lite) == []


async def test_what_was_sent_elsewhere_was_not_answered_here_nor_is_it_rewarded(lite: Deps) -> None:
    _, away, kept = await bed.reports(lite.db, aged(5), *[aged(30, state=State.ARCHIVED)] * 2)
    async with lite.db.writes.begin() as session:
        # Proposed for both; dispatched after all the one, 分流 the other.
        proposed = sa.update(Ticket).where(Ticket.no.in_([away, kept])).values(divert="inform_channel")
        await session.execute(proposed)
        await session.execute(sa.update(Ticket).where(Ticket.no == away).values(dispatched_at=None))
    await bed.sweep(lite)
    won = {one.winner_appeal_id for one in await bed.rewards(lite)}
    assert won == {1, await bed.appeal_of(lite, kept)}
    (told,) = await known(lite)
    assert f"同一种类工单 {kept}" in told
