"""The button on the ticket, the page to call from, one's own number, and the accounts at providers."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appellant
from models.tickets import Ticket
from models.vocab_staff import Role
from tests.connectors.callback.provider import CITIZEN, OFFICER, SECRET, TOKEN, running
from tests.factories import TicketIn, add_tickets
from tests.triage.web.test_dead import form_of, origin
from triage.clock import FixedClock
from triage.services.callbacks import providers
from triage.services.callbacks.providers import ProviderIn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.db import Database
    from tests.connectors.callback.provider import Reference
    from tests.triage.web.conftest import Client, ClientOf
    from triage.rules.rows import Tables
    from triage.services.deps import Deps

WANGJING, XUEYUAN = "110105026", "110108010"


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    with running() as found:
        yield found


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    return sqlite_db


@pytest.fixture
def deps(deps: Deps, reference: Reference, tables: Tables) -> Deps:
    """At the machine's own time, which is the reference provider's."""
    del tables
    settings = deps.settings.model_copy(update={"numbers_private_hosts": reference.host})
    return replace(deps, settings=settings, clock=FixedClock(datetime.now(UTC)))


async def case(deps: Deps) -> str:
    (no,) = await add_tickets(deps.db, TicketIn())
    async with deps.db.writes.begin() as session:
        number = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        phone = deps.vault.seal(CITIZEN, belongs_to=f"appellant.phone:{number}")
        now = deps.clock.now()
        await session.execute(sa.insert(Appellant).values(appeal_id=number, created_at=now, phone=phone))
    return no


async def text_of(client: Client, path: str, status: int = 200) -> str:
    response = await client.get(path)
    assert response.status == status
    return await response.text()


def state_of(text: str) -> str:
    """The state of the only account that a page shows."""
    (found,) = set(re.findall(r'name="state" value="([^"]+)"', text))
    return str(found)


async def send(client: Client, page: str, path: str, **fields: str) -> str:
    """Send a form of a page; where it led to must be there."""
    data = form_of(await text_of(client, page), **fields)
    response = await client.post(path, data=data, headers=origin(client))
    assert response.status == 200, await response.text()
    return await response.text()


async def test_from_a_provider_that_two_set_up_to_a_number_that_reaches_the_citizen(
    client_of: ClientOf, deps: Deps, reference: Reference, caplog: pytest.LogCaptureFixture
) -> None:
    no = await case(deps)
    ticket, call = f"/desk/tickets/{no}", f"/desk/tickets/{no}/call"
    street = await client_of(Role.STREET, unit=WANGJING, login="street")
    assert ">回拨</button>" not in await text_of(street, ticket)
    assert "没有启用虚拟号服务" in await text_of(street, call)

    one, two = await client_of(Role.ADMIN, login="one"), await client_of(Role.ADMIN, login="two")
    fields = {
        "key": "axb", "name": "参考服务", "s.url": str(reference.url / "bindings"), "s.timeout": "5",
        "s.token": TOKEN, "s.secret": SECRET,
    }  # fmt: skip
    told = await send(one, "/desk/numbers", "/desk/numbers", **fields)
    assert "等另一位系统管理员核对后启用" in told
    assert TOKEN not in told
    state = state_of(await text_of(one, "/desk/numbers/axb"))
    alone = await one.post(
        "/desk/numbers/axb/switch", data=form_of(told, on="1", state=state), headers=origin(one)
    )  # fmt: skip
    assert (alone.status, "不能自己启用" in await alone.text()) == (409, True)
    read = state_of(await text_of(two, "/desk/numbers"))
    assert "已启用" in await send(two, "/desk/numbers", "/desk/numbers/axb/switch", on="1", state=read)

    assert ">回拨</button>" in await text_of(street, ticket)
    # Without a number of one's own the press leads to where it is asked for, once.
    asked = await send(street, ticket, call)
    assert 'name="mine"' in asked
    assert (
        "11 位手机号"
        in await (await street.post(call, data=form_of(asked, mine="12345"), headers=origin(street))).text()
    )
    page = await send(street, call, call, mine=OFFICER)
    (number,) = re.findall(r'href="tel:([0-9]+)"', page)
    assert await reference.dial(OFFICER, number) == CITIZEN
    again = await text_of(street, call)
    assert f"tel:{number}" in again
    assert "139****0001" in again
    after = await text_of(street, ticket)
    assert "用虚拟号，号码不外露" in after
    for text in (page, again, after, caplog.text):
        assert CITIZEN not in text
        assert OFFICER not in text
    assert number not in after + caplog.text

    # The number is whose press it was.
    clerk = await client_of(Role.CLERK, login="clerk")
    assert number not in await text_of(clerk, call)
    other = await client_of(Role.STREET, unit=XUEYUAN, login="other")
    await text_of(other, call, 404)
    audit = await text_of(await client_of(Role.AUDITOR, login="auditor"), f"/desk/audit?case={no}")
    assert {"请求回拨", "回拨"} <= set(re.findall(r"请求回拨|回拨", audit))
    assert number not in audit

    await reference.misbehave("busy")
    failed = await clerk.post(
        call, data=form_of(await text_of(clerk, call), mine="13711110002"), headers=origin(clerk)
    )  # fmt: skip
    assert failed.status == 502
    words = await failed.text()
    assert "虚拟号服务暂时没有答复（http_503）" in words
    assert f"{ticket}#identity" in words

    assert "已去掉" in await send(street, "/me/number", "/me/number/forget")
    assert "还没有登记" in await text_of(street, "/me/number")


async def test_settings_that_cannot_be_used_come_back_as_typed(client_of: ClientOf) -> None:
    admin = await client_of(Role.ADMIN, login="one")
    data = form_of(
        await text_of(admin, "/desk/numbers"),
        **{"key": "axb", "name": "参考服务", "s.url": "https://x.example/", "s.request": "a = {id}"},
    )
    response = await admin.post("/desk/numbers", data=data, headers=origin(admin))
    text = await response.text()
    assert response.status == 400
    assert "没有这一项：{id}" in text
    assert "a = {id}" in text


async def test_nobody_switches_on_or_overwrites_what_they_have_not_seen(
    client_of: ClientOf, deps: Deps
) -> None:
    one, two = await client_of(Role.ADMIN, login="one"), await client_of(Role.ADMIN, login="two")
    good, bad = "https://axb.example/bindings", "https://elsewhere.example/bindings"
    fields = {"name": "参考服务", "s.url": good}
    await send(one, "/desk/numbers", "/desk/numbers", key="axb", **fields)
    read = await text_of(two, "/desk/numbers")
    edited = await text_of(two, "/desk/numbers/axb")
    async with deps.db.writes.begin() as session:
        moved = ProviderIn("参考服务", {"url": bad})
        later = deps.clock.now() + timedelta(microseconds=1)
        await providers.change(session, deps.vault, "axb", moved, by="one", now=later)

    switch = "/desk/numbers/axb/switch"
    for state in ({"state": state_of(read)}, {}):
        late = await two.post(switch, data=form_of(read, on="1", **state), headers=origin(two))
        told = await late.text()
        assert (late.status, "没有启用" in told, bad in told) == (409, True, True)
        form = form_of(edited, **fields, **state)
        late = await two.post("/desk/numbers/axb", data=form, headers=origin(two))
        told = await late.text()
        assert (late.status, "没有保存" in told, f'value="{good}"' in told) == (409, True, True)
    # Whoever has read it as it stands may; and to stop it nobody need have.
    assert "已启用" in await send(two, "/desk/numbers", switch, on="1", state=state_of(told))
    assert "已停用" in await send(two, "/desk/numbers", switch, on="0")
