"""Ids of other people's cases, files, jobs and leads, in every place that takes an id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.tickets import Ticket, TicketEvent
from models.vocab import Move, Post
from models.vocab_staff import Role
from tests.triage.web.attacks.conftest import WANGJING, XUEYUAN
from triage.errors import NotFound
from triage.rules.access import PostNotYours
from triage.rules.moves import Actor
from triage.services import moving
from triage.services.moving import Person, Wish

if TYPE_CHECKING:
    from tests.triage.web.attacks.conftest import World
    from triage.services.deps import Deps

READ = (
    "/desk/tickets/{no}",
    "/desk/tickets/{no}/files",
    "/desk/tickets/{no}/call",
    "/api/v1/tickets/{no}",
    "/api/v1/tickets/{no}/moves",
    "/desk/compare/{no}/{own}",
    "/desk/compare/{own}/{no}",
)
SIGN = {"move": "sign", "version": 1, "values": {}, "as": {"post": "unit", "unit": WANGJING}}


async def trace(deps: Deps) -> list[tuple[int, int]]:
    """What a change would change: versions and events."""
    async with deps.db.reads() as session:
        versions = list(await session.scalars(sa.select(Ticket.version).order_by(Ticket.id)))
        events = await session.scalar(sa.select(sa.func.count()).select_from(TicketEvent))
    return [*enumerate(versions), (-1, events or 0)]


@pytest.mark.parametrize("path", READ)
async def test_the_case_of_another_street_is_not_there(world: World, path: str) -> None:
    world.become(Role.STREET, WANGJING)
    answer = await world.client.get(path.format(no=world.other, own=world.own))
    text = await answer.text()
    assert (answer.status, "学院路" in text) == (404, False)
    # A number that nobody has answers the same: whether there is such a case is not told either.
    missing = await world.client.get(path.format(no="20261123-99999999", own=world.own))
    assert missing.status == 404
    assert (await world.client.get(path.format(no=world.own, own=world.own))).status in {200, 400}


@pytest.mark.parametrize("field", ["q", "unit", "district"])
async def test_no_filter_brings_it_up(world: World, field: str) -> None:
    world.become(Role.STREET, WANGJING)
    asked = {"q": world.other, "unit": XUEYUAN, "district": "110108"}
    page = await (
        await world.client.get("/api/v1/tickets", params={"state": "all", field: asked[field]})
    ).json()
    assert (page["items"], page["count"]["value"]) == ([], 0)


async def test_nothing_is_done_to_it(world: World) -> None:
    world.become(Role.STREET, WANGJING)
    before, no = await trace(world.deps), world.other
    key = {"Idempotency-Key": "k1"}
    moves = f"/api/v1/tickets/{no}/moves"
    assert (await world.client.post(moves, json=SIGN, headers=key)).status == 404
    assert await world.form(f"/desk/tickets/{no}/moves", move="sign", version="1", key="k2") == 404
    assert await world.attach(no, "a.png") == 404
    draft = {"move": "sign", "values": {}, "as": SIGN["as"], "tickets": [no]}
    assert (await world.client.post("/api/v1/bulk", json=draft)).status in {400, 404}
    world.become(Role.CLERK, "110105")
    corrected = await world.client.post(f"/api/v1/tickets/{no}/corrections", json={"kind": "AIR-11"})
    assert corrected.status == 404
    assert await world.form(f"/desk/tickets/{no}/call", mine="13911110001") == 404
    assert await world.form(f"/desk/tickets/{no}/place", code="110105026") in {400, 404}
    assert await world.form(f"/desk/compare/{world.own}/{no}/refuse") == 404
    assert await world.form(f"/desk/compare/{world.own}/{no}/merge", version="1", key="k3") == 404
    assert await trace(world.deps) == before


async def test_a_merge_into_what_is_not_seen_is_not_taken_back(world: World) -> None:
    world.become(Role.CLERK, None)
    merged = f"/desk/compare/{world.other}/{world.own}/merge"
    assert await world.form(merged, version="1", key="k1") in {200, 303}
    world.become(Role.CLERK, "110105")
    before = await trace(world.deps)
    for a, b in ((world.own, world.other), (world.other, world.own)):
        asked = await world.form(f"/desk/compare/{a}/{b}/split", version="2", key="k2", reason="合并有误")
        assert asked == 404
    assert await trace(world.deps) == before


async def test_a_confidential_report_is_for_who_handles_it(world: World) -> None:
    seen = {}
    for name, role, unit in (
        ("clerk", Role.CLERK, None),
        ("its street", Role.STREET, XUEYUAN),
        ("its district", Role.BUREAU, "110108"),
        ("another street", Role.STREET, WANGJING),
        ("analyst", Role.ANALYST, None),
        ("admin", Role.ADMIN, None),
    ):
        world.become(role, unit)
        seen[name] = (await world.client.get(f"/desk/tickets/{world.secret}")).status
    assert seen == {
        "clerk": 200,
        "its street": 200,
        "its district": 404,
        "another street": 404,
        "analyst": 403,
        "admin": 403,
    }


async def test_a_file_of_another_case_is_not_sent(world: World) -> None:
    assert await world.attach(world.other, "现场.png") == 303
    world.become(Role.STREET, WANGJING)
    assert [(await world.client.get(f"/desk/files/1{part}")).status for part in ("", "/thumb")] == [404, 404]
    world.become(Role.STREET, XUEYUAN)
    assert [(await world.client.get(f"/desk/files/1{part}")).status for part in ("", "/thumb")] == [200, 200]


async def test_the_bulk_job_of_another_is_not_there(world: World) -> None:
    world.become(Role.CLERK, login="first")
    draft = {"move": "urge", "values": {"note": "请抓紧"}, "as": {"post": "hotline"}, "tickets": [world.own]}
    made = await world.client.post("/api/v1/bulk", json=draft)
    assert made.status == 201
    number = (await made.json())["id"]
    world.become(Role.CLERK, login="second")
    paths = (f"/desk/bulk/{number}", f"/desk/bulk/{number}/part", f"/desk/bulk/{number}/results.csv")
    rows = [f"/api/v1/bulk/{number}", f"/api/v1/bulk/{number}/rows"]
    assert {path: (await world.client.get(path)).status for path in (*paths, *rows)} == dict.fromkeys(
        (*paths, *rows), 404
    )
    for step in ("start", "cancel", "undo"):
        assert await world.form(f"/desk/bulk/{number}/{step}") in {403, 404}
        answer = await world.client.post(f"/api/v1/bulk/{number}/{step}", json={"as": {"post": "hotline"}})
        assert answer.status in {403, 404}
    text = await (await world.client.get("/desk/bulk")).text()
    assert f"/desk/bulk/{number}" not in text
    world.become(Role.CLERK, login="first")
    assert (await (await world.client.get(f"/api/v1/bulk/{number}")).json())["state"]["code"] == "draft"


@pytest.mark.parametrize(
    ("role", "unit", "told"),
    [
        (Role.STREET, WANGJING, {"post": "hotline"}),
        (Role.STREET, WANGJING, {"post": "supervisor"}),
        (Role.STREET, WANGJING, {"post": "unit", "unit": XUEYUAN}),
        (Role.STREET, WANGJING, {"post": "district", "unit": "110105"}),
        (Role.CLERK, None, {"post": "unit", "unit": WANGJING}),
        (Role.CLERK, None, {"post": "follow_up"}),
        (Role.BUREAU, "110105", {"post": "district", "unit": "110108"}),
        (Role.FOLLOW_UP, None, {"post": "hotline"}),
    ],
)
async def test_nobody_acts_as_what_they_are_not(
    world: World, role: Role, unit: str | None, told: dict[str, str]
) -> None:
    viewer = world.become(role, unit)
    no, before = world.own, await trace(world.deps)
    assert await world.form("/desk/as", **told) == 403
    move = {"move": "urge", "version": 1, "values": {"note": "x"}, "as": told}
    headers = {"Idempotency-Key": "k"}
    assert (await world.client.post(f"/api/v1/tickets/{no}/moves", json=move, headers=headers)).status == 403
    draft = {"move": "urge", "values": {"note": "x"}, "as": told, "tickets": [no]}
    assert (await world.client.post("/api/v1/bulk", json=draft)).status == 403
    # Nor by the cookie, nor through the service, whoever calls it.
    world.client.session.cookie_jar.update_cookies({"jiesu_as": f"{told['post']}|{told.get('unit', '')}|"})
    page = await (await world.client.get(f"/desk/tickets/{no}")).text()
    assert f'value="{told["post"]}" selected' not in page
    person = Person(Actor(Post(told["post"]), told.get("unit"), viewer.login), "某人")
    wish = Wish(no, Move.URGE, {"note": "x"}, 1, "k2")
    async with world.deps.db.writes.begin() as session:
        with pytest.raises(PostNotYours):
            await moving.make(session, world.deps.tables, viewer, person, wish, now=world.deps.clock.now())
    assert await trace(world.deps) == before


async def test_what_one_does_not_see_one_does_not_merge_into(world: World) -> None:
    viewer = world.become(Role.CLERK, "110105")
    person = Person(Actor(Post.HOTLINE, None, viewer.login), "某人")
    wish = Wish(world.other, Move.URGE, {"note": "x"}, 1, "k")
    async with world.deps.db.writes.begin() as session:
        with pytest.raises(NotFound):
            await moving.make(session, world.deps.tables, viewer, person, wish, now=world.deps.clock.now())
