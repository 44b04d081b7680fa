"""排除: what a person said was none stays none for a while, told of again only when it has doubled."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Reading
from models.incidents import IncidentEvent
from models.notices import Notice
from models.tickets import Ticket
from models.vocab_incidents import IncidentAct
from tests.factories import NOW, add_tickets
from tests.triage.services.incidents.test_watching import (
    ENOUGH,
    at,
    begun,
    burst,
    deps,
    do,
    every,
    notices,
    only,
    smells,
    usual,
)
from triage.services.incidents import watching

if TYPE_CHECKING:
    from triage.services.deps import Deps

__all__ = ["deps"]

REASON = "烧烤节，已联系"


async def call(deps: Deps, count: int, minutes: float, kind: str = "AIR-05", *, away: float = 0.0) -> None:
    """So many more call, so long after, from so many kilometres further north."""
    async with deps.db.reads() as session:
        last = await session.scalar(sa.select(sa.func.max(Ticket.id))) or 0
    await add_tickets(deps.db, *[replace(one, kind=kind) for one in smells(count, minutes_ago=-minutes)])
    await put(deps, last + 1, away)
    await watching.watch(at(deps, NOW + timedelta(minutes=minutes)))


async def put(deps: Deps, first: int, away: float) -> None:
    """What was said from this ticket on was said so many kilometres further north."""
    async with deps.db.writes.begin() as session:
        appeals = sa.select(Ticket.appeal_id).where(Ticket.id >= first)
        north = sa.update(Reading).where(Reading.appeal_id.in_(appeals))
        await session.execute(north.values(lat=Reading.lat + away / 111.2))


async def test_those_who_call_on_make_no_new_alert(deps: Deps) -> None:
    """Every five of them made an incident of its own, each with its alert and its clock."""
    await burst(deps)
    await do(deps, IncidentAct.DISMISS, reason=REASON)
    told = await notices(deps.db)
    for minutes in (6, 12):
        await call(deps, 6, minutes)
    incident = await only(deps.db)
    assert (incident.state, incident.calls) == ("dismissed", ENOUGH + 12)
    assert await notices(deps.db) == told
    # They are usual, as those before them; and none of them once it is an incident after all.
    assert await usual(deps.db) == 2 * (ENOUGH + 12)
    await do(deps, IncidentAct.UNDO)
    assert (await only(deps.db)).state == "proposed"
    assert await usual(deps.db) == 0


async def test_twice_as_many_are_told_of(deps: Deps) -> None:
    await burst(deps)
    await do(deps, IncidentAct.DISMISS, reason=REASON)
    await call(deps, ENOUGH - 1, 10)
    before = await notices(deps.db)
    await call(deps, 1, 11)
    assert (await notices(deps.db))[len(before) :] == [
        ("incident_grew", "bj-desk"),
        ("incident_grew", "110105"),
    ]
    async with deps.db.reads() as session:
        facts = await session.scalar(sa.select(Notice.facts).order_by(Notice.id.desc()).limit(1))
    assert facts is not None
    assert facts["told"] == f"已排除，之后仍有来电，请再核实，已有 {2 * ENOUGH} 件"
    assert (await only(deps.db)).state == "dismissed"


async def test_after_two_hours_they_are_looked_at_as_ever(deps: Deps) -> None:
    await burst(deps)
    await do(deps, IncidentAct.DISMISS, reason=REASON)
    await call(deps, 3, 90)
    await call(deps, ENOUGH, 130)
    assert [one.calls for one in await every(deps.db)] == [ENOUGH + 3, ENOUGH]


async def test_another_matter_or_place_is_no_part_of_it(deps: Deps) -> None:
    """What may be something else is told of: a second family, and calls that do not say where."""
    await burst(deps)
    await do(deps, IncidentAct.DISMISS, reason=REASON)
    await call(deps, ENOUGH, 5, kind="NOI-01")
    await add_tickets(deps.db, *smells(ENOUGH, minutes_ago=-8))
    async with deps.db.writes.begin() as session:
        away = sa.update(Reading).where(Reading.id > 2 * ENOUGH)
        await session.execute(away.values(place_precision="district", lon=None, lat=None))
    await watching.watch(at(deps, NOW + timedelta(minutes=8)))
    assert [(one.state, one.calls, one.family) for one in await every(deps.db)] == [
        ("dismissed", ENOUGH, "AIR"),
        ("proposed", 2 * ENOUGH, "NOI"),
    ]


@pytest.mark.parametrize("steps", [(0.9, 1.8, 2.7), (0.2,)], ids=["far, by steps", "the next street"])
async def test_it_does_not_walk_to_another_event(deps: Deps, steps: tuple[float, ...]) -> None:
    """Single calls between the two carried it on, and the alert of the second was held back."""
    dismissed = await burst(deps)
    await do(deps, IncidentAct.DISMISS, reason=REASON)
    for minutes, away in enumerate(steps, start=3):
        await call(deps, 1, minutes, away=away)
    await call(deps, ENOUGH, 10, away=steps[-1])
    first, second = await every(deps.db)
    assert (first.state, first.calls, first.reach) == ("dismissed", ENOUGH, dismissed.reach)
    assert (first.lon, first.lat) == (dismissed.lon, dismissed.lat)
    assert (second.state, second.calls >= ENOUGH) == ("proposed", True)
    assert (await notices(deps.db))[-2:] == [("incident_opened", "bj-desk"), ("incident_opened", "110105")]


async def test_who_calls_from_within_it_leaves_it_as_it_was_judged_until_it_is_taken_back(
    deps: Deps,
) -> None:
    await begun(deps)
    await add_tickets(deps.db, *smells(ENOUGH))
    await put(deps, ENOUGH, 0.9)
    await watching.watch(deps)
    judged = await only(deps.db)
    await do(deps, IncidentAct.DISMISS, reason=REASON)
    await call(deps, 2 * ENOUGH, 10, away=0.8)
    held = await only(deps.db)
    assert held.calls == 3 * ENOUGH
    assert (held.lat, held.reach) == (judged.lat, judged.reach)
    assert held.last_at == NOW + timedelta(minutes=10)
    await do(deps, IncidentAct.UNDO)
    back = await only(deps.db)
    assert (back.lat or 0) > (judged.lat or 0)
    assert back.reach < judged.reach


async def test_an_end_is_no_word_of_what_comes_after(deps: Deps) -> None:
    await burst(deps)
    await do(deps, IncidentAct.CONFIRM)
    await do(deps, IncidentAct.CLOSE, reason="泄漏已堵住")
    await call(deps, ENOUGH, 6)
    assert [one.state for one in await every(deps.db)] == ["closed", "proposed"]


async def test_a_ticket_that_was_taken_out_by_hand_stays_out(deps: Deps) -> None:
    await burst(deps)
    async with deps.db.reads() as session:
        no = str(await session.scalar(sa.select(Ticket.no).where(Ticket.id == 1)))
    await do(deps, IncidentAct.REMOVE, ticket=no, reason="说的是另一件事")
    await do(deps, IncidentAct.DISMISS, reason=REASON)
    await call(deps, 2, 6)
    assert (await only(deps.db)).calls == ENOUGH + 1
    async with deps.db.reads() as session:
        acts = list(await session.scalars(sa.select(IncidentEvent.act).order_by(IncidentEvent.seq)))
    assert acts == ["opened", "remove", "dismiss", "attached"]
