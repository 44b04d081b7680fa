"""并入: two incidents of one event become one, by a person; 撤销 makes them two again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.appeals import Reading
from models.incidents import Incident, IncidentCall, IncidentEvent
from models.viewing import Scope
from models.vocab_incidents import IncidentAct, IncidentState
from tests.factories import NOW, add_tickets
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
from triage.errors import BadInput, NoRule, NotFound
from triage.rules.calendar import beijing
from triage.services.deps import Deps
from triage.services.incidents import acting, merging, showing, watching
from triage.services.incidents.acting import IncidentMoved, IncidentRefused, Wish
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database
    from models.viewing import Viewer

ELSEWHERE = "110108010"


@pytest.fixture
async def deps(sqlite_db: Database) -> Deps:
    """Two bursts of one smell, in two districts, five minutes apart."""
    made = Deps(Settings(), FixedClock(NOW), triage.tables.load(), sqlite_db, Vault({1: bytes(32)}))
    await begun(made)
    await add_tickets(sqlite_db, *smells(ENOUGH))
    await watching.watch(made)
    later = at(made, NOW + timedelta(minutes=5))
    other = [
        replace(call, district="110108", street=ELSEWHERE, unit=ELSEWHERE)
        for call in smells(ENOUGH, minutes_ago=-5)
    ]
    await add_tickets(sqlite_db, *other)
    async with sqlite_db.writes.begin() as session:
        far = sa.update(Reading).where(Reading.id > ENOUGH).values(lon=116.385, lat=39.99)
        await session.execute(far)
    await watching.watch(later)
    return later


async def inside(db: Database) -> dict[int, int]:
    """How many calls each incident has."""
    async with db.reads() as session:
        rows = await session.execute(
            sa.select(IncidentCall.incident_id, sa.func.count().label("calls")).group_by(
                IncidentCall.incident_id
            )
        )
        return {row.incident_id: row.calls for row in rows}


async def take(deps: Deps, into: Incident, number: str) -> Incident:
    return await wished(deps, Wish(into.id, into.version, IncidentAct.TAKE, "同一处泄漏", number))


async def test_who_sees_some_of_its_calls_does_not_decide_of_the_whole(deps: Deps) -> None:
    """A district that has one of forty calls could end the other's incident."""
    first, second = await every(deps.db)
    some = replace(STAFF, scope=Scope(units=frozenset({ELSEWHERE})))
    await take(deps, first, str(second.id))
    (whole, _) = await every(deps.db)
    assert whole.calls == 2 * ENOUGH

    async def act(viewer: Viewer, act: IncidentAct, **more: str) -> Incident:
        one, _ = await every(deps.db)
        async with deps.db.writes.begin() as session:
            wish = Wish(one.id, one.version, act, "同一处泄漏", **more)
            return await acting.act(session, deps, viewer, wish, now=deps.clock.now())

    for refused in (IncidentAct.CLOSE, IncidentAct.DISMISS, IncidentAct.UNDO):
        with pytest.raises(IncidentRefused, match=f"请由市热线{refused.label}"):
            await act(some, refused)
    assert (await act(some, IncidentAct.CONFIRM)).state == IncidentState.CONFIRMED
    assert (await act(STAFF, IncidentAct.CLOSE)).state == IncidentState.CLOSED
    async with deps.db.reads() as session:
        theirs, ours = [await showing.whole(session, viewer, first.id) for viewer in (some, STAFF)]
    assert (len(theirs.calls), theirs.all_seen) == (ENOUGH, False)
    assert (len(ours.calls), ours.all_seen) == (2 * ENOUGH, True)


async def test_a_table_of_before_has_no_words_for_it_and_it_is_told_all_the_same(deps: Deps) -> None:
    first, second = await every(deps.db)
    await take(deps, first, str(second.id))
    day = beijing(NOW).date()
    words = {row.name: row for row in deps.tables.notices.templates if row.name != "incident_reopened"}
    notices_of_before = replace(deps.tables.notices, templates=tuple(words.values()))
    old = replace(deps, tables=replace(deps.tables, notices=notices_of_before))
    with pytest.raises(NoRule):
        old.tables.notices.template("incident_reopened", day)
    one, _ = await every(deps.db)
    await wished(old, Wish(one.id, one.version, IncidentAct.UNDO))
    assert [told for told in await notices(deps.db) if told[1] == "110108"][-1] == (
        "incident_ended",
        "110108",
    )


async def test_who_sees_all_of_one_ends_it_and_none_of_another_finds_none(deps: Deps) -> None:
    first, second = await every(deps.db)
    some = replace(STAFF, scope=Scope(units=frozenset({ELSEWHERE})))
    async with deps.db.writes.begin() as session:
        wish = Wish(second.id, second.version, IncidentAct.DISMISS, "同一家餐厅开业")
        # All of the second one are theirs.
        assert (await acting.act(session, deps, some, wish, now=deps.clock.now())).state == "dismissed"
    wish = Wish(first.id, first.version, IncidentAct.CLOSE, "泄漏已堵住")
    async with deps.db.writes.begin() as session:
        with pytest.raises(NotFound):
            await acting.act(session, deps, some, wish, now=NOW)


async def test_the_later_one_gives_all_its_calls_and_gets_them_back(deps: Deps) -> None:
    first, second = await every(deps.db)
    await take(deps, first, f"SJ20261123-{second.id:04d}")
    one, other = await every(deps.db)
    assert await inside(deps.db) == {first.id: 2 * ENOUGH}
    assert (one.calls, other.calls, other.state) == (2 * ENOUGH, 0, IncidentState.CLOSED.value)
    assert (one.confirm_by, one.answer_by) == (first.confirm_by, first.answer_by)
    assert ("incident_ended", "110108") in await notices(deps.db)
    async with deps.db.reads() as session:
        assert await merging.taken_by(session, second.id) == first.id
    await wished(deps, Wish(one.id, one.version, IncidentAct.UNDO))
    one, other = await every(deps.db)
    assert await inside(deps.db) == {first.id: ENOUGH, second.id: ENOUGH}
    assert (one.calls, other.calls, other.state) == (ENOUGH, ENOUGH, second.state)
    assert ("incident_reopened", "110108") in await notices(deps.db)
    assert (other.reason, other.decided_by, other.district_code) == (None, None, "110108")
    async with deps.db.reads() as session:
        assert await merging.taken_by(session, second.id) is None


async def test_what_came_meanwhile_stays_where_it_came_to(deps: Deps) -> None:
    first, second = await every(deps.db)
    await take(deps, first, str(second.id))
    await add_tickets(deps.db, *smells(3, minutes_ago=-6))
    await watching.watch(at(deps, NOW + timedelta(minutes=6)))
    one = (await every(deps.db))[0]
    assert one.calls == 2 * ENOUGH + 3
    await wished(deps, Wish(one.id, one.version, IncidentAct.UNDO))
    assert await inside(deps.db) == {first.id: ENOUGH + 3, second.id: ENOUGH}


async def test_only_a_later_one_that_still_goes_on_is_taken(deps: Deps) -> None:
    first, second = await every(deps.db)
    with pytest.raises(IncidentRefused, match="发现得更早"):
        await take(deps, second, str(first.id))
    with pytest.raises(IncidentRefused, match="同一个事件"):
        await take(deps, first, str(first.id))
    with pytest.raises(BadInput, match="事件编号"):
        await take(deps, first, "20261123-00000001")
    await wished(deps, Wish(second.id, second.version, IncidentAct.DISMISS, "餐厅开业"))
    with pytest.raises(IncidentRefused, match="已排除"):
        await take(deps, first, str(second.id))
    assert await inside(deps.db) == {first.id: ENOUGH, second.id: ENOUGH}


async def test_what_was_decided_of_the_one_is_decided_of_both_until_it_is_taken_back(deps: Deps) -> None:
    """The head of one that was 升级 was told of as 仍未确认."""
    first, second = await every(deps.db)
    await wished(deps, Wish(second.id, second.version, IncidentAct.SCALE, "影响三个街道"))
    await take(deps, first, str(second.id))
    one, _ = await every(deps.db)
    assert (one.state, one.reason, one.decided_by) == ("scaled", "影响三个街道", "duty.a")
    # The district of the first hears of it; of so many it was told by that.
    told = await notices(deps.db)
    assert ("incident_scaled", "110105") in told
    assert one.told_calls == one.calls
    await watching.watch(at(deps, NOW + timedelta(minutes=21)))
    assert (await notices(deps.db)) == told
    await wished(deps, Wish(one.id, one.version, IncidentAct.UNDO))
    one, other = await every(deps.db)
    assert (one.state, one.reason, one.decided_by, one.decided_at) == ("proposed", None, None, None)
    assert (other.state, other.reason) == ("scaled", "影响三个街道")
    told = (await notices(deps.db))[len(told) :]
    # Of the other that it has its calls again, of the head that it is 升级 no more.
    assert told.count(("incident_reopened", "110108")) == 2
    assert told.count(("incident_reopened", "110105")) == 1
    await watching.watch(at(deps, NOW + timedelta(minutes=22)))
    assert ("incident_late", "110105") in await notices(deps.db)


async def test_what_went_further_stays_where_it_is(deps: Deps) -> None:
    first, second = await every(deps.db)
    await wished(deps, Wish(first.id, first.version, IncidentAct.SCALE, "影响三个街道"))
    await wished(deps, Wish(second.id, second.version, IncidentAct.CONFIRM))
    one, _ = await every(deps.db)
    await take(deps, one, str(second.id))
    one, _ = await every(deps.db)
    assert (one.state, one.reason) == ("scaled", "影响三个街道")
    assert [name for name, _ in await notices(deps.db)].count("incident_scaled") == 2


async def test_a_merge_of_before_is_taken_back_as_then(deps: Deps) -> None:
    first, second = await every(deps.db)
    await take(deps, first, str(second.id))
    async with deps.db.writes.begin() as session:
        event = (
            await session.scalars(sa.select(IncidentEvent).where(IncidentEvent.act == IncidentAct.TAKE))
        ).one()
        event.data = {name: value for name, value in event.data.items() if name != "head"}
    one, _ = await every(deps.db)
    await wished(deps, Wish(one.id, one.version, IncidentAct.UNDO))
    assert [found.state for found in await every(deps.db)] == ["proposed", "proposed"]


async def test_who_acts_on_what_was_taken_is_told_where_it_is(deps: Deps) -> None:
    first, second = await every(deps.db)
    await take(deps, first, str(second.id))
    with pytest.raises(IncidentMoved, match="SJ20261123-0002 已并入 SJ20261123-0001"):
        await wished(deps, Wish(second.id, second.version, IncidentAct.CLOSE, "已处置"))
    nobody = replace(STAFF, scope=Scope(units=frozenset({"110101"})))
    wish = Wish(second.id, second.version, IncidentAct.CONFIRM)
    async with deps.db.writes.begin() as session:
        with pytest.raises(NotFound):
            await acting.act(session, deps, nobody, wish, now=NOW)


async def test_who_saw_it_before_it_was_taken_is_told(deps: Deps) -> None:
    first, second = await every(deps.db)
    await take(deps, first, str(second.id))
    one = (await every(deps.db))[0]
    with pytest.raises(IncidentMoved):
        await wished(deps, Wish(one.id, first.version, IncidentAct.CONFIRM))
