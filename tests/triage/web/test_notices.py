"""外发通知, the page: who was told, what became of it, again, and addresses that never show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.fakes import MemoryMessenger
from connectors.messenger.port import MessengerRefused
from models import bounded
from models.notices import Delivery, Notice
from models.vocab import Urgency
from models.vocab_notices import Medium, NoticeState, RecipientKind
from models.vocab_staff import Role
from tests import factories
from tests.triage.web.test_dead import form_of, origin
from triage.services.notices import contacts, logbook, sending
from triage.services.notices.noting import NewNotice, Recipient, note

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

STREET = Recipient(RecipientKind.UNIT, "110105026")
NO = "20261123-00000001"
PHONE = "13800001234"


async def said(deps: Deps, *numbers: int) -> None:
    await factories.add_reference(deps.db)
    news = [
        NewNotice(
            f"k{n}",
            STREET,
            "reminded",
            Urgency.U1,
            {"no": NO, "told": "反馈时限到期"},
        )
        for n in numbers
    ]
    async with deps.db.writes.begin() as session:
        await note(session, deps.tables, news, now=deps.clock.now())


async def page(client: Client, path: str = "/desk/notices") -> str:
    response = await client.get(path)
    assert response.status == 200
    return await response.text()


async def states(deps: Deps) -> list[str]:
    async with deps.db.reads() as session:
        return list(await session.scalars(sa.select(Notice.state).order_by(Notice.id)))


async def post(client: Client, path: str, **values: str) -> str:
    text = await page(client)
    response = await client.post(path, data=form_of(text, **values), headers=origin(client))
    assert response.status == 200, await response.text()
    return await response.text()


async def test_it_says_whom_what_and_how_it_went(client: Client, deps: Deps) -> None:
    # Its number is told to whoever may see the ticket.
    await factories.add_tickets(deps.db, factories.TicketIn())
    await said(deps, 1)
    text = await page(client)
    for words in ("望京街道办事处", "催办提醒", NO, "反馈时限到期", "待发"):
        assert words in text


async def test_no_contact_stays_in_sight_and_goes_out_once_there_is_one(client: Client, deps: Deps) -> None:
    fake = MemoryMessenger()
    await said(deps, 1)
    await sending.gather(deps, [Medium.SMS])
    text = await page(client, "/desk/notices?state=no_contact")
    assert "无联系方式" in text
    assert "unit=110105026#contact" in text
    answer = await post(client, "/desk/notices/contacts", unit="110105026", medium="sms", address=PHONE)
    assert PHONE not in answer
    assert "138****234" in answer
    await sending.gather(deps, [Medium.SMS])
    await sending.send(deps, Medium.SMS, fake)
    assert [m.to for m in fake.sent.values()] == [PHONE]
    assert "已送出" in await page(client, "/desk/notices?state=sent")


async def test_an_address_is_taken_away_by_its_button_and_never_by_an_empty_field(
    client: Client, deps: Deps
) -> None:
    await factories.add_reference(deps.db)
    await post(client, "/desk/notices/contacts", unit="110105026", medium="sms", address=PHONE)
    empty = await client.post(
        "/desk/notices/contacts",
        data=form_of(await page(client), unit="望京街道办事处", medium="sms", address=""),
        headers=origin(client),
    )
    told = await empty.text()
    assert empty.status == 400
    assert "请填写地址" in told
    assert 'value="望京街道办事处"' in told
    kept = await page(client, "/desk/notices?unit=110105026")
    assert "138****234" in kept
    for words in ("联系方式已去掉", "没有这个联系方式"):
        answer = await post(client, "/desk/notices/contacts/drop", unit="110105026", medium="sms")
        assert words in answer
        assert "138****234" not in answer


async def test_what_was_refused_says_why_and_can_be_sent_again(client: Client, deps: Deps) -> None:
    fake = MemoryMessenger(refuse=MessengerRefused("http_400"))
    await said(deps, 1, 2)
    async with deps.db.writes.begin() as session:
        await contacts.put(session, deps.vault, STREET, Medium.SMS, PHONE, by="t", now=deps.clock.now())
    await sending.gather(deps, [Medium.SMS])
    await sending.send(deps, Medium.SMS, fake)
    text = await page(client, "/desk/notices?state=refused")
    assert "对方回答 HTTP 400" in text
    assert "与另 1 件汇总" in text
    number = re.search(r'name="id" value="(\d+)"', text)
    assert number is not None
    answer = await post(client, "/desk/notices/retry", id=number[1])
    assert "2 条通知将重新发出" in answer
    fake.refuse = None
    await sending.send(deps, Medium.SMS, fake)
    assert set(await states(deps)) == {NoticeState.SENT}
    async with deps.db.reads() as session:
        assert list(await session.scalars(sa.select(Delivery.key))) == list(fake.sent)


async def test_all_of_a_state_go_out_again_in_parts_and_are_counted_no_further_than_is_read(
    client: Client, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await said(deps, *range(5))
    await sending.gather(deps, [Medium.SMS])
    for name, most in (("MOST", 4), ("_PART", 2)):
        monkeypatch.setattr(logbook, name, most)
    monkeypatch.setattr(bounded, "BOUND", 4)
    assert "无联系方式 <b>4+</b>" in await page(client)
    answer = await post(client, "/desk/notices/retry", state="no_contact")
    assert "4 条通知将重新发出。一次最多 4 条，其余的请再按一次。" in answer
    assert (await states(deps)).count(NoticeState.WAITING) == 4
    assert "1 条通知将重新发出。<" in await post(client, "/desk/notices/retry", state="no_contact")


async def test_what_was_sent_is_not_sent_again(client: Client, deps: Deps) -> None:
    await said(deps, 1)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Notice).values(state=NoticeState.SENT.value))
        (number,) = await session.scalars(sa.select(Notice.id))
    answer = await post(client, "/desk/notices/retry", id=str(number))
    assert "没有要重发的通知" in answer
    assert await states(deps) == [NoticeState.SENT]


@pytest.mark.parametrize("query", ["state=x", "before=x", "unit=%3Cb%3E", "other=1", "state=sent&state=sent"])
async def test_bad_parameters_are_named(client: Client, query: str) -> None:
    response = await client.get(f"/desk/notices?{query}")
    assert response.status == 400


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"unit": "110105026", "medium": "sms", "address": "12"}, "手机号"),
        ({"unit": "nowhere", "medium": "sms", "address": PHONE}, "单位名录里没有“nowhere”"),
        ({"unit": "110105026", "medium": "fax", "address": PHONE}, "发送方式"),
        ({"unit": "", "medium": "sms", "address": PHONE}, "单位名录里没有"),
    ],
)
async def test_bad_addresses_are_refused(
    client: Client, deps: Deps, values: dict[str, str], words: str
) -> None:
    await factories.add_reference(deps.db)
    text = await page(client)
    response = await client.post(
        "/desk/notices/contacts", data=form_of(text, **values), headers=origin(client)
    )
    assert response.status in {400, 404}
    told = await response.text()
    assert words in told
    assert PHONE not in told


async def test_pages_of_many(client: Client, deps: Deps) -> None:
    await said(deps, *range(60))
    first = await page(client)
    more = re.search(r'rel="next" href="([^"]+)"', first)
    assert more is not None
    second = await page(client, more[1].replace("&amp;", "&"))
    assert first.count("<tr>") - 1 == 50
    assert second.count("<tr>") - 1 == 10


@pytest.mark.parametrize(
    ("role", "of", "unit", "status"),
    [
        (Role.SUPERVISOR, "110105", "110105026", 200),
        (Role.SUPERVISOR, "110108010", "110105026", 403),
        (Role.SUPERVISOR, "110105", "督办", 403),
        (Role.SUPERVISOR, None, "督办", 200),
        (Role.ADMIN, None, "110105026", 403),
    ],
)
async def test_addresses_are_set_by_who_has_the_unit(  # noqa: PLR0917  (a case)
    client_of: ClientOf, deps: Deps, role: Role, of: str | None, unit: str, status: int
) -> None:
    """A unit's notices come to whoever sets where: an administrator sees no case, a district not the next."""
    await factories.add_reference(deps.db)
    client = await client_of(role, unit=of)
    form = form_of(await page(client), unit=unit, medium="wecom", address="zhang.san")
    answer = await client.post("/desk/notices/contacts", data=form, headers=origin(client))
    assert answer.status == status
    async with deps.db.reads() as session:
        assert len(await contacts.listed(session)) == (status == 200)
    form = form_of(await page(client), unit=unit, medium="wecom")
    answer = await client.post("/desk/notices/contacts/drop", data=form, headers=origin(client))
    assert answer.status == status


async def test_only_notices_of_cases_that_may_be_seen_go_out_again(client_of: ClientOf, deps: Deps) -> None:
    await said(deps, 1)
    (no,) = await factories.add_tickets(deps.db, factories.TicketIn())
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(Notice).values(
                state=NoticeState.GIVEN_UP.value, facts={"no": no, "told": "反馈时限到期"}
            )
        )
        number = await session.scalar(sa.select(Notice.id))
    for unit, told, state in (
        ("110108010", "没有要重发的通知", NoticeState.GIVEN_UP),
        ("110105", "1 条通知将重新发出", NoticeState.WAITING),
    ):
        client = await client_of(Role.SUPERVISOR, unit=unit)
        assert told in await post(client, "/desk/notices/retry", id=str(number))
        assert await states(deps) == [state]
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Notice).values(state=NoticeState.GIVEN_UP.value))
    stranger = await client_of(Role.SUPERVISOR, unit="110108010", login="stranger")
    assert "没有要重发的通知" in await post(stranger, "/desk/notices/retry", state="given_up")
