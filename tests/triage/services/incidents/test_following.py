"""A place put right after the watch has seen the call: it counts there, and comes to an incident there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.incidents import IncidentCall, IncidentHour
from tests.factories import NOW, add_tickets
from tests.triage.services.incidents.test_watching import ENOUGH, STAFF, at, begun, deps, only, smells
from triage.services import correcting
from triage.services.incidents import watching

if TYPE_CHECKING:
    from triage.services.deps import Deps

__all__ = ["deps"]

HAIDIAN, CHAOYANG, QINGHE = "110108", "110105", "110108017"


async def put(deps: Deps, no: str, place: str, minutes: float) -> None:
    moment = NOW + timedelta(minutes=minutes)
    async with deps.db.writes.begin() as session:
        await correcting.correct(session, deps.tables, STAFF, no, {"place": place}, at=moment)
    await watching.watch(at(deps, moment + timedelta(seconds=2)))


async def usual(deps: Deps) -> dict[str, int]:
    """Calls that are counted as usual, by district."""
    async with deps.db.reads() as session:
        rows = await session.execute(
            sa.select(IncidentHour.area, sa.func.sum(IncidentHour.count))
            .where(IncidentHour.area.in_([HAIDIAN, CHAOYANG]))
            .group_by(IncidentHour.area)
        )
        return {area: int(count) for area, count in rows if count}


async def calls(deps: Deps) -> list[tuple[str | None, str | None, float | None, int | None]]:
    async with deps.db.reads() as session:
        rows = await session.execute(
            sa.select(
                IncidentCall.district_code, IncidentCall.square, IncidentCall.lon, IncidentCall.incident_id
            ).order_by(IncidentCall.ticket_id)
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]


async def test_a_call_that_was_seen_counts_where_its_place_is_put(deps: Deps) -> None:
    await begun(deps)
    (no,) = await add_tickets(deps.db, *smells(1))
    await watching.watch(deps)
    ((district, square, lon, _),) = await calls(deps)
    assert (district, lon, await usual(deps)) == (CHAOYANG, 116.47, {CHAOYANG: 1})
    await put(deps, no, QINGHE, 5)
    assert (await calls(deps), await usual(deps)) == ([(HAIDIAN, None, None, None)], {HAIDIAN: 1})
    # Once: the next looks see that it is there.
    await watching.watch(at(deps, NOW + timedelta(minutes=5, seconds=4)))
    assert await usual(deps) == {HAIDIAN: 1}
    await put(deps, no, correcting.AS_READ, 9)
    assert (await calls(deps), await usual(deps)) == ([(CHAOYANG, square, lon, None)], {CHAOYANG: 1})


async def test_a_call_that_is_put_where_an_incident_is_comes_to_it_and_one_of_an_incident_stays(
    deps: Deps,
) -> None:
    await begun(deps)
    (no,) = await add_tickets(deps.db, *smells(1))
    await put(deps, no, QINGHE, 0)
    burst = await add_tickets(deps.db, *smells(ENOUGH))
    await watching.watch(at(deps, NOW + timedelta(seconds=10)))
    incident = await only(deps.db)
    assert incident.calls == ENOUGH
    await put(deps, no, correcting.AS_READ, 1)
    assert (await only(deps.db)).calls == ENOUGH + 1
    await put(deps, burst[0], QINGHE, 2)
    assert {call[3] for call in await calls(deps)} == {incident.id}
    assert (await only(deps.db)).calls == ENOUGH + 1


async def test_an_old_call_is_not_counted_anew(deps: Deps) -> None:
    await begun(deps)
    (no,) = await add_tickets(deps.db, *smells(1, minutes_ago=4 * 24 * 60))
    await watching.watch(deps)
    await put(deps, no, QINGHE, 1)
    assert [call[0] for call in await calls(deps)] == [CHAOYANG]


async def test_a_kind_that_is_put_right_too_moves_no_other_familys_count(deps: Deps) -> None:
    """One less was counted of a family that the call was never counted in, and its own stayed for good."""
    await begun(deps)
    (no,) = await add_tickets(deps.db, *smells(1))
    await watching.watch(deps)
    async with deps.db.writes.begin() as session:
        await correcting.correct(session, deps.tables, STAFF, no, {"kind": "NOI-01"}, at=NOW)
    await put(deps, no, QINGHE, 5)
    async with deps.db.reads() as session:
        asked = sa.select(IncidentHour.family, IncidentHour.area, IncidentHour.count)
        asked = asked.where(IncidentHour.area.in_([HAIDIAN, CHAOYANG]), IncidentHour.count != 0)
        assert {tuple(row) for row in await session.execute(asked)} == {("AIR", HAIDIAN, 1)}
