"""登记诉求: the cases of the phone are told before another one is made, and never in its way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from models.appeals import Appellant
from models.vocab import AppealState
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests import pictures
from tests.factories import TicketIn, add_appeal, add_reference
from tests.triage.services.test_callers import cases, entries
from tests.triage.web.registering.conftest import GOOD, PAGE, PHONE, Clerk, appeals

if TYPE_CHECKING:
    from tests.triage.web.conftest import ClientOf
    from triage.services.deps import Deps

TOLD = "这个电话已有 1 件"
LOOKS = (LedgerAct.CALLER_LOOKED, LedgerAct.REVEAL_REFUSED)


async def test_the_phones_cases_are_told_once_and_pressed_again_it_is_registered(
    clerk: Clerk, deps: Deps
) -> None:
    (no,) = await cases(deps, TicketIn(), phone=PHONE)
    await clerk.get()
    await clerk.send(("a.jpg", pictures.jpeg()))
    assert (clerk.status, set(clerk.faults)) == (409, {"phone", "files"})
    assert TOLD in clerk.page
    assert f'href="/desk/tickets/{no}" target="_blank"' in clerk.page
    assert f'href="/desk/tickets/{no}?move=urge#move-urge" target="_blank"' in clerk.page
    assert GOOD["text"] in clerk.page
    assert 'name="phone" value="139 1234 0007"' in clerk.page
    assert len(await appeals(deps)) == 1
    await clerk.send()
    assert clerk.address == f"{PAGE}/2"
    (look,) = await entries(deps, *LOOKS)
    assert look.detail == {"found": 1, "more": False, "registering": True}


async def test_another_phone_on_the_second_press_is_looked_up_anew(clerk: Clerk, deps: Deps) -> None:
    await cases(deps, TicketIn(), phone=PHONE)
    await cases(deps, TicketIn(), TicketIn(), phone="13912340008")
    await clerk.get()
    await clerk.send()
    await clerk.send(phone="13912340008")
    assert (clerk.status, "这个电话已有 2 件" in clerk.page) == (409, True)
    await clerk.send(phone="13912340009")
    assert clerk.address == f"{PAGE}/4"


async def test_sent_twice_it_does_not_find_itself(clerk: Clerk, deps: Deps) -> None:
    await clerk.get()
    form = {**clerk.fields, **GOOD}
    for _ in range(2):
        await clerk.post(form)
        assert clerk.address == f"{PAGE}/1"
    await clerk.get()
    await clerk.send()
    # Another form does: it waits to be read.
    assert (clerk.status, TOLD in clerk.page, "诉求 1" in clerk.page) == (409, True, True)
    assert len(await entries(deps, *LOOKS)) == 1


async def test_nothing_is_told_of_a_phone_while_something_else_is_wrong(clerk: Clerk, deps: Deps) -> None:
    await cases(deps, TicketIn(), phone=PHONE)
    await clerk.get()
    await clerk.send(text="短")
    assert (clerk.status, set(clerk.faults)) == (400, {"text"})
    # Nor by a photo that cannot be taken: without a case nobody would know who asked.
    await clerk.send(("a.pdf", b"%PDF-1.4"))
    assert (clerk.status, set(clerk.faults)) == (400, {"files"})
    assert await entries(deps, *LOOKS) == []


async def test_a_known_number_and_a_known_phone_are_told_at_once(clerk: Clerk, deps: Deps) -> None:
    await cases(deps, TicketIn(), phone=PHONE)
    await clerk.get()
    await clerk.send(number="T-1")
    assert (clerk.status, set(clerk.faults)) == (409, {"number", "phone"})
    await clerk.send(number="T-1")
    assert clerk.address == f"{PAGE}/2"
    # With a number that is known no case is made by the first press, so the look is written down in any case.
    await clerk.get()
    await clerk.send(number="T-1", phone="13912340009")
    assert (clerk.status, set(clerk.faults)) == (409, {"number"})
    assert [row.detail["found"] for row in await entries(deps, *LOOKS)] == [1, 0]


async def test_a_phone_is_looked_up_before_anything_else_is_filled_in(clerk: Clerk, deps: Deps) -> None:
    (no,) = await cases(deps, TicketIn(), phone=PHONE)
    await clerk.get()
    await clerk.post(
        {**clerk.fields, "how": "phone", "text": "", "name": "李", "phone": PHONE, "do": "caller"}
    )
    assert (clerk.status, clerk.faults) == (200, {})
    assert TOLD in clerk.page
    assert no in clerk.page
    assert 'name="name" value="李"' in clerk.page
    await clerk.send()
    assert clerk.address == f"{PAGE}/2"
    (look,) = await entries(deps, *LOOKS)
    assert look.detail["registering"] is False


async def test_that_there_is_none_and_what_is_no_phone_is_told(clerk: Clerk, deps: Deps) -> None:
    await clerk.get()
    form = {**clerk.fields, "do": "caller"}
    await clerk.post({**form, "phone": PHONE})
    assert "没有查到这个电话的诉求" in clerk.page
    await clerk.post({**form, "phone": "12345"})
    assert (clerk.status, "号码不对" in clerk.faults["phone"]) == (400, True)
    await clerk.post({**form, "phone": ""})
    assert "请先写电话" in clerk.faults["phone"]
    assert len(await entries(deps, *LOOKS)) == 1


async def test_who_looked_too_often_is_told_so_and_registers_all_the_same(clerk: Clerk, deps: Deps) -> None:
    await cases(deps, TicketIn(), phone=PHONE)
    for _ in range(deps.tables.reveals.rate(deps.clock.now()).most):
        assert (await clerk.client.post("/api/v1/callers", json={"phone": PHONE})).status == 200
    await clerk.get()
    await clerk.post({**clerk.fields, "phone": PHONE, "do": "caller"})
    assert (clerk.status, "太频繁" in clerk.faults["phone"]) == (429, True)
    await clerk.send()
    assert clerk.address == f"{PAGE}/2"


async def test_another_matter_is_begun_with_the_phone_that_was_looked_up(clerk: Clerk, deps: Deps) -> None:
    await cases(deps, TicketIn(), phone=PHONE)
    page = await clerk.get("/desk/callers")
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    await clerk.post({"token": token, "phone": "139 1234 0007", "do": "begin"})
    assert (clerk.status, clerk.faults) == (200, {})
    assert 'name="phone" value="139 1234 0007"' in clerk.page
    assert 'name="received" value="2026-11-23T16:00"' in clerk.page
    await clerk.send()
    assert clerk.address == f"{PAGE}/2"
    assert await entries(deps, *LOOKS) == []


async def test_the_given_up_appeal_that_is_registered_is_no_other_case(clerk: Clerk, deps: Deps) -> None:
    await add_reference(deps.db)
    async with deps.db.writes.begin() as session:
        dead = await add_appeal(session, TicketIn(), state=AppealState.DEAD)
        index = deps.vault.phone_index(PHONE)
        session.add(Appellant(appeal_id=dead, phone_index=index, created_at=deps.clock.now()))
    await clerk.get(f"{PAGE}?failed={dead}")
    form = clerk.fields
    await clerk.send()
    assert clerk.address == f"{PAGE}/2"
    # Taken over by now, it makes no case: so that the phone has none is written down.
    await clerk.post({**form, **GOOD, "key": "another", "phone": "13912340009"})
    assert (clerk.status, len(await appeals(deps))) == (409, 2)
    assert [row.detail["found"] for row in await entries(deps, *LOOKS)] == [0, 0]
    await clerk.get()
    await clerk.send()
    assert "处理失败，已人工登记" in clerk.page


async def test_a_districts_clerk_is_told_nothing_of_others_and_of_confidence(
    client_of: ClientOf, deps: Deps
) -> None:
    await cases(
        deps, TicketIn(confidential=True), TicketIn(unit="110108010", assist=(), copies=()), phone=PHONE
    )
    client = Clerk(await client_of(Role.CLERK, unit="110105"))
    await client.get()
    await client.send()
    assert client.address.startswith(f"{PAGE}/3")
    assert await entries(deps, *LOOKS) == []
