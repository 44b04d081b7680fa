"""Media leads and calls about one matter find each other, whichever came first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.vault import Vault
from models import lead_matters, matters, ticket_detail
from models.filters import Scope, all_seeing
from models.lead_matters import LeadKey, LeadPair
from models.leads import Lead, MediaExposure
from models.matters import PER_KEY
from models.tickets import Ticket
from models.vocab import Move
from models.vocab_leads import LeadAct, LeadState
from tests.factories import NOW, add_tickets
from tests.triage.rules.helpers import tables
from tests.triage.services.leads.test_leads import STAFF, do, item, take
from tests.triage.services.repeats.test_looking import FIRST, RIVER
from tests.triage.services.test_moving import HOTLINE
from triage.clock import FixedClock
from triage.errors import NotFound
from triage.services import moving, reference
from triage.services.deps import Deps
from triage.services.leads import listing, matching
from triage.services.moving import Wish
from triage.services.repeats import looking
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database

VIEWER = all_seeing("local")
REPORT = (
    "望京西园四区12号楼底商烧烤店每晚油烟熏人，居民窗户都不敢开，多次反映仍未解决，"
    "记者昨晚到现场看到油烟直排。"
)


@pytest.fixture
async def deps(db: Database) -> Deps:
    made = Deps(Settings(), FixedClock(NOW), tables(), db, Vault({1: bytes(32)}))
    await reference.sync(made)
    return made


async def reported(deps: Deps) -> int:
    """A lead about the restaurant that waits for an analyst."""
    (number,) = (await take(deps, item(1, REPORT, title="望京西园四区烧烤油烟扰民"))).leads
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Lead).values(state=LeadState.WAITING.value))
    return number


async def likely(deps: Deps, **of: int) -> list[tuple[int, str]]:
    async with deps.db.reads() as session:
        leads = [of["lead"]] if "lead" in of else []
        found = await lead_matters.likely(session, VIEWER, leads=leads, ticket_id=of.get("ticket"))
        return [(one.lead_id, one.ticket_no) for one in found]


async def test_a_report_finds_the_call_that_was_there(deps: Deps) -> None:
    first, _ = await add_tickets(deps.db, replace(FIRST, age=timedelta(hours=5)), RIVER)
    finder = looking.Finder(deps)
    await finder.catch_up()
    lead = await reported(deps)
    await finder.catch_up()
    assert await likely(deps, lead=lead) == [(lead, first)]
    assert await likely(deps, ticket=1) == [(lead, first)]
    assert await likely(deps, ticket=2) == []


async def test_a_call_finds_the_report_that_was_there(deps: Deps) -> None:
    lead = await reported(deps)
    finder = looking.Finder(deps)
    await finder.catch_up()
    assert await likely(deps, lead=lead) == []
    _, call = await add_tickets(deps.db, RIVER, FIRST)
    await finder.catch_up()
    assert await likely(deps, lead=lead) == [(lead, call)]
    async with deps.db.reads() as session:
        appeal = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == call))
        (shown,) = await listing.exposures(session, appeal or 0)
    assert (shown.lead_id, shown.proposed) == (lead, True)


async def test_a_lead_that_is_brought_back_finds_the_call_that_came_meanwhile(deps: Deps) -> None:
    lead = await reported(deps)
    finder = looking.Finder(deps)
    await finder.catch_up()
    await do(deps, lead, LeadAct.DROP, reason="not_environmental")
    (call,) = await add_tickets(deps.db, FIRST)
    await finder.catch_up()
    await do(deps, lead, LeadAct.UNDO)
    await finder.catch_up()
    assert await likely(deps, lead=lead) == [(lead, call)]


async def test_decided_leads_of_a_name_take_no_place_from_the_one_that_waits(deps: Deps) -> None:
    lead = await reported(deps)
    finder = looking.Finder(deps)
    await finder.catch_up()
    async with deps.db.writes.begin() as session:
        keys = list(await session.scalars(sa.select(LeadKey.key)))
        mine = (await session.execute(sa.select(*Lead.__table__.c))).one()._mapping
        decided = range(lead + 1, lead + 1 + matters.PER_KEY)
        rows = [
            {**mine, "id": one, "url_hash": f"{one:064d}", "state": LeadState.DROPPED.value}
            for one in decided
        ]
        await session.execute(sa.insert(Lead), rows)
        await session.execute(
            sa.insert(LeadKey), [{"key": key, "lead_id": one} for key in keys for one in decided]
        )
    (call,) = await add_tickets(deps.db, FIRST)
    await finder.catch_up()
    assert await likely(deps, lead=lead) == [(lead, call)]


async def test_each_lead_of_a_page_has_its_own_proposals(deps: Deps) -> None:
    """Thirty were shown of all leads together: those of the others were left out."""
    (no,) = await add_tickets(deps.db, replace(FIRST, age=timedelta(hours=5)))
    texts = [f"第{n * 7919}号报道，{n * 104729}，{n * 1299709}号楼的事。" * 2 for n in range(PER_KEY + 5)]
    leads = (await take(deps, *(item(n, text) for n, text in enumerate(texts)))).leads
    assert len(leads) == len(texts)
    pair = {"ticket_id": 1, "why": ["同一地点"], "state": "proposed", "by": None, "at": NOW}
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Lead).values(state=LeadState.WAITING.value))
        await session.execute(
            sa.insert(LeadPair),
            [pair | {"lead_id": lead, "p": 0.5 + n / 100} for n, lead in enumerate(leads)],
        )
    async with deps.db.reads() as session:
        found = await lead_matters.likely(session, VIEWER, leads=leads)
        of_ticket = await lead_matters.likely(session, VIEWER, ticket_id=1)
    assert [(one.lead_id, one.ticket_no, one.why) for one in found] == [
        (lead, no, ("同一地点",)) for lead in leads[::-1]
    ]
    assert [one.lead_id for one in of_ticket] == list(leads[::-1][:PER_KEY])


async def test_what_was_refused_is_not_proposed_again(deps: Deps) -> None:
    (call,) = await add_tickets(deps.db, FIRST)
    lead = await reported(deps)
    finder = looking.Finder(deps)
    await finder.catch_up()
    async with deps.db.writes.begin() as session:
        await matching.refuse(session, STAFF, lead, call, now=NOW)
        await session.execute(sa.delete(lead_matters.LeadSeen))
    await finder.catch_up()
    assert await likely(deps, lead=lead) == []
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(LeadPair.by)) == STAFF.login
    async with deps.db.writes.begin() as session:
        with pytest.raises(NotFound):
            await matching.refuse(session, STAFF, lead, "20261123-99999999", now=NOW)


async def test_an_earlier_report_moves_the_exposure_of_the_case(deps: Deps) -> None:
    (call,) = await add_tickets(deps.db, FIRST)
    lead = await reported(deps)
    await do(deps, lead, LeadAct.MERGE, into=call)
    earlier = NOW - timedelta(days=9)
    taken = await take(deps, item(2, REPORT + "（转载）", at=earlier))
    assert taken.repeats == 1
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(MediaExposure.exposed_at)) == earlier
        (shown,) = await listing.exposures(session, 1)
    assert (shown.exposed_at, shown.proposed) == (earlier, False)


async def test_the_case_that_goes_on_shows_the_reports_of_what_was_merged_into_it(deps: Deps) -> None:
    head, *merged = await add_tickets(deps.db, FIRST, FIRST, replace(FIRST, confidential=True))
    one, other = (await take(deps, item(1, REPORT), item(2, "河道排污口冒黑水，居民多次反映。"))).leads
    async with deps.db.writes.begin() as session:
        rows = [
            {"appeal_id": 2, "lead_id": one, "exposed_at": NOW},
            {"appeal_id": 3, "lead_id": other, "exposed_at": NOW},
        ]
        await session.execute(sa.insert(MediaExposure), rows)
        for no in merged:
            wish = Wish(no, Move.MERGE, {"other_ticket": head, "reason": "同一处同一事项"}, 1, "k")
            await moving.make(session, deps.tables, VIEWER, HOTLINE, wish, now=NOW)
    everybody = replace(VIEWER, scope=Scope(everything=True))
    async with deps.db.reads() as session:
        whole = await ticket_detail.whole_ticket(session, VIEWER, head)
        assert whole is not None
        assert [shown.lead_id for shown in await listing.of_case(session, VIEWER, whole)] == [one, other]
        # Which report tells of a 保密 case is for those alone who may see it.
        assert [shown.lead_id for shown in await listing.of_case(session, everybody, whole)] == [one]
