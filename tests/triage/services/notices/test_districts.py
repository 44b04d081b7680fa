"""A place put right in another district under a city bureau: that district sees the case and is told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.filters import Day, TicketFilter, all_seeing
from models.notices import Notice
from models.queries import Ask, ticket_page
from models.tickets import Ticket, TicketEvent
from models.vocab import Move, Post, State, Tag
from tests import factories
from tests.factories import NOW, TicketIn
from tests.triage.services.notices.test_events import HOTLINE, UNIT, do, told
from triage.rules.fields import Refusal
from triage.rules.moves import Actor
from triage.services import correcting, move_rows, reference, supervising
from triage.services.correcting import AS_READ
from triage.services.moving import Person
from triage.services.notices.sight import viewer_of
from triage.services.standings import stand

if TYPE_CHECKING:
    from triage.services.deps import Deps

LEAD, STREET = "bj-ecology", "110105026"
CHAOYANG, HAIDIAN, FENGTAI = "110105", "110108", "110106"
QINGHE = "110108017"
CLERK = all_seeing("test")
CITY = TicketIn(urgency="U1", unit=LEAD, assist=(), copies=(), age=timedelta(0))
DAY = Day(NOW, NOW - timedelta(hours=9), NOW + timedelta(hours=15))
UNTIL = {"reason": "多次反映没有解决", "until": (NOW + timedelta(days=2)).isoformat()}


async def opened(deps: Deps, item: TicketIn) -> str:
    """A ticket whose events tell how it was opened, as the worker writes them."""
    await reference.sync(deps)
    (no,) = await factories.add_tickets(deps.db, item)
    async with deps.db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        standing, events = await stand(session, deps.tables, ticket, now=NOW)
        await move_rows.store(session, deps.tables, ticket, events, standing, staff_id=None)
    return str(no)


async def put(deps: Deps, no: str, place: str) -> int:
    """Put the place right. Gives the ticket's version after it."""
    async with deps.db.writes.begin() as session:
        await correcting.correct(session, deps.tables, CLERK, no, {"place": place}, at=NOW)
    async with deps.db.reads() as session:
        return int(await session.scalar(sa.select(Ticket.version).where(Ticket.no == no)) or 0)


async def seen_by(deps: Deps) -> set[str]:
    """The districts whose governments see a case."""
    found = set()
    async with deps.db.reads() as session:
        for code in (CHAOYANG, HAIDIAN, FENGTAI):
            viewer = viewer_of(deps.tables, code, NOW.date())
            page = await ticket_page(session, Ask(viewer, TicketFilter(), DAY))
            found |= {code for _ in page.rows}
    return found


async def rows_are_the_replay(deps: Deps, no: str) -> None:
    async with deps.db.reads() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        standing, _ = await stand(session, deps.tables, ticket, now=NOW)
        units = await move_rows.units_of(session, ticket.id)
    assert standing.version == ticket.version
    assert {row["unit_code"] for row in move_rows.unit_rows(standing)} == {
        code for codes in units.values() for code in codes
    }


async def test_the_district_of_the_place_sees_the_case_and_is_told_until_the_place_is_another(
    deps: Deps,
) -> None:
    no = await opened(deps, CITY)
    assert await seen_by(deps) == set()
    await put(deps, no, QINGHE)
    assert await seen_by(deps) == {HAIDIAN}
    assert await told(deps) == {("placed", HAIDIAN)}
    await rows_are_the_replay(deps, no)
    await put(deps, no, FENGTAI)
    assert await seen_by(deps) == {FENGTAI}
    assert await told(deps) == {("placed", HAIDIAN), ("placed", FENGTAI)}
    await put(deps, no, AS_READ)
    assert await seen_by(deps) == set()
    await rows_are_the_replay(deps, no)
    async with deps.db.reads() as session:
        tags = await session.scalars(sa.select(TicketEvent.tag).where(TicketEvent.tag == Tag.PLACED.value))
        facts = await session.scalar(sa.select(Notice.facts).where(Notice.recipient == HAIDIAN))
    assert len(tags.all()) == 3
    assert facts is not None
    assert facts["place"] == "海淀区清河街道"


async def test_supervision_and_reminders_go_to_the_district_of_the_place(deps: Deps) -> None:
    no = await opened(deps, CITY)
    version = await put(deps, no, QINGHE)
    unit = Person(Actor(Post.UNIT, LEAD, "wang"), "王某")
    version = await do(deps, no, unit, Move.SIGN, version)
    await do(deps, no, HOTLINE, Move.SUPERVISE, version, **UNTIL)
    assert ("supervised", HAIDIAN) in await told(deps)
    for minutes in (130, 260):
        async with deps.db.writes.begin() as session:
            await supervising.sweep(session, deps.tables, now=NOW + timedelta(minutes=minutes))
    found = await told(deps)
    assert ("reminded", HAIDIAN) in found
    assert CHAOYANG not in {recipient for _, recipient in found}


async def test_who_has_a_part_keeps_it_and_another_street_of_the_district_changes_nothing(
    deps: Deps,
) -> None:
    no = await opened(deps, TicketIn(unit=LEAD, assist=(STREET,), copies=(), age=timedelta(0)))
    assert await seen_by(deps) == {CHAOYANG}
    before = await put(deps, no, "110105022")
    assert await told(deps) == set()
    assert await put(deps, no, QINGHE) == before + 1
    assert await seen_by(deps) == {CHAOYANG, HAIDIAN}


@pytest.mark.parametrize(
    "item", [TicketIn(age=timedelta(0)), TicketIn(unit=LEAD, copies=(), assist=(), state=State.CLOSED)]
)
async def test_a_case_of_a_district_or_one_that_has_ended_is_copied_to_nobody(
    deps: Deps, item: TicketIn
) -> None:
    no = await opened(deps, item)
    before = await seen_by(deps)
    version = await put(deps, no, FENGTAI)
    assert await put(deps, no, QINGHE) == version
    assert await seen_by(deps) == before
    assert await told(deps) == set()


async def test_who_is_copied_a_confidential_report_neither_sees_it_nor_is_told(deps: Deps) -> None:
    no = await opened(deps, TicketIn(unit=LEAD, assist=(), copies=(), confidential=True, age=timedelta(0)))
    await put(deps, no, QINGHE)
    assert await seen_by(deps) == set()
    assert await told(deps) == set()


async def test_a_dispatch_to_a_city_bureau_after_the_correction_copies_the_district_of_the_place(
    deps: Deps,
) -> None:
    waiting = TicketIn(state=State.REVIEW, unit=None, assist=(), copies=(), age=timedelta(0))
    no = await opened(deps, waiting)
    version = await put(deps, no, QINGHE)
    assert await seen_by(deps) == set()
    await do(deps, no, HOTLINE, Move.DISPATCH, version, unit=LEAD)
    assert await seen_by(deps) == {HAIDIAN}
    assert ("copied", HAIDIAN) in await told(deps)
    await rows_are_the_replay(deps, no)


async def test_a_dispatch_to_a_city_bureau_of_what_nobody_put_right_copies_nobody(deps: Deps) -> None:
    no = await opened(deps, TicketIn(state=State.REVIEW, unit=None, assist=(), copies=(), age=timedelta(0)))
    await do(deps, no, HOTLINE, Move.DISPATCH, 1, unit=LEAD, assist=[STREET])
    assert await seen_by(deps) == {CHAOYANG}
    assert {template for template, _ in await told(deps)} == {"dispatched"}


async def test_the_centre_of_the_district_of_the_place_acts_and_the_old_one_no_more(deps: Deps) -> None:
    no = await opened(deps, CITY)
    version = await put(deps, no, QINGHE)
    version = await do(deps, no, Person(Actor(Post.UNIT, LEAD, "wang"), "王某"), Move.SIGN, version)
    old, new = (Person(Actor(Post.DISTRICT, code, code), code) for code in (CHAOYANG, HAIDIAN))
    with pytest.raises(Refusal, match="不在您的区"):
        await do(deps, no, old, Move.URGE, version, note="诉求人又来电")
    await do(deps, no, new, Move.URGE, version, note="诉求人又来电")


async def test_a_notice_names_the_district_and_the_street_of_the_place_in_force(deps: Deps) -> None:
    no = await opened(deps, TicketIn(age=timedelta(0)))
    await do(deps, no, UNIT, Move.SIGN, await put(deps, no, QINGHE))
    async with deps.db.reads() as session:
        version = int(await session.scalar(sa.select(Ticket.version)) or 0)
    await do(deps, no, HOTLINE, Move.SUPERVISE, version, **UNTIL)
    async with deps.db.reads() as session:
        facts = (await session.scalars(sa.select(Notice.facts))).all()
    assert {found["place"] for found in facts} == {"海淀区清河街道"}
    # A street leads: the district that has the case is its own.
    assert {recipient for _, recipient in await told(deps)} == {STREET, CHAOYANG}
