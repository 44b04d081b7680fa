"""巡查上报, stored and read: signed by who found it, closed where it is dealt with, others' as any other."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appeal, Appellant
from models.files import Attachment
from models.ledger import LedgerRow
from models.notices import Notice
from models.tickets import TicketUnit
from models.units import Staff
from models.vocab import Move, Post, State
from tests.factories import NOW
from tests.triage.services.patrol.conftest import (
    AFTER,
    BEFORE,
    FACTORY,
    HASHES,
    NOTE,
    STREET,
    found,
    officer,
    send,
    wish,
)  # fmt: skip
from tests.triage.web.open311.conftest import read_all
from triage.errors import NotFound
from triage.rules.access import PostNotYours
from triage.rules.moves import Actor
from triage.services import moving
from triage.services.move_rows import columns
from triage.services.moving import Person
from triage.services.patrol import carrying, reporting
from triage.services.patrol.reporting import Photos, Reported, ReportReused
from triage.services.standings import stand

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from triage.services.deps import Deps


async def test_what_is_the_streets_own_is_signed_by_who_found_it(deps: Deps, reader: Reader) -> None:
    ticket, events = await found(deps, reader, replace(wish(), point=(116.48, 40.0)))
    last = events[-1]
    assert (ticket.state, ticket.unit_code, ticket.version, last.tag) == ("signed", STREET, 2, "ticket:sign")
    assert ([e.seq for e in events], (ticket.lon, ticket.lat)) == (
        list(range(1, len(events) + 1)), (116.48, 40.0),
    )  # fmt: skip
    # The citizen's clock never runs; the answer's does, from the dispatch.
    assert events[-2].data["opening"]["patrol"] is True
    assert set(events[-2].data["opening"]["clocks"]) == {"sign"}
    assert ticket.due_clock == "answer"
    async with deps.db.reads() as session:
        standing, _ = await stand(session, deps.tables, ticket, now=NOW)
        appeal = (await session.scalars(sa.select(Appeal))).one()
        original = (await session.scalars(sa.select(Appellant.original))).one()
        who = await session.scalar(sa.select(Staff.login).where(Staff.id == last.staff_id))
        entry = (await session.scalars(sa.select(LedgerRow))).one()
        units = dict((await session.execute(sa.select(TicketUnit.unit_code, TicketUnit.role))).all())
        told = set(await session.scalars(sa.select(Notice.recipient)))
    wanted = columns(deps.tables, standing)
    assert {name: getattr(ticket, name) for name in wanted} == wanted
    assert (appeal.channel, original, who) == ("patrol", None, "wang")
    assert entry.detail == {"channel": "patrol", "unit": STREET, "handled": False, "files": 0}
    assert units == {STREET: "lead", "110105-urban_mgmt": "assist", "110105": "cc"}
    assert STREET not in told, "whoever signed it already is not called"


async def test_dealt_with_on_the_spot_is_closed_by_the_units_own_answer(deps: Deps, reader: Reader) -> None:
    ticket, events = await found(deps, reader, wish(handled=True, note=NOTE, after=1))
    last = events[-1]
    assert (ticket.state, ticket.due_at, last.tag) == ("closed", None, "ticket:feedback")
    assert (last.data["values"]["note"], last.data["on_the_spot"], last.data["by_unit"]) == (
        NOTE, True, STREET,
    )  # fmt: skip
    async with deps.db.reads() as session:
        files = {
            row.sha256: (row.owner, row.event_seq) for row in await session.scalars(sa.select(Attachment))
        }
    assert files == {HASHES[0][0]: ("ticket", None), HASHES[1][0]: ("event", last.seq)}
    by = Person(Actor(Post.UNIT, STREET, "wang"), "王巡查")
    undo = moving.Wish(ticket.no, Move.UNDO, {"reason": "还有一堆没有清"}, ticket.version, "undo-1")
    async with deps.db.writes.begin() as session:
        await moving.make(session, deps.tables, officer(deps), by, undo, now=NOW)
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(type(ticket).state)) == "signed"


async def test_what_is_another_units_goes_there_with_the_words(deps: Deps, reader: Reader) -> None:
    ticket, events = await found(deps, reader, wish(text=FACTORY, handled=True, note=NOTE, after=1))
    assert ticket.state != "closed"
    assert ticket.unit_code != STREET
    kept = events[-1].data["patrol_handled"]
    assert (kept["note"], kept["by"]) == (NOTE, "望京街道办事处 王巡查")
    assert kept["why"]
    async with deps.db.reads() as session:
        assert set(await session.scalars(sa.select(Attachment.owner))) == {"ticket"}


async def test_a_street_of_another_place_does_not_lead_there(deps: Deps, reader: Reader) -> None:
    ticket, events = await found(deps, reader, wish(), unit="110108010")
    assert (ticket.unit_code, "ticket:sign" in {e.tag for e in events}) == (STREET, False)


async def test_the_readings_doubts_are_set_aside_for_ones_own(deps: Deps, reader: Reader) -> None:
    text = "望京街道望京北路口有人倒东西，脏。"
    (mine, _) = await found(deps, reader, wish(text=text))
    (other, _) = await found(deps, reader, wish(text=text, key="other" * 5), unit="110108010", login="li")
    assert (mine.state, other.state) == ("signed", "review")


async def test_what_the_reading_holds_for_no_matter_of_ours_a_person_looks_at(
    deps: Deps, reader: Reader
) -> None:
    text = "望京街道望京北路人行道井盖松动，车过哐当响。"
    ticket, events = await found(deps, reader, wish(text=text, handled=True, note=NOTE, after=1))
    assert ticket.environmental is False
    assert (ticket.state, ticket.decision["review_reasons"][0]) == ("review", "environmental_unsure")
    assert events[-1].data["patrol_handled"]["note"] == NOTE
    async with deps.db.reads() as session:
        told = await reporting.progress(session, officer(deps), ticket.appeal_id)
    assert told.stage is State.REVIEW


async def test_one_form_is_one_report(deps: Deps) -> None:
    first = await send(deps, wish())
    assert await send(deps, wish()) == Reported(first.appeal_id, repeated=True)
    assert (await send(deps, wish(), login="li")).appeal_id != first.appeal_id
    with pytest.raises(ReportReused) as error:
        await send(deps, wish(text="望京北路边上的另一件事，河水发黑。"))
    assert error.value.appeal_id == first.appeal_id
    with pytest.raises(ReportReused):
        await send(deps, wish(), photos=Photos((BEFORE,), HASHES[:1]))


async def test_whether_it_is_dealt_with_is_part_of_what_a_form_says(deps: Deps, reader: Reader) -> None:
    done, more = {"handled": True, "note": NOTE, "after": 1}, {"text": FACTORY, "key": "other" * 5}
    first = await send(deps, wish(**done))
    waits = await send(deps, wish(key="third" * 5))
    kept = await send(deps, wish(**done, **more))
    for _ in range(2):
        assert await send(deps, wish(**done)) == Reported(first.appeal_id, repeated=True)
        assert await send(deps, wish(key="third" * 5)) == Reported(waits.appeal_id, repeated=True)
        assert await send(deps, wish(**done, **more)) == Reported(kept.appeal_id, repeated=True)
        for other in (
            wish(), wish(**done | {"note": "已联系物业，明天来清。"}), wish(**more),
            wish(key="third" * 5, **done),
        ):  # fmt: skip
            with pytest.raises(ReportReused):
                await send(deps, other)
        # Once more when they are read: then the tickets say it.
        await read_all(deps, reader)


async def test_without_a_photo_after_it_nothing_is_closed(deps: Deps, reader: Reader) -> None:
    ticket, events = await found(deps, reader, wish(handled=True, note=NOTE, after=1), photos=Photos())
    assert ticket.state == "signed"
    kept = next(event.data["patrol_handled"] for event in events if "patrol_handled" in event.data)
    assert (kept["note"], kept["why"]) == (NOTE, "没有处理后的照片")


async def test_two_at_once_are_one(deps: Deps) -> None:
    made = await asyncio.gather(*(send(deps, wish(handled=True, note=NOTE, after=1)) for _ in range(2)))
    assert len({one.appeal_id for one in made}) == 1
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count(Attachment.id))) == 2


async def test_nobody_reports_for_a_unit_that_is_not_theirs(deps: Deps) -> None:
    async with deps.db.writes.begin() as session:
        with pytest.raises(PostNotYours):
            await reporting.report(
                session, deps, officer(deps), wish(),
                Person(Actor(Post.UNIT, "110108010", "wang"), "王巡查"),
                photos=Photos(), now=NOW,
            )  # fmt: skip


async def test_how_far_it_is_is_told_to_who_reported_it(deps: Deps, reader: Reader) -> None:
    made = await send(deps, wish(), unit="110108010", login="li")
    async with deps.db.reads() as session:
        waiting = await reporting.progress(session, officer(deps, "110108010", "li"), made.appeal_id)
        with pytest.raises(NotFound):
            await reporting.progress(session, officer(deps, "110108010", "zhao"), made.appeal_id)
    assert (waiting.made, waiting.no) == (False, None)
    await read_all(deps, reader)
    async with deps.db.reads() as session:
        mine = await reporting.progress(session, officer(deps, "110108010", "li"), made.appeal_id)
        theirs = await reporting.progress(session, officer(deps), made.appeal_id)
    assert (mine.made, mine.no, mine.unit) == (True, None, STREET)
    assert theirs.no is not None


async def test_words_are_masked_before_they_are_sealed(deps: Deps) -> None:
    note = f"{NOTE}联系了店主13912340009。"
    made = await send(deps, wish(handled=True, note=note, after=1))
    async with deps.db.reads() as session:
        found_by = (await carrying.waiting(session, [made.appeal_id]))[made.appeal_id].opened(deps.vault)
    assert ("13912340009" in found_by.note, len(found_by.files)) == (False, 1)
    assert AFTER.name
    assert found_by.note.startswith(NOTE)
