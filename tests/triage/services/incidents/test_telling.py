"""Who is alerted to an incident: every district that it is a matter of, from then on to its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.appeals import Reading
from models.incidents import IncidentTold
from models.notices import Notice
from models.tickets import Ticket
from models.viewing import Scope
from models.vocab_incidents import LIVE_STATES, IncidentAct
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.services.incidents.test_watching import (
    ENOUGH,
    STAFF,
    at,
    begun,
    every,
    notices,
    smells,
    wished,
)
from triage.clock import FixedClock
from triage.errors import NotFound
from triage.services.deps import Deps
from triage.services.incidents import acting, showing, watching
from triage.services.incidents.acting import IncidentMoved, IncidentRefused, Wish
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database
    from models.incidents import Incident

HAIDIAN = replace(STAFF, login="haidian.a", scope=Scope(units=frozenset({"110108", "110108010"})))


@pytest.fixture
def deps(db: Database) -> Deps:
    return Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))


def haidian(count: int, *, minutes_ago: float = 0.0) -> list[TicketIn]:
    """Calls of the same smell from over the border, handled by that district alone."""
    street = "110108010"
    return [
        replace(call, district="110108", street=street, unit=street, assist=(), copies=())
        for call in smells(count, minutes_ago=minutes_ago)
    ]


async def told(db: Database, unit: str) -> list[str]:
    return [template for template, recipient in await notices(db) if recipient == unit]


async def words(db: Database, unit: str) -> list[str]:
    async with db.reads() as session:
        rows = await session.scalars(
            sa.select(Notice.facts).where(Notice.recipient == unit).order_by(Notice.id)
        )
        return [row["told"] for row in rows]


async def do(deps: Deps, act: IncidentAct, number: int = 0, **more: str) -> Incident:
    incident = (await every(deps.db))[number]
    return await wished(deps, Wish(incident.id, incident.version, act, "同一处泄漏", **more))


async def by_haidian(deps: Deps, act: IncidentAct) -> Incident:
    incident = (await every(deps.db))[0]
    async with deps.db.writes.begin() as session:
        wish = Wish(incident.id, incident.version, act, "需要增援")
        return await acting.act(session, deps, HAIDIAN, wish, now=deps.clock.now())


async def test_a_burst_on_a_border_is_told_to_both_districts(deps: Deps) -> None:
    await begun(deps)
    await add_tickets(deps.db, *smells(ENOUGH), *haidian(3))
    await watching.watch(deps)
    assert await told(deps.db, "110105") == ["incident_opened"]
    assert await told(deps.db, "110108") == ["incident_opened"]
    assert await told(deps.db, "bj-desk") == ["incident_opened"]


async def test_two_calls_that_may_be_misread_alert_no_district(deps: Deps) -> None:
    await begun(deps)
    await add_tickets(deps.db, *smells(ENOUGH), *haidian(2))
    await watching.watch(deps)
    assert await told(deps.db, "110108") == []


async def test_a_table_that_says_nothing_of_it_alerts_the_district_of_most_alone(deps: Deps) -> None:
    conducts = tuple(replace(row, district_calls=None) for row in deps.tables.incidents.conducts)
    incidents = replace(deps.tables.incidents, conducts=conducts)
    before = replace(deps, tables=replace(deps.tables, incidents=incidents))
    await begun(before)
    await add_tickets(deps.db, *smells(ENOUGH), *haidian(5))
    await watching.watch(before)
    assert await told(deps.db, "110108") == []
    assert await told(deps.db, "110105") == ["incident_opened"]


async def test_a_district_that_it_reaches_later_hears_of_it_once_and_of_its_end(deps: Deps) -> None:
    await begun(deps)
    await add_tickets(deps.db, *smells(ENOUGH))
    await watching.watch(deps)
    await add_tickets(deps.db, *haidian(3))
    await watching.watch(at(deps, NOW + timedelta(minutes=1)))
    assert await told(deps.db, "110108") == ["incident_grew"]
    assert await words(deps.db, "110108") == [f"已有 {ENOUGH + 3} 件，其中本区 3 件"]
    # The other one has heard of it.
    assert await told(deps.db, "110105") == ["incident_opened"]
    await add_tickets(deps.db, *haidian(1))
    await watching.watch(at(deps, NOW + timedelta(minutes=2)))
    assert await told(deps.db, "110108") == ["incident_grew"]
    await do(deps, IncidentAct.CONFIRM)
    await do(deps, IncidentAct.CLOSE)
    assert await told(deps.db, "110108") == ["incident_grew", "incident_ended"]
    assert await told(deps.db, "110105") == ["incident_opened", "incident_ended"]
    async with deps.db.reads() as session:
        assert len(list(await session.scalars(sa.select(IncidentTold.unit_code)))) == 3


async def test_whose_calls_are_taken_out_again_hears_how_it_ends(deps: Deps) -> None:
    await begun(deps)
    await add_tickets(deps.db, *smells(ENOUGH), *haidian(3))
    await watching.watch(deps)
    async with deps.db.reads() as session:
        theirs = list(await session.scalars(sa.select(Ticket.no).where(Ticket.district_code == "110108")))
    for no in theirs:
        await do(deps, IncidentAct.REMOVE, ticket=no)
    await do(deps, IncidentAct.DISMISS)
    assert await told(deps.db, "110108") == ["incident_opened", "incident_ended"]


async def test_the_calls_of_another_one_tell_its_district_and_that_it_doubled(sqlite_db: Database) -> None:
    deps = Deps(Settings(), FixedClock(NOW), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    await begun(deps)
    await add_tickets(sqlite_db, *smells(ENOUGH))
    await watching.watch(deps)
    later = at(deps, NOW + timedelta(minutes=5))
    await add_tickets(sqlite_db, *haidian(ENOUGH, minutes_ago=-5))
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.update(Reading).where(Reading.id > ENOUGH).values(lon=116.385, lat=39.99))
    await watching.watch(later)
    first, second = await every(sqlite_db)
    await do(later, IncidentAct.TAKE, ticket=str(second.id))
    assert await told(sqlite_db, "110108") == ["incident_opened", "incident_ended", "incident_grew"]
    assert await told(sqlite_db, "110105") == ["incident_opened", "incident_grew"]
    assert (await every(sqlite_db))[0].told_calls == 2 * ENOUGH
    await do(later, IncidentAct.UNDO)
    # So its next doubling is told again.
    assert (await every(sqlite_db))[0].told_calls == ENOUGH
    await do(later, IncidentAct.CONFIRM)
    await do(later, IncidentAct.CLOSE)
    assert (await told(sqlite_db, "110108"))[-1] == "incident_ended"
    assert first.id == 1


async def test_what_was_taken_into_another_is_nobodys_to_act_on_and_its_district_follows_the_other(
    sqlite_db: Database,
) -> None:
    """It has no call that one might not see: the told district took back the city's act and revived it."""
    deps = Deps(Settings(), FixedClock(NOW), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    conducts = tuple(replace(row, district_calls=None) for row in deps.tables.incidents.conducts)
    incidents = replace(deps.tables.incidents, conducts=conducts)
    deps = replace(deps, tables=replace(deps.tables, incidents=incidents))
    await begun(deps)
    await add_tickets(sqlite_db, *smells(ENOUGH))
    await watching.watch(deps)
    later = at(deps, NOW + timedelta(minutes=5))
    await add_tickets(sqlite_db, *[replace(call, unit=None) for call in haidian(ENOUGH, minutes_ago=-5)])
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.update(Reading).where(Reading.id > ENOUGH).values(lon=116.385, lat=39.99))
    await watching.watch(later)
    await do(later, IncidentAct.CONFIRM, 1)
    await do(later, IncidentAct.TAKE, ticket="2")
    given = (await every(sqlite_db))[1]
    wish = Wish(given.id, given.version, IncidentAct.UNDO)
    async with sqlite_db.writes.begin() as session:
        with pytest.raises(IncidentMoved, match=r"SJ20261123-0002 已并入 SJ20261123-0001"):
            await acting.act(session, later, HAIDIAN, wish, now=later.clock.now())
    async with sqlite_db.reads() as session:
        # Nothing of the other is theirs to see by its calls: it was told of it.
        assert [one.id for one in await showing.listed(session, HAIDIAN, LIVE_STATES)] == [1]
    # 确认 of the one was of both.
    await do(later, IncidentAct.CLOSE)
    assert (await told(sqlite_db, "110108"))[-2:] == ["incident_grew", "incident_ended"]


async def test_whom_it_was_told_finds_it_though_its_calls_lie_elsewhere(deps: Deps) -> None:
    """All of them wait in 审核: no unit has a part in them yet."""
    await begun(deps)
    waiting = [replace(call, unit=None) for call in haidian(ENOUGH)]
    await add_tickets(deps.db, *waiting)
    await watching.watch(deps)
    async with deps.db.reads() as session:
        (listed,) = await showing.listed(session, HAIDIAN, LIVE_STATES)
        whole = await showing.whole(session, HAIDIAN, listed.id)
        street = replace(HAIDIAN, scope=Scope(units=frozenset({"110108010"})))
        assert await showing.listed(session, street, LIVE_STATES) == []
    assert (whole.incident.calls, whole.calls, whole.facts, whole.all_seen) == (ENOUGH, (), (), False)
    assert whole.open_cases == 0
    assert (await by_haidian(deps, IncidentAct.CONFIRM)).state == "confirmed"


async def test_who_sees_a_part_takes_back_what_is_their_own_alone(deps: Deps) -> None:
    await begun(deps)
    await add_tickets(deps.db, *smells(ENOUGH), *haidian(3))
    await watching.watch(deps)
    await by_haidian(deps, IncidentAct.CONFIRM)
    assert (await by_haidian(deps, IncidentAct.UNDO)).state == "proposed"
    await do(deps, IncidentAct.CONFIRM)
    with pytest.raises(IncidentRefused, match="请由市热线撤销"):
        await by_haidian(deps, IncidentAct.UNDO)
    with pytest.raises(IncidentRefused, match="请由市热线结束"):
        await by_haidian(deps, IncidentAct.CLOSE)


async def test_a_ticket_that_was_added_elsewhere_meanwhile_is_not_quietly_left_there(
    sqlite_db: Database,
) -> None:
    deps = Deps(Settings(), FixedClock(NOW), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    await begun(deps)
    await add_tickets(sqlite_db, *smells(ENOUGH))
    await watching.watch(deps)
    await add_tickets(sqlite_db, *haidian(ENOUGH, minutes_ago=-5))
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.update(Reading).where(Reading.id > ENOUGH).values(lon=116.385, lat=39.99))
    await watching.watch(at(deps, NOW + timedelta(minutes=5)))
    async with sqlite_db.reads() as session:
        no = str(await session.scalar(sa.select(Ticket.no).where(Ticket.id == 1)))
    await do(deps, IncidentAct.REMOVE, ticket=no)
    await do(deps, IncidentAct.ADD, 1, ticket=no)
    with pytest.raises(IncidentRefused, match="已归入事件 SJ20261123-0002"):
        await do(deps, IncidentAct.UNDO)
    await do(deps, IncidentAct.UNDO, 1)
    assert (await do(deps, IncidentAct.UNDO)).calls == ENOUGH


async def test_who_was_not_told_and_sees_none_of_its_calls_finds_nothing(deps: Deps) -> None:
    await begun(deps)
    apart = [replace(call, assist=(), copies=()) for call in smells(ENOUGH)]
    await add_tickets(deps.db, *apart)
    await watching.watch(deps)
    async with deps.db.reads() as session:
        assert await showing.listed(session, HAIDIAN, LIVE_STATES) == []
        with pytest.raises(NotFound):
            await showing.whole(session, HAIDIAN, 1)
