"""A given-up appeal (处理失败) registered by hand: its receipt leads on, for its citizen alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from models.appeals import Appeal, Appellant
from models.citizens import CitizenWord
from models.outbox import DeadLetter, Outbox
from models.tickets import Ticket
from models.vocab import AppealState, State
from models.vocab_identities import IdentityField
from tests.factories import NOW
from tests.triage.services.test_registering import CLERK, send, wish
from tests.triage.web.open311.conftest import read_all
from triage.services import registering
from triage.services.citizen import lives_on
from triage.services.identities import erasing
from triage.services.identities.amending import Amendment, amend

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from tests.triage.web.citizen.conftest import Citizen
    from triage.services.deps import Deps

PHONE = "13912340007"
STUCK = "系统没能自动识别，工作人员会处理"


async def give_up(deps: Deps, appeal_id: int) -> None:
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(Appeal).where(Appeal.id == appeal_id).values(state=AppealState.DEAD.value)
        )
        await session.execute(sa.delete(Outbox))
        letter = {"topic": "read_appeals", "key": appeal_id, "reason": "MemoryError @ read:1"}
        await session.execute(sa.insert(DeadLetter).values(**letter, detail={}, created_at=NOW))


async def registered(deps: Deps, appeal_id: int, **more: Any) -> int:  # noqa: ANN401
    """By a clerk, in place of one that is given up."""
    async with deps.db.reads() as session:
        old = await registering.failed(session, CLERK, appeal_id)
    told = {
        "title": old.title, "text": old.text, "place": old.place, "number": old.number, "name": "",
        "phone": "", "failed": appeal_id, "carry": True, "key": f"in-place-of-{appeal_id}",
    }  # fmt: skip
    return (await send(deps, wish(**(told | more)))).appeal_id


async def track(citizen: Citizen, receipt: str, secret: str) -> None:
    await citizen.get("/citizen/track")
    await citizen.post("/citizen/track", {"number": receipt, "secret": secret})


async def reported(citizen: Citizen, deps: Deps, **more: str) -> tuple[int, str]:
    """Reported on the web and given up by a worker. Gives the appeal and its receipt."""
    await citizen.report(**more)
    receipt = citizen.receipt
    async with deps.db.reads() as session:
        appeal_id = await session.scalar(sa.select(sa.func.max(Appeal.id)))
    await give_up(deps, appeal_id or 0)
    return appeal_id or 0, receipt


async def test_the_old_receipt_leads_to_the_case_in_its_place(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    old, receipt = await reported(citizen, deps)
    assert STUCK in await citizen.get("/citizen/case")
    await registered(deps, old)
    await read_all(deps, reader)
    # Open already: the next look is at the new one.
    page = await citizen.get("/citizen/case")
    async with deps.db.reads() as session:
        (no,) = await session.scalars(sa.select(Ticket.no))
    assert (no in page, STUCK in page, receipt in page) == (True, False, True)
    citizen.client.session.cookie_jar.clear()
    await track(citizen, receipt, PHONE)
    assert no in await citizen.get("/citizen/case")
    # What is pressed there is done there.
    await citizen.post("/citizen/case/urge", {"key": "u-" + "x" * 32})
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(Ticket.urges)) == 1


async def test_a_misheard_phone_that_is_put_right_takes_the_old_receipt_along(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    old, receipt = await reported(citizen, deps)
    await registered(deps, old)
    await read_all(deps, reader)
    right = "13912340008"
    async with deps.db.writes.begin() as session:
        (no,) = await session.scalars(sa.select(Ticket.no))
        put = Amendment(no, IdentityField.PHONE, right, "来电核实")
        await amend(session, deps.vault, put, by="admin", now=NOW)
    citizen.client.session.cookie_jar.clear()
    await track(citizen, receipt, right)
    assert no in await citizen.get("/citizen/case")
    citizen.client.session.cookie_jar.clear()
    await track(citizen, receipt, PHONE)
    await citizen.get("/citizen/case")
    assert citizen.address == "/citizen/track", "the wrong number's owner finds neither"


async def test_it_leads_on_through_two(citizen: Citizen, deps: Deps, reader: Reader) -> None:
    old, receipt = await reported(citizen, deps)
    second = await registered(deps, old)
    await give_up(deps, second)
    await registered(deps, second)
    await read_all(deps, reader)
    citizen.client.session.cookie_jar.clear()
    await track(citizen, receipt, PHONE)
    assert STUCK not in await citizen.get("/citizen/case")


@pytest.mark.parametrize(
    "said",
    [
        {"phone": "13800138000"},
        {"name": "王大海", "phone": "13800138000"},
        {"name": "王大海", "phone": "", "carry": False},
    ],
)
async def test_one_that_is_of_another_is_not_led_to(
    citizen: Citizen, deps: Deps, reader: Reader, said: dict[str, Any]
) -> None:
    """A clerk wrote another person down: the old page stays, and says where to ask."""
    old, receipt = await reported(citizen, deps)
    await registered(deps, old, **said)
    await read_all(deps, reader)
    citizen.client.session.cookie_jar.clear()
    await track(citizen, receipt, PHONE)
    page = await citizen.get("/citizen/case")
    async with deps.db.reads() as session:
        (no,) = await session.scalars(sa.select(Ticket.no))
    assert (STUCK in page, no in page) == (True, False)
    await citizen.post("/citizen/case/add", {"key": "k" * 32, "text": "昨晚又响到三点"})
    assert "请重新打开进度页；打开还是这一页的，请打 12345" in citizen.page


@pytest.mark.parametrize("said", [{"phone": "13800138000"}, {"name": "王大海", "phone": "", "carry": False}])
async def test_one_of_another_is_not_led_to_either_once_that_is_erased(
    citizen: Citizen, deps: Deps, reader: Reader, said: dict[str, Any]
) -> None:
    """With what was said of him also goes what tells him from whoever has the old receipt."""
    old, receipt = await reported(citizen, deps)
    new = await registered(deps, old, **said)
    await read_all(deps, reader)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).values(state=State.ARCHIVED.value))
        assert await erasing.erase(session, new, why="本人要求", now=deps.clock.now())
    citizen.client.session.cookie_jar.clear()
    await track(citizen, receipt, PHONE)
    page = await citizen.get("/citizen/case")
    async with deps.db.reads() as session:
        (no,) = await session.scalars(sa.select(Ticket.no))
    assert (STUCK in page, no in page) == (True, False)
    # Nor where something unmasked was stored anew since.
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Appellant).where(Appellant.appeal_id == new).values(original=b"x"))
        assert await lives_on.now_at(session, deps.vault, old) == old


async def words(deps: Deps) -> list[tuple[int, str]]:
    async with deps.db.reads() as session:
        rows = await session.execute(sa.select(CitizenWord.appeal_id, CitizenWord.text))
        return [(appeal_id, text) for appeal_id, text in rows]


@pytest.mark.parametrize("seen", [False, True])
async def test_what_is_sent_from_the_old_page_is_kept_at_the_case_in_its_place(
    citizen: Citizen, deps: Deps, reader: Reader, *, seen: bool
) -> None:
    """Also where the new page was opened beside it."""
    old, _ = await reported(citizen, deps)
    await citizen.get("/citizen/case")
    mark = re.findall(r'name="case" value="([^"]+)"', citizen.page)[0]
    new = await registered(deps, old)
    await read_all(deps, reader)
    for path in ["/citizen/case"] * seen:
        await citizen.get(path)
    await citizen.post("/citizen/case/add", {"case": mark, "key": "k" * 32, "text": "昨晚又响到三点"})
    assert await words(deps) == [(new, "昨晚又响到三点")]
    assert "补充的内容已记下" in citizen.page


async def test_what_was_written_on_the_old_page_goes_along_when_it_is_opened_again(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    old, receipt = await reported(citizen, deps)
    await citizen.get("/citizen/case")
    mark = re.findall(r'name="case" value="([^"]+)"', citizen.page)[0]
    await registered(deps, old)
    await read_all(deps, reader)
    citizen.client.session.cookie_jar.clear()
    await citizen.get("/citizen/track")
    form = {"number": receipt, "secret": PHONE, "case": mark, "key": "k" * 32, "text": "昨晚又响到三点"}
    await citizen.post("/citizen/track", form)
    assert ("您写的已放回表单" in citizen.page, "您又打开了另一件诉求" in citizen.page) == (True, False)
    assert "昨晚又响到三点" in citizen.page


async def test_who_reported_without_a_name_is_led_on_by_the_code(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await citizen.report(manner="anonymous", name="", phone="")
    receipt, code = citizen.receipt, citizen.code
    async with deps.db.reads() as session:
        old = await session.scalar(sa.select(sa.func.max(Appeal.id))) or 0
    await give_up(deps, old)
    await registered(deps, old, anonymous=True, carry=False)
    await read_all(deps, reader)
    citizen.client.session.cookie_jar.clear()
    await track(citizen, receipt, "22222222")
    assert "对不上" in citizen.page
    await track(citizen, receipt, code)
    assert STUCK not in await citizen.get("/citizen/case")


async def test_what_was_read_after_all_stays_its_own(citizen: Citizen, deps: Deps) -> None:
    """Retried by an older process beside the registration: it has a ticket of its own."""
    old, _ = await reported(citizen, deps)
    await registered(deps, old)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Appeal).where(Appeal.id == old).values(state=AppealState.DONE.value))
        assert await lives_on.now_at(session, deps.vault, old) == old
