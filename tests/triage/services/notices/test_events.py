"""What happens to tickets is told by the services themselves: reminders, calls, supervision, rulings."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from models.filters import all_seeing
from models.notices import Notice
from models.tickets import TicketEvent
from models.vocab import Move, Post, Tag
from tests import factories
from tests.factories import NOW, TicketIn
from triage.rules.fields import Refusal
from triage.rules.moves import Actor
from triage.services import correcting, moving, supervising
from triage.services.moving import Person, Wish

if TYPE_CHECKING:
    from triage.services.deps import Deps

STREET, ECOLOGY, DISTRICT = "110105026", "110105-ecology", "110105"
OTHER = "110108010"
UNIT = Person(Actor(Post.UNIT, STREET, "wang"), "王某")
HOTLINE = Person(Actor(Post.HOTLINE, None, "li"), "李某")


async def told(deps: Deps) -> set[tuple[str, str]]:
    async with deps.db.reads() as session:
        rows = await session.execute(sa.select(Notice.template, Notice.recipient))
        return {(row.template, row.recipient) for row in rows}


async def do(deps: Deps, no: str, person: Person, move: Move, version: int, **values: Any) -> int:  # noqa: ANN401
    async with deps.db.writes.begin() as session:
        wish = Wish(no, move, values, version, f"{move.value}-{version}")
        made = await moving.make(session, deps.tables, all_seeing("test"), person, wish, now=deps.clock.now())
        return made.version


async def test_a_whistle_and_a_supervision(deps: Deps) -> None:
    (no,) = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0)))
    version = await do(deps, no, UNIT, Move.SIGN, 1)
    assert await told(deps) == set()
    until = (NOW + timedelta(days=2)).isoformat()
    version = await do(
        deps,
        no,
        UNIT,
        Move.WHISTLE,
        version,
        assist=[ECOLOGY],
        reason="需要到场监测噪声",
        until=until,
    )
    assert await told(deps) == {("called", ECOLOGY)}
    await do(deps, no, HOTLINE, Move.SUPERVISE, version, reason="多次反映没有解决", until=until)
    assert await told(deps) == {("called", ECOLOGY), ("supervised", STREET), ("supervised", DISTRICT)}
    async with deps.db.reads() as session:
        (facts,) = await session.scalars(sa.select(Notice.facts).where(Notice.template == "called"))
    assert facts == {
        "no": no, "kind": facts["kind"], "place": "朝阳区望京街道", "urgency": "U3 一般",
        "due": "2026-11-25 16:00", "told": "吹哨",
    }  # fmt: skip


async def test_an_objection_is_answered_to_who_raised_it(deps: Deps) -> None:
    (no,) = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0)))
    version = await do(
        deps, no, UNIT, Move.OBJECT, 1, reason="不属于本街道职责", clause="条例第12条", proposed_unit=ECOLOGY
    )
    await do(deps, no, HOTLINE, Move.OBJECT_REJECT, version, reason="属地街道应当牵头")
    assert await told(deps) == {("objection_ruled", STREET)}


async def test_a_refused_move_tells_nobody(deps: Deps) -> None:
    (no,) = await factories.add_tickets(deps.db, TicketIn(age=timedelta(0)))
    with pytest.raises(Refusal):
        await do(deps, no, HOTLINE, Move.ONSITE, 1)
    assert await told(deps) == set()


async def test_reminders_tell_those_that_the_clocks_table_names(deps: Deps) -> None:
    await factories.add_tickets(deps.db, TicketIn(urgency="U1", age=timedelta(0)))
    seen = []
    for minutes in (8, 16, 130, 260):
        async with deps.db.writes.begin() as session:
            await supervising.sweep(session, deps.tables, now=NOW + timedelta(minutes=minutes))
        seen.append({recipient for template, recipient in await told(deps) if template == "reminded"})
    assert seen[0] == {STREET}
    assert seen[-1] > {STREET, DISTRICT}


async def test_a_district_hears_nothing_of_a_case_that_another_leads(deps: Deps) -> None:
    (no,) = await factories.add_tickets(
        deps.db, TicketIn(urgency="U1", unit=OTHER, assist=(), copies=(), age=timedelta(0))
    )
    until = (NOW + timedelta(days=2)).isoformat()
    other = Person(Actor(Post.UNIT, OTHER, "wang"), "王某")
    version = await do(deps, no, other, Move.SIGN, 1)
    await do(deps, no, HOTLINE, Move.SUPERVISE, version, reason="多次反映没有解决", until=until)
    for minutes in (8, 130, 260):
        async with deps.db.writes.begin() as session:
            await supervising.sweep(session, deps.tables, now=NOW + timedelta(minutes=minutes))
    found = await told(deps)
    assert {("supervised", OTHER), ("reminded", OTHER)} <= found
    assert DISTRICT not in {recipient for _, recipient in found}
    async with deps.db.reads() as session:
        rows = await session.scalars(sa.select(TicketEvent.data).where(TicketEvent.tag == Tag.REMINDED.value))
        assert DISTRICT not in {code for data in rows for code in data["units"].values()}


async def test_the_district_that_has_the_case_hears_of_it_wherever_its_place_is_put(deps: Deps) -> None:
    (no,) = await factories.add_tickets(deps.db, TicketIn(urgency="U1", age=timedelta(0)))
    async with deps.db.writes.begin() as session:
        said = {"place": "110108017"}
        await correcting.correct(session, deps.tables, all_seeing("test"), no, said, at=NOW)
    version = await do(deps, no, UNIT, Move.SIGN, 1)
    until = (NOW + timedelta(days=2)).isoformat()
    await do(deps, no, HOTLINE, Move.SUPERVISE, version, reason="多次反映没有解决", until=until)
    for minutes in (8, 130, 260):
        async with deps.db.writes.begin() as session:
            await supervising.sweep(session, deps.tables, now=NOW + timedelta(minutes=minutes))
    assert {("supervised", DISTRICT), ("reminded", DISTRICT)} <= await told(deps)


async def test_of_a_confidential_report_only_those_hear_who_work_on_it(deps: Deps) -> None:
    (no,) = await factories.add_tickets(
        deps.db, TicketIn(urgency="U1", age=timedelta(0), confidential=True, copies=(DISTRICT,))
    )
    until = (NOW + timedelta(days=2)).isoformat()
    version = await do(deps, no, UNIT, Move.SIGN, 1)
    await do(deps, no, HOTLINE, Move.SUPERVISE, version, reason="多次反映没有解决", until=until)
    for minutes in (8, 130, 260):
        async with deps.db.writes.begin() as session:
            await supervising.sweep(session, deps.tables, now=NOW + timedelta(minutes=minutes))
    found = await told(deps)
    assert {("supervised", STREET), ("reminded", STREET)} <= found
    assert DISTRICT not in {recipient for _, recipient in found}
