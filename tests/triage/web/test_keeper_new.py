"""新: what a colleague gave to somebody is marked until they open it, on their pages alone."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from models import keepers
from models.keepers import TicketKeeper
from models.tickets import TicketUnit
from models.units import Staff
from models.viewing import Scope, Viewer
from models.vocab import State
from models.vocab_staff import Role
from tests import signed_in
from tests.factories import NOW, TicketIn, add_tickets
from triage.web.app import make_app
from triage.web.keys import Caches

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

WANGJING, ECOLOGY = "110105026", "110105-ecology"
MARK = '<span class="flag new">新</span>'


@pytest.fixture
async def no(db: Database) -> str:
    (number,) = await add_tickets(db, TicketIn(assist=(ECOLOGY,), due=timedelta(hours=3)))
    return str(number)


@pytest.fixture
async def li(client_of: ClientOf, no: str) -> Client:
    assert no
    return await client_of(Role.STREET, unit=WANGJING, login="li")


@pytest.fixture
async def wang(client_of: ClientOf, li: Client) -> Client:
    assert li
    return await client_of(Role.STREET, unit=WANGJING, login="wang")


async def text(client: Client, address: str) -> str:
    return await (await client.get(address)).text()


async def account(db: Database, login: str) -> int:
    async with db.reads() as session:
        found = await session.scalar(sa.select(Staff.id).where(Staff.login == login))
    assert found is not None
    return int(found)


async def keep(
    client: Client, no: str, keeping: str, *, seen: int | None = None, to: int | None = None
) -> None:
    body = {"keeping": keeping, "seen": seen, "to": to}
    assert (await client.post(f"/api/v1/tickets/{no}/keeper", json=body)).status == 200


async def tile(client: Client) -> str:
    (found,) = re.findall(r"我经办的</span>(.*?)</a>", await text(client, "/desk"))
    return str(found)


async def test_it_is_new_to_whom_it_was_given_until_they_open_it(
    li: Client, wang: Client, db: Database, no: str
) -> None:
    await keep(li, no, "give", to=await account(db, "wang"))
    assert await tile(wang) == '<b>1</b><small class="flag new">新 1</small>'
    for address in ("/desk", "/desk?mine=1", "/desk/due", "/desk/due?mine=1"):
        assert (MARK in await text(wang, address), MARK in await text(li, address)) == (True, False)
    assert "同事新交给您 1 件" in await text(wang, "/desk/due")
    assert "同事新交给您" not in await text(li, "/desk/due")
    assert "li交办，还没有打开" not in await text(wang, "/desk/due")
    assert "li交办，还没有打开" in await text(li, f"/desk/tickets/{no}")
    item = (await (await wang.get("/api/v1/tickets?mine=1")).json())["items"][0]
    assert (item["fresh"], (await (await wang.get(f"/api/v1/tickets/{no}")).json())["item"]["fresh"]) == (
        True,
        True,
    )
    # A program that reads it, and a look at the head alone, open nothing.
    await wang.head(f"/desk/tickets/{no}")
    assert await tile(wang) == '<b>1</b><small class="flag new">新 1</small>'
    assert "还没有打开" not in await text(wang, f"/desk/tickets/{no}")
    assert await tile(wang) == "<b>1</b>"
    for address in ("/desk", "/desk/due"):
        assert MARK not in await text(wang, address)
    assert "还没有打开" not in await text(li, f"/desk/tickets/{no}")


async def test_whoever_takes_it_has_nothing_new(li: Client, no: str, db: Database) -> None:
    await keep(li, no, "take")
    assert (await tile(li), MARK in await text(li, "/desk")) == ("<b>1</b>", False)
    me = await account(db, "li")
    await keep(li, no, "let_go", seen=me)
    await keep(li, no, "give", to=me)
    assert await tile(li) == "<b>1</b>"
    async with db.reads() as session:
        assert await session.scalar(sa.select(TicketKeeper.seen_at)) is not None


async def test_the_page_is_shown_where_nothing_can_be_written(
    li: Client, wang: Client, db: Database, no: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("attempt to write a readonly database"))

    await keep(li, no, "give", to=await account(db, "wang"))
    with monkeypatch.context() as patch:
        patch.setattr(keepers, "opened", full)
        with capture_logs() as logs:
            answer = await wang.get(f"/desk/tickets/{no}")
    assert (answer.status, "经办" in await answer.text()) == (200, True)
    assert [one["error"] for one in logs if one["event"] == "opening_not_kept"] == ["OperationalError"]
    assert "新 1" in await tile(wang)


async def test_what_is_new_is_not_waited_for(
    li: Client, db: Database, deps: Deps, no: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> int:
        await asyncio.Event().wait()
        return 0

    cookies = {signed_in.COOKIE: await signed_in.sign_in(deps, Role.STREET, unit=WANGJING, login="wang")}
    await keep(li, no, "give", to=await account(db, "wang"))
    monkeypatch.setattr("triage.services.keeping.count_new", never)
    app = make_app(deps, caches=Caches(count_patience=0.05))
    async with TestClient(TestServer(app), cookies=cookies) as wang, asyncio.timeout(30):
        for address in ("/desk", "/desk/due"):
            assert MARK in await text(wang, address)


async def test_given_again_it_is_new_again(li: Client, wang: Client, db: Database, no: str) -> None:
    number = await account(db, "wang")
    await keep(li, no, "give", to=number)
    await text(wang, f"/desk/tickets/{no}")
    await keep(li, no, "take", seen=number)
    await keep(li, no, "give", seen=await account(db, "li"), to=number)
    assert await tile(wang) == '<b>1</b><small class="flag new">新 1</small>'


async def test_somebody_elses_look_opens_nothing_for_the_keeper(
    li: Client, wang: Client, client: Client, db: Database, no: str
) -> None:
    await keep(li, no, "give", to=await account(db, "wang"))
    await text(li, f"/desk/tickets/{no}")
    await text(client, f"/desk/tickets/{no}")
    assert "新 1" in await tile(wang)


@pytest.mark.parametrize("state", [State.TO_REASSIGN, State.ARCHIVED])
async def test_what_is_theirs_no_more_is_not_new(
    li: Client, wang: Client, db: Database, no: str, state: State
) -> None:
    await keep(li, no, "give", to=await account(db, "wang"))
    async with db.writes.begin() as session:
        await session.execute(sa.text("UPDATE ticket SET state = :state"), {"state": state.value})
    assert "新" not in await tile(wang)
    assert "同事新交给您" not in await text(wang, "/desk/due")


async def test_a_part_that_was_taken_away_is_not_new(li: Client, wang: Client, db: Database, no: str) -> None:
    await keep(li, no, "give", to=await account(db, "wang"))
    async with db.writes.begin() as session:
        await session.execute(sa.delete(TicketUnit).where(TicketUnit.unit_code == WANGJING))
    assert "新" not in await tile(wang)


async def test_what_is_given_while_the_page_is_read_stays_new(wang: Client, db: Database, no: str) -> None:
    """The page was read before it was given: it did not show it."""
    me = await account(db, "wang")
    async with db.reads() as session:
        ticket = await session.scalar(sa.text("SELECT id FROM ticket"))
    later = NOW + timedelta(seconds=1)
    async with db.writes.begin() as session:
        row = {"ticket_id": ticket, "unit_code": WANGJING, "staff_id": me, "by_id": me, "since": later}
        await session.execute(sa.insert(TicketKeeper).values(row))
    assert no
    assert (await wang.get("/desk")).status == 200
    async with db.writes.begin() as session:
        viewer = Viewer("wang", Scope(own=frozenset({WANGJING})))
        await keepers.opened(session, int(ticket), viewer, NOW)
        assert await session.scalar(sa.select(TicketKeeper.seen_at)) is None
        await keepers.opened(session, int(ticket), viewer, later)
        assert await session.scalar(sa.select(TicketKeeper.seen_at)) == later
