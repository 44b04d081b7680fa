"""A street that was closed, and another of its name: who is meant by the name, and how work goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer

from models import ticket_detail
from models.viewing import all_seeing
from models.vocab import Move, Post, State
from models.vocab_staff import Role
from tests import signed_in
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.web.test_moves import post, stored
from triage.services import reference, standings
from triage.web import move_forms
from triage.web.acting import Acting
from triage.web.app import make_app
from triage.web.outgoing.notices import recipient_code

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from models.db import Database
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

CLOSED, NEW, NAME = "110105026", "wangjing-new", "望京街道办事处"


@pytest.fixture
async def deps(sqlite_db: Database, deps: Deps) -> Deps:
    """Since yesterday the street is closed and another office has its name."""
    units = dict(deps.tables.units)
    old = replace(units[CLOSED], valid_to=NOW.date() - timedelta(days=1))
    units |= {CLOSED: old, NEW: replace(old, id=NEW, valid_from=NOW.date(), valid_to=None)}
    found = replace(deps, db=sqlite_db, tables=replace(deps.tables, units=units))
    await reference.sync(found)
    return found


@pytest.fixture
async def server(deps: Deps) -> AsyncIterator[TestServer]:
    running = TestServer(make_app(deps))
    async with running:
        yield running


async def as_one(server: TestServer, deps: Deps, role: Role, unit: str | None) -> Client:
    return TestClient(server, cookies={signed_in.COOKIE: await signed_in.sign_in(deps, role, unit=unit)})


async def test_the_name_that_the_list_offers_is_the_office_of_today(server: TestServer, deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    values = {"unit": NAME, "reason": "原街道已经撤销"}
    body = {"move": "reassign", "version": 1, "as": {"post": "hotline"}, "values": values}
    async with await as_one(server, deps, Role.CLERK, None) as clerk:
        answer = await post(clerk, no, body)
        assert answer.status == 200, await answer.text()
    assert (await stored(deps.db, no)).unit_code == NEW
    assert recipient_code(deps.tables, NAME, on=NOW.date()) == NEW


async def test_who_is_granted_a_role_for_the_closed_one_goes_on_with_its_cases(
    server: TestServer, deps: Deps
) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    async with await as_one(server, deps, Role.STREET, CLOSED) as heir:
        answer = await post(heir, no, {"move": "sign", "version": 1, "as": {"post": "unit", "unit": CLOSED}})
        assert answer.status == 200, await answer.text()
    assert (await stored(deps.db, no)).state == "signed"


async def test_a_field_left_alone_is_read_back_as_the_office_that_was_proposed(deps: Deps) -> None:
    (no,) = await add_tickets(deps.db, TicketIn(state=State.REVIEW, unit=None))
    async with deps.db.reads() as session:
        whole = await ticket_detail.whole_ticket(session, all_seeing("t"), no)
    assert whole is not None
    standing = standings.stand_of(deps.tables, whole, now=NOW)
    clerk = Acting(all_seeing("t"), Post.HOTLINE, None, "")
    shown = move_forms.move_list(
        deps.tables, whole.ticket, standing, clerk, at=NOW, proposal={"unit": CLOSED, "assist": [NEW]}
    )
    (fields,) = [item.fields for item in shown.items if item.move.code == Move.DISPATCH.value]
    values = {field.name: field.value for field in fields}
    assert (values["unit"], values["assist"]) == (CLOSED, NAME)


async def test_whom_the_tables_name_for_another_kind_is_said_so_that_it_is_they(deps: Deps) -> None:
    """Also where two have one name on one day."""
    (no,) = await add_tickets(deps.db, TicketIn(state=State.REVIEW, unit=None))
    units = {NEW: deps.tables.units[NEW], **deps.tables.units}
    units[CLOSED] = replace(units[CLOSED], valid_to=None)
    units[NEW] = replace(units[NEW], street_code="110105999")
    found = replace(deps, tables=replace(deps.tables, units=units))
    running = TestServer(make_app(found))
    async with running, await as_one(running, found, Role.CLERK, None) as clerk:
        answer = await clerk.get(f"/desk/review/{no}/units?kind=NOI-01")
        assert (await answer.json())["unit"] == CLOSED
