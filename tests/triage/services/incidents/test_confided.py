"""补报保密 of calls of an incident: it says so, and with none left it is over and alerts nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appeal, Source
from models.incidents import Incident, IncidentEvent, IncidentHour
from models.tickets import Ticket
from models.vocab_incidents import IncidentAct, IncidentState
from tests.factories import NOW, add_tickets
from tests.triage.services.incidents import test_merging, test_watching
from tests.triage.services.incidents.test_watching import (
    ENOUGH,
    SMELL,
    at,
    burst,
    do,
    every,
    notices,
    only,
    usual,
    wished,
)
from triage.services import confiding
from triage.services.incidents import watching
from triage.services.incidents.acting import IncidentRefused, Wish

if TYPE_CHECKING:
    from triage.services.deps import Deps

deps = test_watching.deps
two = test_merging.deps


async def confide(deps: Deps, *tickets: int) -> None:
    """Their source calls these confidential."""
    async with deps.db.writes.begin() as session:
        rows = await session.execute(
            sa.select(Source.key, Appeal.dedupe_key)
            .join(Appeal, Appeal.source_id == Source.id)
            .join(Ticket, Ticket.appeal_id == Appeal.id)
            .where(Ticket.id.in_(tickets))
        )
        await confiding.told(session, {(row[0], row[1]) for row in rows}, now=NOW)
    await confiding.leave_sums(deps)


async def course(deps: Deps) -> list[tuple[str, str | None, str | None]]:
    async with deps.db.reads() as session:
        rows = await session.scalars(sa.select(IncidentEvent).order_by(IncidentEvent.seq))
        return [(row.act, row.by, row.data.get("reason")) for row in rows]


async def test_an_incident_of_which_nothing_is_left_is_over(deps: Deps) -> None:
    """It was 待确认 for ever, on nobody's page, and went on to alert."""
    await burst(deps)
    await confide(deps, *range(1, ENOUGH + 1))
    incident = await only(deps.db)
    assert (incident.state, incident.calls, incident.decided_by) == ("closed", 0, None)
    assert (await course(deps))[1:] == [
        ("remove", None, f"{ENOUGH} 件补报保密，还有 0 件"), ("close", None, "诉求均已补报保密"),
    ]  # fmt: skip
    told = await notices(deps.db)
    assert told[2:] == [("incident_ended", "bj-desk"), ("incident_ended", "110105")]
    for minutes in (16, 70, 130, 300):
        await watching.watch(at(deps, NOW + timedelta(minutes=minutes)))
    assert await notices(deps.db) == told
    assert await usual(deps.db) == 0


async def test_one_that_was_left_so_before_alerts_nobody(deps: Deps) -> None:
    await burst(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Incident).values(calls=0))
    told = await notices(deps.db)
    for minutes in (16, 130):
        assert await watching.watch(at(deps, NOW + timedelta(minutes=minutes))) is False
    assert await notices(deps.db) == told


async def test_one_with_fewer_left_says_so_and_is_no_less_a_persons(deps: Deps) -> None:
    seen = await burst(deps)
    await do(deps, IncidentAct.CONFIRM)
    await confide(deps, 1, 2, 3)
    assert (await course(deps))[-1] == ("remove", None, f"3 件补报保密，还有 {ENOUGH - 3} 件")
    # It is no act of a person: who acted before takes that back, and nobody came second by it.
    await do(deps, IncidentAct.UNDO)
    assert ((await only(deps.db)).state, (await only(deps.db)).calls) == ("proposed", ENOUGH - 3)
    assert seen.state == IncidentState.PROPOSED


async def test_in_what_was_none_they_are_taken_out_of_the_usual_once(deps: Deps) -> None:
    await burst(deps)
    await do(deps, IncidentAct.DISMISS, reason="烧烤节，正常")
    await confide(deps, 1, 2, 3, 4, 5)
    assert await usual(deps.db) == 2 * (ENOUGH - 5)
    await do(deps, IncidentAct.UNDO)
    async with deps.db.reads() as session:
        assert set(await session.scalars(sa.select(IncidentHour.count))) == {0}


async def test_a_person_does_not_take_the_last_call_out_by_undoing(deps: Deps) -> None:
    await burst(deps)
    (other,) = await add_tickets(deps.db, replace(SMELL, kind="NOI-01"))
    await watching.watch(deps)
    await do(deps, IncidentAct.ADD, ticket=other)
    await confide(deps, *range(1, ENOUGH + 1))
    assert (await only(deps.db)).calls == 1
    with pytest.raises(IncidentRefused, match="最后一张"):
        await do(deps, IncidentAct.UNDO)


@pytest.mark.parametrize("gone", [1, ENOUGH + 1], ids=["the head's", "the other's"])
async def test_two_of_which_one_has_nothing_left_stay_one(two: Deps, gone: int) -> None:
    first, second = await every(two.db)
    await test_merging.take(two, first, str(second.id))
    await confide(two, *range(gone, gone + ENOUGH))
    one, _ = await every(two.db)
    assert (one.state, one.calls) == ("proposed", ENOUGH)
    with pytest.raises(IncidentRefused, match="不能再分开"):
        await wished(two, Wish(one.id, one.version, IncidentAct.UNDO))
    assert [found.calls for found in await every(two.db)] == [ENOUGH, 0]
