"""The watch: a burst becomes one incident with its alert, later calls attach, a person decides and undoes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models import incident_reads
from models.appeals import Appellant, Reading
from models.incidents import Incident, IncidentCall, IncidentEvent, IncidentHour, IncidentWatch
from models.matters import MatterPair
from models.notices import Notice
from models.tickets import Ticket
from models.viewing import all_seeing
from models.vocab_incidents import IncidentAct, IncidentState
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import FixedClock
from triage.errors import BadInput, NotFound
from triage.services import reference
from triage.services.deps import Deps
from triage.services.incidents import acting, watching
from triage.services.incidents.acting import IncidentMoved, IncidentRefused, Wish
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database

STAFF = all_seeing("duty.a")
SMELL = TicketIn(title=None, text="望京一带突然有刺鼻的气味，请马上来查。", kind="AIR-05", age=timedelta())
ENOUGH = 15


@pytest.fixture
def deps(db: Database) -> Deps:
    return Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))


def at(deps: Deps, moment: datetime) -> Deps:
    return replace(deps, clock=FixedClock(moment))


def smells(count: int, *, minutes_ago: float = 0.0) -> list[TicketIn]:
    """So many calls, ten seconds apart, the last so long ago."""
    ages = [timedelta(minutes=minutes_ago, seconds=10 * (count - 1 - n)) for n in range(count)]
    return [replace(SMELL, age=age) for age in ages]


async def begun(deps: Deps) -> None:
    """The watch has begun, before any of the calls."""
    await reference.sync(deps)
    await watching.watch(at(deps, NOW - timedelta(minutes=30)))


async def burst(deps: Deps, count: int = ENOUGH) -> Incident:
    await begun(deps)
    await add_tickets(deps.db, *smells(count))
    await watching.watch(deps)
    return await only(deps.db)


async def test_calls_in_confidence_make_no_burst_and_add_to_none(sqlite_db: Database) -> None:
    deps = Deps(Settings(), FixedClock(NOW), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    secret = [replace(call, confidential=True) for call in smells(2 * ENOUGH, minutes_ago=5)]
    await begun(deps)
    await add_tickets(sqlite_db, *secret)
    await watching.watch(deps)
    assert await every(sqlite_db) == []
    await add_tickets(sqlite_db, *smells(ENOUGH), *secret[:3])
    await watching.watch(deps)
    assert (await only(sqlite_db)).calls == ENOUGH


async def every(db: Database) -> list[Incident]:
    async with db.reads() as session:
        return list(await session.scalars(sa.select(Incident).order_by(Incident.id)))


async def only(db: Database) -> Incident:
    (found,) = await every(db)
    return found


async def events(db: Database) -> list[str]:
    async with db.reads() as session:
        return list(await session.scalars(sa.select(IncidentEvent.act).order_by(IncidentEvent.seq)))


async def notices(db: Database) -> list[tuple[str, str]]:
    async with db.reads() as session:
        rows = await session.execute(sa.select(Notice.template, Notice.recipient).order_by(Notice.id))
        return [(row.template, row.recipient) for row in rows]


async def wished(deps: Deps, wish: Wish) -> Incident:
    async with deps.db.writes.begin() as session:
        return await acting.act(session, deps, STAFF, wish, now=deps.clock.now())


async def do(deps: Deps, act: IncidentAct, **more: str) -> Incident:
    incident = await only(deps.db)
    return await wished(deps, Wish(incident.id, incident.version, act, **more))


async def usual(db: Database) -> int:
    async with db.reads() as session:
        return int(await session.scalar(sa.select(sa.func.sum(IncidentHour.count))) or 0)


async def test_a_burst_is_one_incident_and_the_duty_desk_and_the_district_are_told(deps: Deps) -> None:
    incident = await burst(deps)
    assert (incident.state, incident.calls, incident.kind) == ("proposed", ENOUGH, "AIR-05")
    assert (incident.district_code, incident.street_code) == ("110105", "110105026")
    assert incident.confirm_by == NOW + timedelta(minutes=15)
    assert incident.answer_by == NOW + timedelta(hours=2)
    assert await notices(deps.db) == [("incident_opened", "bj-desk"), ("incident_opened", "110105")]
    async with deps.db.reads() as session:
        (facts, due) = (await session.execute(sa.select(Notice.facts, Notice.not_before).limit(1))).one()
    assert due == NOW
    assert facts["no"] == "SJ20261123-0001"
    assert facts["place"] == "朝阳区望京街道"
    assert (await events(deps.db))[0] == "opened"
    assert await watching.watch(deps) is False
    assert len(await every(deps.db)) == 1


async def test_a_few_calls_are_none_and_one_phone_is_one_caller(deps: Deps) -> None:
    await begun(deps)
    numbers = await add_tickets(deps.db, *smells(ENOUGH + 5))
    async with deps.db.writes.begin() as session:
        for no in numbers:
            appeal = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
            row = {"appeal_id": appeal, "phone": b"sealed", "phone_index": b"one", "created_at": NOW}
            await session.execute(sa.insert(Appellant), row)
    await watching.watch(deps)
    assert await every(deps.db) == []
    assert await usual(deps.db) == 2 * (ENOUGH + 5)


async def test_calls_that_were_registered_late_are_no_alarm(deps: Deps) -> None:
    await begun(deps)
    await add_tickets(deps.db, *smells(ENOUGH, minutes_ago=300))
    await watching.watch(deps)
    assert await every(deps.db) == []


async def test_that_nobody_confirmed_is_told_though_nobody_calls_any_more(deps: Deps) -> None:
    await burst(deps)
    # The timetable was stopped meanwhile; since then no ticket came.
    await watching.watch(at(deps, NOW + timedelta(minutes=20)))
    assert [name for name, _ in await notices(deps.db)] == ["incident_opened"] * 2 + ["incident_late"] * 2


async def test_an_incident_that_nobody_answers_is_warned_of_by_the_rows_of_tickets_once(deps: Deps) -> None:
    incident = await burst(deps)
    whole = incident.answer_by - incident.opened_at
    told = []
    for share in (0.4, 0.6, 0.9, 1.1, 1.2, 2.5, 30):
        for _ in range(2):
            await watching.watch(at(deps, incident.opened_at + share * whole))
        told.append([to for name, to in await notices(deps.db) if name == "incident_unanswered"])
    # Half and four fifths to the desk; at the end, and far beyond it, to the district's government too.
    assert [len(one) for one in told] == [0, 1, 2, 4, 4, 6, 6]
    assert (await events(deps.db)).count("unanswered") == 4


async def test_an_incident_that_is_over_is_not_warned_of(sqlite_db: Database) -> None:
    deps = Deps(Settings(), FixedClock(NOW), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    incident = await burst(deps)
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.update(Incident).values(state="dismissed"))
    await watching.watch(at(deps, incident.opened_at + timedelta(days=2)))
    assert "incident_unanswered" not in [name for name, _ in await notices(sqlite_db)]


async def test_where_so_many_are_usual_it_is_none(deps: Deps) -> None:
    await begun(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(IncidentWatch).values(since=NOW - timedelta(days=20)))
        square = "g4935.2221"
        hours = [
            {"family": "AIR", "area": area, "hour": NOW - timedelta(days=day), "count": 300}
            for day in range(1, 20)
            for area in (square, "110105")
        ]
        await session.execute(sa.insert(IncidentHour), hours)
    await add_tickets(deps.db, *smells(ENOUGH))
    await watching.watch(deps)
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(IncidentCall.square).limit(1)) == square
    assert await every(deps.db) == []


async def test_later_calls_attach_and_growth_is_told(deps: Deps) -> None:
    await burst(deps)
    elsewhere = replace(SMELL, district="110108", street="110108010", kind="NOI-01")
    await add_tickets(deps.db, *smells(ENOUGH), elsewhere)
    later = at(deps, NOW + timedelta(seconds=20))
    await watching.watch(later)
    incident = await only(deps.db)
    assert incident.calls == 2 * ENOUGH
    assert await events(deps.db) == ["opened", "attached", "grew"]
    assert [name for name, _ in await notices(deps.db)] == ["incident_opened"] * 2 + ["incident_grew"] * 2
    # What belongs to an incident is not usual.
    assert await usual(deps.db) == 2


async def test_what_is_read_into_another_family_makes_no_second_incident(deps: Deps) -> None:
    await burst(deps)
    await add_tickets(deps.db, *[replace(one, kind="OTH-03") for one in smells(ENOUGH)])
    await watching.watch(at(deps, NOW + timedelta(seconds=20)))
    incident = await only(deps.db)
    assert (incident.calls, incident.kind) == (2 * ENOUGH, "AIR-05")


async def tied(deps: Deps, call: TicketIn, *, precision: str) -> None:
    """One more call that the search for the same matter holds to be one with the first of the burst."""
    await burst(deps)
    await add_tickets(deps.db, call)
    async with deps.db.writes.begin() as session:
        last = ENOUGH + 1
        await session.execute(
            sa.update(Reading).where(Reading.id == last).values(place_precision=precision, lon=None, lat=None)
        )
        pair = {
            "ticket_id": last, "head_id": 1, "p": 0.9, "same_caller": False, "why": [], "state": "proposed",
            "at": NOW, "model_version": "test",
        }  # fmt: skip
        await session.execute(sa.insert(MatterPair), pair)
    await watching.watch(deps)


async def test_a_call_without_a_place_attaches_by_its_matter(deps: Deps) -> None:
    await tied(deps, replace(SMELL, district=None, street=None), precision="none")
    assert (await only(deps.db)).calls == ENOUGH + 1
    async with deps.db.reads() as session:
        how = await session.scalar(sa.select(IncidentCall.by).where(IncidentCall.ticket_id == ENOUGH + 1))
    assert how == "matter"


@pytest.mark.parametrize(
    ("call", "precision"),
    [
        (replace(SMELL, district=None, street=None, age=timedelta(days=10)), "none"),
        (replace(SMELL, district="110108", street=None), "district"),
    ],
    ids=["imported late", "elsewhere"],
)
async def test_what_was_said_long_ago_or_elsewhere_does_not_attach_by_its_matter(
    deps: Deps, call: TicketIn, precision: str
) -> None:
    await tied(deps, call, precision=precision)
    assert (await only(deps.db)).calls == ENOUGH


async def test_that_nobody_looked_in_time_is_told_once(deps: Deps) -> None:
    await burst(deps)
    for minutes in (16, 17):
        await watching.watch(at(deps, NOW + timedelta(minutes=minutes)))
    assert (await events(deps.db)).count("late") == 1
    assert [name for name, _ in await notices(deps.db)].count("incident_late") == 2


async def test_a_person_confirms_scales_closes_and_takes_it_back(deps: Deps) -> None:
    await burst(deps)
    await do(deps, IncidentAct.CONFIRM)
    await do(deps, IncidentAct.SCALE, reason="影响三个街道，请市局支援 13800001234")
    scaled = await only(deps.db)
    assert (scaled.state, scaled.decided_by) == ("scaled", "duty.a")
    assert "13800001234" not in (scaled.reason or "")
    with pytest.raises(BadInput):
        await do(deps, IncidentAct.CLOSE)
    await do(deps, IncidentAct.CLOSE, reason="泄漏已堵住，空气正常")
    assert (await only(deps.db)).state == IncidentState.CLOSED
    await do(deps, IncidentAct.UNDO)
    back = await only(deps.db)
    assert (back.state, back.reason, back.decided_at) == (scaled.state, scaled.reason, scaled.decided_at)
    with pytest.raises(IncidentRefused):
        await do(deps, IncidentAct.UNDO)
    told = [name for name, _ in await notices(deps.db)]
    # Whoever heard that it ended hears that it did not.
    assert told[2:] == ["incident_scaled"] * 2 + ["incident_ended"] * 2 + ["incident_reopened"] * 2


async def test_what_was_none_is_usual_from_then_on(deps: Deps) -> None:
    await burst(deps)
    assert await usual(deps.db) == 0
    await do(deps, IncidentAct.DISMISS, reason="同一家餐厅开业，已联系")
    assert await usual(deps.db) == 2 * ENOUGH
    await do(deps, IncidentAct.UNDO)
    assert await usual(deps.db) == 0
    assert (await only(deps.db)).state == "proposed"


async def test_tickets_are_taken_out_and_added_and_back(deps: Deps) -> None:
    await burst(deps)
    async with deps.db.reads() as session:
        first = str(await session.scalar(sa.select(Ticket.no).where(Ticket.id == 1)))
    await do(deps, IncidentAct.REMOVE, ticket=first, reason="说的是另一件事")
    assert (await only(deps.db)).calls == ENOUGH - 1
    await watching.watch(deps)
    assert (await only(deps.db)).calls == ENOUGH - 1
    await do(deps, IncidentAct.UNDO)
    assert (await only(deps.db)).calls == ENOUGH
    with pytest.raises(IncidentRefused):
        await do(deps, IncidentAct.ADD, ticket=first)
    (other,) = await add_tickets(deps.db, replace(SMELL, kind="NOI-01"))
    await watching.watch(deps)
    await do(deps, IncidentAct.ADD, ticket=other)
    assert (await only(deps.db)).calls == ENOUGH + 1
    await do(deps, IncidentAct.UNDO)
    assert (await only(deps.db)).calls == ENOUGH
    async with deps.db.reads() as session:
        # As free as it was before it was added.
        assert set(await session.scalars(sa.select(IncidentCall.kept_out))) == {False}
    with pytest.raises(NotFound):
        await do(deps, IncidentAct.ADD, ticket="20261123-99999999")


async def test_taken_back_an_added_ticket_is_as_free_or_as_kept_out_as_it_was(sqlite_db: Database) -> None:
    deps = Deps(Settings(), FixedClock(NOW), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    await burst(deps)
    (other,) = await add_tickets(deps.db, replace(SMELL, kind="NOI-01"))
    await watching.watch(deps)

    async def out() -> list[bool]:
        async with deps.db.reads() as session:
            free = IncidentCall.incident_id.is_(None)
            return list(await session.scalars(sa.select(IncidentCall.kept_out).where(free)))

    assert await out() == [False]
    await do(deps, IncidentAct.ADD, ticket=other)
    await do(deps, IncidentAct.UNDO)
    assert await out() == [False]
    await do(deps, IncidentAct.ADD, ticket=other)
    await do(deps, IncidentAct.REMOVE, ticket=other, reason="说的是另一件事")
    await do(deps, IncidentAct.ADD, ticket=other)
    await do(deps, IncidentAct.UNDO)
    assert await out() == [True]


async def test_who_comes_second_is_told(deps: Deps) -> None:
    seen = await burst(deps)
    await do(deps, IncidentAct.CONFIRM)
    with pytest.raises(IncidentMoved):
        await wished(deps, Wish(seen.id, seen.version, IncidentAct.DISMISS, reason="误报"))
    assert (await only(deps.db)).state == "confirmed"


async def test_two_watches_see_one_burst_once(deps: Deps) -> None:
    await begun(deps)
    await add_tickets(deps.db, *smells(ENOUGH))
    await asyncio.gather(*(watching.watch(deps) for _ in range(3)))
    await watching.watch(deps)
    assert (await only(deps.db)).calls == ENOUGH


async def test_a_ticket_stored_late_under_a_lower_number_is_seen(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun(deps)
    await add_tickets(deps.db, *smells(3))
    await watching.watch(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.delete(IncidentCall).where(IncidentCall.ticket_id == 2))
    await watching.watch(deps)
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(IncidentCall)) == 3
    # Beyond the overlap nothing is gone through: the cost of a look does not grow with what there is.
    monkeypatch.setattr(incident_reads, "OVERLAP", 1)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.delete(IncidentCall).where(IncidentCall.ticket_id == 2))
    await watching.watch(deps)
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(IncidentCall)) == 2
