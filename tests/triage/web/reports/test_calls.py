"""吹哨报到与督办 on the desk, from moves really made."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from models.filters import all_seeing
from models.vocab import Move, Post
from tests.factories import NOW, TicketIn, add_tickets
from triage.rules.moves import Actor
from triage.services import calling, moving, reference
from triage.services.moving import Person, Wish

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

VIEWER = all_seeing("local")
STREET = Person(Actor(Post.UNIT, "110105026", "unit.wangjing"), "望京街道办事处")
WATER = Person(Actor(Post.UNIT, "110105-water", "unit.water"), "朝阳区水务局")
BOSS = Person(Actor(Post.SUPERVISOR, None, "boss"), "督办甲")


@pytest.fixture
async def no(deps: Deps) -> str:
    (made,) = await add_tickets(deps.db, TicketIn())
    await reference.sync(deps)
    whistle = {"assist": ["110105-water"], "until": "2026-11-23T18:00", "reason": "排口归属要会商"}
    steps: tuple[tuple[Person, Move, dict[str, Any], float], ...] = (
        (STREET, Move.SIGN, {}, -0.5),
        (STREET, Move.WHISTLE, whistle, -0.5),
        (BOSS, Move.SUPERVISE, {"reason": "多人反映，限时到场", "until": "2026-11-23T17:00"}, -0.5),
        (WATER, Move.REPORT_IN, {"note": "已到场会商"}, 3),
    )  # fmt: skip
    for version, (person, move, values, hours) in enumerate(steps, start=1):
        async with deps.db.writes.begin() as session:
            wish = Wish(made, move, values, version, f"{move}")
            at = NOW + timedelta(hours=hours)
            await moving.make(session, deps.tables, VIEWER, person, wish, now=at)
    return made


async def test_a_month_of_calls_tells_both_sides_and_what_was_broken(deps: Deps, no: str) -> None:
    async with deps.db.reads() as session:
        found = await calling.report(session, deps.tables, VIEWER, "2026-11", now=NOW + timedelta(hours=4))
    assert [(s.name, s.calls, s.kept, s.broken, s.share) for s in found.called] == [
        ("朝阳区水务局", 1, 0, 1, 0.0)
    ]  # fmt: skip
    (caller,) = found.callers
    assert (caller.name, caller.broken) == ("望京街道办事处", 1)
    assert [(s.name, s.broken) for s in found.onsite] == [("望京街道办事处", 1)]
    assert [(one.no, one.act, one.late) for one in found.breaches] == [
        (no, "supervise", timedelta(hours=3)), (no, "whistle", timedelta(hours=1))
    ]  # fmt: skip


async def test_who_answered_before_anybody_came_is_counted_and_who_need_not_come_is_not(deps: Deps) -> None:
    (made,) = await add_tickets(deps.db, TicketIn())
    await reference.sync(deps)
    whistle = {"assist": ["110105-water"], "until": "2026-11-24T18:00", "reason": "排口归属要会商"}
    reached = {"outcome": "reached", "told_citizen": "phone"}
    answer = {"note": "已清运完毕", "attachment": "照片 1 号", "told_citizen": "phone"}
    steps: tuple[tuple[Move, dict[str, Any]], ...] = (
        (Move.SIGN, {}), (Move.CONTACT, reached), (Move.WHISTLE, whistle), (Move.FEEDBACK, answer)
    )  # fmt: skip
    for version, (move, values) in enumerate(steps, start=1):
        async with deps.db.writes.begin() as session:
            wish = Wish(made, move, values, version, f"{move}")
            await moving.make(
                session, deps.tables, VIEWER, STREET, wish, now=NOW + timedelta(minutes=version)
            )
    async with deps.db.reads() as session:
        found = await calling.report(session, deps.tables, VIEWER, "2026-11", now=NOW + timedelta(days=3))
    assert (found.called, found.breaches) == ((), ())
    (caller,) = found.callers
    assert (caller.name, caller.calls, caller.tickets, caller.answered) == ("望京街道办事处", 0, 1, 1)


async def test_the_page(client: Client, no: str) -> None:
    page = await (await client.get("/desk/calls")).text()
    assert "朝阳区水务局" in page
    assert no not in page  # at the moment of the page nothing is due yet
    assert "没有超期的" in page
    empty = await (await client.get("/desk/calls?month=2026-10")).text()
    assert "这个月没有吹哨和提级" in empty
    assert (await client.get("/desk/calls?month=x")).status == 400
