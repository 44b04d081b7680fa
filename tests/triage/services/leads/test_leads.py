"""From a feed to a lead to an appeal: once each, screened, merged, undone; counted only as an appeal."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.fakes import MemoryQueue
from connectors.feeds.items import FeedItem
from connectors.ports import JobName
from models.appeals import Appeal
from models.filters import all_seeing
from models.leads import Lead, LeadEvent, LeadItem, MediaExposure
from models.outbox import Outbox
from models.tickets import Ticket
from models.viewing import Scope, Viewer
from models.vocab_leads import DropReason, LeadAct, LeadState
from models.vocab_staff import Permission
from tests import factories
from tests.factories import NOW, TicketIn
from tests.triage.services.leads.conftest import HARBIN, LIMITS, RIVER, SMOKE, SMOKE_AGAIN, SPORT, House
from triage.clock import FixedClock
from triage.errors import BadInput, NotFound
from triage.services import processing
from triage.services.leads import acting, listing, reading, taking
from triage.services.leads.acting import LeadMoved, LeadRefused, Wish
from triage.services.leads.pulling import FeedPuller, pull_feed
from triage.services.sources.ports import Settled, SourceFault

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from triage.services.deps import Deps

STAFF = all_seeing("analyst")
PUBLIC = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
PHONE = "13800001234"


def item(number: int, text: str, *, title: str = "新闻", at: datetime | None = PUBLIC) -> FeedItem:
    return FeedItem(f"https://news.example/{number}", title, text, at)


async def take(deps: Deps, *items: FeedItem, source: str = "daily") -> taking.Taken:
    async with deps.db.writes.begin() as session:
        return await taking.take(session, deps.tables, source, items, now=deps.clock.now())


async def waiting(deps: Deps, reader: Reader, *texts: str) -> list[int]:
    taken = await take(deps, *(item(n, text) for n, text in enumerate(texts)))
    await reading.read(deps, reader, taken.leads)
    async with deps.db.reads() as session:
        rows = await session.scalars(sa.select(Lead).where(Lead.state == LeadState.WAITING.value))
        by_text = {row.text: row.id for row in rows}
    return [by_text[text] for text in texts]


async def lead(deps: Deps, lead_id: int) -> Lead:
    async with deps.db.reads() as session:
        found = await session.get(Lead, lead_id)
        assert found is not None
        return found


async def do(deps: Deps, lead_id: int, act: LeadAct, **more: str) -> acting.Acted:
    version = (await lead(deps, lead_id)).version
    async with deps.db.writes.begin() as session:
        return await acting.act(
            session, deps, STAFF, Wish(lead_id, version, act, **more), now=deps.clock.now()
        )


async def total(deps: Deps, model: type) -> int:
    async with deps.db.reads() as session:
        return int(await session.scalar(sa.select(sa.func.count()).select_from(model)) or 0)


async def test_an_item_is_taken_once_whoever_brings_it(deps: Deps) -> None:
    first = await take(deps, item(1, SMOKE), item(2, RIVER))
    again = await take(deps, item(1, SMOKE), item(2, RIVER), item(2, RIVER), source="evening")
    assert (len(first.leads), again.leads, again.known) == (2, (), 3)
    both = await asyncio.gather(*(take(deps, item(3, SPORT)) for _ in range(4)))
    assert sum(len(taken.leads) for taken in both) == 1


async def test_nearly_the_same_report_is_a_repeat_and_the_first_decides_the_exposure(deps: Deps) -> None:
    await take(deps, item(1, SMOKE, at=PUBLIC))
    taken = await take(
        deps, item(2, SMOKE_AGAIN, at=PUBLIC - timedelta(days=1)), item(3, RIVER), source="evening"
    )
    assert (len(taken.leads), taken.repeats) == (1, 1)
    async with deps.db.reads() as session:
        (found,) = await session.scalars(sa.select(Lead).where(Lead.repeats == 1))
    assert found.exposed_at == PUBLIC - timedelta(days=1)
    assert await total(deps, LeadItem) == 3


async def test_old_reports_of_the_same_are_not_compared(deps: Deps) -> None:
    await take(deps, item(1, SMOKE))
    later = replace(deps, clock=FixedClock(NOW + timedelta(days=31)))
    taken = await take(later, item(2, SMOKE_AGAIN, at=NOW + timedelta(days=31)))
    assert taken.repeats == 0


async def test_times_that_cannot_be_are_not_believed(deps: Deps) -> None:
    taken = await take(deps, item(1, SMOKE, at=NOW + timedelta(days=400)), item(2, RIVER, at=None))
    assert {(await lead(deps, lead_id)).exposed_at for lead_id in taken.leads} == {NOW}


async def test_phones_are_masked_and_nothing_is_nothing(deps: Deps) -> None:
    taken = await take(deps, item(1, f"{SMOKE}联系电话{PHONE}。"), item(2, "……", title="——"))
    assert taken.empty == 1
    assert PHONE not in (await lead(deps, taken.leads[0])).text


async def test_the_gate_keeps_what_is_ours(deps: Deps, reader: Reader) -> None:
    taken = await take(
        deps,
        item(1, SMOKE),
        item(2, SPORT),
        item(3, HARBIN),
        item(4, RIVER, at=NOW - timedelta(days=40)),
    )
    await reading.read(deps, reader, taken.leads)
    found = {row.text: row for row in [await lead(deps, lead_id) for lead_id in taken.leads]}
    assert (found[SMOKE].state, found[SMOKE].district_code, found[SMOKE].street_code) == (
        LeadState.WAITING, "110105", "110105026",
    )  # fmt: skip
    assert found[SMOKE].kind is not None
    assert {found[text].screened for text in (SPORT, HARBIN, RIVER)} == {
        DropReason.NOT_ENVIRONMENTAL, DropReason.ELSEWHERE, DropReason.OLD,
    }  # fmt: skip
    assert {found[text].state for text in (SPORT, HARBIN, RIVER)} == {LeadState.DROPPED}


async def test_what_was_screened_can_be_brought_back(deps: Deps, reader: Reader) -> None:
    taken = await take(deps, item(1, SPORT))
    await reading.read(deps, reader, taken.leads)
    acted = await do(deps, taken.leads[0], LeadAct.UNDO)
    assert acted.state is LeadState.WAITING


async def test_a_worker_is_asked_again_until_it_is_read(deps: Deps, reader: Reader) -> None:
    taken = await take(deps, item(1, SMOKE), item(2, RIVER))
    queue = MemoryQueue()

    async def hand_out(now: datetime) -> int:
        async with deps.db.writes.begin() as session:
            return await reading.hand_out(session, queue, now=now, batch=50, again=timedelta(seconds=30))

    assert await hand_out(NOW) == 2
    assert await hand_out(NOW + timedelta(seconds=29)) == 0
    assert await hand_out(NOW + timedelta(seconds=30)) == 2
    assert [job for job, _ in queue.jobs.values()] == [JobName.READ_LEADS] * 2
    assert await reading.read(deps, reader, taken.leads) == 2
    assert await reading.read(deps, reader, taken.leads) == 0
    assert await hand_out(NOW + timedelta(hours=1)) == 0


async def test_a_text_no_model_can_read_is_shown_all_the_same(deps: Deps) -> None:
    class Broken:
        def read(self, _title: str | None, _text: str) -> None:
            raise RuntimeError

    taken = await take(deps, item(1, SMOKE))
    for _ in range(deps.settings.max_attempts):
        await reading.read(deps, Broken(), taken.leads)  # type: ignore[arg-type]
    found = await lead(deps, taken.leads[0])
    assert (found.state, found.reading) == (LeadState.WAITING, {"failed": True})


async def test_a_lead_is_in_no_count_until_it_is_an_appeal(deps: Deps, reader: Reader) -> None:
    ids = await waiting(deps, reader, SMOKE, RIVER)
    assert (await total(deps, Appeal), await total(deps, Ticket), await total(deps, Outbox)) == (0, 0, 0)
    await do(deps, ids[1], LeadAct.DROP, reason="handled")
    assert (await total(deps, Appeal), await total(deps, Ticket)) == (0, 0)
    acted = await do(deps, ids[0], LeadAct.CONFIRM)
    assert acted.appeal_id is not None
    assert await total(deps, Appeal) == 1
    assert (await processing.process(deps, reader, [acted.appeal_id])).done == 1
    async with deps.db.reads() as session:
        appeal = await session.get(Appeal, acted.appeal_id)
        assert appeal is not None
        assert (appeal.channel, appeal.external_id, appeal.received_at) == ("media", f"lead-{ids[0]}", NOW)
        (exposure,) = await listing.exposures(session, acted.appeal_id)
        (found,) = await listing.leads(session, state=LeadState.CONFIRMED)
    assert (exposure.exposed_at, exposure.url) == (PUBLIC, "https://news.example/0")
    assert found.ticket_no is not None
    assert await total(deps, Ticket) == 1


async def test_merged_into_a_lead_the_case_keeps_both_exposures(deps: Deps, reader: Reader) -> None:
    one, other = await waiting(deps, reader, SMOKE, RIVER)
    await do(deps, other, LeadAct.MERGE, into=str(one))
    acted = await do(deps, one, LeadAct.CONFIRM)
    assert acted.appeal_id is not None
    async with deps.db.reads() as session:
        assert {e.lead_id for e in await listing.exposures(session, acted.appeal_id)} == {one, other}


async def test_merged_into_a_ticket_and_back(deps: Deps, reader: Reader) -> None:
    (no,) = await factories.add_tickets(deps.db, TicketIn())
    (one,) = await waiting(deps, reader, SMOKE)
    acted = await do(deps, one, LeadAct.MERGE, into=no)
    assert (acted.state, (await lead(deps, one)).merged_ticket_no) == (LeadState.MERGED, no)
    assert await total(deps, MediaExposure) == 1
    await do(deps, one, LeadAct.UNDO)
    assert await total(deps, MediaExposure) == 0
    assert (await lead(deps, one)).merged_ticket_no is None


@pytest.mark.parametrize(("confidential", "merged"), [(False, 1), (True, 0)])
async def test_an_analyst_merges_by_number_what_is_not_confidential(
    deps: Deps, reader: Reader, *, confidential: bool, merged: int
) -> None:
    (no,) = await factories.add_tickets(deps.db, TicketIn(confidential=confidential))
    (one,) = await waiting(deps, reader, SMOKE)
    analyst = Viewer("fenxi", Scope(), permissions=frozenset({Permission.LEADS}))
    wish = Wish(one, (await lead(deps, one)).version, LeadAct.MERGE, into=no)
    with contextlib.suppress(NotFound):
        async with deps.db.writes.begin() as session:
            await acting.act(session, deps, analyst, wish, now=deps.clock.now())
    assert await total(deps, MediaExposure) == merged


async def test_what_was_merged_into_a_lead_goes_with_it_into_the_ticket_and_back(
    deps: Deps, reader: Reader
) -> None:
    (no,) = await factories.add_tickets(deps.db, TicketIn())
    one, other = await waiting(deps, reader, SMOKE, RIVER)
    await do(deps, other, LeadAct.MERGE, into=str(one))
    await do(deps, one, LeadAct.MERGE, into=no)
    async with deps.db.reads() as session:
        assert set(await session.scalars(sa.select(MediaExposure.lead_id))) == {one, other}
    await do(deps, one, LeadAct.UNDO)
    assert await total(deps, MediaExposure) == 0


async def test_undone_before_a_worker_began_the_appeal_is_gone(deps: Deps, reader: Reader) -> None:
    (one,) = await waiting(deps, reader, SMOKE)
    await do(deps, one, LeadAct.CONFIRM)
    await do(deps, one, LeadAct.UNDO)
    assert (await total(deps, Appeal), await total(deps, Outbox), await total(deps, MediaExposure)) == (
        0,
        0,
        0,
    )
    acted = await do(deps, one, LeadAct.CONFIRM)
    assert acted.appeal_id is not None
    assert (await processing.process(deps, reader, [acted.appeal_id])).done == 1
    with pytest.raises(LeadRefused, match="已经生成工单"):
        await do(deps, one, LeadAct.UNDO)
    assert (await lead(deps, one)).state == LeadState.CONFIRMED
    assert await total(deps, Appeal) == 1


async def test_who_comes_second_is_told(deps: Deps, reader: Reader) -> None:
    (one,) = await waiting(deps, reader, SMOKE)
    seen = (await lead(deps, one)).version
    await do(deps, one, LeadAct.DROP, reason="old")
    async with deps.db.writes() as session:
        with pytest.raises(LeadMoved):
            await acting.act(session, deps, STAFF, Wish(one, seen, LeadAct.CONFIRM), now=NOW)
    with pytest.raises(LeadRefused):
        await do(deps, one, LeadAct.CONFIRM)
    assert await total(deps, Appeal) == 0


async def test_what_cannot_be_done_is_refused_in_words(deps: Deps, reader: Reader) -> None:
    one, other, third = await waiting(deps, reader, SMOKE, RIVER, f"{SMOKE}{RIVER}")
    for act, more, error in (
        (LeadAct.DROP, {}, BadInput),
        (LeadAct.DROP, {"reason": "boring"}, BadInput),
        (LeadAct.MERGE, {"into": str(one)}, LeadRefused),
        (LeadAct.MERGE, {"into": "999999"}, NotFound),
        (LeadAct.MERGE, {"into": "20260101-00000009"}, NotFound),
        (LeadAct.MERGE, {}, NotFound),
        (LeadAct.UNDO, {}, LeadRefused),
        (LeadAct.READ, {}, BadInput),
    ):
        with pytest.raises(error):
            await do(deps, one, act, **more)
    await do(deps, other, LeadAct.MERGE, into=str(one))
    with pytest.raises(LeadRefused, match="并入了这条"):
        await do(deps, one, LeadAct.MERGE, into=str(third))
    with pytest.raises(LeadRefused, match="已合并"):
        await do(deps, third, LeadAct.MERGE, into=str(other))


async def test_every_step_is_told(deps: Deps, reader: Reader) -> None:
    (one,) = await waiting(deps, reader, SMOKE)
    await do(deps, one, LeadAct.DROP, reason="old")
    await do(deps, one, LeadAct.UNDO)
    async with deps.db.reads() as session:
        rows = await session.scalars(sa.select(LeadEvent).order_by(LeadEvent.seq))
        told = [(row.act, row.by) for row in rows]
    assert told == [("taken", None), ("read", None), ("drop", "analyst"), ("undo", "analyst")]


def source(base: str, **settings: str) -> Settled:
    return Settled(1, "daily", "日报", {"url": f"{base}/feed", **settings}, {})


async def test_a_feed_is_pulled_and_asked_only_for_what_changed(deps: Deps, house: House, base: str) -> None:
    house.entries = [("/news/1", "扬尘", SMOKE), ("/news/2", "河道", RIVER)]
    first = await pull_feed(deps, source(base, articles="no"), None, now=NOW, limits=LIMITS)
    assert (first.seen, first.stored) == (2, 2)
    second = await pull_feed(deps, source(base, articles="no"), first.cursor, now=NOW, limits=LIMITS)
    assert second.said == "没有变化"
    house.etag = '"2"'
    third = await pull_feed(deps, source(base, articles="no"), second.cursor, now=NOW, limits=LIMITS)
    assert (third.seen, third.stored) == (2, 0)
    assert await total(deps, Lead) == 2


async def test_teasers_are_read_on_their_pages(deps: Deps, house: House, base: str) -> None:
    house.entries = [("/news/1", "扬尘", "工地扬尘，详情见正文"), ("/news/2", "河道", "没有页面")]
    house.pages["/news/1"] = (
        f"<html><body><article><h1>扬尘</h1><p>{SMOKE}</p><p>{RIVER}</p></article></body></html>"
    )
    await pull_feed(deps, source(base), None, now=NOW, limits=LIMITS)
    async with deps.db.reads() as session:
        texts = set(await session.scalars(sa.select(Lead.text)))
    assert texts == {f"{SMOKE}\n{RIVER}", "没有页面"}


async def test_many_new_items_come_in_several_runs_and_none_is_missed(
    deps: Deps, house: House, base: str
) -> None:
    house.entries = [
        (f"/news/{n}", f"第{n}条", f"第{n}条消息，编号{n}，内容各不相同{n * 7919}") for n in range(45)
    ]
    cursor, runs, more = None, 0, True
    while more:
        outcome = await pull_feed(deps, source(base, articles="no"), cursor, now=NOW, limits=LIMITS)
        cursor, more, runs = outcome.cursor, outcome.more, runs + 1
    assert runs == 3
    assert await total(deps, Lead) == 45


@pytest.mark.parametrize(("status", "hopeless"), [(404, True), (503, False), (429, False)])
async def test_a_feed_that_fails_says_so(
    deps: Deps, house: House, base: str, status: int, *, hopeless: bool
) -> None:
    house.status = status
    with pytest.raises(SourceFault, match=str(status)) as fault:
        await pull_feed(deps, source(base), None, now=NOW, limits=LIMITS)
    assert fault.value.hopeless is hopeless


async def test_another_inner_address_is_never_asked(deps: Deps, house: House, base: str) -> None:
    closed = replace(deps, settings=deps.settings.model_copy(update={"feed_private_hosts": ""}))
    with pytest.raises(SourceFault) as fault:
        await pull_feed(closed, source(base), None, now=NOW, limits=LIMITS)
    assert fault.value.hopeless
    assert house.asked == []


def test_the_puller_checks_its_map() -> None:
    puller = FeedPuller()
    puller.check({"url": "https://news.example/", "map": "url: a\ntitle: b\ntime: c"})
    with pytest.raises(BadInput, match="time"):
        puller.check({"url": "https://news.example/", "map": "url: a\ntitle: b"})
